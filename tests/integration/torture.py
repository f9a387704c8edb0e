#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The messages of RFC 4475 and RFC 5118 on the wire, by UDP and by TCP: each gets the verdict that
the table below gives, and the appliance answers as before after each."""

import re
import socket
from pathlib import Path

from harness import ADDRESS, default_config, expect, main, trunk  # first: it knows where the rest is
from netns import socket_in

CORPUS = Path(__file__).resolve().parents[1] / "fuzz" / "corpus" / "sip"
# Inside the appliance: net_af_packet, unlike a NIC, joins fragments and cuts what is then longer
# than its frames, and longreq comes in fragments.
OWN = ("127.0.0.1", 5060)
PEER = "127.0.0.2"
PATIENCE_S = 2.0
# Name: what it gets by UDP, by TCP, what becomes of the connection, and the reason wherever that is
# not plainly the RFC's verdict. An INVITE of the carrier's that is understood gets 404: no route
# leads to its number; a REGISTER 405: this trunk has no registrar.
VERDICTS = {
    "wsinv": ([481], [481], "open", "its To has a tag of no dialog here"),
    "intmeth": ([501], [501], "open", ""),
    "esc01": ([404], [404], "open", ""),
    "escnull": ([405], [405], "open", ""),
    "esc02": ([501], [501], "open", ""),
    "lwsdisp": ([200], [200], "open", ""),
    "longreq": ([404], [404], "open", ""),
    "dblreq": ([405], [], "closed", "a datagram holds one message"),
    "semiuri": ([200], [200], "open", ""),
    "transports": ([200], [200], "open", ""),
    "mpart01": ([405], [405], "open", "MESSAGE outside a dialog is none of ours"),
    "unreason": ([], [], "open", ""),
    "noreason": ([], [], "open", ""),
    "badinv01": ([], [], "open",
        "3.1.2.1 says 400; but the Via that a response must repeat is what is broken, so none could "
        "be matched"),
    "clerr": ([400], [], "waits", "TCP: the rest may still come; it is bounded by time"),
    "ncl": ([400], [], "closed", "TCP: no end"),
    "scalar02": ([400], [400], "open", ""),
    "scalarlg": ([], [], "open", ""),
    "quotbal": ([400], [400], "open", ""),
    "ltgtruri": ([400], [400], "open", ""),
    "lwsruri": ([400], [400], "open", ""),
    "lwsstart": ([400], [400], "open", ""),
    "trws": ([400], [400], "open", "3.1.2.9 leaves the choice"),
    "escruri": ([400], [400], "open", ""),
    "baddate": ([404], [404], "open", "no part of Tandem reads Date: ignored, as 3.1.2.12 allows"),
    "regbadct": ([400], [400], "open", ""),
    "badaspec": ([400], [400], "open", ""),
    "baddn": ([400], [], "closed", "TCP: no Content-Length, no end"),
    "badvers": ([505], [505], "open", ""),
    "mismatch01": ([400], [400], "open", ""),
    "mismatch02": ([400], [400], "open", ""),
    "bigcode": ([], [], "open", ""),
    "badbranch": ([200], [200], "open", "an empty branch is matched as RFC 2543 did"),
    "insuf": ([], [], "open", "3.3.1 wishes for 400; without From no response can be built (RFC 3261 8.2.6.2)"),
    "unkscm": ([416], [416], "open", ""),
    "novelsc": ([416], [416], "open", ""),
    "unksm2": ([405], [405], "open", ""),
    "bext01": ([420], [420], "open", ""),
    "invut": ([415], [415], "open", ""),
    "regaut01": ([405], [405], "open", ""),
    "multi01": ([400], [400], "open", ""),
    "mcl01": ([400], [], "closed", "TCP: two ends"),
    "bcast": ([], [], "open", ""),
    "zeromf": ([200], [200], "open", "we are its destination: no hop is needed"),
    "cparam01": ([405], [405], "open", ""),
    "cparam02": ([405], [405], "open", ""),
    "regescrt": ([405], [405], "open", ""),
    "sdp01": ([404], [404], "open", ""),
    "inv2543": ([400], [], "closed",
        "3.4 wants it taken; without a Contact we could never hang up that dialog (RFC 3261 "
        "8.1.1.8), and TCP has no end of it without Content-Length"),
    "rfc5118_ipv6_good": ([405], [405], "open", ""),
    "rfc5118_ipv6_bad": ([400], [400], "open", ""),
    "rfc5118_port_ambiguous": ([405], [405], "open", ""),
    "rfc5118_port_unambiguous": ([405], [405], "open", ""),
    "rfc5118_via_received_param_with_delim": ([481], [481], "open", ""),
    "rfc5118_via_received_param_no_delim": ([200], [200], "open", ""),
    "rfc5118_ipv6_in_sdp": ([404], [404], "open", ""),
    "rfc5118_mult_ip_in_header": ([481], [481], "open", ""),
    "rfc5118_mult_ip_in_sdp": ([404], [404], "open", ""),
    "rfc5118_ipv4_mapped_ipv6": ([404], [404], "open", ""),
    "rfc5118_ipv6_bug_abnf_3_colons": ([400], [400], "open",
        "RFC 5118 4.10: an error in the old grammar; refused, for no two parsers read it alike"),
    "rfc5118_ipv6_correct_abnf_2_colons": ([200], [200], "open", ""),
}
SENT_BY_PORT = re.compile(rb"^(?:via|v)\s*:\s*SIP\s*/\s*2.0\s*/\s*\w+\s+(?:\[[^\]]*\]|[\w.-]+):(\d+)", re.IGNORECASE | re.MULTILINE)


def message(name, transport):
    """A message with a branch and a Call-ID of its own: it is sent twice, and the RFC uses some
    branches twice."""
    text = (CORPUS / f"{name}.sip").read_bytes()
    own = f"{transport}-{name}-".replace("_", "-").encode()
    text = re.sub(rb"(branch\s*=\s*z9hG4bK)(?=[^\s;,])", rb"\g<1>" + own, text, count=1)
    return re.sub(rb"(?im)^((?:call-id|i)\s*:\s*)", rb"\g<1>" + own, text, count=1)


def statuses(text):
    """Status codes of the responses in some bytes, 100 left out."""
    found = {int(status) for status in re.findall(rb"^SIP/2\.0 (\d{3}) ", text, re.MULTILINE)}
    return sorted(found - {100})


def options(mark, port=5060):
    return (f"OPTIONS sip:{OWN[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {PEER}:{port};branch=z9hG4bK-after-{mark}\r\n"
            f"From: <sip:x@{PEER}>;tag=1\r\nTo: <sip:{OWN[0]}>\r\nCall-ID: after-{mark}\r\n"
            "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n").encode()


def by_udp(world, name):
    """What a message gets by UDP. An OPTIONS behind it shows that nothing more will come: one
    thread answers in order."""
    text = message(name, "udp")
    sent_by = SENT_BY_PORT.search(text)
    port = int(sent_by.group(1)) if sent_by else 5060  # where the answer goes (RFC 3261 18.2.2)
    received = []
    with socket_in(world.namespace("appliance"), socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((PEER, port))
        probe.settimeout(PATIENCE_S)
        probe.sendto(text, OWN)
        probe.sendto(options(name, port), OWN)
        try:
            while not any(b"after-" + name.encode() in answer for answer in received):
                received.append(probe.recv(65536))
        except TimeoutError:
            expect(False, f"{name}: no answer to OPTIONS afterwards")
    return statuses(b"\r\n".join(received[:-1]))


def by_tcp(world, name):
    """What a message gets on a connection of its own, and what becomes of that: "open" if an
    OPTIONS behind it is answered, "closed", or "waits" if it was taken for the message's body."""
    received = b""
    mark = f"tcp-{name}"
    with socket_in(world.namespace("appliance"), socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((PEER, 0))
        probe.settimeout(PATIENCE_S)
        probe.connect(OWN)
        try:
            probe.sendall(message(name, "tcp") + options(mark))
            while b"after-" + mark.encode() not in received:
                chunk = probe.recv(65536)
                if not chunk:
                    return statuses(received), "closed"
                received += chunk
        except ConnectionError:
            return statuses(received), "closed"
        except TimeoutError:
            return statuses(received), "waits"
    return statuses(received[:received.rindex(b"SIP/2.0 200 ")]), "open"


def verdicts(world, appliance):
    """Each message of RFC 4475 and RFC 5118 gets its verdict, by UDP and by TCP."""
    wrong = []
    for name, (udp, tcp, fate, _) in VERDICTS.items():
        found = (by_udp(world, name), *by_tcp(world, name))
        if found != (udp, tcp, fate):
            wrong.append(f"{name}: {found}, expected {(udp, tcp, fate)}")
    expect(not wrong, "\n".join(wrong))
    appliance.wait_idle()


def config():
    wanted = default_config()
    wanted["sip"]["listen"] += [{"transport": transport, "address": OWN[0]} for transport in ("udp", "tcp")]
    wanted["sip"]["t1_ms"] = 50  # nobody sends ACK: each refusal is kept for 64 * T1
    wanted["trunks"].append(trunk("torture", PEER, ADDRESS["carrier"]["own4"]))
    return wanted


if __name__ == "__main__":
    main(__file__, [verdicts], config())
