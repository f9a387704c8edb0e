# SPDX-License-Identifier: Apache-2.0
"""The ladder of rates, the knee, and what happens beyond it."""

from trial import ADDED_LIMIT_MS, run_trial

REFERENCE_RATE = 1000  # of the goals
GROWTH = 1.6  # from rung to rung
RUNGS_MAX = 8
OVERLOAD_FACTORS = (2, 3)
HELD_DURING_OVERLOAD = 300


class Ladder:
    """Rising rates until the goal is missed, then halving the gap: geometric bisection."""

    def __init__(self, rig, say, *, seconds, width, waits_linger=()):
        self.rig, self.say = rig, say
        self.seconds, self.width = seconds, width
        self.waits_linger = waits_linger
        self.rows = []

    def step(self, rate):
        """One rung. A miss counts only if it is repeated: a burst of others on the machine must not
        pass for the knee."""
        row = self.once(rate)
        if not row["is_good"] or not row["is_valid"]:
            self.say(f"  {rate:7.0f}/s missed the goal (p99 added {row['added_p99_ms']:.2f} ms, "
                     f"failed {row['failed']}); once more")
            again = self.once(rate)
            again["is_repeated"] = True
            if again["is_good"] or again["added_p99_ms"] < row["added_p99_ms"]:
                row = again
        self.rows.append(row)
        self.say(f"  {rate:7.0f}/s  {row['cpu_us_per_call']:6.1f} us/call  core {row['core_percent']:5.1f} %  "
                 f"added p50 {row['added_p50_ms']:7.3f} p99 {row['added_p99_ms']:8.3f} ms  "
                 f"failed {row['failed']}{'' if row['is_good'] else '  beyond the knee'}")
        return row

    def once(self, rate):
        return run_trial(self.rig, rate, self.seconds, waits_linger=rate in self.waits_linger)

    def climb(self, rungs_below):
        """Rates from so many rungs below the reference rate on until one misses the goal, then
        between the two. Returns the knee: the highest rate that met the goal, 0 if none did."""
        good, bad, rung = 0, None, -rungs_below
        while bad is None and rung < RUNGS_MAX:
            rate = round(REFERENCE_RATE * GROWTH**rung, -1)
            if self.step(rate)["is_good"]:
                good = rate
            else:
                bad = rate
            rung += 1
        while good and bad and bad / good > 1 + self.width:
            rate = round((good * bad) ** 0.5, -1)
            if self.step(rate)["is_good"]:
                good = rate
            else:
                bad = rate
        self.rows.sort(key=lambda row: row["rate"])
        return good


def overload(rig, knee, seconds, say):
    """Beyond the knee: what still completes, and whether calls that were up notice."""
    rows = []
    for factor in OVERLOAD_FACTORS:
        row = run_trial(rig, knee * factor, seconds, held=HELD_DURING_OVERLOAD, drain_s=8)
        row["kind"] = "overload"
        row["factor"] = factor
        row["knee"] = knee
        row["completed_of_knee"] = row["completed"] / (knee * seconds)
        row["held_lost"] = row["held_established"] - row["held_completed"]
        rows.append(row)
        say(f"  {factor} x {knee:.0f}/s: {100 * row['completed_of_knee']:.1f} % of the knee's calls complete, "
            f"{row['held_lost']} of {row['held_established']} established calls lost, "
            f"added p99 {row['added_p99_ms']:.1f} ms, failures {row['failures']}")
    return rows


def knee_row(knee, rows):
    """is_rig_suspect: the lowest step beyond the knee was one in which the generator was late."""
    beyond = min((row for row in rows if row["rate"] > knee), key=lambda row: row["rate"], default=None)
    return {"kind": "knee", "rate": knee, "limit_ms": ADDED_LIMIT_MS,
            "is_rig_suspect": beyond is not None and not beyond["is_valid"],
            "highest_tried": max((row["rate"] for row in rows), default=0)}
