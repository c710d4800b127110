"""Verify what runs in trusted execution environments, and have attested agents do work. The `assay` command does it all."""

from .command import AssayError, AssayMissing, assay_command
from .proxy import Proxy, proxy
from .tasks import TaskFailed, TaskResult, run, run_async
from .verification import Check, NotAccepted, Verdict, verify, verify_async

__all__ = [
    "AssayError",
    "AssayMissing",
    "Check",
    "NotAccepted",
    "Proxy",
    "TaskFailed",
    "TaskResult",
    "Verdict",
    "assay_command",
    "proxy",
    "run",
    "run_async",
    "verify",
    "verify_async",
]
