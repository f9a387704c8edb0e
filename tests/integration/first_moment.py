#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls that come while the control plane starts are not refused for media that is there."""

import socket
import time

from harness import ADDRESS, expect, main
from netns import socket_in

RESTARTS = 5
SPACING_S = 0.0005
PATIENCE_S = 10.0

BODY = ("v=0\r\no=probe 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        "m=audio 30000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n")


def invite(host, port, target, name):
    body = BODY.format(host=host)
    return (f"INVITE sip:+4930100@{target} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{name}\r\n"
            f"From: <sip:probe@{host}>;tag=probe\r\nTo: <sip:+4930100@{target}>\r\nCall-ID: {name}\r\n"
            f"CSeq: 1 INVITE\r\nContact: <sip:probe@{host}:{port}>\r\nMax-Forwards: 70\r\n"
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode()


def first_answer(probe, host, target, label):
    """Sends one INVITE after the other until one is answered; that answer."""
    port = probe.getsockname()[1]
    deadline = time.monotonic() + PATIENCE_S
    count = 0
    while time.monotonic() < deadline:
        count += 1
        try:
            probe.send(invite(host, port, target, f"{label}-{count}"))
            return probe.recv(4096).decode()
        except (BlockingIOError, ConnectionRefusedError, TimeoutError):
            time.sleep(SPACING_S)  # nobody listens yet, or has not read it
    return ""


def not_refused(world, appliance):
    """The first INVITE that a starting control plane hears is taken, not refused."""
    host, target = ADDRESS["carrier"]["peer4"], ADDRESS["carrier"]["own4"]
    callee = socket_in(world.namespace("phones"), socket.AF_INET, socket.SOCK_DGRAM)
    callee.bind((ADDRESS["phones"]["peer4"], 5060))  # there, but says nothing
    for restart in range(RESTARTS):
        probe = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_DGRAM)
        probe.bind((host, 0))
        probe.connect((target, 5060))
        probe.setblocking(False)
        appliance.kill_controlplane()
        appliance.start_controlplane(wait=False)
        answer = first_answer(probe, host, target, f"moment-{restart}-{time.time_ns()}")
        probe.close()
        status = answer.split("\r\n")[0]
        expect(status.startswith("SIP/2.0 100"), f"restart {restart}: the first call heard {status or 'nothing'!r}")
    callee.close()
    appliance.start_afresh()  # the probe's calls have nobody at their other end


if __name__ == "__main__":
    main(__file__, [not_refused])
