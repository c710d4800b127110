"""`assay run`: a task in plain words, done by an attested agent. The agent is verified before the task leaves."""

import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional, Union

from .command import AssayError, Finished, OnStep, invoke, invoke_async, options

EXIT_NO = 6


class TaskFailed(AssayError):
    """The task ran and failed. result: its receipt says so, too."""

    def __init__(self, result: "TaskResult"):
        super().__init__(str(result.answer.get("error") or result.answer.get("message") or "the task failed"), EXIT_NO)
        self.result = result


@dataclass(frozen=True)
class TaskResult:
    """stdout: what the program printed. files: what it wrote, by name. bundle: everything needed to verify it offline; give it to `verify`."""

    success: bool
    stdout: str
    stderr: str
    code: Optional[str]
    receipt_id: Optional[str]
    files: Dict[str, bytes] = field(repr=False)
    bundle: bytes = field(repr=False)
    answer: Dict[str, Any] = field(repr=False)

    def raise_unless_done(self) -> "TaskResult":
        """Itself. Raises TaskFailed."""
        if self.success:
            return self
        raise TaskFailed(self)


Files = Mapping[str, Union[bytes, str, "os.PathLike[str]"]]
"""Name in the sandbox, below /tmp → bytes, or the path of a file."""


def run(task: str, *, files: Optional[Files] = None, context: Any = None, on_step: Optional[OnStep] = None, **given: Any) -> TaskResult:
    """Has an agent write and run a program.

    language: `python` or `javascript`. max_retries, nonce, url, policy, simulated_root: as options of `assay run`.
    A task that failed is a result with `success` False. Raises AssayError for everything else, such as an agent that is not authentic.
    """
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        arguments = _arguments(task, folder, files, context, given)
        return _result(invoke(arguments, on_step), folder)


async def run_async(
    task: str, *, files: Optional[Files] = None, context: Any = None, on_step: Optional[OnStep] = None, **given: Any
) -> TaskResult:
    """As `run`; cancelling it cancels the task at the agent."""
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        arguments = _arguments(task, folder, files, context, given)
        return _result(await invoke_async(arguments, on_step), folder)


def _arguments(task: str, folder: str, files: Optional[Files], context: Any, given: Dict[str, Any]) -> List[str]:
    inputs = []
    for name, content in (files or {}).items():
        if os.path.basename(name) != name or not name:
            raise ValueError(f"expected a file name, got {name!r}; leave folders out")
        path = os.path.join(folder, "in", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else _content(content))
        inputs.append(path)
    facts = None if context is None else json.dumps(context)
    saved = os.path.join(folder, "out")
    return ["run", "--json", *options(file=inputs, context=facts, save=saved, **given), "--", task]


def _content(path: Union[str, "os.PathLike[str]"]) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _result(finished: Finished, folder: str) -> TaskResult:
    saved = os.path.join(folder, "out")
    bundle = os.path.join(saved, "bundle.json")
    if not os.path.exists(bundle):
        document = finished.document()
        error = document.get("error")
        known = error if isinstance(error, dict) else {"message": error}
        raise AssayError(known.get("message") or finished.err.strip() or "no result", finished.exit_code, known.get("code"))
    answer = finished.document()
    execution = answer.get("execution_result") or {}
    return TaskResult(
        success=finished.exit_code == 0,
        stdout=execution.get("stdout") or "",
        stderr=execution.get("stderr") or "",
        code=answer.get("generated_code"),
        receipt_id=answer.get("receipt_id"),
        files=_files(saved),
        bundle=_content(bundle),
        answer=answer,
    )


def _files(saved: str) -> Dict[str, bytes]:
    own = {"attestation.json", "code.js", "code.py", "output.txt", "bundle.json"}
    return {name: _content(os.path.join(saved, name)) for name in sorted(os.listdir(saved)) if name not in own}
