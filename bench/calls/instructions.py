# SPDX-License-Identifier: Apache-2.0
"""User instructions per call: the real control plane under callgrind, which counts every
instruction of every thread and none of the kernel's. The count of a number of calls is taken
between two dumps, so that start and end of the process don't enter."""

import os
import re
import subprocess
from pathlib import Path

from rig import WorldError, run, wait_until
from trial import LINGER_S, RING_MS, finish, silent

RATE = 20  # valgrind is some fifty times slower: far below its own knee
CALLS = 100
TOTAL = re.compile(r"^(?:summary|totals):\s+(\d+)", re.M)


def dump(rig, directory, number):
    """Has callgrind write what it counted since the last dump; the count."""
    subprocess.run(["callgrind_control", "--dump", str(rig.controlplane.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    # One file for each thread.
    files = wait_until("callgrind's dump", lambda: [path for path in directory.glob(f"ir.{number}-*")
                                                    if TOTAL.search(path.read_text())], 30)
    return sum(int(TOTAL.search(path.read_text()).group(1)) for path in files)


def count(rig, calls=CALLS, has_linger=False, say=silent):
    """Instructions per call, without and with the expiry of its transactions."""
    directory = rig.directory / "callgrind"
    directory.mkdir(exist_ok=True)
    rig.start(max_calls=1000, patience_s=90, wrapper=(
        "valgrind", "--quiet", "--tool=callgrind", "--separate-threads=yes", f"--callgrind-out-file={directory}/ir"))
    place(rig, 20)
    dump(rig, directory, 1)
    result = place(rig, calls)
    instructions = dump(rig, directory, 2)
    row = {"kind": "instructions", "calls": calls, "failed": result["failed"],
           "instructions_per_call": instructions / calls, "threads": by_thread(directory, 2, calls)}
    if has_linger:
        wait_until("transactions to expire", lambda: rig.status()["transactions"] == 0, 2 * LINGER_S, 1)
        row["linger_instructions_per_call"] = dump(rig, directory, 3) / (calls + 20)
    rig.stop()
    row["functions"] = functions(directory, 2, calls)
    if result["failed"]:
        raise WorldError(f"calls failed under callgrind: {result['failures']}")
    say(f"  {row['instructions_per_call']:.0f} user instructions per call")
    return row


def place(rig, calls):
    return finish(rig.generator("counted", calls, "--rate", RATE, "--seconds", calls / RATE, "--hold", 0.3,
                                "--ring", RING_MS, "--drain", 20, "--no-repeats"), silent)


def by_thread(directory, number, calls):
    """Instructions per call of each thread, the loop first."""
    return {path.name.rpartition("-")[2]: int(TOTAL.search(path.read_text()).group(1)) / calls
            for path in sorted(directory.glob(f"ir.{number}-*"))}


def functions(directory, number, calls, limit=40):
    """[name, instructions per call] of the most expensive functions, without what they call."""
    files = sorted(map(str, directory.glob(f"ir.{number}-*")))
    text = run("callgrind_annotate", "--threshold=100", *files, check=False)
    rows = re.findall(r"^\s*([\d,]+) \(([ \d.]+)%\)\s+(\S+)", text, re.M)
    # What is on the stack during a dump appears with all of its callees.
    named = [[Path(name.rpartition(":")[2]).name, int(total.replace(",", "")) / calls]
             for total, share, name in rows if float(share) < 99]
    return named[:limit]


def is_available():
    return any(os.access(Path(folder, "valgrind"), os.X_OK) for folder in os.environ.get("PATH", "").split(":"))
