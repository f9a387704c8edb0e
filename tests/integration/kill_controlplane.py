#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the control plane with 200 calls up, some of them half set up."""

import time

from harness import Calls, Party, default_config, expect, expect_equal, main, trunk, wait_until

ADDRESS_B = {"carrier": "192.0.2.20", "phones": "198.51.100.20"}
EACH = 90
TALK_MS = 14000
RINGING = 20
RING_MS = 6000
NEW_CALLS_WITHIN_S = 2.0
DURATION_TOLERANCE_MS = 1500


def killed(world, appliance):
    """No packet lost, either side can end each call, records complete, new calls within 2 s."""
    baseline = appliance.status()["fds"]
    from_caller = Calls(world, "caller-ends", EACH, talk_ms=TALK_MS, first_port=30000)
    from_callee = Calls(world, "callee-ends", EACH, talk_ms=TALK_MS, first_port=32000, ended_by="callee",
                        caller=Party("carrier", ADDRESS_B["carrier"]), callee=Party("phones", ADDRESS_B["phones"]),
                        number="+4930200")
    ringing = Calls(world, "ringing", RINGING, talk_ms=4000, ring_ms=RING_MS, first_port=34000, number="+4930400",
                    caller=Party("carrier", "192.0.2.30"), callee=Party("phones", "198.51.100.30"))
    for calls in (from_caller, from_callee):
        calls.start()
    for calls in (from_caller, from_callee):
        calls.wait_up()
    ringing.start()
    wait_until("half set up calls", lambda: appliance.status()["calls"] == 2 * EACH + RINGING, 10, 0.1)
    appliance.kill_controlplane()
    restarted = time.monotonic()
    appliance.start_controlplane(wait=False)
    wait_until("an answer to a trunk after the restart", appliance.answers, 10, 0.05)
    Calls(world, "after", 1, talk_ms=2000, first_port=36000, number="+4930500", rate=10,
          caller=Party("carrier", "192.0.2.30", port=5070), callee=Party("phones", "198.51.100.30", port=5070)
          ).start().wait_up(5)
    took_s = time.monotonic() - restarted
    expect(took_s < NEW_CALLS_WITHIN_S, f"a new call had media only {took_s:.1f} s after the restart began")
    for calls in (from_caller, from_callee, ringing):
        calls.finish()
    for calls in (from_caller, from_callee, ringing):
        calls.check_media()
    appliance.wait_idle(baseline, 60)
    check_records(appliance)
    print(f"# new call up {took_s:.2f} s after the restart began")


def check_records(appliance):
    """Each established call has one record per leg, with the right duration."""
    finals = [cdr for cdr in appliance.cdrs() if not cdr.get("partial_no")]
    by_leg = {(cdr["call_id"], cdr["leg_seq"]) for cdr in finals}
    expect_equal(len(by_leg), len(finals), "records, counting each leg once")
    long_legs = [cdr for cdr in finals if cdr["bill_ms"] and cdr["bill_ms"] > TALK_MS - DURATION_TOLERANCE_MS]
    expect_equal(len(long_legs), 2 * 2 * EACH, "legs of established calls with their full duration")
    off = [cdr["bill_ms"] for cdr in long_legs if abs(cdr["bill_ms"] - TALK_MS) > DURATION_TOLERANCE_MS]
    expect(not off, f"durations of {TALK_MS} ms were recorded as {off[:5]}")


def config():
    wanted = default_config()
    for side, own in (("carrier", "192.0.2.1"), ("phones", "198.51.100.1")):
        wanted["trunks"].append(trunk(f"{side}-b", ADDRESS_B[side], own))
        wanted["trunks"].append(trunk(f"{side}-c", ADDRESS_B[side].replace(".20", ".30"), own))
    new = trunk("phones-new", "198.51.100.30", "198.51.100.1")
    new["target"] = "sip:198.51.100.30:5070"
    new["sources"] = []
    wanted["trunks"].append(new)
    wanted["routes"] += [
        {"from": "carrier-b", "pattern": "+49302*", "to": ["phones-b"]},
        {"from": "carrier-c", "pattern": "+49304*", "to": ["phones-c"]},
        {"from": "carrier-c", "pattern": "+49305*", "to": ["phones-new"]},
    ]
    return wanted


if __name__ == "__main__":
    main(__file__, [killed], config())
