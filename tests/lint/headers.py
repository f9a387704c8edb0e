# SPDX-License-Identifier: Apache-2.0
"""A header compiles alone, and its guard tells where it lies."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from tree import Finding

GUARD = re.compile(r"TD_\w+_H$")
PACKAGES = ("libdpdk", "liburcu-qsbr", "yaml-0.1", "libcrypto", "jansson", "rdkafka")


def headers(tree):
    return [path for path in tree.with_suffix(".h") if not path.startswith("bench/")]


def check_guards(tree):
    """#ifndef TD_<DIR>_<FILE>_H, #define of the same. More folders may stand before <DIR>: tests
    have folders of the same name as the code they test."""
    findings = []
    for path in headers(tree):
        pure = PurePosixPath(path)
        guard = f"TD_{pure.parent.name}_{pure.stem}_H".upper().replace("-", "_")
        directives = [(number, line.split()) for number, line in tree.lines(path)
                      if line.startswith("#")][:2]
        first, second = (directives + [(1, []), (1, [])])[:2]
        found = first[1][1] if len(first[1]) == 2 else ""
        if first[1][:1] != ["#ifndef"] or not GUARD.match(found) or not found.endswith(guard[2:]):
            findings.append(Finding(path, first[0], "include guard is not " + guard, f"write: #ifndef {guard}"))
        elif second[1] != ["#define", found]:
            findings.append(Finding(path, second[0], "include guard is not defined", f"write: #define {found}"))
    return findings


def compile_flags():
    known = [name for name in PACKAGES
             if subprocess.run(["pkg-config", "--exists", name], check=False).returncode == 0]
    output = subprocess.run(["pkg-config", "--cflags", *known], capture_output=True, text=True, check=False)
    return [flag.replace("-I", "-isystem", 1) if flag.startswith("-I") else flag
            for flag in output.stdout.split()]


def check_self_contained(tree):
    """Each header compiles as the only thing in a translation unit."""
    packages = compile_flags()
    # Tests include helpers of other tests by their bare name.
    helpers = [f"-I{folder}" for folder in sorted(
        {str(PurePosixPath(path).parent) for path in headers(tree) if path.startswith("tests/")})]

    def compile_alone(path):
        process = path.split("/")[0]
        includes = ["-Iinclude", *([f"-I{process}"] if process in ("controlplane", "dataplane") else
                                   [*helpers, "-Itests", "-Icontrolplane", "-Idataplane"])]
        # A source that includes the header, since a header as main file draws warnings of its own.
        result = subprocess.run(
            ["gcc", "-std=c17", "-D_GNU_SOURCE", "-fsyntax-only", "-Werror", "-Wall", *includes, *packages,
             "-x", "c", "-"], input=f'#include "{tree.root / path}"\n', cwd=tree.root,
            capture_output=True, text=True, check=False)
        if result.returncode == 0:
            return None
        errors = [line for line in result.stderr.splitlines() if "error:" in line] or ["does not compile"]
        return Finding(path, 1, "does not compile alone: " + errors[0].split("error:")[-1].strip(),
                       "include what its own text needs; forward-declare structs")

    with ThreadPoolExecutor(2) as pool:
        return [finding for finding in pool.map(compile_alone, headers(tree)) if finding]
