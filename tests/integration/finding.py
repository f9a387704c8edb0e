#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Finding the peer: names by NAPTR, SRV, A and AAAA from a real name server, weights, dead targets,
and name servers that die, fall silent or talk nonsense while other trunks' calls go on."""

import csv
import json
import os
import socket
import time
from collections import Counter

from harness import Party, Sipp, default_config, expect, expect_equal, main, wait_until
from names import FaultyServer, Unbound
from netns import socket_in

SERVER = "192.0.2.30"  # the name server's address, on the carrier's side
TTL_S = 3
FIRST, SECOND, THIRD = ("198.51.100.20", 5060), ("198.51.100.20", 5070), ("198.51.100.30", 5060)
HOSTS = [f"one.test. {TTL_S} IN A 198.51.100.20", f"two.test. {TTL_S} IN A 198.51.100.30"]
FARM = [  # UDP by weight, a spare, and TCP as what is less preferred
    *HOSTS,
    f'farm.test. {TTL_S} IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.farm.test.',
    f'farm.test. {TTL_S} IN NAPTR 10 20 "s" "SIP+D2T" "" _sip._tcp.farm.test.',
    f"_sip._udp.farm.test. {TTL_S} IN SRV 1 60 5060 one.test.",
    f"_sip._udp.farm.test. {TTL_S} IN SRV 1 30 5070 one.test.",
    f"_sip._udp.farm.test. {TTL_S} IN SRV 2 0 5060 two.test.",
    f"_sip._tcp.farm.test. {TTL_S} IN SRV 1 0 5060 two.test.",
    f"plain.test. {TTL_S} IN A 198.51.100.30",
    f"six.test. {TTL_S} IN AAAA 2001:db8:b::10",
    f"_sip._udp.closed.test. {TTL_S} IN SRV 0 0 0 .",
]


def named(name, target):
    return {"name": name, "sources": ["target"], "target": target, "media_address": "198.51.100.1",
            "options_interval_s": 0}


def config():
    wanted = default_config()
    wanted["sip"]["invite_timeout_ms"] = 700
    wanted["sip"]["dns"] = {"servers": [SERVER], "timeout_ms": 300, "tries": 2, "min_ttl_s": 1, "stale_s": 600}
    wanted["trunks"] += [named("farm", "sip:farm.test"), named("plain", "sip:plain.test"),
                         named("six", "sip:six.test"), named("closed", "sip:closed.test;transport=udp"),
                         named("nowhere", "sip:nowhere.test")]
    wanted["routes"] += [
        {"from": "carrier", "number": "farm", "to": ["farm"]},
        {"from": "carrier", "number": "plain", "to": ["plain"]},
        {"from": "carrier", "number": "six", "to": ["six"]},
        {"from": "carrier", "number": "closed", "to": ["closed"]},
        {"from": "carrier", "number": "nowhere", "to": ["nowhere"]},
        {"from": "carrier", "number": "either", "to": ["nowhere", "plain"]}]
    return wanted


# --- helpers ---


def trunk_of(appliance, name):
    return next(trunk for trunk in json.loads(appliance.tandemctl("trunks", "--json"))["trunks"]
                if trunk["name"] == name)


def addresses(appliance, name):
    return [target["address"] for target in trunk_of(appliance, name)["targets"]]


def name_server(world, appliance):
    """Has unbound run, which ends with each case, and waits until the appliance has asked it."""
    server = Unbound(world, "carrier", SERVER, FARM)
    for name in ("farm", "plain"):
        wait_until(f"what {name}.test means", lambda: trunk_of(appliance, name)["lookup"] == "good", 40)
    return server


def answer_at(world, place, label, scenario="uas_quick.xml", transport="u1"):
    side = "phones"
    uas = Sipp(world, side, scenario, label, address=place[0], port=place[1], transport=transport)
    uas.wait_bound()
    return uas


def call(world, number, label, count=1, rate=20, timeout_s=40, port=5070, arguments=()):
    """Places calls from the carrier and waits for their end; returns the finished SIPp."""
    caller = Party("carrier")
    uac = Sipp(world, "carrier", "uac_quick.xml", label, arguments, address=caller.address, port=port,
               remote=caller.remote(), calls=count, rate=rate, rows=[[number]], timeout_s=timeout_s)
    uac.process.wait(timeout_s + 10)
    return uac


def legs_out(appliance, before):
    """Outgoing legs recorded since there were `before` CDRs."""
    return [cdr for cdr in appliance.cdrs()[before:] if cdr["direction"] == "out"]


def place_of(cdr):
    return cdr["remote_addr"]


def stop(*sipps):
    for sipp in sipps:
        sipp.process.kill()
        sipp.process.wait(5)


def response_times_ms(uac):
    """Each call's time from INVITE to 200, as SIPp measured it."""
    times = []
    for path in uac.directory.parent.glob("*"):
        if path.name.startswith("uac_quick_") and path.name.endswith("_rtt.csv"):
            with open(path, encoding="ascii") as table:
                times += [float(row[1]) for row in csv.reader(table, delimiter=";") if row[0][:1].isdigit()]
            path.unlink()
    return sorted(times)


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


# --- cases ---


def dead_at_start(world, appliance):
    """Without any name server calls to a named trunk fail clearly, all others work, and it recovers."""
    before = len(appliance.cdrs())
    uas = answer_at(world, ("198.51.100.10", 5060), "phone")
    expect_equal(trunk_of(appliance, "farm")["state"], "no_target", "the trunk's state")
    wait_until("the reason", lambda: trunk_of(appliance, "farm")["reason"] == "no name server answers", 10)
    expect_equal(call(world, "farm", "unfound").failed(), 1, "failed calls")
    expect_equal(call(world, "+4930100", "found").succeeded(), 1, "calls to a trunk with an address")
    cdr = appliance.cdrs()[before]
    expect_equal((cdr["final_sip_code"], cdr["release_detail"], cdr["q850"]), (503, "no_target", 38),
                 "the record of the failed call")
    name_server(world, appliance)
    stop(uas)


def order(world, appliance):
    """NAPTR, then SRV, then addresses decide the order; what doesn't exist is skipped."""
    name_server(world, appliance)
    targets = trunk_of(appliance, "farm")["targets"]
    found = sorted((target["rank"], target["transport"], target["address"], target["weight"]) for target in targets)
    expect_equal(found, [(0, "UDP", "198.51.100.20:5060", 60), (0, "UDP", "198.51.100.20:5070", 30),
                         (1, "UDP", "198.51.100.30:5060", 0), (2, "TCP", "198.51.100.30:5060", 0)],
                 "targets of farm.test")
    for name, wanted, reason in (("plain", ["198.51.100.30:5060"], ""), ("six", ["[2001:db8:b::10]:5060"], ""),
                                 ("closed", [], "the name's SRV records say that there is no SIP"),
                                 ("nowhere", [], "the name does not exist")):
        wait_until(f"what {name}.test means: {wanted}, {reason}", lambda: addresses(appliance, name) == wanted
                   and trunk_of(appliance, name)["reason"] == reason, 40)
    uas = [answer_at(world, ("198.51.100.30", 5060), "plain"), answer_at(world, ("2001:db8:b::10", 5060), "six")]
    expect_equal(call(world, "six", "by-six").succeeded(), 1, "calls over IPv6")
    expect_equal(call(world, "either", "either").succeeded(), 1, "calls whose first trunk has no target")
    expect_equal(call(world, "closed", "closed-call").failed(), 1, "calls to a name without service")
    stop(*uas)
    appliance.wait_idle()


def weights(world, appliance):
    """Many calls share two servers by their weights; the spare gets none."""
    name_server(world, appliance)
    before = len(appliance.cdrs())
    places = [answer_at(world, place, f"farm-{i}") for i, place in enumerate((FIRST, SECOND, THIRD))]
    expect_equal(call(world, "farm", "weighted", 600, rate=60).succeeded(), 600, "calls")
    # A busy machine may make a server late: where each call went first is what counts.
    shares = Counter(place_of(cdr) for cdr in legs_out(appliance, before) if cdr["attempt_no"] == 1)
    stop(*places)
    expect(set(shares) == {"198.51.100.20:5060", "198.51.100.20:5070"}, f"servers used: {shares}")
    # 400 of 600 expected, standard deviation 11.5: five of them
    expect(abs(shares["198.51.100.20:5060"] - 400) < 58, f"shares for weights 60 and 30: {shares}")
    appliance.wait_idle()


def dead_targets(world, appliance):
    """A port without listener costs no time, a silent one the timeout once; then it is avoided."""
    name_server(world, appliance)
    before = len(appliance.cdrs())
    silent = socket_in(world.namespace("phones"), socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(SECOND)  # hears, says nothing; nobody at all at FIRST: ICMP
    spare = answer_at(world, THIRD, "spare")
    expect_equal(call(world, "farm", "survivors", 12, rate=2).succeeded(), 12, "calls with two dead targets")
    legs = legs_out(appliance, before)
    tried = Counter((place_of(leg), leg["final_sip_code"]) for leg in legs)
    expect_equal(tried["198.51.100.30:5060", 200], 12, f"answered by the spare; all tries: {tried}")
    dead = sum(count for (_, status), count in tried.items() if status != 200)
    expect(2 <= dead <= 8, f"tries of dead targets: {tried}")
    states = {(target["address"], target["transport"]): target["state"]
              for target in trunk_of(appliance, "farm")["targets"]}
    expect_equal([states[place, "UDP"] for place in ("198.51.100.20:5060", "198.51.100.20:5070", "198.51.100.30:5060")],
                 ["down", "down", "up"], f"states: {states}")
    silent.close()
    back = [answer_at(world, place, f"back-{i}") for i, place in enumerate((FIRST, SECOND))]
    wait_until("the dead targets to be tried again",
               lambda: call(world, "farm", "probe").succeeded() == 1
               and any(place_of(leg) != "198.51.100.30:5060" and leg["final_sip_code"] == 200
                       for leg in legs_out(appliance, before + 24)), 60)
    stop(spare, *back)
    appliance.wait_idle()


def no_room(world, appliance):
    """503 with Retry-After sends a call to the next target and keeps others away for that long."""
    name_server(world, appliance)
    before = len(appliance.cdrs())
    full = [answer_at(world, place, f"full-{i}", "uas_no_room.xml") for i, place in enumerate((FIRST, SECOND))]
    spare = answer_at(world, THIRD, "roomy")
    expect_equal(call(world, "farm", "crowd", 10, rate=10).succeeded(), 10, "calls beside full servers")
    refused = [leg for leg in legs_out(appliance, before) if leg["final_sip_code"] == 503]
    expect(1 <= len(refused) <= 4, f"{len(refused)} tries of servers that asked to be left alone for 3 s")
    stop(spare, *full)
    appliance.wait_idle()


def changed_zone(world, appliance):
    """A zone that changes is followed within its TTL."""
    server = name_server(world, appliance)
    moved = [record for record in FARM if not record.startswith("plain.test")]
    server.restart([*moved, f"plain.test. {TTL_S} IN A 198.51.100.20"])
    wait_until("the new address", lambda: addresses(appliance, "plain") == ["198.51.100.20:5060"], 15)
    uas = answer_at(world, FIRST, "moved")
    expect_equal(call(world, "plain", "to-moved").succeeded(), 1, "calls to the new address")
    server.restart(FARM)
    wait_until("the old address", lambda: addresses(appliance, "plain") == ["198.51.100.30:5060"], 15)
    stop(uas)
    appliance.wait_idle()


def outage(world, appliance):
    """Name servers that are dead, silent, slow or mad: calls to names go on, no other call is slower."""
    server = name_server(world, appliance)
    phone = answer_at(world, ("198.51.100.10", 5060), "steady")
    plain = answer_at(world, THIRD, "stale")
    before = measure(world, "calm")
    server.stop()
    figures = {"calm": before}
    figures["dead"] = during(world, appliance, "dead")
    faults = {"silent": lambda question: None,
              "slow": lambda question: time.sleep(0.25) or question[:2] + b"\x81\x82" + question[4:],
              "mad": lambda question: question[:2] + os.urandom(200),
              "refusing": lambda question: question[:2] + b"\x81\x82" + question[4:]}
    for name, answer in faults.items():
        faulty = FaultyServer(world, "carrier", SERVER, answer)
        wait_until(f"questions to the {name} server", lambda: faulty.asked > 0, 40)
        figures[name] = during(world, appliance, name)
        faulty.stop()
    for name, times in figures.items():
        print(f"# {name}: calls to an address, INVITE to 200: p50 {percentile(times, 0.5):.1f} ms, "
              f"p99 {percentile(times, 0.99):.1f} ms, n={len(times)}", flush=True)
        expect(percentile(times, 0.99) < percentile(before, 0.99) + 100, f"p99 while the name server is {name}")
    server.start(FARM)
    wait_until("fresh names", lambda: trunk_of(appliance, "plain")["lookup"] == "good", 40)
    stop(phone, plain)
    appliance.wait_idle()


def measure(world, label):
    uac = call(world, "+4930100", f"steady-{label}", 400, rate=80, arguments=("-trace_rtt", "-rtt_freq", 1))
    expect_equal(uac.succeeded(), 400, f"calls to an address, name server: {label}")
    times = response_times_ms(uac)
    expect_equal(len(times), 400, "response times")
    return times


def during(world, appliance, label):
    """Waits until what was known has expired; then calls to a name, and to an address."""
    wait_until("names to expire", lambda: trunk_of(appliance, "plain")["lookup"] == "stale", 15)
    expect_equal(call(world, "plain", f"stale-{label}", 20).succeeded(), 20, f"calls to a name, its server {label}")
    return measure(world, label)


def restart_in_outage(world, appliance):
    """kill -9 while no name server answers: the next start still knows where the names led."""
    server = name_server(world, appliance)
    uas = answer_at(world, THIRD, "known")
    server.stop()
    appliance.kill_controlplane()
    appliance.start_controlplane()
    expect_equal(trunk_of(appliance, "plain")["lookup"], "stale", "what is known of the name")
    expect_equal(call(world, "plain", "after-kill", 5).succeeded(), 5, "calls to a name after kill -9")
    server.start(FARM)
    wait_until("fresh names", lambda: trunk_of(appliance, "plain")["lookup"] == "good", 40)
    stop(uas)
    appliance.wait_idle()


if __name__ == "__main__":
    main(__file__, [dead_at_start, order, weights, dead_targets, no_room, changed_zone, outage, restart_in_outage],
         config())
