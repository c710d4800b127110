# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs Slither over one crytic-compile archive and writes what it found.

Slither is AGPL-3.0; this file imports it, so this file alone is under the same licence. It runs inside the sandbox, without network:
reads `/tmp/archive.json.gz`, writes `/tmp/report.json`. Suppressed findings are kept and marked. Slither takes parts of a finding from
sets of objects, whose order differs from run to run: they are sorted, and what follows from their order is left out (spec/contract-audit.md §2).
"""

import gc
import gzip
import json
import logging
import re

from crytic_compile import CryticCompile
from crytic_compile.platform import standard
from crytic_compile.platform.archive import Archive
from slither import Slither
from slither.detectors import all_detectors
from slither.detectors.abstract_detector import AbstractDetector

ARCHIVE, REPORT = "/tmp/archive.json.gz", "/tmp/report.json"
#: Members of a finding that depend on the order of its parts.
UNORDERED = ("id", "markdown", "first_markdown_element")
ENTRY = "- "
#: The line of the source at the end of an entry, as in `(A.sol#12-14)`.
SOURCE_LINE = re.compile(r"#(\d+)(?:-\d+)?\)$")


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


def depth_of(line):
    """Tabs before the text."""
    return len(line) - len(line.lstrip("\t"))


def entry_order(block):
    """Entries of a list by the line of their source, then by their text."""
    line = SOURCE_LINE.search(block[0])
    return (int(line.group(1)) if line else 0, block)


def sorted_lists(lines):
    """Lines of a description with the entries of each list in order. What is indented deeper stays with its entry."""
    ordered, entries, at = [], [], 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and depth_of(lines[end]) > depth_of(lines[at]):
            end += 1
        block = [lines[at], *sorted_lists(lines[at + 1 : end])]
        if lines[at].lstrip("\t").startswith(ENTRY):
            entries.append(block)
        else:
            ordered += sorted(entries, key=entry_order) + [block]
            entries = []
        at = end
    return [line for block in ordered + sorted(entries, key=entry_order) for line in block]


def element_order(element):
    """Elements by their place, then by everything they have."""
    place = element["source_mapping"]
    return (place["filename_relative"], place["start"], place["length"], json.dumps(element, sort_keys=True))


def reported(slither, finding):
    """The finding in the order of the report. Its first element stays the first: it is what was found."""
    facts = {name: value for name, value in finding.items() if name not in UNORDERED}
    facts["suppressed_by_line"] = suppressing_line(slither, finding)
    facts["description"] = "\n".join(sorted_lists(finding["description"].split("\n")))
    facts["elements"] = finding["elements"][:1] + sorted(finding["elements"][1:], key=element_order)
    return facts


def main():
    """Analyses and reports."""
    logging.disable(logging.CRITICAL)
    gc.disable()  # what Slither makes lives until the process ends; looking for garbage in it takes a third of the time
    with gzip.open(ARCHIVE, "rb") as file:
        content = json.load(file)
    slither = Slither(CryticCompile(Given(content)), show_ignored_findings=True)
    classes = detector_classes()
    for each in classes:
        slither.register_detector(each)
    findings = [reported(slither, finding) for results in slither.run_detectors() for finding in results]
    findings.sort(key=lambda each: (each["check"], each["description"], json.dumps(each, sort_keys=True)))
    report = {"detectors": [each.ARGUMENT for each in classes], "findings": findings}
    with open(REPORT, "w", encoding="utf8") as file:
        json.dump(report, file)


main()
