# SPDX-License-Identifier: Apache-2.0
"""The rig: one network namespace, the control plane alone on a core, dataplane and generator on
others, and everything that can be read of a process from outside.

SIP goes over the loopback device of the namespace. The dataplane is the real one, with a network
card that never receives (net_null): calls are signalled and their terminations are added,
modified and subtracted, but no RTP flows.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "world"))

from appliance import to_yaml  # noqa: E402
from programs import find_program  # noqa: E402
from world import STATE_ROOT, WorldError, end_process, run, wait_until  # noqa: E402

OWN_ADDRESS = "198.18.0.1"  # of the benchmarking range, RFC 2544
PAIRS = 4
CPUS = os.cpu_count() or 1
CPU_CONTROLPLANE = 0
CPU_GENERATOR = min(1, CPUS - 1)
CPU_DATAPLANE = min(2, CPUS - 1)
MEDIA_ADDRESSES = [f"198.18.8.{n + 1}" for n in range(2 * PAIRS)]
NS_PER_US = 1000
CONTROLPLANE, DATAPLANE, GENERATOR = "controlplane", "dataplane", "generator"
CPU_OF = {CONTROLPLANE: CPU_CONTROLPLANE, DATAPLANE: CPU_DATAPLANE, GENERATOR: CPU_GENERATOR}


def caller_address(pair):
    return f"198.18.1.{pair + 1}"


def callee_address(pair):
    return f"198.18.2.{pair + 1}"


def trunk(name, address, media_address):
    return {"name": name, "sources": [f"{address}/32"], "target": f"sip:{address}:5060",
            "media_address": media_address, "options_interval_s": 0}


def config(max_calls, state_dir, run_dir):
    """As shipped, but for limits, a trunk for each address, and silence being no fault."""
    trunks, routes = [], []
    for pair in range(PAIRS):
        trunks.append(trunk(f"caller{pair}", caller_address(pair), MEDIA_ADDRESSES[2 * pair]))
        trunks.append(trunk(f"callee{pair}", callee_address(pair), MEDIA_ADDRESSES[2 * pair + 1]))
        routes.append({"from": f"caller{pair}", "pattern": "*", "to": [f"callee{pair}"]})
    return {
        "node": "bench", "run_dir": str(run_dir), "state_dir": str(state_dir),
        "sip": {"listen": [{"address": OWN_ADDRESS}], "max_calls": max_calls, "max_transactions": 2000000},
        "media": {"addresses": MEDIA_ADDRESSES, "ports": "1024-65535", "rest_s": 1, "timeout_s": 0},
        "dataplane": {"ports": [{"device": "net_null0,no-rx=1", "queues": 1, "tap": "bench0"}],
                      "workers": [CPU_DATAPLANE], "poll": "adaptive", "terminations": max(8192, 4 * max_calls),
                      "hugepages": False, "memory_mb": 64},
        "trunks": trunks, "routes": routes,
    }


# Real-time priorities keep the machine's other programs out of the figures: nothing but the
# control plane then runs on its core while it has work. The dataplane goes before the generator,
# with which it may share a core.
PRIORITY = {CONTROLPLANE: 1, GENERATOR: 1, DATAPLANE: 2}


class Rig:
    """Namespace, directories and processes; a context manager that leaves nothing behind.
    is_alone: real-time priorities."""

    def __init__(self, is_alone=True):
        self.namespace = f"tdm-{os.getpid()}-bench"
        self.run_dir = Path("/run", self.namespace)
        self.directory = STATE_ROOT / "bench" / "calls"
        self.is_alone = is_alone
        self.processes = []
        self.dataplane = self.controlplane = None
        self.next_id = 1

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.run_dir.mkdir()
        run("ip", "netns", "add", self.namespace)
        try:
            self.ip("link", "set", "lo", "up")
            for address in (OWN_ADDRESS, *MEDIA_ADDRESSES, *map(caller_address, range(PAIRS)),
                            *map(callee_address, range(PAIRS))):
                self.ip("address", "add", f"{address}/32", "dev", "lo")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            stop(process)
        for pid in run("ip", "netns", "pids", self.namespace, check=False).split():
            end_process(int(pid))
        run("ip", "netns", "delete", self.namespace, check=False)
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def ip(self, *arguments):
        return run("ip", "-n", self.namespace, *arguments)

    def spawn(self, label, role, command, **options):
        """Starts a program in the namespace on the CPU of its role; it writes to <label>.log."""
        scheduling = ["chrt", "--rr", PRIORITY[role]] if self.is_alone else []
        with open(self.directory / f"{label}.log", "ab") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, "taskset", "-c", str(CPU_OF[role]),
                 *map(str, (*scheduling, *command))],
                cwd=self.directory, start_new_session=True,
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **options})
        self.processes.append(process)
        return process

    # --- the system under test ---

    def start(self, max_calls=20000, wrapper=(), patience_s=20):
        """Starts dataplane and control plane afresh. wrapper: words before the control plane's."""
        self.stop()
        state_dir = self.directory / "state"
        shutil.rmtree(state_dir, ignore_errors=True)
        state_dir.mkdir()
        path = self.directory / "tandem.yaml"
        path.touch(mode=0o640)
        path.write_text(to_yaml(config(max_calls, state_dir, self.run_dir)))
        program = find_program("tandem-controlplane")
        arguments = run(str(program), "--config", str(path), "--dataplane-arguments").splitlines()
        self.dataplane = self.spawn("dataplane", DATAPLANE, [find_program("tandem-dataplane"), *arguments])
        wait_until("the dataplane to take commands", self.dataplane_listens, 30)
        self.controlplane = self.spawn("controlplane", CONTROLPLANE, [*wrapper, program, "--config", path])
        wait_until("the control plane to answer", self.is_ready, patience_s)
        return self

    def stop(self):
        for process in (self.controlplane, self.dataplane):
            if process is not None:
                stop(process)
                self.processes.remove(process)
        self.controlplane = self.dataplane = None
        for path in self.run_dir.iterdir():
            path.unlink()

    def dataplane_listens(self):
        self.check_alive(self.dataplane, "dataplane")
        listeners = run("ip", "netns", "exec", self.namespace, "cat", "/proc/net/unix")
        return any(line.endswith(str(self.run_dir / "dataplane.sock")) for line in listeners.splitlines())

    def is_ready(self):
        self.check_alive(self.controlplane, "controlplane")
        try:
            return self.status()["dataplane"]["state"] == "ready"
        except (WorldError, ValueError):
            return False

    def check_alive(self, process, label):
        if process.poll() is not None:
            log = (self.directory / f"{label}.log").read_text(errors="replace").splitlines()
            raise WorldError(f"the {label} ended with status {process.returncode}: " + "\n".join(log[-15:]))

    def status(self):
        return json.loads(run(str(find_program("tandemctl")), "--socket",
                              str(self.run_dir / "control.sock"), "status", "--json"))

    # --- what is read from outside ---

    def snapshot(self):
        """Counters at this moment; difference() of two is what happened in between."""
        pid = self.controlplane.pid
        stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        udp = [line.split() for line in run("ip", "netns", "exec", self.namespace, "cat", "/proc/net/snmp")
               .splitlines() if line.startswith("Udp:")]
        return {
            "time": time.monotonic(), "cpu_ns": cpu_ns(pid), "dataplane_ns": cpu_ns(self.dataplane.pid),
            "user_ticks": int(stat[11]), "system_ticks": int(stat[12]), "core_ns": core_ns(CPU_CONTROLPLANE),
            "rcvbuf_errors": dict(zip(udp[0], udp[1]))["RcvbufErrors"], "status": self.status(),
        }

    def pss_bytes(self):
        """Proportional set size of the control plane."""
        for line in Path(f"/proc/{self.controlplane.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise WorldError("no Pss in smaps_rollup")

    # --- the generator ---

    def generator(self, label, calls, *arguments, pairs=PAIRS, is_direct=False):
        """Starts the generator; calls: how many ids it needs."""
        command = [find_program("bench-calls"), "--target", OWN_ADDRESS, "--first-id", self.next_id]
        self.next_id += calls
        for pair in range(pairs):
            command += ["--pair", f"{caller_address(pair)},{callee_address(pair)}"]
        if is_direct:
            command.append("--direct")
        return self.spawn(label, GENERATOR, [*command, *arguments], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True)


def stop(process):
    """Ends a process of ours, gently at first."""
    if process.poll() is None:
        end_process(process.pid, 5)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cpu_ns(pid):
    """CPU time of all threads of a process, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            continue  # it has just ended
    return total


def core_ns(cpu):
    """Time that a CPU was busy with anything, in steps of a tick."""
    for line in Path("/proc/stat").read_text().splitlines():
        fields = line.split()
        if fields[0] == f"cpu{cpu}":
            idle = int(fields[4]) + int(fields[5])
            return (sum(map(int, fields[1:9])) - idle) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return 0


def difference(before, after):
    """What the control plane cost between two snapshots."""
    user = after["user_ticks"] - before["user_ticks"]
    system = after["system_ticks"] - before["system_ticks"]
    cpu = after["cpu_ns"] - before["cpu_ns"]
    seconds = after["time"] - before["time"]
    share = user / (user + system) if user + system else 0
    counts = {section: {key: after["status"][section][key] - before["status"][section][key]
                        for key in after["status"][section]
                        if isinstance(after["status"][section][key], int)}
              for section in ("signalling", "transaction_counts", "transport", "loop", "journal", "events")}
    return {
        "seconds": seconds, "cpu_us": cpu / NS_PER_US, "user_us": cpu * share / NS_PER_US,
        "system_us": cpu * (1 - share) / NS_PER_US, "core_percent": cpu / seconds / 1e7,
        "foreign_percent": max(0.0, (after["core_ns"] - before["core_ns"] - cpu) / seconds / 1e7),
        "dataplane_us": (after["dataplane_ns"] - before["dataplane_ns"]) / NS_PER_US,
        "rcvbuf_errors": int(after["rcvbuf_errors"]) - int(before["rcvbuf_errors"]), "counts": counts,
    }
