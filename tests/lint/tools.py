# SPDX-License-Identifier: Apache-2.0
"""Checks that other programs make: clang-format and shellcheck."""

import re
import subprocess

from tree import Finding

FORMAT_ERROR = re.compile(r"^(.*?):(\d+):\d+: error:")


def check_format(tree):
    """C is exactly as .clang-format says."""
    files = tree.c_files()
    if not files:
        return []
    result = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    places = {}
    for line in result.stderr.splitlines():
        match = FORMAT_ERROR.match(line)
        if match:
            places.setdefault(match.group(1), int(match.group(2)))
    return [Finding(path, line, "not as .clang-format says", "run: ./tandem fmt")
            for path, line in sorted(places.items())]


def check_shell(tree):
    """Shell scripts pass shellcheck."""
    scripts = tree.scripts()
    if not scripts:
        return []
    result = subprocess.run(["shellcheck", "--external-sources", "--format=gcc", *scripts], cwd=tree.root,
                            capture_output=True, text=True, check=False)
    findings = []
    for line in result.stdout.splitlines():
        path, number, _, message = line.split(":", 3)
        findings.append(Finding(path, int(number), message.strip(), "mend it as shellcheck says"))
    return findings
