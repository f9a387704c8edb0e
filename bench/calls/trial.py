# SPDX-License-Identifier: Apache-2.0
"""One trial: calls at a fixed rate, what the generator saw and what the control plane paid."""

import json

from rig import PAIRS, CPU_DATAPLANE, CPU_GENERATOR, WorldError, difference, wait_until

HOLD_S = 1.0
RING_MS = 20
ADDED_LIMIT_MS = 5.0  # p99 of the delay that the system under test adds
LAG_LIMIT_MS = 2.0  # p99 of the generator's own lateness; beyond it a step proves nothing
LINGER_S = 40  # 64*T1 of the last BYE, and a little
PERCENTILES = ("p50", "p90", "p99", "p999")


def read_events(process, on_progress):
    """Objects that the generator prints, but for progress."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] == "progress":
            on_progress(event)
        else:
            yield event


def finish(process, on_progress):
    """The generator's result."""
    for event in read_events(process, on_progress):
        if event["event"] == "result":
            process.wait(10)
            return event
    raise WorldError(f"the generator gave no result, status {process.wait(10)}")


def silent(_):
    """For trials that are too short to tell of."""


def latencies(result):
    """The percentiles that reports show, in ms."""
    row = {}
    for name in ("added", "setup", "trying", "ringing", "bye", "lag", "added_invite", "added_ringing",
                 "added_answer", "added_bye"):
        for percentile in PERCENTILES:
            row[f"{name}_{percentile}_ms"] = result[name][f"{percentile}_ms"]
        row[f"{name}_max_ms"] = result[name]["max_ms"]
    row["p50_ms"], row["p99_ms"] = row["added_p50_ms"], row["added_p99_ms"]
    return row


def run_trial(rig, rate, seconds, *, held=0, hold_s=HOLD_S, drain_s=4, waits_linger=False, poisson=False,
              extra=(), on_progress=silent):
    """Calls at a rate through a fresh system under test."""
    calls = round(rate * seconds) + held
    rig.start(max_calls=max(4000, min(100000, round(rate * (hold_s + 2)) + held)))
    warm_up(rig)
    before = rig.snapshot()
    process = rig.generator(f"trial-{rate:.0f}", calls, "--rate", rate, "--seconds", seconds, "--hold", hold_s,
                            "--ring", RING_MS, "--held", held, "--warmup", min(1, seconds / 4),
                            "--drain", drain_s, *(["--poisson"] if poisson else []), *extra)
    result = finish(process, on_progress)
    after = rig.snapshot()
    row = judge(rate, seconds, result, difference(before, after))
    if waits_linger:
        row["linger_us_per_call"] = wait_linger(rig, after) / max(1, calls)
    return row


def warm_up(rig, calls=20):
    """A few calls, so that files and pages are there; their ids are not the trial's."""
    finish(rig.generator("warm-up", calls, "--rate", 50, "--seconds", calls / 50, "--hold", 0.1), silent)


def wait_linger(rig, after):
    """Waits until the last transaction has expired; CPU time that took, in us."""
    wait_until("the last transaction to expire", lambda: rig.status()["transactions"] == 0, LINGER_S, 0.5)
    return difference(after, rig.snapshot())["cpu_us"]


def judge(rate, seconds, result, cost):
    """One row of the table."""
    offered = result["offered"] + result["held_offered"]
    counts = cost["counts"]
    row = {
        "kind": "step", "rate": rate, "seconds": seconds, "offered": result["offered"],
        "completed": result["completed"], "failed": result["failed"], "failures": result["failures"],
        "cpu_us_per_call": cost["cpu_us"] / max(1, offered),
        "user_us_per_call": cost["user_us"] / max(1, offered),
        "system_us_per_call": cost["system_us"] / max(1, offered),
        "core_percent": cost["core_percent"], "foreign_percent": cost["foreign_percent"],
        "dataplane_us_per_call": cost["dataplane_us"] / max(1, offered),
        "generator_us_per_call": result["generator_cpu_s"] * 1e6 / max(1, offered),
        "generator_core_percent": (result["generator_cpu_s"] * 1e6 + (
            cost["dataplane_us"] if CPU_DATAPLANE == CPU_GENERATOR else 0)) / result["ran_s"] / 1e4,
        "rcvbuf_errors": cost["rcvbuf_errors"] + result["receive_drops"],
        "repeats_sent": result["retransmitted"],
        "repeats_received": result["repeated"], "unexpected": result["unexpected"] + result["strays"],
        "turns_per_call": counts["loop"]["turns"] / max(1, offered),
        "journal_bytes_per_call": counts["journal"]["written_bytes"] / max(1, offered),
        "journal_commits_per_call": counts["journal"]["commits"] / max(1, offered),
        "held_offered": result["held_offered"], "held_established": result["held_established"],
        "held_completed": result["held_completed"], "held_failures": result["held_failures"],
        **latencies(result),
    }
    row["adds_up"] = (row["completed"] + row["failed"] == row["offered"]
                      and sum(row["failures"].values()) == row["failed"])
    row["is_valid"] = row["lag_p99_ms"] <= LAG_LIMIT_MS and row["adds_up"]
    row["is_good"] = row["failed"] == 0 and row["added_p99_ms"] <= ADDED_LIMIT_MS
    return row


def reflect(rig, rate, seconds):
    """The generator against itself: what it can do, and what it measures when nothing is between."""
    process = rig.generator("reflector", round(rate * seconds), "--rate", rate, "--seconds", seconds,
                            "--hold", 0.5, "--ring", RING_MS, "--drain", 2, pairs=PAIRS, is_direct=True)
    result = finish(process, silent)
    return {
        "kind": "generator", "rate": rate, "seconds": seconds, "offered": result["offered"],
        "completed": result["completed"], "failed": result["failed"],
        "generator_us_per_call": result["generator_cpu_s"] * 1e6 / max(1, result["offered"]),
        "generator_core_percent": result["generator_cpu_s"] / result["ran_s"] * 100, **latencies(result),
    }
