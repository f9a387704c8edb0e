# SPDX-License-Identifier: Apache-2.0
"""The first call: a carrier's phone calls one of ours, each plays a tone, each must hear the
other's. What is told of it comes from the appliance's own record (CDR) and from the recordings."""

from peers import NUMBER_OF, Baresip
from tone import heard_seconds, write_tone
from world import ADDRESS, WorldError, wait_until

TONE_HZ = {"carrier": 440, "phones": 620}
TALK_S = 4  # enough for an RTCP report each way and a steady MOS
HEARD_S = 2.5  # of that, the tone must be heard undisturbed
TONE_FILE_S = 60
GOOD_MOS = 4.0  # G.711 without loss is 4.4 on the E-model's scale
WAV_BYTES_PER_S = 16000


class FirstCall:
    """Two phones that stay ready, and what became of the last call between them."""

    def __init__(self, world, appliance):
        self.world, self.appliance = world, appliance
        self.phones = {}

    def start_phones(self):
        for side, frequency_hz in TONE_HZ.items():
            wav = self.world.directory / f"tone-{frequency_hz}.wav"
            if not wav.exists():
                write_tone(wav, frequency_hz, TONE_FILE_S)
            self.phones[side] = Baresip(self.world, side, ADDRESS[side]["peer4"], wav)

    def place(self, number=NUMBER_OF["phones"]):
        """Calls, talks, hangs up; returns the facts as a dictionary."""
        caller, callee = self.phones["carrier"], self.phones["phones"]
        known = {record_id(cdr) for cdr in self.appliance.cdrs()}
        heard_before = {side: len(phone.recordings()) for side, phone in self.phones.items()}
        before = self.appliance.counters()
        dialled = caller.dial(f"sip:{number}@{ADDRESS['carrier']['own4']}")
        facts = {"answered": self._wait_answer(caller, callee, dialled)}
        if facts["answered"]:
            wait_until("both ends to have heard enough", lambda: all(
                self._recorded_s(side, heard_before[side]) >= TALK_S for side in TONE_HZ), TALK_S + 6)
        caller.hang_up()
        facts["cdrs"] = wait_until("the CDRs of the call", lambda: self._new_cdrs(known), 10, 0.2)
        after = self.appliance.counters()
        facts["relayed"] = after["rtp_relayed"] - before["rtp_relayed"]
        facts["heard_s"] = {side: self._heard(side, heard_before[side]) for side in TONE_HZ}
        return facts

    @staticmethod
    def _wait_answer(caller, callee, since):
        try:
            for phone in (caller, callee):
                phone.wait_for("CALL_ESTABLISHED", 10, since)
        except WorldError:
            return False
        return True

    def _recording(self, side, count_before):
        recordings = self.phones[side].recordings()
        return recordings[-1] if len(recordings) > count_before else None

    def _recorded_s(self, side, count_before):
        recording = self._recording(side, count_before)
        return recording.stat().st_size / WAV_BYTES_PER_S if recording else 0

    def _heard(self, side, count_before):
        """How long a side heard the other side's tone."""
        other = "phones" if side == "carrier" else "carrier"
        recording = self._recording(side, count_before)
        return heard_seconds(recording, TONE_HZ[other]) if recording else 0

    def _new_cdrs(self, known):
        """Both legs' records, the caller's first."""
        new = [cdr for cdr in self.appliance.cdrs() if record_id(cdr) not in known]
        return sorted(new, key=lambda cdr: cdr["leg_seq"]) if len(new) >= 2 else None


def record_id(cdr):
    return cdr["event_id"]


def received(cdr):
    """What arrived from that leg's far end: packets, lost, MOS."""
    return (cdr.get("media") or {}).get("rx") or {}


def summary(facts):
    """The JSON line of `up --once`, and whether all of it held."""
    caller_leg, callee_leg = facts["cdrs"][:2]
    line = {
        "answered": facts["answered"],
        # a is the carrier's end, b the phone's: its tone was heard at the other end.
        "tone_a_heard": facts["heard_s"]["phones"] >= HEARD_S,
        "tone_b_heard": facts["heard_s"]["carrier"] >= HEARD_S,
        "pdd_ms": caller_leg["pdd_ms"],
        "mos_a": received(caller_leg).get("mos_lq"),
        "mos_b": received(callee_leg).get("mos_lq"),
        "cdr_id": record_id(caller_leg),
    }
    is_good = (line["answered"] and line["tone_a_heard"] and line["tone_b_heard"]
               and line["pdd_ms"] is not None
               and all((line[end] or 0) >= GOOD_MOS for end in ("mos_a", "mos_b")))
    return line, is_good


def story(facts):
    """The same for people."""
    caller_leg, callee_leg = facts["cdrs"][:2]
    answered = "" if facts["answered"] else "  NOT ANSWERED"
    lines = [f"call {caller_leg['call_id']}: {caller_leg['caller']['user']} -> {caller_leg['callee']['user']}{answered}",
             f"  set-up      {caller_leg['pdd_ms']} ms to ringing, {caller_leg['setup_ms']} ms to the answer",
             f"  codec       {caller_leg['codec']} | {callee_leg['codec']}",
             f"  relayed     {facts['relayed']} RTP packets by the dataplane"]
    for name, cdr, listener in (("carrier", caller_leg, "phones"), ("phone", callee_leg, "carrier")):
        stream = received(cdr)
        lines.append(f"  from {name:<7} {stream.get('packets')} packets, {stream.get('lost')} lost, "
                     f"MOS {stream.get('mos_lq')}; its tone was heard for {facts['heard_s'][listener]:.1f} s")
    lines.append(f"  ended       by the {caller_leg['release_by']} ({caller_leg['disposition']}), "
                 f"talked {caller_leg['talk_ms'] / 1000:.1f} s; record {record_id(caller_leg)}")
    return "\n".join(lines)
