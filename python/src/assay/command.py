"""Finds the `assay` command, runs it, and reads what it prints: one JSON document on standard output, steps on standard error."""

import asyncio
import json
import os
import shlex
import shutil
import subprocess
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence

OnStep = Callable[[str], None]
"""Called with each line of progress, in the thread or loop that waits."""


class AssayError(RuntimeError):
    """The command refused or failed. exit_code: as the command has it. code: the error's own name, such as `snp/malformed`."""

    def __init__(self, message: str, exit_code: int, code: Optional[str] = None):
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code


class AssayMissing(AssayError):
    """The command was not found."""

    def __init__(self) -> None:
        super().__init__("expected the assay command, got none; name it in ASSAY_COMMAND, in a clone 'npx --no-install assay'", 1)


@dataclass(frozen=True)
class Finished:
    exit_code: int
    out: bytes
    err: str

    def document(self) -> Dict[str, Any]:
        """The JSON object that the command printed. Raises AssayError when there is none."""
        try:
            value = json.loads(self.out.decode("utf-8"))
        except ValueError:
            value = None
        if isinstance(value, dict):
            return value
        raise AssayError(_last_error(self.err) or "expected JSON from the command, got something else", self.exit_code)


def assay_command() -> List[str]:
    """The command as a list of arguments: ASSAY_COMMAND, or `assay` on the PATH. Raises AssayMissing."""
    named = os.environ.get("ASSAY_COMMAND")
    if named:
        return shlex.split(named)
    installed = shutil.which("assay")
    if installed is None:
        raise AssayMissing()
    return [installed]


def invoke(arguments: Sequence[str], on_step: Optional[OnStep] = None, cwd: Optional[str] = None) -> Finished:
    """Runs the command to its end."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*assay_command(), *arguments], cwd=cwd, **pipes) as process:  # type: ignore[call-overload]
        lines: List[str] = []
        out: List[bytes] = []
        reader = threading.Thread(target=lambda: out.append(process.stdout.read()), daemon=True)
        reader.start()
        try:
            for raw in process.stderr:
                _line(raw, lines, on_step)
            process.wait()
        except BaseException:
            process.terminate()
            raise
        reader.join()
    return Finished(process.returncode, b"".join(out), "".join(lines))


async def invoke_async(arguments: Sequence[str], on_step: Optional[OnStep] = None, cwd: Optional[str] = None) -> Finished:
    """As `invoke`; a cancelled task ends the command."""
    process = await asyncio.create_subprocess_exec(
        *assay_command(),
        *arguments,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    lines: List[str] = []

    async def steps() -> None:
        async for raw in process.stderr:
            _line(raw, lines, on_step)

    try:
        out, _ = await asyncio.gather(process.stdout.read(), steps())
        await process.wait()
    except BaseException:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        raise
    return Finished(process.returncode or 0, out, "".join(lines))


def _line(raw: bytes, lines: List[str], on_step: Optional[OnStep]) -> None:
    text = raw.decode("utf-8", "replace")
    lines.append(text)
    if on_step is not None and text.strip():
        on_step(text.rstrip("\r\n"))


def _last_error(err: str) -> str:
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    return errors[-1][len("error: ") :] if errors else err.strip()


def options(**given: Any) -> List[str]:
    """Keyword arguments as options of the command: None and False are left out, lists are repeated."""
    arguments: List[str] = []
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            arguments.append(option)
        elif isinstance(value, (list, tuple)):
            for each in value:
                arguments += [option, os.fspath(each)]
        else:
            arguments += [option, os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
    return arguments
