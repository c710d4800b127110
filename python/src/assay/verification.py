"""`assay verify`: evidence, bundles, receipts, result files and answers of attested services."""

import os
import tempfile
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

from .command import AssayError, Finished, invoke, invoke_async, options

Subject = Union[str, "os.PathLike[str]", bytes]


class NotAccepted(AssayError):
    """What was verified is not what you want. verdict: all of it."""

    def __init__(self, verdict: "Verdict"):
        error = verdict.error or {}
        super().__init__(error.get("message") or f"{verdict.scope}: {verdict.outcome}", verdict.exit_code, error.get("code"))
        self.verdict = verdict


@dataclass(frozen=True)
class Check:
    """One question. outcome: `pass`, `fail` or `not-checked`."""

    id: str
    outcome: str
    expected: Optional[str]
    actual: Optional[str]
    spec: str


@dataclass(frozen=True)
class Verdict:
    """outcome: `accepted`, `refused`, `malformed`, `untrusted`, `unavailable` or `misuse`. claims: what is authentic; None when nothing is."""

    outcome: str
    exit_code: int
    type: Optional[str]
    claims: Optional[Dict[str, Any]]
    checks: Tuple[Check, ...]
    error: Optional[Dict[str, str]]
    scope: str
    simulated: bool
    warnings: Tuple[str, ...]
    document: Dict[str, Any] = field(repr=False)

    @property
    def accepted(self) -> bool:
        return self.exit_code == 0

    def raise_unless_accepted(self) -> "Verdict":
        """Itself. Raises NotAccepted."""
        if self.accepted:
            return self
        raise NotAccepted(self)


def verify(subject: Subject, **given: Any) -> Verdict:
    """Verifies a file, or bytes.

    policy: `strict`, `moderate`, `relaxed` or a policy file. collateral: companion files and folders, a list. at: RFC 3339 instant.
    offline: True fetches nothing. nonce: hex. simulated_root, root: PEM files. Further keywords are options of `assay verify`.
    Raises AssayError for misuse of the command.
    """
    with _Named(subject) as path:
        return _verdict(invoke(_arguments(path, given)))


async def verify_async(subject: Subject, **given: Any) -> Verdict:
    """As `verify`."""
    with _Named(subject) as path:
        return _verdict(await invoke_async(_arguments(path, given)))


def _arguments(path: str, given: Dict[str, Any]) -> List[str]:
    return ["verify", path, "--json", *options(**given)]


def _verdict(finished: Finished) -> Verdict:
    document = finished.document()
    if "checks" not in document:
        error = document.get("error")
        known = error if isinstance(error, dict) else {}
        raise AssayError(known.get("message") or finished.err.strip(), finished.exit_code, known.get("code"))
    names = ("id", "outcome", "expected", "actual", "spec")
    return Verdict(
        outcome=document["outcome"],
        exit_code=finished.exit_code,
        type=document.get("type"),
        claims=document.get("claims"),
        checks=tuple(Check(**{name: check.get(name) for name in names}) for check in document["checks"]),
        error=document.get("error"),
        scope=document.get("scope") or document["outcome"],
        simulated=bool(document.get("simulated")),
        warnings=tuple(str(warning) for warning in _texts(document.get("warnings"))),
        document=document,
    )


def _texts(value: Optional[Sequence[Any]]) -> Sequence[Any]:
    return value or ()


class _Named:
    """The path of a subject; bytes are kept in a file while they are verified."""

    def __init__(self, subject: Subject):
        self._subject = subject
        self._folder: Optional[tempfile.TemporaryDirectory] = None

    def __enter__(self) -> str:
        if not isinstance(self._subject, bytes):
            return os.fspath(self._subject)
        self._folder = tempfile.TemporaryDirectory(prefix="assay-")
        path = os.path.join(self._folder.name, "subject")
        with open(path, "wb") as file:
            file.write(self._subject)
        return path

    def __exit__(self, *_: Any) -> None:
        if self._folder is not None:
            self._folder.cleanup()
