#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Beyond its limit the appliance refuses new calls and goes on with those it has."""

from harness import Calls, Party, default_config, expect_equal, main, trunk

LIMIT = 5


def refused(world, appliance):
    """New calls get 503 with Retry-After; calls in progress don't notice."""
    baseline = appliance.status()["fds"]
    held = Calls(world, "held", LIMIT, talk_ms=6000).start()
    held.wait_up()
    excess = Calls(world, "excess", 20, talk_ms=1000, first_port=32000, scenarios=("uac_refused.xml", "uas.xml"),
                   caller=Party("carrier", "192.0.2.20"), callee=Party("phones", "198.51.100.20"))
    excess.start()
    excess.uac.wait(20)
    expect_equal((excess.uac.succeeded(), excess.uac.failed()), (20, 0), "calls refused with 503 and Retry-After")
    excess.follower.__exit__()
    excess.close()
    held.finish()
    held.check_media()
    held.close()
    appliance.wait_idle(baseline)


def config():
    wanted = default_config()
    wanted["sip"]["max_calls"] = LIMIT
    wanted["trunks"].append(trunk("carrier-b", "192.0.2.20", "192.0.2.1"))
    wanted["routes"].append({"from": "carrier-b", "pattern": "+49301*", "to": ["phones"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [refused], config())
