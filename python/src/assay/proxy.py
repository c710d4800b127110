"""`assay proxy`: a local OpenAI endpoint that verifies its upstream before a prompt leaves, and each answer."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from typing import Any

from .command import AssayError, assay_command, options

ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True)
class Running:
    """base_url: what OpenAI clients take, with `/v1`. url: where an agent's tasks go, `{url}/api/process`."""

    base_url: str
    url: str


class Proxy:
    """A context manager. upstream: address of the agent or service; keywords are options of `assay proxy`."""

    def __init__(self, upstream: str, **given: Any):
        self._arguments = ["proxy", upstream, *options(**{"port": "0", **given})]

    def __enter__(self) -> Running:
        self._said = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [*assay_command(), *self._arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        for line in self._process.stdout:
            match = ADDRESS.search(line)
            if match is not None:
                return Running(match.group(1) + "/v1", match.group(1))
        code = self._process.wait()
        self._said.seek(0)
        said = self._said.read().decode("utf-8", "replace").strip()
        self._close()
        raise AssayError(said or "the proxy ended", code)

    def __exit__(self, *_: Any) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)
        self._close()

    def _close(self) -> None:
        self._process.stdout.close()
        self._said.close()


def proxy(upstream: str, **given: Any) -> Proxy:
    """`with assay.proxy("https://agent.example") as upstream: …`"""
    return Proxy(upstream, **given)
