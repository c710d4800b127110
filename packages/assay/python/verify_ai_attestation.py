#!/usr/bin/env python3
"""Verify a result file of the agent: structure, nonce, age, TEE type, code, and the signatures behind them.

    python verify_ai_attestation.py attestation.json
    python verify_ai_attestation.py attestation.json --verify-code code.py --simulated-root .assay/simulated-root.pem

    from verify_ai_attestation import AIAttestationVerifier
    AIAttestationVerifier().verify_attestation(result)

Needs Python 3.8 and nothing else from Python. The work is done by `assay verify`, which is found in this order: the command in
ASSAY_COMMAND, the package that this file is part of, `assay` on the PATH.

Exit codes are those of `assay verify`: 0 accepted, 1 misuse, 2 malformed, 3 not authentic, 4 cannot tell, 5 refused by policy.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

EXIT_ACCEPTED = 0
EXIT_MISUSE = 1
MAX_AGE_SECONDS = 600


class AssayMissing(RuntimeError):
    """The `assay` command was not found."""


def assay_command():
    """The command that runs `assay`, as a list of arguments. Raises AssayMissing."""
    named = os.environ.get("ASSAY_COMMAND")
    if named:
        return shlex.split(named)
    package = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    script = os.path.join(package, "bin", "assay.js")
    node = node_command(package)
    if node and os.path.exists(script):
        return [node, script]
    installed = shutil.which("assay")
    if installed:
        return [installed]
    raise AssayMissing("expected the assay command, got none; run npm install, or name it in ASSAY_COMMAND")


def node_command(folder):
    """The Node that was installed with this package, in the nearest `node_modules` above it; otherwise the one on the PATH; None without."""
    while True:
        own = os.path.join(folder, "node_modules", ".bin", "node")
        if os.path.exists(own):
            return own
        above = os.path.dirname(folder)
        if above == folder:
            return shutil.which("node")
        folder = above


class AIAttestationVerifier:
    """Verifies results of the agent.

    max_age_seconds: oldest accepted result. nonce: the nonce you sent, 64 hex digits. policy: a policy file, or strict, moderate,
    relaxed. simulated_root: PEM file of a simulator that you accept. collateral: companion files, such as the bundle of the result.
    """

    def __init__(self, max_age_seconds=MAX_AGE_SECONDS, nonce=None, policy=None, simulated_root=None, collateral=()):
        self.max_age_seconds = max_age_seconds
        self.nonce = nonce
        self.policy = policy
        self.simulated_root = simulated_root
        self.collateral = tuple(collateral)
        self.exit_code = None
        self.verdict = None

    def verify_attestation(self, attestation):
        """True when the result is authentic and nothing that it says of itself failed.

        attestation: the agent's whole answer as a dict, or the path of a file that holds it. Afterwards `verdict` holds the JSON of
        `assay verify --json`, and `exit_code` its exit code.
        """
        if isinstance(attestation, (str, os.PathLike)):
            return self._verify_file(os.fspath(attestation), None)
        with tempfile.TemporaryDirectory(prefix="assay-") as folder:
            path = os.path.join(folder, "attestation.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(attestation, file)
            return self._verify_file(path, None)

    def verify_code_hash(self, code, expected_hash):
        """True when `code` (str or bytes) has this SHA-256: hex in either case, with or without `sha256:` or `0x` in front."""
        match = re.fullmatch(r"(?:sha256:|0x)?([0-9a-fA-F]{64})", expected_hash or "")
        if match is None:
            return False
        content = code if isinstance(code, bytes) else code.encode("utf-8")
        return hashlib.sha256(content).hexdigest() == match.group(1).lower()

    def _verify_file(self, path, code_file):
        done = subprocess.run(
            assay_command() + self.arguments(path, code_file) + ["--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.exit_code = done.returncode
        try:
            self.verdict = json.loads(done.stdout.decode("utf-8"))
        except ValueError:
            self.verdict = {"outcome": "misuse", "error": done.stderr.decode("utf-8", "replace").strip()}
        return done.returncode == EXIT_ACCEPTED

    def arguments(self, path, code_file):
        """The arguments of `assay verify` for this file."""
        arguments = ["verify", path, "--max-age", str(self.max_age_seconds)]
        for option, value in (
            ("--nonce", self.nonce),
            ("--policy", self.policy),
            ("--simulated-root", self.simulated_root),
            ("--verify-code", code_file),
        ):
            if value is not None:
                arguments += [option, value]
        for companion in self.collateral:
            arguments += ["--collateral", companion]
        return arguments


def verify_attestation(path, **options):
    """True when the result file at `path` is accepted; options as in AIAttestationVerifier."""
    return AIAttestationVerifier(**options).verify_attestation(path)


def main():
    parser = argparse.ArgumentParser(description="Verify a result file of the agent.")
    parser.add_argument("attestation_file", help="the answer of the agent, as it was saved")
    parser.add_argument("--verify-code", metavar="FILE", help="the code that the result should be about")
    parser.add_argument("--max-age", metavar="SECONDS", type=int, default=MAX_AGE_SECONDS, help="oldest accepted result (600)")
    parser.add_argument("--nonce", metavar="HEX", help="the nonce you sent")
    parser.add_argument("--policy", metavar="FILE|PRESET", help="policy file, or strict, moderate, relaxed")
    parser.add_argument("--simulated-root", metavar="FILE", help="accept a simulator's evidence under this root")
    parser.add_argument("--collateral", metavar="PATH", action="append", default=[], help="companion file or folder; repeatable")
    given = parser.parse_args()
    verifier = AIAttestationVerifier(given.max_age, given.nonce, given.policy, given.simulated_root, given.collateral)
    try:
        return subprocess.run(assay_command() + verifier.arguments(given.attestation_file, given.verify_code)).returncode
    except AssayMissing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return EXIT_MISUSE


if __name__ == "__main__":
    sys.exit(main())
