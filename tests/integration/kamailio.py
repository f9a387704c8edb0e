#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls through a Record-Route proxy: Kamailio stands between the carrier and the appliance."""

from harness import ADDRESS, Calls, Kamailio, Party, default_config, main, place_calls, trunk

PROXY = "192.0.2.30"
CARRIER = ADDRESS["carrier"]["peer4"]
APPLIANCE = ADDRESS["carrier"]["own4"]


def start_proxy(world):
    return Kamailio(world, "carrier", PROXY, 5060, {CARRIER: f"{APPLIANCE}:5060", APPLIANCE: f"{CARRIER}:5060"})


def to_us(world, appliance):
    """From the carrier through Kamailio, the caller hangs up."""
    start_proxy(world)
    place_calls(world, appliance, "in", 10, remote=f"{PROXY}:5060")


def to_us_we_hang_up(world, appliance):
    """From the carrier through Kamailio, our BYE follows the route set."""
    start_proxy(world)
    place_calls(world, appliance, "in-callee-ends", 10, remote=f"{PROXY}:5060", ended_by="callee")


def from_us(world, appliance):
    """From a phone through Kamailio to the carrier."""
    start_proxy(world)
    place_calls(world, appliance, "out", 10, caller=Party("phones"), callee=Party("carrier"), number="+4930500")


def hold(world, appliance):
    """Hold and resume follow the route set as well."""
    start_proxy(world)
    baseline = appliance.status()["fds"]
    calls = Calls(world, "hold", 3, talk_ms=5000, remote=f"{PROXY}:5060",
                  scenarios=("uac_hold.xml", "uas_hold.xml")).start(counted=False).finish()
    calls.close()
    appliance.wait_idle(baseline)


def config():
    """The proxy is a trunk of its own: requests come from it and go to it."""
    wanted = default_config()
    wanted["trunks"].append(trunk("proxy", PROXY, APPLIANCE))
    wanted["routes"] += [{"from": "proxy", "pattern": "+49301*", "to": ["phones"]},
                         {"from": "phones", "pattern": "+49305*", "to": ["proxy"]}]
    return wanted


if __name__ == "__main__":
    main(__file__, [to_us, to_us_we_hang_up, from_us, hold], config())
