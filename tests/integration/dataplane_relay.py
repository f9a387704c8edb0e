#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dataplane alone, with real packets between network namespaces: two sides exchange RTP through
pairs of terminations. No control plane, no SIP. Two workers share one CPU and a port with one queue,
so that every second call goes through the hand-off ring.

Prints "ok - case" or "not ok - case: why"; needs root. `dataplane_relay.py CASE` runs one.
"""

import array
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "world"))

from counters import read_counters  # noqa: E402
from dataplane_client import LATCH_OPEN, Client  # noqa: E402
from programs import find_program  # noqa: E402

PREFIX = f"tdr-{os.getpid()}"
SIDES = {  # side: (its addresses, the dataplane's)
    "a": (("10.81.1.2", "fd81:1::2"), ("10.81.1.1", "fd81:1::1")),
    "b": (("10.81.2.2", "fd81:2::2"), ("10.81.2.1", "fd81:2::1")),
}
STRANGER = "10.81.1.66"  # on side a
TAGGED_PEER, TAGGED_OWN, VLAN = "10.81.3.2", "10.81.3.1", 7
FIRST_PORT, LAST_PORT = 20000, 20199
REST_MS = 700
PACKET_S = 0.02
OFFLOADS_OFF = "tx off gso off gro off tso off".split()

libc = ctypes.CDLL(None, use_errno=True)


class Failure(Exception):
    pass


def expect(is_true, what):
    if not is_true:
        raise Failure(what)


def wait_until(what, condition, timeout_s=10):
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        expect(time.monotonic() < deadline, f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.01)
    return result


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    expect(result.returncode == 0, f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


class Inside:
    """The calling thread is in a namespace for the length of a `with`."""

    def __init__(self, side):
        self.path = f"/run/netns/{PREFIX}-{side}"

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter(self.path)

    def __exit__(self, *_):
        expect(libc.setns(self.home, 0) == 0, "can't come home")
        os.close(self.home)

    @staticmethod
    def enter(path):
        descriptor = os.open(path, os.O_RDONLY)
        expect(libc.setns(descriptor, 0) == 0, f"can't enter {path}")
        os.close(descriptor)


class Network:
    """Namespaces a, b, c (tagged) and dp, with a veth pair from each side to dp."""

    def __enter__(self):
        for side in ("dp", "a", "b", "c"):
            run("ip", "netns", "add", f"{PREFIX}-{side}")
            self.ip(side, "link", "set", "lo", "up")
        for side in ("a", "b", "c"):
            run("ip", "link", "add", "eth0", "netns", f"{PREFIX}-{side}", "type", "veth",
                "peer", "name", f"port{side}", "netns", f"{PREFIX}-dp")
            self.inside(side, "ethtool", "-K", "eth0", *OFFLOADS_OFF)
            self.inside(side, "sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0")
            self.inside("dp", "sysctl", "-qw", f"net.ipv6.conf.port{side}.disable_ipv6=1",
                        f"net.ipv4.conf.port{side}.rp_filter=1", f"net.ipv4.conf.port{side}.arp_ignore=8")
            self.ip("dp", "link", "set", f"port{side}", "arp", "off", "up")
            self.ip(side, "link", "set", "eth0", "up")
        for side, (peers, owns) in SIDES.items():
            self.ip(side, "address", "add", f"{peers[0]}/24", "dev", "eth0")
            self.ip(side, "address", "add", f"{peers[1]}/64", "dev", "eth0", "nodad")
            self.ip(side, "route", "add", "default", "via", owns[0])
        self.ip("a", "address", "add", f"{STRANGER}/24", "dev", "eth0")
        return self

    def __exit__(self, *_):
        for side in ("dp", "a", "b", "c"):
            subprocess.run(["ip", "netns", "delete", f"{PREFIX}-{side}"], check=False)

    def ip(self, side, *arguments):
        return run("ip", "-n", f"{PREFIX}-{side}", *arguments)

    def inside(self, side, *command):
        return run("ip", "netns", "exec", f"{PREFIX}-{side}", *command)

    def add_addresses(self):
        """After the dataplane made its TAPs."""
        for side, (_, owns) in SIDES.items():
            self.ip("dp", "address", "add", f"{owns[0]}/24", "dev", f"tap{side}")
            self.ip("dp", "address", "add", f"{owns[1]}/64", "dev", f"tap{side}", "nodad")
        self.ip("dp", "address", "add", f"{TAGGED_OWN}/24", "dev", "tapc")


class Dataplane:
    def __init__(self, network):
        self.network = network
        self.directory = tempfile.TemporaryDirectory(prefix="tandem-relay-", dir="/dev/shm")
        self.run_dir = Path(self.directory.name)
        self.log_path = self.run_dir / "log"
        self.process = None
        self.starts = 0

    def start(self):
        arguments = ["--run-dir", str(self.run_dir), "--media-ports", f"{FIRST_PORT}-{LAST_PORT}", "--no-huge",
                     "--worker", "0", "--worker", "0", "--poll", "adaptive", "--rest-ms", str(REST_MS),
                     "--terminations", "64"]
        for index, side in enumerate(("a", "b", "c")):
            arguments += ["--port", f"name={side},device=net_af_packet{index},iface=port{side},qpairs=1",
                          "--port-option", f"{side}:tap=tap{side}" + (f",vlan={VLAN}" if side == "c" else "")]
        for address in (*SIDES["a"][1], *SIDES["b"][1], TAGGED_OWN):
            arguments += ["--media-address", address]
        self.starts += 1
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", f"{PREFIX}-dp", find_program("tandem-dataplane"), *arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        return self

    def wait(self):
        def is_ready():
            expect(self.process.poll() is None, f"the dataplane ended:\n{self.log_path.read_text()}")
            return self.log_path.read_text().count("main: ready") == self.starts
        wait_until("the dataplane to be ready", is_ready, 20)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
        code = self.process.returncode
        self.directory.cleanup()
        return code

    def client(self):
        return Client(self.run_dir / "dataplane.sock")

    def counters(self):
        return read_counters(self.run_dir / "counters")

    def dropped(self, reason):
        return self.counters()["drops"].get(reason, 0)


class Phone:
    """An RTP end: a UDP socket in a namespace, and the one above it for RTCP."""

    def __init__(self, side, address, ssrc=0x1000):
        self.address, self.ssrc = address, ssrc
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with Inside(side):
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
            self.socket.bind((address, 0))
            while self.socket.getsockname()[1] % 2:
                self.socket.close()
                self.socket = socket.socket(family, socket.SOCK_DGRAM)
                self.socket.bind((address, 0))
            self.port = self.socket.getsockname()[1]
            self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
            self.rtcp.bind((address, self.port + 1))
        self.socket.setblocking(False)
        self.rtcp.setblocking(False)
        self.sequence, self.timestamp = 7000, 160000
        self.received = []  # (time, sequence, timestamp, ssrc, payload)

    def endpoint(self):
        return self.address, self.port

    def send(self, to):
        packet = struct.pack("!BBHII", 0x80, 0, self.sequence & 0xFFFF, self.timestamp, self.ssrc)
        self.socket.sendto(packet + struct.pack("!I", self.sequence) * 40, to)
        self.sequence += 1
        self.timestamp += 160

    def collect(self):
        while True:
            try:
                packet = self.socket.recv(2048)
            except BlockingIOError:
                return self.received
            _, _, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", packet)
            self.received.append((time.monotonic(), sequence, timestamp, ssrc, packet[12:]))

    def reports(self):
        found = []
        while True:
            try:
                found.append(self.rtcp.recv(2048))
            except BlockingIOError:
                return found

    def close(self):
        self.socket.close()
        self.rtcp.close()


class Call:
    """Two phones and the two terminations between them. worker chooses the ports' owner."""

    last_id = 100

    def __init__(self, client, worker=0, families=("v4", "v4"), **keywords):
        Call.last_id += 10
        self.client, self.id = client, Call.last_id
        self.phones, self.locals = [], []
        for number, (side, family) in enumerate(zip("ab", families)):
            index = 0 if family == "v4" else 1
            self.phones.append(Phone(side, SIDES[side][0][index], 0x1000 * (number + 1)))
            # ports / 2 alternate between the two workers
            self.locals.append((SIDES[side][1][index], FIRST_PORT + 2 * worker + 4 * (Call.last_id // 10 % 40)))
        self.keywords = keywords
        for number in range(2):
            reply = client.add(self.id + number, self.id, self.locals[number], self.phones[number].endpoint(),
                               **keywords)
            expect(reply["result"] == "ok", f"add {number}: {reply['result']}")

    def exchange(self, packets):
        """Sends both ways at the pace of speech; returns how many were sent each way."""
        for _ in range(packets):
            for phone, local in zip(self.phones, self.locals):
                phone.send(local)
            time.sleep(PACKET_S)
            for phone in self.phones:
                phone.collect()
        return packets

    def warm_up(self):
        """Sends until packets come through both ways: neighbours have to be resolved once."""
        def is_through():
            for phone, local in zip(self.phones, self.locals):
                phone.send(local)
            time.sleep(PACKET_S)
            return all(phone.collect() for phone in self.phones)
        wait_until("the first packet both ways", is_through)
        for phone in self.phones:
            phone.received.clear()

    def settle(self, count):
        wait_until(f"{count} packets each way",
                   lambda: all(len(phone.collect()) >= count for phone in self.phones), 3)

    def end(self):
        stats = []
        for number in range(2):
            reply = self.client.subtract(self.id + number)
            expect(reply["result"] == "ok", f"subtract: {reply['result']}")
            stats.append(reply["stats"])
        for phone in self.phones:
            phone.close()
        return stats


def check_stream(phone, source_ssrc, payload_bytes=160):
    """One egress identity: own SSRC, sequence without a gap, timestamp in step."""
    sequences = [packet[1] for packet in phone.received]
    for before, after in zip(phone.received, phone.received[1:]):
        step = (after[1] - before[1]) & 0xFFFF
        expect(step == 1, f"sequence jumps by {step} in {sequences[:20]}…")
        expect(after[3] == before[3], "the SSRC changed")
        expect((after[2] - before[2]) & 0xFFFFFFFF == 160, "the timestamp left its step")
    expect(phone.received[0][3] != source_ssrc, "the SSRC is the sender's own")
    expect(all(len(packet[4]) == payload_bytes for packet in phone.received), "payload changed its length")


def relay(dataplane, worker, families=("v4", "v4")):
    client = dataplane.client()
    call = Call(client, worker, families)
    call.warm_up()
    sent = call.exchange(50)
    call.settle(sent)
    for phone, other in zip(call.phones, reversed(call.phones)):
        expect(len(phone.received) == sent, f"{len(phone.received)} of {sent} arrived")
        check_stream(phone, other.ssrc)
    for stats in call.end():
        expect(stats["lost_packets"] == 0 and stats["duplicate_packets"] == 0, f"loss measured: {stats}")
        expect(stats["rx_packets"] >= sent and stats["rx_bytes"] == 160 * stats["rx_packets"], f"{stats}")
        expect(stats["jitter_us"] < 20000, f"jitter {stats['jitter_us']} us")
    client.close()


def case_ipv4(dataplane):
    """RTP both ways, IPv4, worker 0"""
    relay(dataplane, 0)


def case_handoff(dataplane):
    """The same by worker 1, which has no queue: hand-off in, transmit ring out"""
    before = dataplane.counters()
    relay(dataplane, 1)
    after = dataplane.counters()
    expect(after["handoff_sent"] - before["handoff_sent"] >= 100, "nothing was handed off")
    expect(after["handoff_received"] - before["handoff_received"] >= 100, "nothing was taken over")


def case_ipv6(dataplane):
    """IPv6 to IPv6, and IPv4 to IPv6, on either worker"""
    relay(dataplane, 0, ("v6", "v6"))
    relay(dataplane, 1, ("v4", "v6"))
    relay(dataplane, 0, ("v6", "v4"))


def case_rtcp(dataplane):
    """RTCP ends here and is generated: each side gets a sender report of ours"""
    client = dataplane.client()
    call = Call(client)
    call.warm_up()
    reports = [[], []]

    def has_reports():
        for phone, local, found in zip(call.phones, call.locals, reports):
            phone.send(local)
            found += phone.reports()
            phone.collect()
        time.sleep(PACKET_S)
        return all(reports)
    wait_until("an RTCP report on each side", has_reports, 12)
    for phone, other, found in zip(call.phones, reversed(call.phones), reports):
        kind, ssrc = found[0][1], struct.unpack_from("!I", found[0], 4)[0]
        expect(kind == 200, f"first packet is of type {kind}, not SR")
        expect(ssrc == phone.received[-1][3], "SR and RTP differ in their SSRC")
        # what a phone says ends at the dataplane
        report = struct.pack("!BBHI", 0x80, 201, 1, phone.ssrc)
        phone.rtcp.sendto(report, (call.locals[0][0], call.locals[0][1] + 1)
                          if phone is call.phones[0] else (call.locals[1][0], call.locals[1][1] + 1))
    wait_until("RTCP to be consumed", lambda: client.audit(call.id)["items"][0]["stats"]["rtcp_rx_packets"] > 0)
    call.end()
    client.close()


class TaggedPeer:
    """Speaks VLAN-tagged RTP with a packet socket, as the kernel here may know no VLANs."""

    def __init__(self, network):
        self.mac = self.mac_of(network, "c", "eth0")
        self.own_mac = self.mac_of(network, "dp", "portc")
        with Inside("c"):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            self.socket.bind(("eth0", 0))
        self.socket.settimeout(5)
        self.socket.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA: says which tag there was
        network.ip("dp", "neighbour", "replace", TAGGED_PEER, "lladdr", self.mac, "nud", "permanent", "dev", "tapc")

    @staticmethod
    def mac_of(network, side, interface):
        return network.ip(side, "-br", "link", "show", interface).split()[2]

    @staticmethod
    def checksum(content):
        words = array.array("H", content + b"\0" * (len(content) % 2))
        total = sum(words)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return struct.pack("=H", ~total & 0xFFFF)

    def send(self, port, sequence, vlan):
        rtp = struct.pack("!BBHII", 0x80, 0, sequence, sequence * 160, 0x77) + b"t" * 160
        source, destination = socket.inet_aton(TAGGED_PEER), socket.inet_aton(TAGGED_OWN)
        udp = struct.pack("!HHHH", 5004, port, 8 + len(rtp), 0)
        pseudo = source + destination + struct.pack("!HH", 17, 8 + len(rtp))
        udp = udp[:6] + self.checksum(pseudo + udp + rtp)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(rtp), 0, 0, 64, 17, 0, source, destination)
        ip = ip[:10] + self.checksum(ip) + ip[12:]
        tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
        macs = bytes.fromhex((self.own_mac + self.mac).replace(":", ""))
        self.socket.send(macs + tag + b"\x08\x00" + ip + udp + rtp)

    def receive(self):
        """(VLAN id, IP packet) of the next frame to the peer's RTP port."""
        while True:
            frame, ancillary, _, _ = self.socket.recvmsg(2048, 256)
            vlan = 0
            for level, kind, content in ancillary:
                if level == 263 and kind == 8:
                    status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", content[:20])
                    vlan = tci & 0xFFF if status & 0x10 else 0
            if frame[12:14] == b"\x81\x00":
                vlan, frame = struct.unpack_from("!H", frame, 14)[0] & 0xFFF, frame[:12] + frame[16:]
            if frame[12:14] == b"\x08\x00" and frame[36:38] == struct.pack("!H", 5004):
                return vlan, frame[14:]


def case_vlan(dataplane):
    """A port with a VLAN tag: tagged in, tagged out, other tags refused"""
    client = dataplane.client()
    peer = TaggedPeer(dataplane.network)
    phone = Phone("a", SIDES["a"][0][0])
    port = FIRST_PORT + 180
    own = (SIDES["a"][1][0], port)
    expect(client.add(11, 10, own, phone.endpoint())["result"] == "ok", "add untagged end")
    expect(client.add(12, 10, (TAGGED_OWN, port), (TAGGED_PEER, 5004))["result"] == "ok", "add tagged end")

    def is_through():
        peer.send(port, is_through.sequence, VLAN)
        is_through.sequence += 1
        return phone.collect()
    is_through.sequence = 1
    wait_until("a tagged packet to arrive untagged", is_through)
    phone.send(own)
    vlan, packet = peer.receive()
    expect(vlan == VLAN, f"tag {vlan} sent")
    expect(packet[28] == 0x80, "not RTP")
    before = dataplane.dropped("vlan_foreign")
    peer.send(port, 500, VLAN + 1)
    peer.send(port, 501, 0)
    wait_until("foreign tags to be counted", lambda: dataplane.dropped("vlan_foreign") >= before + 2)
    for termination in (11, 12):
        expect(client.subtract(termination)["result"] == "ok", "subtract")
    phone.close()
    peer.socket.close()
    client.close()


def case_kernel(dataplane):
    """What isn't media reaches the kernel: ping, ping of IPv6, TCP"""
    network = dataplane.network
    network.inside("a", "ping", "-c", "2", "-i", "0.2", "-W", "3", SIDES["a"][1][0])
    network.inside("a", "ping", "-6", "-c", "2", "-i", "0.2", "-W", "3", SIDES["a"][1][1])
    with Inside("dp"):
        listener = socket.create_server((SIDES["a"][1][0], 5060))
    with Inside("a"):
        caller = socket.socket()
    caller.settimeout(5)
    caller.connect((SIDES["a"][1][0], 5060))
    server, _ = listener.accept()
    caller.sendall(b"x" * 100000)
    received = 0
    while received < 100000:
        received += len(server.recv(65536))
    for each in (caller, server, listener):
        each.close()


def case_neighbour(dataplane):
    """An unknown neighbour is counted and resolved, and a used one stays reachable"""
    network = dataplane.network
    client = dataplane.client()
    call = Call(client)
    call.warm_up()
    network.ip("dp", "neighbour", "flush", "dev", "tapb")
    before = dataplane.dropped("next_hop_unknown")

    def is_dropped():
        call.phones[0].send(call.locals[0])
        return dataplane.dropped("next_hop_unknown") > before
    wait_until("packets to be dropped for want of a neighbour", is_dropped)
    call.phones[1].received.clear()
    wait_until("the neighbour to be resolved", lambda: call.phones[0].send(call.locals[0]) or
               time.sleep(PACKET_S) or call.phones[1].collect())
    call.end()
    client.close()


def case_bleed(dataplane):
    """RTPBleed: a stranger probes every port, gets nothing, changes nothing, is counted"""
    client = dataplane.client()
    call = Call(client)
    call.warm_up()
    stranger = Phone("a", STRANGER, 0xBAD)
    before = dataplane.counters()["drops"]
    for port in range(FIRST_PORT, LAST_PORT + 1):
        stranger.send((SIDES["a"][1][0], port))
    sent = call.exchange(20)
    call.settle(sent)
    expect(not stranger.collect() and not stranger.reports(), "the stranger was answered")
    expect(len(call.phones[0].received) == sent, "the call lost packets")
    drops = dataplane.counters()["drops"]

    def grown(reason):
        return drops.get(reason, 0) - before.get(reason, 0)
    expect(grown("no_termination") + grown("port_resting") + grown("source_foreign") + grown("rtcp_malformed")
           >= LAST_PORT - FIRST_PORT + 1, f"not all probes were counted: {before} {drops}")
    expect(grown("source_foreign") >= 1, "the probe of the live port wasn't counted as foreign")
    expect(client.audit(call.id)["items"][0]["stats"]["latched"] == call.phones[0].endpoint(), "media was diverted")
    stranger.close()
    call.end()
    client.close()


def case_injection(dataplane):
    """RTP from a foreign source into a live call isn't relayed; with open latching the first stays"""
    client = dataplane.client()
    for keywords in ({}, {"latch": LATCH_OPEN, "window_ms": 200}):
        call = Call(client, 1, **keywords)
        call.warm_up()
        call.exchange(15)  # the learning window ends
        stranger = Phone("a", STRANGER, 0xBAD)
        before = dataplane.dropped("source_foreign")
        for phone in call.phones:
            phone.received.clear()
        for _ in range(20):
            stranger.send(call.locals[0])
        sent = call.exchange(20)
        call.settle(sent)
        expect(len(call.phones[1].received) == sent, f"{len(call.phones[1].received)} of {sent} arrived")
        check_stream(call.phones[1], call.phones[0].ssrc)
        expect(dataplane.dropped("source_foreign") - before == 20, "not every injected packet was counted")
        expect(not stranger.collect(), "the stranger got media")
        stranger.close()
        call.end()
    client.close()


def case_released(dataplane):
    """RTP to a just-released port: nothing out, counted; the port rests, then can be used again"""
    client = dataplane.client()
    call = Call(client)
    call.warm_up()
    listener = call.phones[1].socket.dup()
    for number in range(2):
        client.subtract(call.id + number)
    time.sleep(PACKET_S)
    call.phones[1].collect()
    call.phones[1].received.clear()
    before = dataplane.dropped("port_resting")
    for _ in range(10):
        call.phones[0].send(call.locals[0])
    wait_until("packets to a resting port to be counted", lambda: dataplane.dropped("port_resting") >= before + 10)
    expect(not call.phones[1].collect(), "media came through a released port")
    again = client.add(call.id + 5, call.id + 5, call.locals[0], call.phones[0].endpoint())
    expect(again["result"] == "port_resting", f"a resting port was given away: {again['result']}")
    wait_until("the rest to end", lambda: client.add(
        call.id + 5, call.id + 5, call.locals[0], call.phones[0].endpoint())["result"] == "ok", 3)
    expect(client.subtract(call.id + 5)["result"] == "ok", "subtract")
    listener.close()
    for phone in call.phones:
        phone.close()
    client.close()


def case_away(dataplane):
    """The control plane goes away: media goes on; the next one finds everything by audit"""
    client = dataplane.client()
    call = Call(client)
    call.warm_up()
    client.close()
    sent = call.exchange(20)
    call.settle(sent)
    call.client = dataplane.client()
    items = call.client.audit()["items"]
    expect({item["termination_id"] for item in items} == {call.id, call.id + 1}, f"audit found {items}")
    call.end()
    call.client.close()


def case_restart(dataplane):
    """kill -9 of the dataplane in mid-stream: media again within 1 s, identities and figures go on"""
    client = dataplane.client()
    instance = client.capabilities["instance"]
    calls = [Call(client, 0), Call(client, 1, ("v4", "v6"))]
    for call in calls:
        call.warm_up()
    stop = threading.Event()

    def talk():
        while not stop.is_set():
            for call in calls:
                for phone, local in zip(call.phones, call.locals):
                    phone.send(local)
            time.sleep(PACKET_S)
            for call in calls:
                for phone in call.phones:
                    phone.collect()
    for call in calls:
        for phone in call.phones:
            phone.received.clear()
    talker = threading.Thread(target=talk)
    talker.start()
    time.sleep(0.5)
    before = {item["termination_id"]: item["stats"] for item in client.audit()["items"]}
    dataplane.kill()
    dataplane.start()
    dataplane.wait()
    time.sleep(1)
    stop.set()
    talker.join()
    client = dataplane.client()
    expect(client.capabilities["is_restarted"] == 1, "it doesn't say that it restarted")
    expect(client.capabilities["instance"] != instance, "the instance didn't change")
    after = {item["termination_id"]: item["stats"] for item in client.audit()["items"]}
    expect(set(before) == set(after), "terminations were lost")
    gaps = []
    for call in calls:
        call.client = client
        for number, phone in enumerate(call.phones):
            gaps.append(max(later[0] - earlier[0] for earlier, later in zip(phone.received, phone.received[1:])))
            ssrcs = {packet[3] for packet in phone.received}
            expect(len(ssrcs) == 1, f"SSRCs {ssrcs}")
            expect(after[call.id + number]["rx_packets"] > before[call.id + number]["rx_packets"], "figures fell")
            check_restarted_stream(phone)
        call.end()
    print(f"# longest gap {max(gaps):.3f} s", flush=True)
    expect(max(gaps) < 1, f"no media for {max(gaps):.3f} s")
    client.close()


def check_restarted_stream(phone):
    """Sequence numbers may only count what was sent meanwhile; timestamps keep the time."""
    for before, after in zip(phone.received, phone.received[1:]):
        step = (after[1] - before[1]) & 0xFFFF
        expect(1 <= step <= 60, f"sequence jumps by {step}")
        elapsed = ((after[2] - before[2]) & 0xFFFFFFFF) / 8000
        expect(abs(elapsed - (after[0] - before[0])) < 0.2, f"timestamp moved {elapsed} s in {after[0] - before[0]} s")


def case_idle(dataplane):
    """After all calls nothing is outstanding"""
    client = dataplane.client()
    expect(client.audit()["items"] == [], "terminations are left")
    client.close()

    def is_idle():
        counters = dataplane.counters()
        gauges = [counters[name] for name in ("terminations_in_use", "contexts_in_use", "ports_resting",
                                              "mbufs_in_use")]
        return gauges == [0, 0, 0, 0]
    try:
        wait_until("gauges to fall to zero", is_idle, REST_MS / 1000 + 3)
    except Failure as failure:
        raise Failure(f"{failure}: {dataplane.counters()}") from failure


CASES = (case_ipv4, case_handoff, case_ipv6, case_rtcp, case_vlan, case_kernel, case_neighbour, case_bleed,
         case_injection, case_released, case_away, case_restart, case_idle)


def run_case(case, dataplane):
    title = case.__doc__.splitlines()[0]
    begin = time.monotonic()
    try:
        case(dataplane)
    except Failure as failure:
        print(f"not ok - {title}: {failure}", flush=True)
        return False
    except Exception as error:  # a fault of the test itself must not hide the other cases
        print(f"not ok - {title}: {error!r}\n# " + traceback.format_exc().replace("\n", "\n# "), flush=True)
        return False
    print(f"ok - {title} # {time.monotonic() - begin:.1f} s", flush=True)
    return True


def main():
    wanted = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    passed = failed = 0
    with Network() as network:
        dataplane = Dataplane(network).start().wait()
        try:
            network.add_addresses()
            for case in CASES:
                if wanted and case.__name__ not in wanted and case.__name__[5:] not in wanted:
                    continue
                is_good = run_case(case, dataplane)
                passed += is_good
                failed += not is_good
            if failed:
                print("# " + dataplane.log_path.read_text().replace("\n", "\n# "))
        finally:
            code = dataplane.stop()
        if code != 0:
            print(f"not ok - the dataplane ends cleanly: exit code {code}")
            failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
