#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Session timers with SIPp on both sides, and what an operator sees of such a call: ladder and HEP."""

import json
import socket
import struct
import threading

from harness import ADDRESS, Party, Sipp, default_config, expect, expect_equal, main, wait_until  # first: it knows where the rest is
from netns import socket_in
from peers import SCENARIOS

COLLECTOR = (ADDRESS["carrier"]["peer4"], 9060)
CAPTURE_ID = 4711
NUMBER = "+4930177"
CALL = {"packets": []}  # what the first case leaves to the others


def chunks(packet):
    """type -> value of a HEP version 3 packet; lengths must add up."""
    expect(packet[:4] == b"HEP3" and struct.unpack(">H", packet[4:6])[0] == len(packet), "no HEP3 packet")
    found, at = {}, 6
    while at < len(packet):
        vendor, kind, length = struct.unpack(">HHH", packet[at:at + 6])
        expect(vendor == 0 and length >= 6 and at + length <= len(packet), "a chunk is malformed")
        found[kind] = packet[at + 6:at + length]
        at += length
    return found


def call_id(text):
    """The SIP Call-ID of a message."""
    return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.lower().startswith("call-id:"))


def collect(world):
    """Keeps every packet that comes to the collector's port."""
    collector = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_DGRAM)
    collector.bind(COLLECTOR)
    collector.settimeout(0.2)
    ended = threading.Event()

    def run():
        while not ended.is_set():
            try:
                CALL["packets"].append(collector.recv(65535))
            except TimeoutError:
                continue

    thread = threading.Thread(target=run)
    thread.start()
    return lambda: (ended.set(), thread.join(), collector.close())


def session_timers(world, appliance):
    """422 both ways, a refresh of ours by UPDATE, and BYE when the caller sends none."""
    before = appliance.status()["signalling"]
    end = collect(world)
    callee, caller = Party("phones"), Party("carrier")
    uas = Sipp(world, "phones", "uas_timer.xml", "timer-callee", address=callee.address, calls=1,
               timeout_s=100, rows=[(30000,)])
    uas.wait_bound()
    uac = Sipp(world, "carrier", "uac_timer.xml", "timer-caller", address=caller.address, remote=caller.remote(),
               calls=1, rate=1, timeout_s=100, rows=[(30000, NUMBER)])
    uac.wait(90)
    uas.wait(10)
    for sipp in (uac, uas):
        expect_equal((sipp.succeeded(), sipp.failed()), (1, 0), f"{sipp.label}: calls (good, failed)")
    appliance.wait_idle()
    end()
    after = appliance.status()["signalling"]
    for name, count in (("session_refreshes", 1), ("session_too_small", 1), ("sessions_expired", 1), ("sessions_lost", 0)):
        expect_equal(after[name] - before[name], count, name)
    cdrs = [cdr for cdr in appliance.cdrs() if cdr["callee"]["user"] == NUMBER]
    expect_equal([cdr["release_detail"] for cdr in cdrs], ["session_timer"] * 2, "release details")
    CALL["id"] = cdrs[0]["call_id"]
    events = [event.get("event") for event in appliance.records("events") if event.get("call_id") == CALL["id"]]
    expect("session_expired" in events, f"no event session_expired in {events}")


def ladder(world, appliance):
    """The call is found by its id and its number when it is over, as a ladder and as JSON."""
    del world
    drawn = appliance.tandemctl("call", "trace", CALL["id"])
    for word in (ADDRESS["carrier"]["peer4"], ADDRESS["phones"]["peer4"], "INVITE (sdp)", "422 Session", "UPDATE", "BYE"):
        expect(word in drawn, f"no {word!r} in the ladder:\n{drawn}")
    expect_equal(appliance.tandemctl("call", "trace", NUMBER), drawn, "the ladder by number")
    full = appliance.tandemctl("call", "trace", CALL["id"], "--full")
    expect("Session-Expires: 92;refresher=uac" in full, "the messages aren't there in full")
    told = json.loads(appliance.tandemctl("call", "trace", CALL["id"], "--json"))
    first = told["messages"][0]
    expect_equal((first["direction"], first["transport"]), ("in", "UDP"), "the first message")
    expect(first["text"].startswith("INVITE "), "it isn't the INVITE")


def hep(world, appliance):
    """Each message of it reached the collector, with addresses, time and the call's id."""
    del world
    wanted = json.loads(appliance.tandemctl("call", "trace", CALL["id"], "--json"))["messages"]
    correlation = CALL["id"].rsplit("-", 1)[-1].encode()
    ids = {call_id(message["text"]) for message in wanted}
    exported = [packet for packet in map(chunks, CALL["packets"]) if call_id(packet[15].decode()) in ids]
    expect_equal(len(exported), len(wanted), "packets of the call")
    # The INVITE that got 422, that answer and its ACK went out before there was a call.
    expect({packet.get(0x11) for packet in exported[4:]} == {correlation}, "the correlation id isn't the call's")
    for packet, message in zip(exported, wanted):
        ends = [f"{socket.inet_ntoa(packet[address])}:{struct.unpack('>H', packet[port])[0]}"
                for address, port in ((3, 7), (4, 8))]
        told = [message["remote"], message["local"]] if message["direction"] == "in" else [
            message["local"], message["remote"]]
        expect_equal(ends, told, "addresses")
        seconds, us = struct.unpack(">I", packet[9])[0], struct.unpack(">I", packet[10])[0]
        expect_equal(seconds * 1000000 + us, message["time_us"], "time")
        expect_equal(packet[15].decode(), message["text"], "message")
        expect_equal((packet[1], packet[2], packet[11], struct.unpack(">I", packet[12])[0]),
                     (b"\x02", b"\x11", b"\x01", CAPTURE_ID), "family, protocol, type, capture id")
    counters = appliance.status()["trace"]["hep"]
    expect(counters["sent"] >= len(CALL["packets"]) > 0, f"counted {counters}, received {len(CALL['packets'])}")


def quick_calls(appliance, world, label):
    """Three calls without media."""
    caller, callee = Party("carrier"), Party("phones")
    uas = Sipp(world, "phones", "uas_quick.xml", f"{label}-callee", address=callee.address, calls=3, timeout_s=40)
    uas.wait_bound()
    uac = Sipp(world, "carrier", "uac_quick.xml", f"{label}-caller", address=caller.address, remote=caller.remote(),
               calls=3, rate=3, timeout_s=40, rows=[("+4930178",)])
    uac.wait(40)
    uas.wait(10)
    expect_equal((uac.succeeded(), uac.failed()), (3, 0), "calls (good, failed)")
    appliance.wait_idle()


def kamailio_collects(world, appliance):
    """Kamailio's collector finds the messages of both sides in what it gets."""
    directory = world.directory / "collector"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "version").write_text("table_name(string) table_version(int)\nsip_capture:4\n")
    (directory / "sip_capture").write_text("id(int,auto)\n")
    template = (SCENARIOS / "kamailio_hep.cfg").read_text()
    config_path = directory / "kamailio.cfg"
    config_path.write_text(template.replace("@ADDRESS@", "{}:{}".format(*COLLECTOR)).replace("@DIRECTORY@", str(directory)))
    world.spawn("carrier", "collector", ["kamailio", "-f", config_path, "-DD", "-E", "-m", "32", "-M", "4", "-n", "1",
                                         "-Y", directory, "-P", directory / "kamailio.pid"])
    wait_until("kamailio to listen", lambda: f":{COLLECTOR[1]:04X} " in world.run_in(
        "carrier", "cat", "/proc/net/udp"), 15)
    quick_calls(appliance, world, "collected")
    own = {side: f"{ADDRESS[side]['own4']}:5060" for side in ("carrier", "phones")}
    peers = {side: f"{ADDRESS[side]['peer4']}:5060" for side in ("carrier", "phones")}

    def captured():
        return [line.split("CAPTURED ", 1)[1].split() for line in
                (world.directory / "collector.log").read_text(errors="replace").splitlines() if "CAPTURED " in line]

    for what, source in (("INVITE", peers["carrier"]), ("INVITE", own["phones"]), ("200", peers["phones"]),
                         ("BYE", own["phones"])):
        wait_until(f"three {what} from {source}", lambda what=what, source=source: len(
            {line[1] for line in captured() if line[0] == what and line[3] == source}) == 3, 5)


def collector_gone(world, appliance):
    """A collector that nobody listens at costs no call, only a counter."""
    def counted():
        counters = appliance.status()["trace"]["hep"]
        return counters["dropped_error"] + counters["sent"]

    before = counted()
    quick_calls(appliance, world, "gone")
    wait_until("each message to be counted", lambda: counted() >= before + 3 * 10, 5)


def config():
    result = default_config()
    result["sip"].update({"session_expires_s": 90, "min_se_s": 90})
    result["media"]["timeout_s"] = 0  # nobody sends media here
    result["trace"] = {"memory_mb": 8, "hep": {"collector": f"udp:{COLLECTOR[0]}:{COLLECTOR[1]}",
                                               "capture_id": CAPTURE_ID}}
    for trunk in result["trunks"]:
        if trunk["name"] == "phones":
            trunk["session_timer"] = "request"
    return result


if __name__ == "__main__":
    main(__file__, [session_timers, ladder, hep, kamailio_collects, collector_gone], config())
