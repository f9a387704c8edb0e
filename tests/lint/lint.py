#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the sources against docs/conventions.md. Each check is a function from a tree to a list
of findings; a finding says where, what, and what to do about it.

  lint.py             all checks
  lint.py layers      one of them
  lint.py --list      their names
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import headers  # noqa: E402
import layers  # noqa: E402
import text  # noqa: E402
import tools  # noqa: E402
from tree import Tree  # noqa: E402

CHECKS = {
    "layers": layers.check_layers,
    "cycles": layers.check_cycles,
    "purity": layers.check_purity,
    "self-contained": headers.check_self_contained,
    "guards": headers.check_guards,
    "licence": text.check_licence,
    "length": text.check_length,
    "functions": text.check_functions,
    "paths": text.check_paths,
    "todo": text.check_todo,
    "sleep": text.check_sleep,
    "format": tools.check_format,
    "shell": tools.check_shell,
}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--root", default=os.environ.get("TANDEM_ROOT", Path(__file__).resolve().parents[2]))
    parser.add_argument("checks", nargs="*")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(CHECKS))
        return 0
    tree = Tree(arguments.root)
    findings = []
    for name in arguments.checks or CHECKS:
        findings += CHECKS[name](tree)
    for finding in findings:
        print(finding)
    print(f"{len(findings)} findings in {len(tree.files)} files")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
