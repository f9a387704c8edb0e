# SPDX-License-Identifier: Apache-2.0
"""The test world: three network namespaces and the links between them.

    <prefix>-carrier               <prefix>-appliance                    <prefix>-phones
  ┌──────────────────┐   ┌───────────────────────────────────┐   ┌──────────────────┐
  │ SIPp, Kamailio,  │   │  tandem-controlplane  (SIP, TAPs) │   │  baresip, SIPp   │
  │ baresip          │   │      │ 192.0.2.1    │ 198.51.100.1│   │                  │
  │                  │   │   ┌──┴───┐      ┌───┴──┐          │   │                  │
  │   192.0.2.10     │   │   │ tap0 │      │ tap1 │          │   │  198.51.100.10   │
  │ ┌──────┐         │   │   └──┬───┘      └───┬──┘          │   │         ┌──────┐ │
  │ │ eth0 ├─────────┼───┼─ port0 ══ tandem-dataplane ══ port1 ─┼───────┤ eth0 │ │
  │ └──────┘  veth   │   │        (net_af_packet)            │   │  veth   └──────┘ │
  └──────────────────┘   └───────────────────────────────────┘   └──────────────────┘
      2001:db8:a::10        2001:db8:a::1      2001:db8:b::1       2001:db8:b::10

The appliance's own addresses are on the TAPs. port0 and port1 are the dataplane's network cards:
they have no address and the kernel answers nothing there, or it would see each packet twice and
refuse the media with ICMP. Packets on a veth link carry unfinished checksums unless offloads are
off at the sender. The TAPs are persistent, so that addresses and the control plane's sockets
outlive a killed dataplane.

Everything that a world starts is recorded in its state file; `tear_down` ends it by process id and
by namespace, never by name. A world is a context manager; `keep()` lets it outlive the program.
"""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE_ROOT = Path(os.environ.get("TANDEM_STATE", ROOT / ".tandem"))

SIDES = ("carrier", "phones")
ADDRESS = {
    "carrier": {"peer4": "192.0.2.10", "own4": "192.0.2.1", "bits4": 24,
                "peer6": "2001:db8:a::10", "own6": "2001:db8:a::1", "bits6": 64},
    "phones": {"peer4": "198.51.100.10", "own4": "198.51.100.1", "bits4": 24,
               "peer6": "2001:db8:b::10", "own6": "2001:db8:b::1", "bits6": 64},
}
# A peer needs more than one address to play several trunks, strangers, or a proxy before a carrier.
EXTRA_PEERS = {"carrier": ("192.0.2.20", "192.0.2.30", "192.0.2.66"),
               "phones": ("198.51.100.20", "198.51.100.30", "198.51.100.66")}
PORT_OF = {"carrier": "port0", "phones": "port1"}
TAP_OF = {"carrier": "tap0", "phones": "tap1"}
OFFLOADS_OFF = ("tx", "off", "rx", "off", "gro", "off", "gso", "off", "tso", "off")
SOCKET_BUFFER_BYTES = 8 << 20  # hundreds of streams end in one process: let the kernel hold bursts


class WorldError(Exception):
    """The world could not be made, or a program in it did not do what it should."""


def run(*command, check=True):
    """Runs a command to its end and returns its output; an error says which command it was."""
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if check and result.returncode != 0:
        raise WorldError(f"{' '.join(command)}: {result.stderr.strip() or result.returncode}")
    return result.stdout


def wait_until(what, condition, timeout_s, interval_s=0.05):
    """Calls condition until it gives something true, and returns that."""
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise WorldError(f"waited {timeout_s} s in vain for: {what}")
        time.sleep(interval_s)


def process_birth(pid):
    """Start time of a process, which tells it from a later one with the same id; None if gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


class World:
    """Namespaces, links and the processes inside. directory holds logs, state and recordings."""

    def __init__(self, name):
        self.name = name
        self.prefix = f"tdm-{os.getpid()}"
        self.directory = STATE_ROOT / name
        self.processes = []  # [pid, birth, label]
        self.scratch = []  # directories elsewhere that end with the world
        self.is_kept = False

    # --- life ---

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit(143)))
        try:
            self.make()
        except BaseException:
            self.tear_down()
            raise
        return self

    def __exit__(self, *_):
        if not self.is_kept:
            self.tear_down()

    def keep(self):
        """Leaves everything running when the program ends; `tear_down` of `load` ends it."""
        self.is_kept = True
        self.save()

    def save(self):
        state = {"prefix": self.prefix, "owner": [os.getpid(), process_birth(os.getpid())],
                 "kept": self.is_kept, "processes": self.processes, "scratch": self.scratch}
        self.state_file().write_text(json.dumps(state))

    def state_file(self):
        return self.directory / "world.json"

    @classmethod
    def load(cls, name):
        """The world that another program left behind, or None."""
        world = cls(name)
        try:
            state = json.loads(world.state_file().read_text())
        except (OSError, ValueError):
            return None
        world.prefix = state["prefix"]
        world.processes = state["processes"]
        world.scratch = state["scratch"]
        world.is_kept = state["kept"]
        world.owner = state["owner"]
        return world

    def is_abandoned(self):
        """True if whoever made it is gone and did not mean to keep it."""
        pid, birth = self.owner
        return not self.is_kept and process_birth(pid) != birth

    # --- making ---

    def make(self):
        self.save()
        for side in (*SIDES, "appliance"):
            run("ip", "netns", "add", self.namespace(side))
            self.ip(side, "link", "set", "lo", "up")
        for side in SIDES:
            self.make_link(side)
            self.make_peer(side)
            self.make_tap(side)
        self.sysctl("appliance", "net.ipv4.ip_forward=0")

    def namespace(self, side):
        return f"{self.prefix}-{side}"

    def ip(self, side, *arguments):
        return run("ip", "-n", self.namespace(side), *arguments)

    def sysctl(self, side, *settings):
        self.run_in(side, "sysctl", "-q", "-w", *settings)

    def run_in(self, side, *command, check=True):
        return run("ip", "netns", "exec", self.namespace(side), *command, check=check)

    def make_link(self, side):
        port = PORT_OF[side]
        run("ip", "link", "add", "eth0", "netns", self.namespace(side), "type", "veth",
            "peer", "name", port, "netns", self.namespace("appliance"))
        self.run_in(side, "ethtool", "-K", "eth0", *OFFLOADS_OFF)
        self.run_in("appliance", "ethtool", "-K", port, *OFFLOADS_OFF)
        # Strict reverse path filtering: sources of this link are reached by the TAP, so the kernel
        # drops what arrives here, while the packet socket of the dataplane still sees it.
        self.sysctl("appliance", f"net.ipv6.conf.{port}.disable_ipv6=1",
                    f"net.ipv4.conf.{port}.rp_filter=1", f"net.ipv4.conf.{port}.arp_ignore=8")
        self.ip("appliance", "link", "set", port, "arp", "off", "up")

    def make_peer(self, side):
        own = ADDRESS[side]
        self.sysctl(side, "net.ipv6.conf.eth0.accept_dad=0")
        self.ip(side, "link", "set", "eth0", "up")
        for address in (own["peer4"], *EXTRA_PEERS[side]):
            self.ip(side, "address", "add", f"{address}/{own['bits4']}", "dev", "eth0")
        self.ip(side, "address", "add", f"{own['peer6']}/{own['bits6']}", "dev", "eth0", "nodad")
        # Nothing routes between the sides; a default route lets tests prove that.
        self.ip(side, "route", "add", "default", "via", own["own4"], "src", own["peer4"])
        self.ip(side, "-6", "route", "add", "default", "via", own["own6"])

    def make_tap(self, side):
        own, tap, port = ADDRESS[side], TAP_OF[side], PORT_OF[side]
        link = json.loads(self.ip("appliance", "-json", "link", "show", port))[0]
        self.ip("appliance", "tuntap", "add", "dev", tap, "mode", "tap")
        self.sysctl("appliance", f"net.ipv6.conf.{tap}.accept_dad=0",
                    f"net.ipv6.conf.{tap}.router_solicitations=0")
        # The same MAC as the port: what the kernel sends by the TAP leaves by the port as it is.
        self.ip("appliance", "link", "set", tap, "address", link["address"], "up")
        self.ip("appliance", "address", "add", f"{own['own4']}/{own['bits4']}", "dev", tap)
        self.ip("appliance", "address", "add", f"{own['own6']}/{own['bits6']}", "dev", tap, "nodad")

    # --- processes ---

    def spawn(self, side, label, command, environment=None, stdin=subprocess.DEVNULL, stdout=None):
        """Starts a program in a namespace, its output in <label>.log; returns the Popen."""
        with open(self.directory / f"{label}.log", "ab") as output:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace(side), *map(str, command)],
                stdin=stdin, stdout=stdout or output, stderr=output, cwd=self.directory,
                start_new_session=True, env={**os.environ, **(environment or {})})
        self.processes.append([process.pid, process_birth(process.pid), label])
        self.save()
        return process

    def end_all_but(self, kept):
        """Ends every program but those, so that the next test case begins without peers."""
        own = {process.pid for process in kept if process}
        for pid, birth, _ in self.processes:
            if pid not in own and birth is not None and process_birth(pid) == birth:
                end_process(pid)
        self.processes = [entry for entry in self.processes if entry[0] in own]

    def tear_down(self):
        """Ends every process and namespace of this world. May be repeated."""
        for pid, birth, _ in reversed(self.processes):
            if birth is not None and process_birth(pid) == birth:
                end_process(pid)
        for side in (*SIDES, "appliance"):
            namespace = self.namespace(side)
            if not Path("/run/netns", namespace).exists():
                continue
            for pid in run("ip", "netns", "pids", namespace, check=False).split():
                end_process(int(pid))
            run("ip", "netns", "delete", namespace, check=False)
        for directory in self.scratch:
            shutil.rmtree(directory, ignore_errors=True)
        self.processes = []
        self.state_file().unlink(missing_ok=True)


def end_process(pid, patience_s=2.0):
    """Asks a process to end, then makes it."""
    birth = process_birth(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        if birth is None or process_birth(pid) != birth:
            return
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and process_birth(pid) == birth:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            time.sleep(0.01)


def all_worlds():
    """Every world of this checkout that has a state file."""
    for state_file in sorted(STATE_ROOT.glob("**/world.json")):
        world = World.load(str(state_file.parent.relative_to(STATE_ROOT)))
        if world is not None:
            yield world
