# SPDX-License-Identifier: Apache-2.0
"""The programs under test: their configuration, start, death and what they say of themselves."""

import json
import os
import shutil
import signal
from pathlib import Path

from counters import read_counters
from peers import answers_options
from programs import find_program
from world import ADDRESS, PORT_OF, SIDES, TAP_OF, WorldError, run, wait_until

MEDIA_PORTS = (20000, 29999)


def default_config():
    """Configuration of the test world: two trunks, numbers of each routed to the other."""
    own = {side: ADDRESS[side] for side in SIDES}
    return {
        "node": "world",
        "sip": {"listen": [
            {"transport": transport, "address": own[side][family]}
            for side in SIDES for family in ("own4", "own6") for transport in ("udp", "tcp")]},
        "media": {
            "addresses": [own[side][family] for family in ("own4", "own6") for side in SIDES],
            "ports": f"{MEDIA_PORTS[0]}-{MEDIA_PORTS[1]}",
            "rest_s": 2,
        },
        "dataplane": {
            "ports": [{"name": side, "device": f"net_af_packet{index},iface={PORT_OF[side]}",
                       "queues": 1, "tap": TAP_OF[side]} for index, side in enumerate(SIDES)],
            "workers": [1 if (os.cpu_count() or 1) > 1 else 0],
            "poll": "adaptive",
            "hugepages": os.environ.get("TANDEM_HUGEPAGES") == "yes",
            "memory_mb": 96,
        },
        "trunks": [
            trunk("carrier", own["carrier"]["peer4"], own["carrier"]["own4"]),
            trunk("phones", own["phones"]["peer4"], own["phones"]["own4"]),
            trunk("carrier6", own["carrier"]["peer6"], own["carrier"]["own6"]),
            trunk("phones6", own["phones"]["peer6"], own["phones"]["own6"]),
        ],
        "routes": [
            {"from": "carrier", "pattern": "+49301*", "to": ["phones"]},
            {"from": "phones", "pattern": "+49302*", "to": ["carrier"]},
            {"from": "carrier", "pattern": "+49306*", "to": ["phones6"]},
            {"from": "carrier6", "pattern": "+49301*", "to": ["phones"]},
            {"from": "carrier6", "pattern": "+49306*", "to": ["phones6"]},
        ],
    }


def trunk(name, address, media_address, transport=None, **more):
    """A trunk at one address, which is also the only source of its requests."""
    host = f"[{address}]" if ":" in address else address
    bits = 128 if ":" in address else 32
    suffix = f";transport={transport}" if transport else ""
    return {"name": name, "sources": [f"{address}/{bits}"], "target": f"sip:{host}:5060{suffix}",
            "media_address": media_address, "options_interval_s": 0, **more}


def to_yaml(value, indent=0):
    """Enough YAML for a configuration: maps, lists and scalars."""
    pad = " " * indent
    if isinstance(value, dict):
        return "".join(
            f"{pad}{key}:\n{to_yaml(item, indent + 2)}" if isinstance(item, (dict, list)) and item
            else f"{pad}{key}: {scalar(item)}\n" for key, item in value.items())
    return "".join(
        f"{pad}- {to_yaml(item, indent + 2).lstrip()}" if isinstance(item, dict)
        else f"{pad}- {scalar(item)}\n" for item in value)


def scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, list, dict)):
        return str(value)
    return json.dumps(value)


class Appliance:
    """tandem-dataplane and tandem-controlplane in the namespace "appliance" of a world."""

    def __init__(self, world, config=None):
        self.world = world
        # Socket paths are short by law (sockaddr_un), a checkout's path may not be.
        self.scratch = Path("/run", world.prefix)
        self.config = config or default_config()
        self.config["run_dir"] = str(self.scratch / "run")
        self.config["state_dir"] = str(self.scratch / "state")
        self.config_path = world.directory / "tandem.yaml"
        self.dataplane = self.controlplane = None
        self.starts = 0
        world.scratch.append(str(self.scratch))

    @property
    def control_socket(self):
        return self.scratch / "run" / "control.sock"

    @property
    def dataplane_socket(self):
        return self.scratch / "run" / "dataplane.sock"

    def start(self):
        for directory in ("run", "state"):
            (self.scratch / directory).mkdir(parents=True, exist_ok=True)
        self.write_config()
        self.start_dataplane()
        self.start_controlplane()
        return self

    def start_afresh(self):
        """Ends both programs, forgets all calls, starts again."""
        for process in (self.controlplane, self.dataplane):
            if process.poll() is None:
                kill(process)
        shutil.rmtree(self.scratch)
        self.start()

    def write_config(self, text=None):
        self.config_path.touch(mode=0o640)  # a file with passwords that all may read is refused
        self.config_path.write_text(text or to_yaml(self.config))

    # --- dataplane ---

    def start_dataplane(self, wait=True):
        arguments = run(str(find_program("tandem-controlplane")), "--config", str(self.config_path),
                        "--dataplane-arguments").splitlines()
        self.dataplane = self.world.spawn("appliance", "dataplane", [find_program("tandem-dataplane"), *arguments])
        if wait:
            wait_until("the dataplane to take commands", self.dataplane_listens, 30)

    def dataplane_listens(self):
        self.check_alive(self.dataplane, "dataplane")
        # A connection of ours would replace the control plane's, so the table of sockets is asked.
        listeners = self.world.run_in("appliance", "cat", "/proc/net/unix")
        return any(line.endswith(str(self.dataplane_socket)) for line in listeners.splitlines())

    def check_alive(self, process, label):
        if process.poll() is not None:
            log = self.world.directory / f"{label}.log"
            raise WorldError(f"the {label} ended with status {process.returncode}; the end of {log}:\n"
                             + "\n".join(log.read_text(errors="replace").splitlines()[-15:]))

    def kill_dataplane(self):
        kill(self.dataplane)

    # --- control plane ---

    def start_controlplane(self, wait=True):
        self.controlplane = self.world.spawn(
            "appliance", "controlplane", [find_program("tandem-controlplane"), "--config", self.config_path])
        if wait:
            wait_until("the control plane to answer", self.is_ready, 20)

    def is_ready(self):
        self.check_alive(self.controlplane, "controlplane")
        try:
            return bool(self.status().get("dataplane", {}).get("connected", True))
        except WorldError:
            return False

    def kill_controlplane(self):
        kill(self.controlplane)

    def reload(self, text=None):
        """Tells the control plane to read its configuration again: the current one, or a text."""
        self.write_config(text)
        os.kill(self.controlplane.pid, signal.SIGHUP)

    def tandemctl(self, *arguments):
        """Output of tandemctl; an error if it failed."""
        return run(str(find_program("tandemctl")), "--socket", str(self.control_socket), *arguments)

    def status(self):
        return json.loads(self.tandemctl("status", "--json"))

    def calls(self):
        """The calls there are now."""
        return json.loads(self.tandemctl("calls", "--json"))["calls"]

    def registrations(self):
        """The contacts that have registered, by user."""
        found = {}
        for one in json.loads(self.tandemctl("registrations", "--json"))["registrations"]:
            found.setdefault(one["user"], []).append(one)
        return found

    def trunks(self):
        """The trunks and their states, by name."""
        return {one["name"]: one for one in json.loads(self.tandemctl("trunks", "--json"))["trunks"]}

    def cdrs(self):
        """Every CDR in the event log, oldest first."""
        return self.records("cdr")

    def records(self, verb):
        """Records of the event log: verb "cdr" or "events"."""
        output = self.tandemctl(verb, "--json", "--limit", "1000000")
        return [json.loads(line) for line in output.splitlines() if line]

    def counters(self):
        return read_counters(self.scratch / "run" / "counters")

    def answers(self, side="carrier"):
        return answers_options(self.world, side, ADDRESS[side]["own4"], 5060)

    # --- what must be nothing in the end ---

    IDLE_KEYS = ("calls", "legs", "terminations", "ports_in_use", "mbufs_in_use", "journal_records",
                 "transfers", "subscriptions")

    def is_idle(self, baseline_fds=None):
        """True if nothing is outstanding after the last call."""
        status = self.status()
        return all(status.get(key) == 0 for key in self.IDLE_KEYS) and (
            baseline_fds is None or status["fds"] <= baseline_fds)

    def wait_idle(self, baseline_fds=None, timeout_s=15):
        try:
            wait_until("nothing outstanding", lambda: self.is_idle(baseline_fds), timeout_s, 0.25)
        except WorldError as error:
            status = self.status()
            left = {key: status.get(key) for key in (*self.IDLE_KEYS, "fds")}
            raise WorldError(f"outstanding after the last call: {left}, fds before: {baseline_fds}") from error


def kill(process):
    """kill -9; returns when the process is gone."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
