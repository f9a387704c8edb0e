#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tests that take chances, for longer than ./tandem test can wait.

  soak.py                 all of them
  soak.py traces          one of them
  soak.py --help          what there is
"""

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("TANDEM_BUILD", ROOT / "build"))
CORPUS = ROOT / "tests" / "fuzz" / "corpus" / "sip"

# name: (what it does, programs to build, command, environment, limit in seconds)
SOAKS = {
    "parsers": ("10 million mutated messages: ours against three other parsers",
                ["tests/differential/differential_test"],
                [BUILD / "tests/differential/differential_test", CORPUS, "10000000"], {}, 1800),
    "mutants": ("a million mutated messages by UDP, a million by TCP, to the running programs",
                ["all"], ["/usr/bin/python3", "-B", ROOT / "tests/integration/mutants.py"],
                {"TANDEM_MUTANTS": "1000000"}, 1200),
    "traces": ("100,000 scripts of what peers say in no sensible order",
               ["tests/golden/calls/shuffle_test"],
               [BUILD / "tests/golden/calls/shuffle_test", *sorted((ROOT / "tests/golden/calls/traces").glob("*.trace"))],
               {"TANDEM_SHUFFLES": "100000"}, 1800),
}


def say(text):
    print(text, flush=True)


def soak(name):
    what, programs, command, environment, limit_s = SOAKS[name]
    say(f"== {name}: {what} (at most {limit_s // 60} min)")
    subprocess.run(["ninja", "-C", BUILD, *programs], check=True, stdout=subprocess.DEVNULL)
    begin = time.monotonic()
    try:
        status = subprocess.run(list(map(str, command)), env={**os.environ, **environment}, timeout=limit_s).returncode
    except subprocess.TimeoutExpired:
        status = 124
    say(f"== {name}: {'passed' if status == 0 else f'FAILED ({status})'} in {time.monotonic() - begin:.0f} s")
    return status == 0


def main():
    wanted = sys.argv[1:] or list(SOAKS)
    if any(name not in SOAKS for name in wanted):
        is_help = wanted[0] in ("-h", "--help")
        print("./tandem soak [NAME ...]   all of these, or those named:", file=sys.stdout if is_help else sys.stderr)
        for name, (what, *_) in SOAKS.items():
            print(f"  {name:10} {what}", file=sys.stdout if is_help else sys.stderr)
        sys.exit(0 if is_help else 2)
    results = [soak(name) for name in wanted]
    say(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
