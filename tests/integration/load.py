#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""500 calls at a time at 50 calls a second, media both ways counted to the packet."""

import json

from harness import Calls, expect, expect_equal, losses, main

CALLS = 500
RATE = 50
TALK_MS = 14000  # longer than the ramp of ten seconds: all are up together


def link_packets(world, side):
    """Packets that the side's link has sent to the appliance."""
    link = json.loads(world.ip(side, "-json", "-statistics", "link", "show", "eth0"))[0]
    return link["stats64"]["tx"]["packets"], link["stats64"]["rx"]["packets"]


def five_hundred_calls(world, appliance):
    """500 concurrent calls: none fails, no packet is lost, nothing is left."""
    baseline = appliance.status()["fds"]
    before = appliance.counters()
    sent_before = [link_packets(world, side) for side in ("carrier", "phones")]
    calls = Calls(world, "load", CALLS, rate=RATE, talk_ms=TALK_MS).start()
    calls.wait_up(CALLS / RATE + 20)
    concurrent = appliance.status()["calls"]
    calls.finish()
    calls.check_media()
    after = appliance.counters()
    sent_after = [link_packets(world, side) for side in ("carrier", "phones")]
    calls.close()
    expect_equal(concurrent, CALLS, "concurrent calls")
    expect_equal(losses(after), losses(before), "drops by the dataplane")
    on_links = sum(now[0] - then[0] for now, then in zip(sent_after, sent_before))
    received = after["rx_packets"] - before["rx_packets"]
    expect(received >= on_links, f"the links carried {on_links} packets, the dataplane saw {received}")
    appliance.wait_idle(baseline, 45)
    print(f"# {CALLS} calls, {2 * CALLS * calls.packets} RTP packets sent, all received; "
          f"{after['rtp_relayed'] - before['rtp_relayed']} relayed")


if __name__ == "__main__":
    main(__file__, [five_hundred_calls])
