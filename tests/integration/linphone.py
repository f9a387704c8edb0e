#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls with linphone, a phone that nobody here wrote: it calls and is called, holds and resumes."""

from harness import ADDRESS, Party, Sipp, default_config, expect, expect_equal, main, wait_until
from linphone_phone import Linphone

RUNNING = "LinphoneCallStreamsRunning"
PHONE = ADDRESS["phones"]["peer4"]
CARRIER = ADDRESS["carrier"]["peer4"]
APPLIANCE = ADDRESS["phones"]["own4"]


def carrier_uas(world, label, scenario="uas_hold.xml", talk_ms=10000):
    uas = Sipp(world, "carrier", scenario, f"{label}-callee", address=CARRIER, calls=1, rows=[(30000, 100, talk_ms)],
               timeout_s=40)
    uas.wait_bound()
    return uas


def talking_calls(appliance):
    return [call for call in appliance.calls() if call["state"] == "talking"]


def calls_and_holds(world, appliance, transport="udp"):
    """linphone calls, holds, resumes and hangs up."""
    phone = Linphone(world, "phones", PHONE, f"linphone-{transport}", transport=transport)
    uas = carrier_uas(world, f"linphone-{transport}")
    call = phone.call(f"sip:+4930200@{APPLIANCE};transport={transport}")
    phone.wait_state(RUNNING, call=call)
    phone.ask(f"call-pause {call}")
    phone.wait_state("LinphoneCallPaused", call=call)
    wait_until("the hold", lambda: [call["held"] for call in talking_calls(appliance)] == [True], 5)
    phone.ask(f"call-resume {call}")
    phone.wait_state(RUNNING, call=call)
    wait_until("the end of the hold", lambda: [call["held"] for call in talking_calls(appliance)] == [False], 5)
    phone.ask(f"terminate {call}")
    uas.wait(10)
    expect_equal((uas.succeeded(), uas.failed()), (1, 0), "calls at the carrier")
    phone.quit()
    appliance.wait_idle()
    caller, callee = appliance.cdrs()[-2:]
    expect(caller["hold_ms"] > 0, "no time on hold in the CDR")
    expect_equal([cdr["release_by"] for cdr in (caller, callee)], ["caller", "caller"], "who hung up")


def calls_by_tcp(world, appliance):
    """The same over TCP."""
    calls_and_holds(world, appliance, "tcp")


def is_called(world, appliance):
    """linphone is called and answers; the caller hangs up."""
    phone = Linphone(world, "phones", PHONE, "linphone-called", auto_answer=True)
    uac = Sipp(world, "carrier", "uac.xml", "linphone-caller", address=CARRIER, calls=3, rate=1, limit=1,
               remote=Party("carrier").remote(), rows=[(30000 + 2 * i, "+4930100", 2000) for i in range(3)],
               timeout_s=40)
    uac.wait(40)
    expect_equal((uac.succeeded(), uac.failed()), (3, 0), "calls")
    phone.quit()
    appliance.wait_idle()


if __name__ == "__main__":
    main(__file__, [calls_and_holds, calls_by_tcp, is_called], default_config())
