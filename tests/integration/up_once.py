#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job as a newcomer runs it: ./tandem up --once."""

import json
import subprocess
import sys
from pathlib import Path

LAUNCHER = Path(__file__).resolve().parents[2] / "tandem"
KEYS = ["answered", "tone_a_heard", "tone_b_heard", "pdd_ms", "mos_a", "mos_b", "cdr_id"]


def namespaces():
    listing = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=False).stdout
    return {line.split()[0] for line in listing.splitlines() if line}


def main():
    before = namespaces()
    result = subprocess.run([str(LAUNCHER), "up", "--once"], cwd="/", capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, check=False)
    last = (result.stdout.splitlines() or [""])[-1]
    print("\n".join(f"# {line}" for line in (result.stderr + result.stdout).splitlines()))
    try:
        is_good = result.returncode == 0 and list(json.loads(last)) == KEYS
    except ValueError:
        is_good = False
    print(f"{'ok' if is_good else 'not ok'} - ./tandem up --once from another directory: {last}")
    left = sorted(namespaces() - before)
    print(f"{'not ok' if left else 'ok'} - no namespace is left behind {' '.join(left)}")
    return 0 if is_good and not left else 1


if __name__ == "__main__":
    sys.exit(main())
