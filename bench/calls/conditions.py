# SPDX-License-Identifier: Apache-2.0
"""What a figure depends on: machine, system, build, and where each program ran."""

import json
import os
import platform
import re
import subprocess
from pathlib import Path

from programs import BUILD
from rig import CPU_OF, CPUS, ROOT, STATE_ROOT
from trial import ADDED_LIMIT_MS, HOLD_S, LAG_LIMIT_MS, RING_MS


def output(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip()


def conditions(is_alone):
    """A row of its own in the results."""
    options = {option["name"]: option["value"]
               for option in json.loads(output("meson", "introspect", "--buildoptions", str(BUILD)) or "[]")}
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "kind": "conditions",
        "commit": output("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
        "cpu": cpu.group(1) if cpu else "unknown", "cpus": CPUS, "kernel": platform.release(),
        "compiler": output("cc", "--version").splitlines()[0],
        "build": f"{options.get('buildtype', '?')}, sanitize={options.get('b_sanitize', '?')}",
        "mitigations": sum("Mitigation" in path.read_text() for path in
                           Path("/sys/devices/system/cpu/vulnerabilities").glob("*")),
        "load_average": round(os.getloadavg()[0], 2),
        "state_filesystem": output("stat", "--file-system", "--format=%T", str(STATE_ROOT)),
        "cores": ", ".join(f"{role} on CPU {cpu}" for role, cpu in CPU_OF.items()),
        "is_alone": is_alone,
        "scheduling": "real-time round robin, so that other programs of the machine stay out" if is_alone
        else "ordinary: other programs of the machine enter the figures",
        "path": "UDP over loopback in a namespace; dataplane with net_null, adaptive; no RTP flows",
        "call": f"INVITE with SDP (1.2 kB), 100, 180, {RING_MS} ms, 200 with SDP, ACK, {HOLD_S:g} s, BYE, 200; "
                "journal (not synced) and event log (synced) on",
        "method": "open loop, even intervals; setup times from the intended time of the INVITE; a message's time "
                  "inside from its sendto() to the kernel's stamp at its arrival on the other side; CPU from "
                  "schedstat of all threads, expiry of transactions apart, user and system in the ratio of the "
                  "kernel's ticks, core % over the whole trial with its last calls; a step that misses the goal "
                  "is run once more and the better of the two counts; a step is valid if INVITEs left at most "
                  f"{LAG_LIMIT_MS:g} ms late (p99); "
                  f"knee: highest rate with p99 added <= {ADDED_LIMIT_MS:g} ms and no failed call",
    }
