# SPDX-License-Identifier: Apache-2.0
"""Bytes per call: calls are established and held, their INVITE transactions expire, then the
control plane is weighed."""

from rig import WorldError, difference, wait_until
from trial import LINGER_S, RING_MS, finish, read_events, silent, warm_up

HELD_RATE = 1000


def hold(rig, calls, say, rate=HELD_RATE):
    """PSS and gauges with that many calls up, before and after their transactions expired."""
    rig.start(max_calls=min(100000, calls + 1000))
    warm_up(rig)
    empty = rig.pss_bytes()
    process = rig.generator("held", calls, "--held", calls, "--held-rate", rate, "--ring", RING_MS, "--wait",
                            "--drain", 10)
    established = next(event["established"] for event in read_events(process, silent) if event["event"] == "held")
    young = rig.snapshot()
    young_pss = rig.pss_bytes()
    say(f"  {established} calls up, {young_pss / 2**20:.0f} MiB; waiting for their transactions to expire")
    wait_until("the INVITE transactions to expire",
               lambda: rig.status()["transactions"] == 0, LINGER_S, 0.5)
    settled = rig.snapshot()
    settled_pss = rig.pss_bytes()
    row = {
        "kind": "memory", "rate": rate, "calls": calls, "established": established,
        "bytes_per_call": round((settled_pss - empty) / max(1, established)),
        "bytes_per_call_lingering": round((young_pss - empty) / max(1, established)),
        "transactions_lingering": young["status"]["transactions"],
        "pss_empty_bytes": empty, "pss_bytes": settled_pss,
        "linger_us_per_call": difference(young, settled)["cpu_us"] / max(1, established),
        "sip_state_bytes_per_call": round(settled["status"]["call_memory_bytes"] / max(1, established)),
        "bytes_per_transaction": round(young["status"]["transaction_counts"]["memory_bytes"]
                                       / max(1, young["status"]["transactions"])),
    }
    process.stdin.write("bye\n")
    process.stdin.flush()
    result = finish(process, silent)
    row["failed"] = result["held_offered"] - result["held_completed"]
    row["failures"] = result["held_failures"]
    if established == 0:
        raise WorldError(f"no call could be held: {result['held_failures']}")
    say(f"  {row['bytes_per_call']} bytes per established call, {row['bytes_per_call_lingering']} while its "
        f"transactions linger; SIP state {row['sip_state_bytes_per_call']} bytes per call, "
        f"{row['bytes_per_transaction']} per lingering transaction; {row['failed']} failed")
    return row
