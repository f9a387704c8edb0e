#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""./tandem bench calls: what the control plane costs per call, how fast it answers, and where it
bends.

  --quick            under three minutes: shorter steps, a coarser knee, 5,000 held calls
  --json FILE        all figures, one JSON object a line
  --html FILE        the report (default: .tandem/bench/calls.html)
  --only PART ...    generator instructions ladder overload memory sipp
  --rate N           one step at this rate instead of the ladder; the overload is of this rate
  --seconds S        length of a step
  --held N           calls held for the memory figures
  --shared           ordinary priorities: other programs of the machine enter the figures
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import instructions  # noqa: E402
import memory  # noqa: E402
import report  # noqa: E402
import search  # noqa: E402
import sipp  # noqa: E402
from conditions import conditions  # noqa: E402
from rig import STATE_ROOT, Rig, WorldError  # noqa: E402
from trial import reflect  # noqa: E402

PARTS = ("generator", "instructions", "ladder", "overload", "memory", "sipp")


class Bench:
    """The parts in their order; each adds rows."""

    def __init__(self, arguments, rig):
        self.arguments, self.rig = arguments, rig
        self.rows = [conditions(not arguments.shared)]
        self.knee = 0
        self.started = time.monotonic()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def part(self, name, title):
        """Announces a part; False if it isn't wanted."""
        if name not in self.arguments.only:
            return False
        self.say(f"[{time.monotonic() - self.started:5.0f} s] {title}")
        return True

    def run(self):
        quick = self.arguments.quick
        if self.part("generator", "the generator against itself"):
            rate = 4000
            self.rows.append(reflect(self.rig, rate, 3 if quick else 10))
            row = self.rows[-1]
            self.say(f"  {rate}/s: core {row['generator_core_percent']:.0f} %, failed {row['failed']}, "
                     f"measures {row['added_p99_ms']:.3f} ms (p99) where there is nothing")
        if self.part("instructions", "user instructions per call (callgrind)"):
            self.rows.append(instructions.count(self.rig, has_linger=not quick, say=self.say))
        if self.part("ladder", "rising rates"):
            self.climb()
        if self.part("overload", "beyond the knee"):
            self.beyond()
        if self.part("memory", f"{self.arguments.held} held calls"):
            self.rows.append(memory.hold(self.rig, self.arguments.held, self.say))
        if self.part("sipp", "the same by SIPp"):
            self.rows.append(sipp.run_sipp(self.rig, 500 if quick else search.REFERENCE_RATE, 5 if quick else 20, self.say))

    def climb(self):
        arguments = self.arguments
        ladder = search.Ladder(
            self.rig, self.say, seconds=arguments.seconds, width=0.25 if arguments.quick else 0.05,
            waits_linger=() if arguments.quick else (search.REFERENCE_RATE,))
        if arguments.rate:
            ladder.step(arguments.rate)
        else:
            self.knee = ladder.climb(2 if arguments.quick else 3)
        self.rows += ladder.rows
        if not arguments.rate:
            self.rows.append(search.knee_row(self.knee, ladder.rows))
            self.say(f"  knee: {self.knee:.0f}/s")

    def beyond(self):
        knee = self.arguments.rate or self.knee
        if knee == 0:
            self.say("  no knee was found, nothing to exceed")
            return
        self.rows += search.overload(self.rig, knee, max(5.0, self.arguments.seconds), self.say)


def fill_in(rows):
    """Each step has all figures of its run: what a call weighs is measured once."""
    weighed = next((row["bytes_per_call"] for row in rows if row["kind"] == "memory"), None)
    counted = next((row["instructions_per_call"] for row in rows if row["kind"] == "instructions"), None)
    for row in rows:
        if row["kind"] in ("step", "overload"):
            row["bytes_per_call"] = weighed
            row["instructions_per_call"] = counted


def parse():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--html", type=Path, default=STATE_ROOT / "bench" / "calls.html")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--held", type=int)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("-h", "--help", action="store_true")
    arguments = parser.parse_args()
    if arguments.help:
        print(__doc__)
        sys.exit(0)
    arguments.seconds = arguments.seconds or (4 if arguments.quick else 20)
    arguments.held = arguments.held or (5000 if arguments.quick else 100000)
    return arguments


def main():
    arguments = parse()
    status = 0
    with Rig(is_alone=not arguments.shared) as rig:
        bench = Bench(arguments, rig)
        try:
            bench.run()
        except (WorldError, OSError, subprocess.SubprocessError) as error:
            bench.say(f"bench: {error}")
            status = 1
        fill_in(bench.rows)
    print(report.table(bench.rows))
    if arguments.json:
        arguments.json.write_text("".join(json.dumps(row) + "\n" for row in bench.rows))
    arguments.html.parent.mkdir(parents=True, exist_ok=True)
    arguments.html.write_text(report.html(bench.rows))
    print(f"report: {arguments.html}")
    return status


if __name__ == "__main__":
    sys.exit(main())
