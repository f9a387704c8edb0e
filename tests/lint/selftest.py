#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Plants one violation of each kind in a small tree and expects lint to find it, and only it."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import lint  # noqa: E402
from tree import Tree  # noqa: E402

SPDX = "/* SPDX-License-Identifier: Apache-2.0 */\n"
MESON = "# SPDX-License-Identifier: Apache-2.0\n"


def header(guard, body=""):
    return f"{SPDX}#ifndef {guard}\n#define {guard}\n\n{body}#endif\n"


def library(name, *needs):
    needed = ", ".join(f"dep_{need}" for need in needs)
    return (f"{MESON}cp_{name} = static_library('cp_{name}', '{name}.c', dependencies: [{needed}])\n"
            f"dep_{name} = declare_dependency(link_with: cp_{name}, dependencies: [{needed}])\n")


def clean_tree():
    return {
        ".clang-format": (Path(__file__).resolve().parents[2] / ".clang-format").read_text(),
        "include/tandem/word.h": header("TD_TANDEM_WORD_H", "#include <stdint.h>\n\nuint32_t td_word(void);\n\n"),
        "controlplane/util/meson.build": library("util"),
        "controlplane/util/util.h": header("TD_UTIL_UTIL_H", "int util_count(void);\n\n"),
        "controlplane/util/util.c": f'{SPDX}#include "util/util.h"\n\nint util_count(void)\n{{\n\treturn 1;\n}}\n',
        "controlplane/call/meson.build": library("call", "util"),
        "controlplane/call/call.c": f'{SPDX}#include "util/util.h"\n',
        "controlplane/loop/meson.build": library("loop", "util"),
        "controlplane/loop/loop.h": header("TD_LOOP_LOOP_H", "int loop_run(void);\n\n"),
        "tests/script.sh": "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\necho \"$1\"\n",
    }


def long_function(lines):
    return SPDX + "static int f(void)\n{\n" + "\treturn 1;\n" * lines + "}\n"


# check: (file, its new content, line where the finding must be)
PLANTED = {
    "layers": ("controlplane/call/call.c", f'{SPDX}#include "util/util.h"\n#include "loop/loop.h"\n', 3),
    "cycles": ("controlplane/util/meson.build", library("util", "call"), 1),
    "purity": ("controlplane/call/call.c", f'{SPDX}#include "util/util.h"\n#include <sys/socket.h>\n', 3),
    "self-contained": ("controlplane/util/util.h", header("TD_UTIL_UTIL_H", "uint32_t util_count(void);\n\n"), 1),
    "guards": ("controlplane/util/util.h", header("UTIL_H", "int util_count(void);\n\n"), 2),
    "licence": ("controlplane/util/util.c", '#include "util/util.h"\n', 1),
    "length": ("controlplane/util/util.c", SPDX + "int x;\n" * 500, 500),
    "functions": ("controlplane/util/util.c", long_function(59), 3),
    "paths": ("docs/page.md", "see /wo" "rk/notes\n", 1),
    "todo": ("controlplane/util/util.c", SPDX + "/* TO" "DO: later */\n", 2),
    "sleep": ("tests/unit/wait.c", SPDX + "void f(void);\n/* */ int a = sleep(1);\n", 3),
    "format": ("controlplane/util/util.c", SPDX + "int  x;\n", 2),
    "shell": ("tests/script.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nrm $1\n", 3),
}
# Beyond one per check: what a check must also see, or must let pass.
MORE = [
    ("functions", "controlplane/util/util.c", long_function(58), None),
    ("functions", "controlplane/util/util.c", SPDX + "static int f(int a, int b, int c, int d, int e, int f)\n{\n}\n", 3),
    ("functions", "controlplane/util/util.c", SPDX + "static int f(int a, int (*b)(int, int), int c, int d, int e)\n{\n}\n", None),
    ("todo", "controlplane/util/util.c", SPDX + "/* TO" "DO(#7): later */\n", None),
    ("purity", "controlplane/util/util.h", header("TD_UTIL_UTIL_H", '#include "loop/loop.h"\n\n'), 5),
    ("sleep", "tests/integration/wait.py", MESON + "sleep(1)\n", None),
]


def findings(check, files):
    with tempfile.TemporaryDirectory() as directory:
        for name, content in files.items():
            path = Path(directory, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return lint.CHECKS[check](Tree(directory))


def main():
    wrong = []
    for check in lint.CHECKS:
        unwanted = findings(check, clean_tree())
        if unwanted:
            wrong.append(f"{check}: finds something in a clean tree: {unwanted[0]}")
    cases = [(check, *planted) for check, planted in PLANTED.items()] + MORE
    for check, name, content, line in cases:
        found = [(finding.path, finding.line) for finding in findings(check, {**clean_tree(), name: content})]
        is_right = (not found) if line is None else (name, line) in found or (
            check == "cycles" and found)
        if not is_right:
            wrong.append(f"{check}: planted {name}:{line}, found {found}")
    if set(PLANTED) != set(lint.CHECKS):
        wrong.append("a check has no planted violation")
    print("\n".join(wrong) or f"{len(cases)} planted violations found, clean tree clean")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
