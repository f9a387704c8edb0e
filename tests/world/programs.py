# SPDX-License-Identifier: Apache-2.0
"""Where the programs under test are."""

import os
from functools import lru_cache
from pathlib import Path

from world import ROOT, WorldError

BUILD = Path(os.environ.get("TANDEM_BUILD", ROOT / "build"))


@lru_cache(maxsize=None)
def find_program(name):
    """Path of a program in the build directory."""
    for depth in ("", "*/", "*/*/"):
        for path in BUILD.glob(f"{depth}{name}"):
            if path.is_file() and os.access(path, os.X_OK):
                return path
    raise WorldError(f"{name} is not in {BUILD}: build it first (./tandem up does)")
