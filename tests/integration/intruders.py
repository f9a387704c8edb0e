#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What those get who should get nothing: RTPBleed probes, injected media, late media, garbage on
the dataplane's command socket."""

import os
import socket
import struct
import time

from harness import ADDRESS, Calls, expect, expect_equal, main, wait_until  # first: it knows where the rest is
from appliance import MEDIA_PORTS
from netns import socket_in

PROBE_BURST = 100  # a packet socket's ring holds no more than a few hundred
PROBES_PER_PORT = 4
LISTEN_S = 1.0
STRANGER = "192.0.2.66"


def rtp(sequence, ssrc=0xBAD, payload_type=0):
    return struct.pack("!BBHII", 0x80, payload_type, sequence, sequence * 160, ssrc) + b"\xd5" * 160


def drops(appliance, reason):
    return appliance.counters()["drops"].get(reason, 0)


def prober(world, source, port=0):
    probe = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_DGRAM)
    probe.bind((source, port))
    probe.setblocking(False)
    return probe


def answers_to(probe, seconds):
    """How many packets came back to a prober."""
    count, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            probe.recv(2048)
            count += 1
        except BlockingIOError:
            time.sleep(0.01)
        except ConnectionRefusedError:
            count += 1  # an ICMP answer tells a stranger something as well
    return count


def talking(world, label, **options):
    calls = Calls(world, label, 3, **{"talk_ms": 8000, **options}).start()
    calls.wait_up()
    return calls


def media_ports(calls):
    """The appliance's RTP ports towards the caller, from what SIPp logged."""
    return [int(line.split()[3]) for line in calls.uac.log_lines() if line.startswith("media ")]


def refused_since(appliance, before):
    """Packets dropped with any reason since the counters were read."""
    return sum(count - before["drops"].get(name, 0) for name, count in appliance.counters()["drops"].items())


def rtpbleed(world, appliance):
    """RTPBleed: probes of every port, also of calls in progress, get nothing and are counted."""
    calls = talking(world, "bleed")
    before = appliance.counters()
    used = set(media_ports(calls))
    with prober(world, STRANGER) as probe:
        ports = sorted({*range(MEDIA_PORTS[0], MEDIA_PORTS[0] + 400), *used})
        sent = 0
        for sequence in range(PROBES_PER_PORT):
            for start in range(0, len(ports), PROBE_BURST):
                burst = ports[start:start + PROBE_BURST]
                for port in burst:
                    probe.sendto(rtp(sequence), (ADDRESS["carrier"]["own4"], port))
                sent += len(burst)
                wait_until(f"{sent} probes to be counted",
                           lambda: refused_since(appliance, before) >= sent, 5)
        expect_equal(answers_to(probe, LISTEN_S), 0, "packets that the prober got")
    calls.finish()
    calls.check_media()
    calls.close()
    appliance.wait_idle()


def injected(world, appliance):
    """RTP from a foreign address, and from the peer's address but another port, changes nothing."""
    calls = talking(world, "inject")
    foreign_before = drops(appliance, "source_foreign")
    sent = 0
    for source, port in ((STRANGER, 30000), (ADDRESS["carrier"]["peer4"], 45678)):
        with prober(world, source, port) as probe:
            for sequence in range(50):
                for target in media_ports(calls):
                    probe.sendto(rtp(sequence), (ADDRESS["carrier"]["own4"], target))
                    sent += 1
            expect_equal(answers_to(probe, 0.3), 0, f"packets sent to {source}")
    counted = drops(appliance, "source_foreign") - foreign_before
    expect(counted >= sent, f"{sent} injected, {counted} counted as foreign")
    calls.finish()
    calls.check_media()
    calls.close()
    appliance.wait_idle()


def late(world, appliance):
    """RTP to a port that was just released is dropped and counted."""
    calls = talking(world, "late", talk_ms=2500)
    ports = media_ports(calls)
    calls.finish()
    wait_until("the ports to be released", lambda: appliance.status()["terminations"] == 0, 5)
    before = drops(appliance, "port_resting")
    calls.close()
    with prober(world, ADDRESS["carrier"]["peer4"], 30000) as probe:
        for port in ports:
            probe.sendto(rtp(1), (ADDRESS["carrier"]["own4"], port))
        expect_equal(answers_to(probe, 0.5), 0, "packets to the late sender")
    expect_equal(drops(appliance, "port_resting") - before, len(ports), "packets counted as port_resting")
    appliance.wait_idle()


def garbage(world, appliance):
    """A peer that sends garbage on the command socket is refused; calls go on."""
    calls = talking(world, "garbage", talk_ms=9000)
    before = appliance.counters()["messages_malformed"]
    for message in (b"\0", b"GET / HTTP/1.1\r\n\r\n", os.urandom(280), b"\xff" * 1024,
                    struct.pack("<IHHIIQ", 0x544E4D31, 99, 1, 32, 0, 1) + bytes(8)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as peer:
            peer.settimeout(1.0)
            peer.connect(str(appliance.dataplane_socket))
            try:
                peer.send(message)
                peer.recv(2048)
            except OSError:
                pass  # closed at once, or silence: both refuse
    expect(appliance.counters()["messages_malformed"] > before, "nothing was counted as malformed")
    expect(appliance.dataplane.poll() is None, "the dataplane has died")
    calls.finish()
    calls.check_media()
    calls.close()
    appliance.wait_idle()


if __name__ == "__main__":
    main(__file__, [rtpbleed, injected, late, garbage])
