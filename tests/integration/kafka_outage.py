#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real Kafka broker dies under load, the producing process too, and still every record arrives,
exactly once by (node, epoch, sequence).

  TANDEM_KAFKA_OUTAGE_S   seconds without a broker (default 15; the long form is 60)
  TANDEM_KAFKA_RATE       records per second (default 3000)
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TANDEM_BUILD", ROOT / "build"))
BROKER = ROOT / "tests/tools/kafka/broker.sh"
OUTAGE_S = int(os.environ.get("TANDEM_KAFKA_OUTAGE_S", "15"))
RATE = int(os.environ.get("TANDEM_KAFKA_RATE", "3000"))
PORT = int(os.environ.get("TANDEM_KAFKA_PORT", "19092"))
BROKERS = f"127.0.0.1:{PORT}"
CALM_S = 4  # load before the broker dies and after it is back
DELIVERY_MAX_S = 200


def say(text):
    print(f"# {text}", flush=True)


def broker(*arguments):
    """Runs broker.sh; its own words say what is missing and what to do."""
    result = subprocess.run([str(BROKER), *map(str, arguments)], stderr=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"broker.sh {arguments[0]}: {result.stderr.strip()}")


def find_program(name):
    for path in BUILD.rglob(name):
        if path.is_file() and os.access(path, os.X_OK):
            return str(path)
    raise RuntimeError(f"{name} is not in {BUILD}: build it first (ninja -C {BUILD} {name})")


def start_load(state, seconds):
    return subprocess.Popen([find_program("kafka-load"), str(state), BROKERS, str(RATE), str(seconds)],
                            stdout=subprocess.PIPE, text=True)


def kill_load(load):
    load.send_signal(signal.SIGKILL)
    load.wait()


def committed(state):
    """The last sequence that a process journalled, and so promised."""
    return int((state / "committed").read_text())


def run(work):
    state = work / "state"
    state.mkdir()
    say(f"starting a broker on {BROKERS}")
    broker("format", work / "broker", PORT)
    broker("start", work / "broker")
    broker("topics", work / "broker")

    say(f"{RATE} records a second; the broker dies after {CALM_S} s for {OUTAGE_S} s")
    load = start_load(state, CALM_S + OUTAGE_S + CALM_S)
    time.sleep(CALM_S)
    broker("kill", work / "broker")
    died = time.monotonic()
    time.sleep(OUTAGE_S / 2)
    promised = committed(state)
    kill_load(load)
    say(f"kill -9 of the producing process at record {promised}, broker still away")
    load = start_load(state, OUTAGE_S / 2 // 1 + CALM_S)
    time.sleep(max(0.0, OUTAGE_S - (time.monotonic() - died)))
    broker("start", work / "broker")
    say(f"broker back after {time.monotonic() - died:.0f} s")
    time.sleep(1.0)
    kill_load(load)
    say(f"kill -9 once more at record {committed(state)}, while the backlog is on its way")
    load = start_load(state, CALM_S)
    output, _ = load.communicate(timeout=DELIVERY_MAX_S + CALM_S)
    promised = committed(state)
    print(("ok" if load.returncode == 0 else "not ok") + " - everything is delivered after the outage"
          + ("" if load.returncode == 0 else f": exit status {load.returncode}"), flush=True)
    say(f"load: {output.strip()}")
    figures = json.loads(output)

    check = subprocess.run([find_program("kafka-check"), BROKERS, "load", str(promised)],
                           stdout=subprocess.PIPE, text=True)
    say(f"proof: {check.stdout.strip()}")
    proof = json.loads(check.stdout)
    cases = [
        ("no record is missing from the topics", proof["missing"] == 0 and proof["last_seq"] == promised),
        ("each record is there exactly once by (node, epoch, sequence)",
         proof["conflicts"] == 0 and proof["bad"] == 0 and proof["unique"] == promised),
        ("records of a partition are in order", proof["out_of_order"] == 0),
        ("nothing is left in the journal", figures["journal_events"] == 0),
        ("the proof holds", check.returncode == 0),
    ]
    for name, holds in cases:
        print(f"ok - {name}" if holds else f"not ok - {name}: {check.stdout.strip()}", flush=True)
    return load.returncode == 0 and all(holds for _, holds in cases)


def main():
    work = Path(tempfile.mkdtemp(prefix="tandem-kafka-"))
    holds = False
    try:
        holds = run(work)
    except (RuntimeError, subprocess.TimeoutExpired, ValueError, OSError) as error:
        print(f"not ok - the test could run: {error}", flush=True)
    finally:
        subprocess.run([str(BROKER), "kill", str(work / "broker")])
        if holds:
            shutil.rmtree(work)
        else:
            say(f"left for inspection: {work}")
    sys.exit(0 if holds else 1)


main()
