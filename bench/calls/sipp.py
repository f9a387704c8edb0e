# SPDX-License-Identifier: Apache-2.0
"""The cross-check: the same calls by SIPp, a generator that nobody here wrote."""

import csv
import os
from pathlib import Path

from rig import GENERATOR, OWN_ADDRESS, WorldError, callee_address, caller_address, difference, \
    wait_until
from trial import warm_up

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
PORT = 5060


def run_sipp(rig, rate, seconds, say):
    """SIPp's and our figures at one rate."""
    calls = round(rate * seconds)
    rig.start(max_calls=max(4000, round(rate * 3)))
    warm_up(rig)
    before = rig.snapshot()
    statistics = rig.directory / "sipp.csv"
    callee = spawn(rig, "sipp-callee", callee_address(0), "uas.xml", calls)
    caller = spawn(rig, "sipp-caller", caller_address(0), "uac.xml", calls, "-r", rate, "-rp", 1000,
                   "-trace_stat", "-stf", statistics, "-fd", 1, f"{OWN_ADDRESS}:{PORT}")
    usage = [wait_with_usage(process, seconds + 30) for process in (caller, callee)]
    cost = difference(before, rig.snapshot())
    last = read_statistics(statistics)
    row = {
        "kind": "sipp", "rate": rate, "seconds": seconds, "offered": calls,
        "completed": int(last["SuccessfulCall(C)"]), "failed": int(last["FailedCall(C)"]),
        "repeats_sent": int(last["Retransmissions(C)"]),
        "cpu_us_per_call": cost["cpu_us"] / calls, "generator_us_per_call": sum(usage) * 1e6 / calls,
        "ringing_mean_ms": milliseconds(last["ResponseTime1(C)"]),
        "ringing_deviation_ms": milliseconds(last["ResponseTime1StDev(C)"]),
        "rate_achieved": float(last["CallRate(C)"]),
    }
    say(f"  SIPp at {rate}/s: {row['completed']} of {calls} complete, control plane "
        f"{row['cpu_us_per_call']:.1f} us/call, SIPp itself {row['generator_us_per_call']:.1f} us/call, "
        f"INVITE to 180 {row['ringing_mean_ms']:.2f} ms on average")
    return row


def spawn(rig, label, address, scenario, calls, *arguments):
    process = rig.spawn(label, GENERATOR, [
        "sipp", "-sf", SCENARIOS / scenario, "-i", address, "-p", PORT, "-mi", address, "-m", calls, "-l", calls,
        "-nostdin", "-buff_size", 8 << 20, *arguments])
    wait_until(f"{label} to bind", lambda: process.poll() is not None or is_bound(process.pid), 10)
    return process


def is_bound(pid):
    """True if the process has a socket other than its standard files."""
    try:
        return any(os.readlink(link).startswith("socket:") for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def wait_with_usage(process, timeout_s):
    """CPU seconds of a process that ends by itself."""
    clock = {}

    def has_ended():
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid == 0:
            return False
        process.returncode = os.waitstatus_to_exitcode(status)
        clock["s"] = usage.ru_utime + usage.ru_stime
        return True

    try:
        wait_until("SIPp to end", has_ended, timeout_s, 0.1)
    except ChildProcessError as error:
        raise WorldError("SIPp was waited for elsewhere") from error
    return clock["s"]


def read_statistics(path):
    """The last line of SIPp's statistics."""
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    if not rows:
        raise WorldError("SIPp wrote no statistics")
    return rows[-1]


def milliseconds(text):
    """SIPp's HH:MM:SS:microseconds, or HH:MM:SS.microseconds."""
    hours, minutes, rest = text.split(":", 2)
    seconds, _, fraction = rest.replace(":", ".").partition(".")
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(fraction or 0) / 1000


