#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Mutated SIP messages by UDP and TCP: the appliance goes on, in time, and nothing stays behind.
TANDEM_MUTANTS says how many are sent by each transport (default 60,000)."""

import json
import os

from harness import ADDRESS, default_config, expect, main, place_calls, trunk  # first: it knows where the rest is
from programs import find_program
from torture import CORPUS, OWN, PEER

COUNT = int(os.environ.get("TANDEM_MUTANTS", "60000"))
RATE = {"udp": 10000, "tcp": 5000}
GROWTH_MAX_KB = 40_000  # of a control plane whose tables and rings fill up


def memory_kb(appliance):
    with open(f"/proc/{appliance.controlplane.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def storm(world, appliance, transport):
    before = memory_kb(appliance)
    output = world.run_in("appliance", find_program("mutant-storm"), CORPUS, PEER, OWN[0], str(OWN[1]), transport,
                          str(COUNT), str(RATE[transport]), "1")
    print(f"# {transport}: {output.strip()}", flush=True)
    seen = json.loads(output)
    expect(seen["probes_answered"] > 100 and seen["probes_unanswered"] == 0, f"requests between mutants: {seen}")
    appliance.wait_idle(timeout_s=60)
    growth = memory_kb(appliance) - before
    print(f"# {transport}: {growth} kB more in memory", flush=True)
    expect(growth < GROWTH_MAX_KB, f"{growth} kB more in memory after {COUNT} mutants")
    place_calls(world, appliance, f"after-{transport}", 3, talk_ms=2000)


def udp(world, appliance):
    """Mutants by UDP."""
    storm(world, appliance, "udp")


def tcp(world, appliance):
    """Mutants by TCP."""
    storm(world, appliance, "tcp")


def config():
    wanted = default_config()
    wanted["sip"]["listen"] += [{"transport": transport, "address": OWN[0]} for transport in ("udp", "tcp")]
    wanted["trace"] = {"memory_mb": 1}  # it fills up, which is no leak
    wanted["sip"]["t1_ms"] = 50  # what is never acknowledged goes after 64 * T1
    wanted["trunks"].append(trunk("mutants", PEER, ADDRESS["carrier"]["own4"]))
    # Nobody is there: a mutant that asks for a good call gets as far as the next hop.
    wanted["trunks"].append(trunk("nobody", "127.0.0.3", ADDRESS["phones"]["own4"]))
    wanted["routes"].append({"from": "mutants", "pattern": "*", "to": ["nobody"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [udp, tcp], config())
