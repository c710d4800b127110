#!/usr/bin/env python3
"""Ask a running agent for three pieces of code and keep each answer: attestation_test1.json to attestation_test3.json.

    python test_ai_generation.py [FOLDER]
    python verify_ai_attestation.py attestation_test1.json --simulated-root .assay/simulated-root.pem

Needs Python 3.8 and nothing else. Settings: ASSAY_URL (http://localhost:8000, or the port in AGENT_PORT), ASSAY_API_KEY where the agent wants one.
Exit code 0 when all three ran; 6 when one did not; 4 when the agent does not answer; 2 for
a call that does not fit. --help shows what it takes.
"""

import argparse
import json
import os
import secrets
import sys
import urllib.error
import urllib.request

EXIT_DONE = 0
EXIT_UNAVAILABLE = 4
EXIT_FAILED = 6
TIMEOUT_SECONDS = 600

TESTS = (
    ("factorial in Python", {"description": "Calculate the factorial of 10 and print the result", "language": "python"}),
    ("factorial in JavaScript", {"description": "Calculate the factorial of 10 and print the result", "language": "javascript"}),
    (
        "a missing file, then a retry",
        {
            "description": "Read /tmp/missing.txt and print its content",
            "language": "python",
            "max_retries": 2,
        },
    ),
)


def ask(url, key, data):
    """One task: the agent's answer as bytes, exactly as it came, and its HTTP status."""
    nonce = secrets.token_hex(32)
    task = {"nonce": nonce, "data": {"type": "ai_generate_and_execute", "include_attestation": True, **data}}
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{url}/api/process", data=json.dumps(task).encode(), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def main():
    parser = argparse.ArgumentParser(description="Ask a running agent for three pieces of code, and keep each answer.")
    parser.add_argument("folder", metavar="FOLDER", nargs="?", default=".", help="where the answers go; made if it is not there")
    folder = parser.parse_args().folder
    url = (os.environ.get("ASSAY_URL") or f"http://localhost:{os.environ.get('AGENT_PORT') or 8000}").rstrip("/")
    os.makedirs(folder, exist_ok=True)
    code = EXIT_DONE
    for number, (name, data) in enumerate(TESTS, start=1):
        try:
            status, answer = ask(url, os.environ.get("ASSAY_API_KEY"), data)
            result = json.loads(answer)
        except (OSError, ValueError) as error:
            print(f"error: no answer from {url} ({error}); start the agent with npm start", file=sys.stderr)
            return EXIT_UNAVAILABLE
        if status == 200 and result.get("success") is True:
            path = os.path.join(folder, f"attestation_test{number}.json")
            with open(path, "wb") as file:
                file.write(answer)
            print(f"ok      {name}: {path}, {result['retries_used']} retries")
            print(result["execution_result"]["stdout"].rstrip())
        else:
            reason = result.get("error") or result.get("detail") or status
            print(f"failed  {name}: {reason}", file=sys.stderr)
            code = EXIT_FAILED
    return code


if __name__ == "__main__":
    sys.exit(main())
