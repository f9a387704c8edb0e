# SPDX-License-Identifier: Apache-2.0
"""What dataplane_relay.py plays with: namespaces around a dataplane, RTP ends in them, and calls made
of two terminations."""

import array
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "world"))

from counters import read_counters  # noqa: E402
from dataplane_client import Client  # noqa: E402
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

    def send(self, port, sequence, vlan, mac=None):
        """mac: whom the frame is for; the dataplane if not said."""
        rtp = struct.pack("!BBHII", 0x80, 0, sequence, sequence * 160, 0x77) + b"t" * 160
        source, destination = socket.inet_aton(TAGGED_PEER), socket.inet_aton(TAGGED_OWN)
        udp = struct.pack("!HHHH", 5004, port, 8 + len(rtp), 0)
        pseudo = source + destination + struct.pack("!HH", 17, 8 + len(rtp))
        udp = udp[:6] + self.checksum(pseudo + udp + rtp)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(rtp), 0, 0, 64, 17, 0, source, destination)
        ip = ip[:10] + self.checksum(ip) + ip[12:]
        tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
        macs = bytes.fromhex(((mac or self.own_mac) + self.mac).replace(":", ""))
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
