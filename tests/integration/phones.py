#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls to and from baresip, with tones that must be heard at the other end."""

import time

from call import HEARD_S, TALK_S, TONE_HZ, WAV_BYTES_PER_S, FirstCall, summary
from harness import ADDRESS, Baresip, expect, main, wait_until
from tone import heard_seconds, write_tone


def to_phone(world, appliance):
    """A call to baresip: tones both ways, MOS, record."""
    first_call = FirstCall(world, appliance)
    first_call.start_phones()
    line, is_good = summary(first_call.place())
    expect(is_good, f"not all held: {line}")
    appliance.wait_idle()


def start_phones(world, codecs="PCMU/8000/1", transport="udp"):
    phones = {}
    for side, frequency_hz in TONE_HZ.items():
        wav = world.directory / f"tone-{frequency_hz}.wav"
        write_tone(wav, frequency_hz, 60)
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
    phones = start_phones(world, codecs="G722/16000/1")
    started = phones["carrier"].dial(f"sip:+4930100@{ADDRESS['carrier']['own4']}")
    for phone in phones.values():
        phone.wait_for("CALL_ESTABLISHED", 10, started)
        phone.wait_for("CALL_RTPESTAB", 5, started)
    end(appliance, phones["carrier"])
    last = appliance.cdrs()[-1]
    expect(last["codec"].startswith("G722"), f"codec in the record: {last['codec']}")


def hold_and_resume(world, appliance):
    """baresip holds and resumes: the other end hears nothing, then the tone again."""
    phones = start_phones(world)
    talk(phones, "carrier", "+4930100")
    phones["phones"].command("hold")
    recording = phones["carrier"].recordings()[-1]

    def grows():
        size = recording.stat().st_size
        time.sleep(0.5)
        return phones["carrier"].recordings()[-1].stat().st_size != size
    wait_until("silence at the held end", lambda: not grows(), 10)
    phones["phones"].command("resume")
    wait_until("media after the hold", grows, 10)
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


if __name__ == "__main__":
    main(__file__, [to_phone, from_phone, other_end_hangs_up, wideband, hold_and_resume, by_tcp])
