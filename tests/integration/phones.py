#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls to and from baresip, with tones that must be heard at the other end."""

import time

from harness import ADDRESS, Baresip, default_config, expect, main, trunk, wait_until  # first: it knows where the rest is
from call import HEARD_S, TALK_S, TONE_HZ, WAV_BYTES_PER_S, FirstCall, summary
from tone import heard_seconds, write_tone

CHALLENGED = "192.0.2.20"
USER, SECRET = "carrier-user", "carrier-secret"


def to_phone(world, appliance):
    """A call to baresip: tones both ways, MOS, record."""
    first_call = FirstCall(world, appliance)
    first_call.start_phones()
    line, is_good = summary(first_call.place())
    expect(is_good, f"not all held: {line}")
    appliance.wait_idle()


def start_phones(world, codecs="PCMU/8000/1", transport="udp", rate_hz=8000):
    phones = {}
    for side, frequency_hz in TONE_HZ.items():
        wav = world.directory / f"tone-{frequency_hz}-{rate_hz}.wav"
        write_tone(wav, frequency_hz, 60, rate_hz)
        phones[side] = Baresip(world, side, ADDRESS[side]["peer4"], wav, codecs=codecs, transport=transport)
    return phones


def talk(phones, caller, number):
    """A call in which both must hear the other's tone; still up on return."""
    callee = "carrier" if caller == "phones" else "phones"
    started = phones[caller].dial(f"sip:{number}@{ADDRESS[caller]['own4']}")
    for side in (caller, callee):
        phones[side].wait_for("CALL_ESTABLISHED", 10, started)
    wait_until("both to have heard enough", lambda: all(
        phone.recordings() and phone.recordings()[-1].stat().st_size > TALK_S * WAV_BYTES_PER_S
        for phone in phones.values()), TALK_S + 6)
    for side, other in ((caller, callee), (callee, caller)):
        heard = heard_seconds(phones[side].recordings()[-1], TONE_HZ[other])
        expect(heard >= HEARD_S, f"{side} heard the tone of {other} for {heard} s only")
    return started


def end(appliance, phone):
    phone.hang_up()
    appliance.wait_idle()


def from_phone(world, appliance):
    """A call from baresip to the carrier."""
    phones = start_phones(world)
    talk(phones, "phones", "+4930200")
    end(appliance, phones["phones"])


def other_end_hangs_up(world, appliance):
    """The called phone hangs up; the caller is told."""
    phones = start_phones(world)
    started = talk(phones, "carrier", "+4930100")
    phones["phones"].hang_up()
    phones["carrier"].wait_for("CALL_CLOSED", 5, started)
    appliance.wait_idle()


def wideband(world, appliance):
    """G.722 is negotiated end to end and relayed."""
    phones = start_phones(world, codecs="G722/16000/1", rate_hz=16000)
    started = phones["carrier"].dial(f"sip:+4930100@{ADDRESS['carrier']['own4']}")
    for phone in phones.values():
        phone.wait_for("CALL_ESTABLISHED", 10, started)
        phone.wait_for("CALL_RTPESTAB", 5, started)
    end(appliance, phones["carrier"])
    last = appliance.cdrs()[-1]
    expect(last["codec"].startswith("G722"), f"codec in the record: {last['codec']}")


def relayed_in_half_a_second(appliance):
    before = appliance.counters()["rtp_relayed"]
    time.sleep(0.5)
    return appliance.counters()["rtp_relayed"] - before


def hold_and_resume(world, appliance):
    """baresip holds and resumes: the other end hears nothing, then the tone again."""
    phones = start_phones(world)
    talk(phones, "carrier", "+4930100")
    phones["phones"].command("hold")
    # baresip records nothing after a hold, so the packets tell.
    wait_until("silence during the hold", lambda: relayed_in_half_a_second(appliance) == 0, 10)
    phones["phones"].command("resume")
    wait_until("media both ways after the hold", lambda: relayed_in_half_a_second(appliance) >= 40, 10)
    end(appliance, phones["carrier"])
    kinds = {event.get("event") for event in appliance.records("events")}
    expect({"held", "resumed"} <= kinds, f"events of the hold are missing: {sorted(kinds, key=str)}")


def by_tcp(world, appliance):
    """A phone that dials by TCP."""
    phones = start_phones(world)
    started = phones["phones"].dial(f"sip:+4930200@{ADDRESS['phones']['own4']};transport=tcp")
    for phone in phones.values():
        phone.wait_for("CALL_ESTABLISHED", 10, started)
    end(appliance, phones["phones"])


def challenged(world, appliance):
    """A trunk that we challenge: the right password gets a call, the wrong one gets none."""
    tone = world.directory / "tone-440.wav"
    write_tone(tone, 440, 60)
    callee = Baresip(world, "phones", ADDRESS["phones"]["peer4"], tone)
    for label, password, outcome in (("right", SECRET, "CALL_ESTABLISHED"), ("wrong", "guess", "CALL_CLOSED")):
        caller = Baresip(world, "carrier", CHALLENGED, tone, label=f"baresip-{label}", credentials=(USER, password))
        started = caller.dial(f"sip:+4930100@{ADDRESS['carrier']['own4']}")
        caller.wait_for(outcome, 10, started)
        expect((callee.seen("CALL_ESTABLISHED", started) is not None) == (label == "right"),
               f"the callee's end with the {label} password")
        caller.hang_up()
        caller.quit()
        appliance.wait_idle()


def config():
    wanted = default_config()
    wanted["trunks"].append(trunk("challenged", CHALLENGED, ADDRESS["carrier"]["own4"],
                                  inbound_auth={"username": USER, "password": SECRET, "algorithm": "md5"}))
    wanted["routes"].append({"from": "challenged", "pattern": "+49301*", "to": ["phones"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [to_phone, from_phone, other_end_hangs_up, wideband, hold_and_resume, by_tcp, challenged], config())
