#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Scanners, guessers and floods with forged senders: they get silence, and nobody else notices."""

import itertools
import json
import re
import socket
import struct
import threading
import time
from pathlib import Path

from harness import ADDRESS, Calls, default_config, expect, expect_equal, main, trunk, wait_until  # first: it knows where the rest is
from netns import socket_in

INSIDE = "192.0.2.66"  # out of the prefix of the trunk "wide"
OUTSIDE = "198.51.100.66"  # nobody's
PROBED = "192.0.2.30"  # the trunk "probed", whose health is asked for by OPTIONS
FLOOD = 60000  # requests of a flood; the control plane refuses some ten thousand calls a second
FLOOD_S = 4
MEMORY_MB = 48  # that a flood may leave behind


def counts(appliance, section):
    return appliance.status()[section]


PROGRAMS = (("svmap",), ("svmap", "-m", "INVITE"), ("svwar", "-e", "100-120"), ("svcrack", "-u", "100", "-r", "1-20"))


def scan(world, side, address):
    """Runs SIPVicious' programs from an address; an error if they find anything."""
    own = ADDRESS[side]["own4"]
    # Not all of them can be told where to send from: the route says it.
    world.ip(side, "route", "replace", f"{own}/32", "dev", "eth0", "src", address)
    try:
        for program, *arguments in PROGRAMS:
            found = world.run_in(side, "timeout", "25", program, "-P", "5099", *arguments, own, check=False)
            expect(not re.search(r"^[|│] *(\d+\.\d+\.\d+\.\d+:|1\d\d )", found, re.M), f"{program} found: {found}")
    finally:
        world.ip(side, "route", "delete", f"{own}/32")


def sipvicious_outside(world, appliance):
    """svmap, svwar and svcrack from a stranger's address find nothing at all."""
    before = counts(appliance, "transport")["strangers"]
    scan(world, "phones", OUTSIDE)
    expect(counts(appliance, "transport")["strangers"] >= before + len(PROGRAMS), "strangers were not counted")


def sipvicious_inside(world, appliance):
    """The same from inside a trunk's prefix: silence and a ban; an established call goes on."""
    calls = Calls(world, "scanned", 3, talk_ms=9000).start()
    calls.wait_up()
    before = counts(appliance, "defence")
    scan(world, "carrier", INSIDE)
    after = counts(appliance, "defence")
    expect_equal(after["scanners"] - before["scanners"], 1, "scanners recognised: from then on it is the ban")
    expect(after["banned_dropped"] >= before["banned_dropped"] + len(PROGRAMS) - 1, "requests dropped for the ban")
    bans = json.loads(appliance.tandemctl("bans", "--json"))
    expect_equal([ban["address"] for ban in bans], [INSIDE], "banned addresses")
    expect("was_banned" in appliance.tandemctl("unban", INSIDE), "unban told nothing")
    expect_equal(json.loads(appliance.tandemctl("bans", "--json")), [], "banned addresses after unban")
    calls.finish()
    calls.check_media()
    calls.close()
    appliance.wait_idle()


def sipvicious_in_a_trunks_name(world, appliance):
    """From the single address of a trunk: silence, but no ban, for datagrams can be forged."""
    before = counts(appliance, "defence")["scanners"]
    scan(world, "carrier", ADDRESS["carrier"]["peer4"])
    expect(counts(appliance, "defence")["scanners"] >= before + len(PROGRAMS), "scanners were not recognised")
    expect_equal(json.loads(appliance.tandemctl("bans", "--json")), [], "banned addresses")
    Calls(world, "after-scan", 2, talk_ms=1500).start().finish().close()
    appliance.wait_idle()


class Probed:
    """Answers OPTIONS as a healthy carrier does."""

    def __init__(self, world):
        self.socket = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((PROBED, 5060))
        self.socket.settimeout(0.2)
        self.answered = 0
        self.is_over = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.is_over:
            try:
                request, source = self.socket.recvfrom(65536)
            except OSError:
                continue
            lines = [line for line in request.decode(errors="replace").split("\r\n")
                     if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
            self.socket.sendto(("SIP/2.0 200 OK\r\n" + "\r\n".join(lines) + "\r\nContent-Length: 0\r\n\r\n").encode(),
                               source)
            self.answered += 1

    def close(self):
        self.is_over = True
        self.thread.join()
        self.socket.close()


def packet(source, target, text):
    """An IPv4 datagram with any sender; the kernel fills in the IP checksum, UDP goes without one."""
    payload = text.encode()
    udp = struct.pack("!HHHH", 5060, 5060, 8 + len(payload), 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0,
                       socket.inet_aton(source), socket.inet_aton(target)) + udp


def request(method, source, number):
    body = ("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
            if method == "INVITE" else "")
    return (f"{method} sip:+4930100@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source}:5060;branch=z9hG4bKf{number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{number}@{source}>;tag=f{number}\r\nTo: <sip:+4930100@192.0.2.1>\r\n"
            f"Call-ID: flood-{number}@{source}\r\nCSeq: 1 {method}\r\nContact: <sip:{source}>\r\n"
            f"{'Content-Type: application/sdp' if body else 'Expires: 300'}\r\nContent-Length: {len(body)}\r\n\r\n{body}")


def flood(world, method, sources, total=FLOOD, seconds=FLOOD_S):
    """Sends a number of requests with forged senders, evenly; returns how many a second it was."""
    target = ADDRESS["carrier"]["own4"]
    packets = [packet(source, target, request(method, source, number))
               for number, source in zip(range(total), itertools.cycle(sources))]
    with socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        begin = time.monotonic()
        for index, bytes_ in enumerate(packets):
            raw.sendto(bytes_, (target, 0))
            if index % 64 == 0 and (ahead := index * seconds / total - (time.monotonic() - begin)) > 0:
                time.sleep(ahead)
        return total / (time.monotonic() - begin)


def link_bytes(world):
    """Bytes that the carrier's link has carried to the appliance, and from it."""
    stats = json.loads(world.ip("carrier", "-json", "-statistics", "link", "show", "eth0"))[0]["stats64"]
    return stats["tx"]["bytes"], stats["rx"]["bytes"]


def resident_mb(appliance):
    pids = [appliance.controlplane.pid]
    pids += [int(pid) for pid in Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().split()]
    return max(int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024 for pid in pids)


WIDE = [f"192.0.2.{number}" for number in range(64, 80)]
STRANGERS = [f"192.0.2.{number}" for number in range(100, 250)]


def states(appliance):
    trunks = json.loads(appliance.tandemctl("trunks", "--json"))
    return {each["name"]: each["state"] for each in (trunks["trunks"] if isinstance(trunks, dict) else trunks)}


def flooded(world, appliance, method, sources, label):
    """A flood while calls are up and a trunk's health is asked for; what it did to them."""
    probed = Probed(world)
    try:
        wait_until("the probed trunk to be up", lambda: states(appliance)["probed"] == "up", 15)
        calls = Calls(world, label, 20, talk_ms=12000).start()
        calls.wait_up()
        before, memory, answered = states(appliance), resident_mb(appliance), probed.answered
        rate = flood(world, method, sources)
        expect_equal(states(appliance), before, "states of the trunks")
        calls.finish()  # every BYE was answered
        calls.close()
        wait_until("the health of the probed trunk to be asked for", lambda: probed.answered > answered + 1, 10)
        expect_equal(states(appliance), before, "states of the trunks afterwards")
        grown = resident_mb(appliance) - memory
        expect(grown < MEMORY_MB, f"{grown} MB more than before")
        print(f"# {FLOOD} {method}s at {rate:.0f}/s, memory {grown:+d} MB", flush=True)
    finally:
        probed.close()


def flood_of_strangers(world, appliance):
    """INVITEs with strangers' forged addresses: no answer, no harm."""
    flooded(world, appliance, "INVITE", STRANGERS, "strangers")


def flood_from_a_prefix(world, appliance):
    """INVITEs with forged addresses of a trunk's prefix: refused, and calls in progress go on."""
    before = counts(appliance, "defence")
    flooded(world, appliance, "INVITE", WIDE, "prefix")
    after = counts(appliance, "defence")
    expect(after["refused_source_rate"] + after["repeats_refused"] > before["refused_source_rate"], "nobody was refused")


def registration_storm(world, appliance):
    """REGISTERs by the ten thousand, from forged addresses of a trunk's prefix."""
    flooded(world, appliance, "REGISTER", WIDE, "storm")


def no_amplification(world, appliance):
    """What comes back of a flood is less than what was sent; strangers get nothing."""
    # Refusals of the floods before are repeated for 32 s, with pauses of 4 s.
    wait_until("the end of all transactions", lambda: appliance.status()["transaction_counts"]["servers"] == 0, 60, 0.5)
    for sources, most in ((STRANGERS, 0.01), (WIDE, 1.0)):
        for method in ("INVITE", "OPTIONS", "REGISTER"):
            sent, received = link_bytes(world)
            flood(world, method, sources, total=4000, seconds=1)
            wait_until("the end of the answers", lambda: quiet(world), 20)
            now_sent, now_received = link_bytes(world)
            ratio = (now_received - received) / (now_sent - sent)
            print(f"# {method} from {sources[0]}...: bytes back per byte sent {ratio:.3f}", flush=True)
            expect(ratio <= most, f"{method}: {ratio:.2f} bytes came back for each byte sent")


def quiet(world):
    before = link_bytes(world)
    time.sleep(1.0)  # a whole second without traffic is the condition
    return link_bytes(world)[1] - before[1] < 2000


def config():
    wanted = default_config()
    wanted["sip"]["defence"] = {"source_requests_per_s": 20, "source_burst": 40}
    wanted["trunks"].append({"name": "wide", "sources": ["192.0.2.64/28"], "target": "sip:192.0.2.66:5060",
                             "media_address": "192.0.2.1", "options_interval_s": 0})
    wanted["trunks"].append({**trunk("probed", PROBED, "192.0.2.1"), "options_interval_s": 1})
    return wanted


if __name__ == "__main__":
    main(__file__, [sipvicious_outside, sipvicious_inside, sipvicious_in_a_trunks_name,
                    flood_of_strangers, flood_from_a_prefix,
                    registration_storm, no_amplification], config())
