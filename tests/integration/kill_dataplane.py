#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of the dataplane: calls stay, media comes back within a second as the same stream."""

from harness import Calls, expect, expect_equal, main, wait_until

COUNT = 50
TALK_MS = 10000
GAP_MAX_MS = 1000


def killed(world, appliance):
    """All media flows again within 1 s, with continuous sequence, source and timestamps."""
    baseline = appliance.status()["fds"]
    calls = Calls(world, "media", COUNT, talk_ms=TALK_MS).start()
    calls.wait_up()
    for pump in calls.pumps:
        pump.mark()
    before = calls.streams()
    appliance.kill_dataplane()
    appliance.start_dataplane(wait=False)
    wait_until("media on every stream", lambda: all(
        now["received"] > then["received"] + 25 and now["idle_ms"] < 200
        for nows, thens in zip(calls.streams(), before) for now, then in zip(nows, thens)), 5, 0.1)
    gaps = [stream["max_gap_ms"] for pump in calls.streams() for stream in pump]
    expect(max(gaps) <= GAP_MAX_MS, f"media paused for up to {max(gaps)} ms")
    calls.finish()
    caller, callee = calls.check_media(lossless=False)
    for then, now in zip(before[0] + before[1], caller + callee):
        expect_equal(now["ssrc"], then["ssrc"], "source before and after")
    calls.close()
    appliance.wait_idle(baseline)
    print(f"# longest pause {max(gaps)} ms over {2 * COUNT} streams")


if __name__ == "__main__":
    main(__file__, [killed])
