#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pages that programs can print are as the programs print them. --write brings them up to date."""

import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "world"))

from programs import find_program  # noqa: E402
from world import ROOT  # noqa: E402

MAP = re.compile(r"<!-- map: (\S+) (\S+) -->\n```\n(.*?)```", re.S)


def printed(program, option):
    return subprocess.run([str(find_program(program)), option], capture_output=True, text=True, check=True).stdout


def wanted_pages():
    """path -> what it should contain."""
    pages = {ROOT / "docs/configuration.md": printed("tandem-controlplane", "--print-documentation")}
    for name in ("docs/architecture.md", "docs/operations.md"):
        pages[ROOT / name] = MAP.sub(
            lambda match: f"<!-- map: {match[1]} {match[2]} -->\n```\n{printed(match[1], match[2])}```",
            (ROOT / name).read_text())
    return pages


def main():
    is_writing = "--write" in sys.argv
    failed = 0
    for path, content in wanted_pages().items():
        name = path.relative_to(ROOT)
        if is_writing:
            path.write_text(content)
        is_same = path.exists() and path.read_text() == content
        failed += not is_same
        remedy = "" if is_same else f": run {Path(__file__).relative_to(ROOT)} --write"
        print(f"{'ok' if is_same else 'not ok'} - {name} is as the programs print it{remedy}")
    example = subprocess.run([str(find_program("tandem-controlplane")), "--config",
                              str(ROOT / "firmware-config/default.yaml"), "--check-config"],
                             capture_output=True, text=True, check=False)
    failed += example.returncode != 0
    print(f"{'not ok' if example.returncode else 'ok'} - firmware-config/default.yaml is a good configuration"
          f"{': ' + example.stderr.strip() if example.returncode else ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
