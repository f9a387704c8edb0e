#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The load generator through the real programs, for a moment: do its figures add up?"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RATE = 100
SECONDS = 3
KEYS = ("rate", "cpu_us_per_call", "p50_ms", "p99_ms", "failed", "bytes_per_call")


def run_bench(directory):
    """Rows by kind, and the report."""
    command = [sys.executable, "-B", str(ROOT / "bench" / "calls" / "run.py"), "--shared", "--quick",
               "--only", "generator", "ladder", "sipp", "--rate", str(RATE), "--seconds", str(SECONDS),
               "--json", str(directory / "rows"), "--html", str(directory / "page")]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        raise AssertionError(f"status {result.returncode}: {result.stderr[-2000:]}")
    rows = [json.loads(line) for line in (directory / "rows").read_text().splitlines()]
    return {row["kind"]: row for row in rows}, (directory / "page").read_text(), result.stdout


def figures_add_up(rows, page, text):
    """Every call is accounted for once, on both sides, and SIPp agrees."""
    step = rows["step"]
    assert [key for key in KEYS if key not in step] == [], "a step lacks keys"
    assert step["offered"] == RATE * SECONDS, f"{step['offered']} calls offered"
    assert step["completed"] + step["failed"] == step["offered"], "completed and failed are not all that was offered"
    assert sum(step["failures"].values()) == step["failed"], "the classes of failure are not all that failed"
    assert step["failed"] == 0 and step["adds_up"], f"failures: {step['failures']}"
    assert step["unexpected"] == 0 and step["rcvbuf_errors"] == 0, "strays or drops"
    assert step["cpu_us_per_call"] > 20, "a call costs more than that"
    assert 0 < step["added_p50_ms"] <= step["added_p99_ms"] <= step["added_max_ms"], "percentiles out of order"
    assert step["setup_p50_ms"] >= step["added_invite_p50_ms"], "setup is shorter than a part of it"
    sipp = rows["sipp"]
    assert (sipp["completed"], sipp["failed"]) == (sipp["offered"], 0), f"SIPp: {sipp}"


def nothing_between(rows, page, text):
    """Face to face the generator's own delay is below what it measures through the programs."""
    alone = rows["generator"]
    assert alone["completed"] == alone["offered"] and alone["failed"] == 0, "calls failed without a system between"
    assert alone["added_p50_ms"] < rows["step"]["added_p50_ms"], "nothing takes longer than something"


def report_stands_alone(rows, page, text):
    """The report has conditions and charts, and asks nothing of anybody."""
    for word in ("src=", "<script", "<link", "@import", "url("):
        assert word not in page, f"the page loads something: {word}"
    assert rows["conditions"]["kernel"] in page and rows["conditions"]["kernel"] in text, "no conditions"
    assert f"{rows['step']['cpu_us_per_call']:.1f}" in page, "the figure isn't in the page"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        try:
            results = run_bench(Path(name))
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"not ok - the bench runs: {error}".replace("\n", "\n#   "))
            return 1
        for case in (figures_add_up, nothing_between, report_stands_alone):
            title = case.__doc__.splitlines()[0].rstrip(".")
            try:
                case(*results)
                print(f"ok - {title}")
            except (AssertionError, KeyError) as error:
                failed += 1
                print(f"not ok - {title}: {error!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
