#!/usr/bin/env python3
"""Attested audits and builds of Solidity contracts, with the names that code for LazAI and Phala uses.

    worker = LazAITEEWorker(simulated_root=".assay/simulated-root.pem")
    audit = await worker.attested_audit(open("Bank.sol").read())
    build = await worker.attested_build([Contract("Bank", source)], solc_version="0.8.24")

Needs Python 3.8 and nothing else from Python. The work is done by `assay audit` and `assay build`: they verify the agent before a
contract leaves, and check the answer. Settings: ASSAY_URL, the agent; PHALA_WORKER_KEY or ASSAY_API_KEY, its key; ASSAY_COMMAND.
"""

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Dict, List

from verify_ai_attestation import assay_command

AUDIT_SECONDS = 60
BUILD_SECONDS = 120
DONE = (0, 6)  # 6: done, and the answer is no


class AssayError(RuntimeError):
    """The work was refused or failed. `code` is the exit code of the command: 3 not authentic, 4 cannot tell, 5 refused by policy."""

    def __init__(self, message, code):
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Contract:
    """One source file. name: with or without `.sol`."""

    name: str
    code: str


@dataclass(frozen=True)
class Artifact:
    """bytecode: creation code, 0x and hex. hash: SHA-256 of its bytes, hex."""

    bytecode: str
    hash: str


@dataclass(frozen=True)
class AttestedAuditResult:
    contractHash: str
    auditHash: str
    findingsCount: int
    passed: bool
    attestationQuote: Dict[str, Any]
    executedAt: datetime
    teeProvider: str


@dataclass(frozen=True)
class AttestedBuildResult:
    artifacts: Dict[str, Artifact]
    buildHash: str
    attestationQuote: Dict[str, Any]
    solcVersion: str


class LazAITEEWorker:
    """Has an agent inside a TEE audit and compile.

    url: the agent; by default ASSAY_URL, or the one running here. worker_key: the agent's key. policy: a policy file, or strict,
    moderate, relaxed. simulated_root: PEM file of a simulator that you accept.
    """

    def __init__(self, url=None, worker_key=None, policy=None, simulated_root=None):
        self.url = url
        self.worker_key = worker_key or os.environ.get("PHALA_WORKER_KEY") or os.environ.get("ASSAY_API_KEY")
        self.policy = policy
        self.simulated_root = simulated_root

    async def attested_audit(self, contract_code: str) -> AttestedAuditResult:
        """Raises AssayError. Findings that fail the rule are a result, too: `passed` is False."""
        result = await self._work("audit", {"Contract.sol": contract_code}, AUDIT_SECONDS, [])
        return AttestedAuditResult(
            contractHash=result["contractHash"],
            auditHash=result["auditHash"],
            findingsCount=result["findingsCount"],
            passed=result["passed"],
            attestationQuote=result["attestationQuote"],
            executedAt=datetime.fromisoformat(result["executedAt"].replace("Z", "+00:00")),
            teeProvider=result["teeProvider"],
        )

    async def attested_build(self, contracts: List[Contract], solc_version: str = "0.8.24") -> AttestedBuildResult:
        """Raises AssayError, also for sources that do not compile."""
        sources = {}
        for contract in contracts:
            name = contract.name if contract.name.endswith(".sol") else f"{contract.name}.sol"
            if os.path.basename(name) != name or name in sources:
                raise ValueError(f"expected a file name of its own for each contract, got {name!r}; rename it")
            sources[name] = contract.code
        result = await self._work("build", sources, BUILD_SECONDS, ["--solc", solc_version])
        artifacts = {name: Artifact(bytecode=each["bytecode"], hash=each["hash"]) for name, each in result["artifacts"].items()}
        return AttestedBuildResult(
            artifacts=artifacts,
            buildHash=result["buildHash"],
            attestationQuote=result["attestationQuote"],
            solcVersion=result["solcVersion"],
        )

    async def execute_remote(self, code: str, timeout: int = 60, encrypted: bool = True):
        """No guest agent of dstack or Phala runs code that a caller sends, so nothing is sent."""
        raise NotImplementedError(
            "expected attested_audit or attested_build, got execute_remote, which no TEE client offers; for a program of your own, "
            "run `assay run`"
        )

    async def _work(self, command, sources, seconds, options):
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            for name, code in sources.items():
                with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                    file.write(code)
            only = next(iter(sources)) if len(sources) == 1 else None
            subject = folder if only is None else os.path.join(folder, only)
            arguments = [command, subject, "--json", "--quiet", "--timeout", str(seconds)] + options
            for option, value in (("--url", self.url), ("--policy", self.policy), ("--simulated-root", self.simulated_root)):
                if value is not None:
                    arguments += [option, value]
            return await self._run(arguments)

    async def _run(self, arguments):
        environment = dict(os.environ)
        if self.worker_key:
            environment["ASSAY_API_KEY"] = self.worker_key
        process = await asyncio.create_subprocess_exec(
            *assay_command(), *arguments, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        try:
            answer = json.loads(out.decode("utf-8"))
        except ValueError:
            answer = {}
        result = answer.get("result") if isinstance(answer, dict) else None
        if process.returncode in DONE and isinstance(result, dict):
            return result
        said = answer.get("error") if isinstance(answer, dict) else None
        message = said.get("message") if isinstance(said, dict) else said
        raise AssayError(message or err.decode("utf-8", "replace").strip() or "expected a result, got none", process.returncode)
