#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who calls, across the border of trust: SIPp as a carrier that tells everything, as a trusted and as
an untrusted trunk that check what they get."""

from harness import Party, Sipp, default_config, expect_equal, main, trunk, wait_until

GERMANY = {"country_code": "49"}


def refused_call(world, appliance, label, number, scenario, address):
    """A call to a busy trunk whose SIPp checks the INVITE; its two CDRs."""
    callee = Party("phones", address)
    known = len(appliance.cdrs())
    uas = Sipp(world, callee.side, scenario, f"{label}-callee", address=address, calls=1, rows=[(1,)], timeout_s=20)
    uas.wait_bound()
    uac = Sipp(world, "carrier", "uac_identity.xml", f"{label}-caller", address="192.0.2.20", calls=1, rate=1,
               remote=Party("carrier").remote(), rows=[(30000, number, "id")], timeout_s=20)
    uac.wait(20)
    uas.wait(20)
    expect_equal((uas.succeeded(), uas.failed()), (1, 0), "INVITEs that were as the called side wants them")
    appliance.wait_idle()
    wait_until("both CDRs", lambda: len(appliance.cdrs()) == known + 2, 5)
    return appliance.cdrs()[-2:]


def trusted(world, appliance):
    """A trusted trunk learns who calls, in its own form of numbers; rules and redirections apply."""
    for cdr in refused_call(world, appliance, "trusted", "030100001", "uas_trusted.xml", "198.51.100.20"):
        caller = cdr["caller"]
        expect_equal((caller["user"], caller["p_asserted"], caller["private"], caller["verstat"], caller["attestation"]),
                     ("+4930200001", "+4930200999", True, "passed", "A"), "caller in the CDR")
        expect_equal(cdr["callee"]["user"], "+4930100001", "callee in the CDR")


def untrusted(world, appliance):
    """An untrusted trunk learns nothing about a caller who wants to stay unknown."""
    refused_call(world, appliance, "untrusted", "030100002", "uas_untrusted.xml", "198.51.100.30")


def config():
    wanted = default_config()
    wanted["trunks"] += [
        trunk("talkative", "192.0.2.20", "192.0.2.1", identity={"trusted": True}, numbers=GERMANY),
        trunk("trusted", "198.51.100.20", "198.51.100.1", numbers={**GERMANY, "send": "e164_bare"},
              identity={"trusted": True, "from_domain": "carrier.example", "diversion": "history_info"},
              headers=[{"action": "copy", "name": "User-to-User"}, {"action": "add", "name": "X-Account", "value": "42"},
                       {"action": "remove", "name": "User-Agent"}]),
        trunk("untrusted", "198.51.100.30", "198.51.100.1", numbers={**GERMANY, "send": "national"}),
    ]
    wanted["routes"] += [{"from": "talkative", "number": "+4930100001", "to": ["trusted"]},
                         {"from": "talkative", "number": "+4930100002", "to": ["untrusted"]}]
    return wanted


if __name__ == "__main__":
    main(__file__, [trusted, untrusted], config())
