#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transfers as far as they go, and subscriptions to the states of calls, with SIPp and baresip."""

import json
import subprocess
import time

from harness import ADDRESS, Baresip, Party, Sipp, default_config, expect, expect_equal, main, trunk, wait_until
from programs import find_program
from tone import write_tone

STRANGER, WATCHER_PORT = "192.0.2.20", 5070
WATCHED = "+493011"  # who calls in uac_quick.xml
ELSEWHERE = "+4930299"


def start_phones(world):
    phones = {}
    for side in ("carrier", "phones"):
        tone = world.directory / "tone-440.wav"
        write_tone(tone, 440, 60)
        phones[side] = Baresip(world, side, ADDRESS[side]["peer4"], tone)
    return phones


def call_up(phones):
    """A call from the carrier to the phone; when it began."""
    started = phones["carrier"].dial(f"sip:+4930100@{ADDRESS['carrier']['own4']}")
    for phone in phones.values():
        phone.wait_for("CALL_ESTABLISHED", 10, started)
    return started


def transfers(appliance, known):
    """What the events since then tell of transfers: kind and outcome."""
    found = [event for event in appliance.records("events")[known:] if event.get("event", "").startswith("transfer_")]
    return [(event["event"], event.get("transfer", {}).get("outcome")) for event in found]


def refer(appliance, leg, target, *arguments):
    """Orders a transfer; its outcome, or why there is none."""
    call = wait_until("a call that is answered", lambda: next(
        (call for call in appliance.calls() if call["state"] == "talking"), None), 5)
    done = subprocess.run(
        [find_program("tandemctl"), "--socket", appliance.control_socket, "call", "refer", call["call_id"], leg, target,
         "--json", *arguments], capture_output=True, text=True, timeout=60, check=False)  # 1: not confirmed
    return json.loads(done.stdout) if done.stdout else done.stderr


def sipp(world, side, scenario, label, address=None, remote=None, **more):
    party = Party(side, address) if address else Party(side)
    return Sipp(world, side, scenario, label, address=party.address, calls=1, timeout_s=25,
                remote=remote, **more)


def expect_done(*programs):
    for program in programs:
        program.wait(25)
        expect_equal((program.succeeded(), program.failed()), (1, 0), f"scenario of {program.label}")


def refer_by_sipp(world, appliance, label, number, scenario, address=None):
    callee = sipp(world, "phones", "uas.xml", f"{label}-callee", rows=[(30000, 100)])
    callee.wait_bound()
    caller = sipp(world, "carrier", scenario, f"{label}-caller", address, Party("carrier").remote(), rate=1, rows=[(number,)])
    expect_done(caller, callee)
    appliance.wait_idle()


def refer_from_peer(world, appliance):
    """A peer's REFER is taken, told of by NOTIFY, and declined; the call goes on."""
    known = len(appliance.records("events"))
    refer_by_sipp(world, appliance, "refer", "+4930100", "uac_refer.xml")
    wait_until("both events", lambda: len(transfers(appliance, known)) == 2, 5)
    expect_equal(transfers(appliance, known)[0][0], "transfer_requested", "first event")
    expect_equal(transfers(appliance, known)[1][0], "transfer_ended", "second event")


def refer_from_stranger(world, appliance):
    """A trunk that may not transfer gets 603 with a reason, and is told of as an event."""
    known = len(appliance.records("events"))
    refer_by_sipp(world, appliance, "declined", "+4930100", "uac_refer_declined.xml", STRANGER)
    wait_until("an event", lambda: transfers(appliance, known), 5)


def refer_from_baresip(world, appliance):
    """baresip's own transfer command: it is told that it failed (and hangs up, as it does then)."""
    phones = start_phones(world)
    started = call_up(phones)
    known = len(appliance.records("events"))
    phones["phones"].command("transfer", f"sip:{ELSEWHERE}@{ADDRESS['phones']['own4']}")
    phones["phones"].wait_for("TRANSFER_FAILED", 10, started)
    wait_until("both events", lambda: len(transfers(appliance, known)) == 2, 5)
    appliance.wait_idle()
    expect_equal(appliance.cdrs()[-1]["release_by"], "callee", "who hung up")


def refer_to_baresip(world, appliance):
    """baresip is asked to call somebody else: it does, and its old call ends."""
    phones = start_phones(world)
    started = call_up(phones)
    status = refer(appliance, "callee", f"sip:+4930200@{ADDRESS['phones']['own4']}")
    expect_equal((status["outcome"], status["sip_code"]), ("confirmed", 200), "what came of it")
    wait_until("the old call to end", lambda: len(appliance.calls()) == 1, 5)
    expect_equal(appliance.calls()[0]["caller"], "+4930100", "who calls now")
    expect(phones["phones"].seen("CALL_TRANSFER", started) or phones["phones"].seen("TRANSFER", started),
           f"baresip took a REFER: {[event.get('type') for event in phones['phones'].events]}")
    phones["phones"].hang_up()
    phones["carrier"].hang_up()
    appliance.wait_idle()


def refer_to_baresip_fails(world, appliance):
    """baresip is asked to call a number that there isn't: we learn that it failed, the call stays."""
    phones = start_phones(world)
    call_up(phones)
    status = refer(appliance, "callee", f"sip:+1555@{ADDRESS['phones']['own4']}")
    expect_equal(status["outcome"], "failed", "what came of it")
    expect(status["sip_code"] >= 400, f"status: {status}")
    expect_equal(len(appliance.calls()), 1, "calls that stay")
    phones["carrier"].hang_up()
    appliance.wait_idle()


def refer_to_sipp(world, appliance, scenario, label):
    callee = sipp(world, "phones", scenario, f"{label}-callee")
    callee.wait_bound()
    caller = sipp(world, "carrier", "uac_wait.xml", f"{label}-caller", None, Party("carrier").remote(), rate=1,
                  rows=[(30000, "+4930100", 3000)])
    return callee, caller


def refer_to_peer(world, appliance):
    """REFER to SIPp: Refer-To and Referred-By are there, 202 and NOTIFY are followed, BYE comes."""
    callee, caller = refer_to_sipp(world, appliance, "uas_refer.xml", "refer-to")
    status = refer(appliance, "callee", ELSEWHERE)
    expect_equal((status["outcome"], status["sip_code"]), ("confirmed", 200), "what came of it")
    expect_done(callee, caller)
    appliance.wait_idle()


def refer_not_allowed(world, appliance):
    """A peer whose Allow doesn't name REFER isn't asked; the operator learns why."""
    callee, caller = refer_to_sipp(world, appliance, "uas_no_refer.xml", "no-refer")
    status = refer(appliance, "callee", ELSEWHERE)
    expect("REFER" in status, f"the reason: {status}")
    expect_equal(len(appliance.calls()), 1, "calls that stay")
    caller.process.terminate()
    appliance.start_afresh()


def watch(world, appliance):
    """SUBSCRIBE to a number's calls: full, then partial NOTIFYs, then the end."""
    callee = sipp(world, "phones", "uas.xml", "watched-callee", rows=[(30000, 300)])
    callee.wait_bound()
    watcher = sipp(world, "carrier", "uac_subscribe.xml", "watcher", STRANGER, Party("carrier").remote(), port=WATCHER_PORT,
                   rate=1, rows=[(WATCHED,)])
    wait_until("the subscription", lambda: appliance.status()["subscriptions"] == 1, 10)
    time.sleep(1.2)
    caller = sipp(world, "carrier", "uac_quick.xml", "watched-caller", STRANGER, Party("carrier").remote(), rate=1,
                  rows=[("+4930100",)])
    expect_done(caller, callee, watcher)
    appliance.wait_idle()


def watch_what_there_is_not(world, appliance):
    """SUBSCRIBE to another event package: 489, and Allow-Events says what there is."""
    watcher = sipp(world, "carrier", "uac_subscribe_refused.xml", "mistaken", STRANGER, Party("carrier").remote(), port=WATCHER_PORT,
                   rate=1, rows=[(WATCHED,)])
    expect_done(watcher)
    appliance.wait_idle()


def subscription_survives(world, appliance):
    """kill -9 with a subscription: it goes on, and its watcher notices nothing."""
    callee = sipp(world, "phones", "uas.xml", "survivor-callee", rows=[(30000, 300)])
    callee.wait_bound()
    watcher = sipp(world, "carrier", "uac_subscribe_survivor.xml", "survivor", STRANGER, Party("carrier").remote(), port=WATCHER_PORT,
                   rate=1, rows=[(WATCHED,)])
    wait_until("the subscription", lambda: appliance.status()["subscriptions"] == 1, 10)
    time.sleep(0.5)
    appliance.kill_controlplane()
    appliance.start_controlplane()
    expect_equal(appliance.status()["subscriptions"], 1, "subscriptions after the restart")
    wait_until("the full state to be told again", lambda: appliance.status()["signalling"]["notifies_sent"] >= 1, 15)
    time.sleep(1.2)
    caller = sipp(world, "carrier", "uac_quick.xml", "survivor-caller", STRANGER, Party("carrier").remote(), rate=1,
                  rows=[("+4930100",)])
    expect_done(caller, callee, watcher)
    appliance.wait_idle()


def config():
    wanted = default_config()
    for known in wanted["trunks"]:
        known["refer"] = "accept"
    wanted["trunks"] += [
        trunk("stranger", STRANGER, ADDRESS["carrier"]["own4"], events=["dialog"]),
    ]
    wanted["routes"].append({"from": "stranger", "pattern": "+49301*", "to": ["phones"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [refer_from_peer, refer_from_stranger, refer_from_baresip, refer_to_baresip, refer_to_baresip_fails,
                    refer_to_peer, refer_not_allowed, watch, watch_what_there_is_not, subscription_survives], config())
