# SPDX-License-Identifier: Apache-2.0
"""Checks that read lines: licence, lengths, paths, promises, sleeps."""

import re

from tree import Finding

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 5
SPDX = "SPDX-License-Identifier: Apache-2.0"
# Written so that this file does not find itself.
PROMISE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b(?!\(#\d+\))")
MACHINE_PATH = re.compile(r"(?:^|[^A-Za-z0-9_.{}/*])/(?:wo" r"rk|fa" r"rm|ho" r"me|ro" r"ot)/")
SLEEP = re.compile(r"\b(?:sleep|usleep|nanosleep|clock_nanosleep)\s*\(")
SLEEP_ALLOWED = ("tests/integration/", "tests/world/", "tests/run.py", "tests/lint/")


def check_licence(tree):
    """Every source says its licence in the first three lines."""
    return [Finding(path, 1, "no licence line", f"begin with: {SPDX}")
            for path in tree.code() if tree.text(path)
            and not any(SPDX in line for number, line in tree.lines(path) if number <= 3)]


def check_length(tree):
    """No file of code is longer than can be read in one go."""
    findings = []
    for path in tree.code():
        count = len(tree.text(path).splitlines())
        if count > FILE_LINES_MAX:
            findings.append(Finding(path, FILE_LINES_MAX, f"{count} lines, {FILE_LINES_MAX} are allowed",
                                    "split it by noun; 250 is a good size"))
    return findings


def functions(tree, path):
    """(first line, lines, signature) of each function. The format is fixed: the brace that opens a
    function's body stands alone in the first column, and so does the one that ends it."""
    signature, begin = [], 0
    for number, line in tree.lines(path):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            yield begin, number - begin + 1, " ".join(signature)
            signature, begin = [], 0
        elif not begin:
            is_boundary = not line or line[0] in "#/}" or line.rstrip().endswith(";")
            signature = [] if is_boundary else [*signature, line]


def count_parameters(signature):
    start = signature.find("(")
    if start < 0:
        return 0
    depth, count = 0, 1
    for character in signature[start:]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth == 0:
            break
        count += character == "," and depth == 1
    return count


def check_functions(tree):
    """Functions are short and take few arguments."""
    findings = []
    for path in tree.with_suffix(".c"):
        for line, length, signature in functions(tree, path):
            if length > FUNCTION_LINES_MAX:
                findings.append(Finding(path, line, f"function of {length} lines, {FUNCTION_LINES_MAX} are allowed",
                                        "give its parts names: one level of thought per function"))
            if count_parameters(signature) > PARAMETERS_MAX:
                findings.append(Finding(path, line, f"more than {PARAMETERS_MAX} parameters",
                                        "put what belongs together into a struct"))
    return findings


def check_paths(tree):
    """Nothing names a directory of the machine it was written on."""
    return [Finding(path, number, "path of a machine", "make it relative, or take it from the configuration")
            for path in tree.files for number, line in tree.lines(path)
            if MACHINE_PATH.search(line)]


def check_todo(tree):
    """What is unfinished has an issue, or isn't there."""
    return [Finding(path, number, "promise without an issue", "finish it, or name the issue in brackets: (#12)")
            for path in tree.code() for number, line in tree.lines(path) if PROMISE.search(line)]


def check_sleep(tree):
    """Tests wait for conditions; time is a variable."""
    return [Finding(path, number, "sleeps", "advance now_ms, or wait for a condition with a bound")
            for path in tree.code() if path.startswith("tests/") and not path.startswith(SLEEP_ALLOWED)
            for number, line in tree.lines(path) if SLEEP.search(line)]
