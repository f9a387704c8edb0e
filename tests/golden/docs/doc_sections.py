#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares generated sections of a document with what the programs print.

A section stands between '<!-- map: PROGRAM ARGUMENTS -->' and '<!-- end -->' as a code block.
Usage: doc_sections.py [--update] DOCUMENT PROGRAM=PATH...
"""
import difflib
import re
import subprocess
import sys

SECTION = re.compile(r"(<!-- map: (\S+) (.*?) -->\n```\n)(.*?)(```\n<!-- end -->)", re.S)


def printed_by(path, arguments):
    """Standard output of the program; its failure is ours."""
    return subprocess.run([path, *arguments.split()], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=20).stdout


def main(arguments):
    update = "--update" in arguments
    document, *programs = [a for a in arguments if a != "--update"]
    paths = dict(p.split("=", 1) for p in programs)
    with open(document, encoding="utf-8") as file:
        text = file.read()
    sections = 0
    failures = 0

    def replaced(match):
        nonlocal sections, failures
        head, program, args, found, tail = match.groups()
        if program not in paths:
            return match.group(0)
        sections += 1
        wanted = printed_by(paths[program], args)
        if wanted != found:
            failures += 1
            print(f"{document}: section of '{program} {args}' differs from what it prints:")
            sys.stdout.writelines(difflib.unified_diff(
                found.splitlines(True), wanted.splitlines(True), "document", "program"))
        return head + wanted + tail

    result = SECTION.sub(replaced, text)
    if sections != len(paths):
        print(f"{document}: found {sections} generated sections for {len(paths)} programs")
        return 1
    if failures and update:
        with open(document, "w", encoding="utf-8") as file:
            file.write(result)
        print(f"{document}: updated")
        return 0
    if failures:
        print(f"run: {sys.argv[0]} --update {' '.join(arguments)}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
