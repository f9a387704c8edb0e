#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGHUP applies what can change while calls go on, and keeps what it had if the file is wrong."""

from harness import Calls, Party, expect, main, place_calls, trunk, wait_until


def new_route(world, appliance):
    """A trunk and a route added by SIGHUP are used; a call in progress goes on."""
    going_on = Calls(world, "going-on", 3, talk_ms=6000).start()
    going_on.wait_up()
    appliance.config["trunks"].append(trunk("phones-b", "198.51.100.20", "198.51.100.1"))
    appliance.config["routes"].append({"from": "carrier", "pattern": "+49309*", "to": ["phones-b"]})
    appliance.reload()
    wait_until("the new route", lambda: "reload" in controlplane_log(world), 5)
    added = Calls(world, "added", 3, talk_ms=2000, first_port=32000, number="+4930900",
                  caller=Party("carrier", port=5070), callee=Party("phones", "198.51.100.20")).start()
    added.finish()
    added.check_media()
    going_on.finish()
    going_on.check_media()
    for calls in (added, going_on):
        calls.close()
    appliance.wait_idle()


def wrong_file(world, appliance):
    """A wrong file is refused with its position, and the old configuration stays."""
    good = appliance.config_path.read_text()
    line = good.count("\n") + 1
    appliance.reload(good + "trunkz: []\n")
    wait_until("the position of the mistake in the log", lambda: f"tandem.yaml:{line}:1" in controlplane_log(world), 5)
    appliance.config_path.write_text(good)
    expect(appliance.controlplane.poll() is None, "the control plane has died")
    place_calls(world, appliance, "after-wrong", 3, talk_ms=2000)


def controlplane_log(world):
    return (world.directory / "controlplane.log").read_text(errors="replace")


if __name__ == "__main__":
    main(__file__, [new_route, wrong_file])
