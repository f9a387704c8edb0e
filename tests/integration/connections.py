#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Connections that die, hang or never begin; keep-alives both ways; STUN; what the status shows."""

import os
import socket
import struct
import threading
import time

from harness import ADDRESS, Calls, Party, default_config, expect, expect_equal, main, trunk, wait_until  # first: it knows where the rest is
from netns import socket_in

PEER = "192.0.2.20"  # plays the machine that vanishes
OWN = ADDRESS["carrier"]["own4"]
SEND_TIMEOUT_S = 1
KEEPALIVE_S = 2
PER_SOURCE = 40


def counted(appliance, name):
    return appliance.status()["transport"][name]


class Refuser:
    """A TCP peer that refuses every INVITE with 503 and answers keep-alives as long as it may."""

    def __init__(self, world):
        self.pings = 0
        self.may_pong = True
        self.connections = []
        self.listener = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((PEER, 5060))
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        pending = b""
        while True:
            try:
                chunk = connection.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            pending += chunk
            while pending.startswith(b"\r\n\r\n"):
                self.pings += 1
                pending = pending[4:]
                if self.may_pong:
                    connection.sendall(b"\r\n")
            head, end, rest = pending.partition(b"\r\n\r\n")
            if not end:
                continue
            lines = head.decode().split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.startswith("Content-Length:"))
            if len(rest) < length:
                continue
            pending = rest[length:]
            if lines[0].startswith("INVITE "):
                copied = "".join(f"{line}\r\n" for line in lines
                                 if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq"))
                connection.sendall(f"SIP/2.0 503 No\r\n{copied}Content-Length: 0\r\n\r\n".encode())

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            connection.close()


def vanish(world):
    """The machine is gone: nothing answers, nothing refuses."""
    world.ip("carrier", "address", "del", f"{PEER}/24", "dev", "eth0")


def come_back(world):
    world.ip("carrier", "address", "add", f"{PEER}/24", "dev", "eth0")


def call_time(world, appliance, label, number):
    """Seconds that a call takes to be answered by the second trunk, media included."""
    calls = Calls(world, label, 1, caller=Party("phones"), callee=Party("carrier"), number=number, talk_ms=1200).start()
    begin = time.monotonic()
    calls.finish().check_media()
    calls.close()
    appliance.wait_idle()
    return time.monotonic() - begin


def half_open(world, appliance):
    """A peer that vanishes behind an open connection: the next call goes elsewhere when nothing is acknowledged."""
    refuser = Refuser(world)
    usual_s = call_time(world, appliance, "refused", "+4930510")  # opens the connection, and goes on to the second
    expect(len(refuser.connections) == 1, "no connection was opened")
    before = counted(appliance, "tcp_unacknowledged")
    vanish(world)
    try:
        took_s = call_time(world, appliance, "half-open", "+4930510")
        expect(counted(appliance, "tcp_unacknowledged") == before + 1, "not noticed as unacknowledged")
        expect(took_s < usual_s + SEND_TIMEOUT_S + 1.5, f"the call took {took_s - usual_s:.1f} s longer")
        expect_equal(counted(appliance, "buffered_bytes"), 0, "bytes still held")
    finally:
        come_back(world)
        refuser.close()


def too_large(world, appliance):
    """An INVITE too large for a datagram goes by TCP; the answers come back by it."""
    opened = counted(appliance, "tcp_opened")
    fallbacks = appliance.status()["transaction_counts"]["fallbacks"]
    calls = Calls(world, "too-large", 3, caller=Party("phones"), callee=Party("carrier", transport="t1"),
                  number="+4930530", talk_ms=1500).start().finish()
    calls.check_media()
    calls.close()
    appliance.wait_idle()
    expect_equal(counted(appliance, "tcp_opened"), opened + 1, "connections that we opened")
    expect_equal(appliance.status()["transaction_counts"]["fallbacks"], fallbacks, "fallbacks")


def too_large_for_udp_only(world, appliance):
    """The same to a peer that refuses TCP: by UDP after all, at once, and next time without asking."""
    fallbacks = appliance.status()["transaction_counts"]["fallbacks"]
    for label in ("udp-only", "udp-only-again"):
        calls = Calls(world, label, 1, caller=Party("phones"), callee=Party("carrier"), number="+4930530",
                      talk_ms=1500).start().finish()
        calls.check_media()
        calls.close()
        appliance.wait_idle()
    expect_equal(appliance.status()["transaction_counts"]["fallbacks"], fallbacks + 1, "fallbacks")


def never_connects(world, appliance):
    """A peer that doesn't even refuse: the call goes elsewhere after sip.connect_timeout_ms."""
    usual_s = call_time(world, appliance, "usual", "+4930530")
    vanish(world)
    try:
        took_s = call_time(world, appliance, "no-connect", "+4930520")
        expect(took_s < usual_s + 3, f"the call took {took_s - usual_s:.1f} s longer")
        expect(counted(appliance, "tcp_connect_timeouts") + counted(appliance, "tcp_open_failed") > 0, "not counted")
    finally:
        come_back(world)


def keepalives(world, appliance):
    """We ping what we opened; a peer that has answered once and then stops is given up."""
    refuser = Refuser(world)
    try:
        call_time(world, appliance, "opens", "+4930540")
        wait_until("two keep-alives", lambda: refuser.pings >= 2, 3 * KEEPALIVE_S + 2)
        refuser.may_pong = False
        before = counted(appliance, "tcp_pongs_missing")
        wait_until("the connection to be given up", lambda: counted(appliance, "tcp_pongs_missing") == before + 1,
                   3 * KEEPALIVE_S + 3)
    finally:
        refuser.close()


def hangers_on(world, appliance):
    """Connections that begin a message and never end it: so many per source, so long, and calls go on."""
    baseline = appliance.status()["fds"]
    refused, partial = counted(appliance, "tcp_refused_source"), counted(appliance, "tcp_partial_timeouts")
    sockets = []
    for index in range(PER_SOURCE + 20):
        hanger = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_STREAM)
        hanger.bind((PEER, 0))
        hanger.connect((OWN, 5060))
        try:
            hanger.sendall(b"OPTIONS sip:a@h SIP/2.0\r\nX: " + bytes([65 + index % 26]) * 3000)
        except OSError:
            pass  # refused
        sockets.append(hanger)
    wait_until("the others to be refused", lambda: counted(appliance, "tcp_refused_source") == refused + 20, 5)
    expect(0 < counted(appliance, "buffered_bytes") <= PER_SOURCE * 8192, "memory that they hold")
    call_time(world, appliance, "beside", "+4930530")
    wait_until("the end of their time", lambda: counted(appliance, "tcp_partial_timeouts") == partial + PER_SOURCE, 15)
    expect_equal(counted(appliance, "buffered_bytes"), 0, "bytes still held")
    for hanger in sockets:
        hanger.close()
    wait_until("their descriptors", lambda: appliance.status()["fds"] <= baseline, 5)


def stun(world, appliance):
    """A STUN binding request on the SIP port tells the address it came from; a stranger's doesn't."""
    request = struct.pack("!HHI", 1, 0, 0x2112A442) + os.urandom(12)
    for address, is_known in ((PEER, True), ("192.0.2.66", False)):
        probe = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_DGRAM)
        with probe:
            probe.bind((address, 0))
            probe.settimeout(1)
            probe.sendto(request, (OWN, 5060))
            try:
                answer = probe.recv(100)
            except TimeoutError:
                expect(not is_known, "no answer")
                continue
            expect(is_known, "a stranger was answered")
            expect_equal(answer[:20], struct.pack("!HHI", 0x101, 12, 0x2112A442) + request[8:], "head of the answer")
            port, ip = struct.unpack("!HI", answer[26:32])
            mapped = (socket.inet_ntoa(struct.pack("!I", ip ^ 0x2112A442)), port ^ 0x2112)
            expect_equal(mapped, probe.getsockname(), "address that was told")
    expect(counted(appliance, "udp_stun_answered") > 0, "not counted")


def listeners(world, appliance):
    """The status shows each listener's queue and drops; several share an address."""
    del world
    shown = appliance.status()["transport"]["listeners"]
    here = {(one["transport"], one["address"]) for one in shown if one["address"].startswith(OWN)}
    expect_equal(here, {("UDP", f"{OWN}:5060"), ("TCP", f"{OWN}:5060"), ("UDP", f"{OWN}:5070"),
                        ("TCP", f"{OWN}:5070")}, "listeners of one address")
    for one in shown:
        room = one["buffer_bytes"] if one["transport"] == "UDP" else one["waiting_max"]
        expect(room > 0, f"no room shown: {one}")


def config():
    wanted = default_config()
    wanted["sip"]["listen"] += [{"transport": transport, "address": OWN, "port": 5070} for transport in ("udp", "tcp")]
    wanted["sip"].update({"send_timeout_ms": SEND_TIMEOUT_S * 1000, "connect_timeout_ms": 1000,
                          "keepalive_s": KEEPALIVE_S, "udp_max_bytes": 500,
                          "max_connections_per_source": PER_SOURCE})
    gone = trunk("gone-0", PEER, OWN, transport="tcp")
    for index in range(3):  # what one case learns of a trunk must not spare the next its peer
        wanted["trunks"].append({**gone, "name": f"gone-{index}", "sources": gone["sources"] if index == 0 else []})
    for number, to in (("+493051*", "gone-0"), ("+493052*", "gone-1"), ("+493054*", "gone-2")):
        wanted["routes"].append({"from": "phones", "pattern": number, "to": [to, "carrier"]})
    wanted["routes"].append({"from": "phones", "pattern": "+493053*", "to": ["carrier"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [too_large, too_large_for_udp_only, half_open, never_connects, keepalives, hangers_on, stun, listeners], config())
