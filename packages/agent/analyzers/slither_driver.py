# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs Slither over one crytic-compile archive and writes what it found.

Slither is AGPL-3.0; this file imports it, so this file alone is under the same licence. It runs inside the sandbox, without network:
reads `/tmp/archive.json.gz`, writes `/tmp/report.json`. Suppressed findings are kept and marked.
"""

import gzip
import json
import logging

from crytic_compile import CryticCompile
from crytic_compile.platform import standard
from crytic_compile.platform.archive import Archive
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

ARCHIVE, REPORT = "/tmp/archive.json.gz", "/tmp/report.json"


class Given(Archive):
    """An archive that is in memory already."""

    def __init__(self, content):
        super().__init__("archive")
        self._content = content

    def compile(self, crytic_compile, **_kwargs):
        """Hands the archive's compilation units and sources over."""
        _, self._unit_tests = standard.load_from_compile(crytic_compile, self._content)
        crytic_compile.src_content = self._content["source_content"]


def detector_classes():
    """Every detector that ships with Slither, in the order of their names."""
    found = [each for each in vars(all_detectors).values() if isinstance(each, type) and issubclass(each, AbstractDetector)]
    return sorted((each for each in set(found) if each.ARGUMENT), key=lambda each: each.ARGUMENT)


def suppressing_line(slither, finding):
    """Line of the `slither-disable` comment that would hide this finding, or `None`."""
    slither._used_ignore_comments.clear()
    if not slither.has_ignore_comment(finding):
        return None
    return min((line for _, line, _ in slither._used_ignore_comments), default=1)


def main():
    """Analyses and reports."""
    logging.disable(logging.CRITICAL)
    with gzip.open(ARCHIVE, "rb") as file:
        content = json.load(file)
    slither = Slither(CryticCompile(Given(content)), show_ignored_findings=True)
    classes = detector_classes()
    for each in classes:
        slither.register_detector(each)
    findings = [finding for results in slither.run_detectors() for finding in results]
    for finding in findings:
        finding["suppressed_by_line"] = suppressing_line(slither, finding)
    report = {"detectors": [each.ARGUMENT for each in classes], "findings": findings}
    with open(REPORT, "w", encoding="utf8") as file:
        json.dump(report, file)


main()
