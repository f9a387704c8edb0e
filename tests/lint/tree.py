# SPDX-License-Identifier: Apache-2.0
"""The files that lint looks at, and the form of what it finds."""

import subprocess
from pathlib import Path


class Finding:
    """One thing that is wrong: where, what, and what to do."""

    def __init__(self, path, line, what, remedy):
        self.path, self.line, self.what, self.remedy = str(path), line, what, remedy

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}\n    {self.remedy}"


class Tree:
    """Files of a checkout by relative path: what git tracks or would take, else all of it."""

    def __init__(self, root):
        self.root = Path(root).resolve()
        self.files = sorted(path for path in self._names() if (self.root / path).is_file())
        self._texts = {}

    def _names(self):
        listing = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "--cached", "--others", "--exclude-standard"],
            capture_output=True, text=True, check=False)
        if (self.root / ".git").exists() and listing.returncode == 0:
            return set(listing.stdout.splitlines())
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")
                if not any(part.startswith(("build", ".")) for part in path.relative_to(self.root).parts)}

    def text(self, path):
        """Content of a file; empty if it isn't text."""
        if path not in self._texts:
            try:
                self._texts[path] = (self.root / path).read_text(encoding="utf-8")
            except (UnicodeDecodeError, OSError):
                self._texts[path] = ""
        return self._texts[path]

    def lines(self, path):
        """(number, line) pairs, numbers from 1."""
        return enumerate(self.text(path).splitlines(), 1)

    def with_suffix(self, *suffixes):
        return [path for path in self.files if path.endswith(suffixes)]

    def c_files(self):
        return self.with_suffix(".c", ".h")

    def scripts(self):
        """Shell scripts, by suffix or first line."""
        return [path for path in self.files if path.endswith(".sh")
                or self.text(path).startswith(("#!/usr/bin/env bash", "#!/bin/bash", "#!/bin/sh"))]

    def code(self):
        """Everything that somebody here writes as code."""
        return sorted({*self.c_files(), *self.scripts(),
                       *self.with_suffix(".py", "meson.build", "meson_options.txt")})
