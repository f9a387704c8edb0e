#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The dataplane alone, with real packets between network namespaces: two sides exchange RTP through
pairs of terminations. No control plane, no SIP. Two workers share one CPU and a port with one queue,
so that every second call goes through the hand-off ring.

Prints "ok - case" or "not ok - case: why"; needs root. `dataplane_relay.py CASE` runs one.
"""

import signal
import socket
import struct
import sys
import threading
import time
import traceback

from dataplane_client import LATCH_OPEN
from dataplane_ends import (
    Call,
    Dataplane,
    Failure,
    FIRST_PORT,
    Inside,
    LAST_PORT,
    Network,
    PACKET_S,
    Phone,
    REST_MS,
    SIDES,
    STRANGER,
    TAGGED_OWN,
    TAGGED_PEER,
    TaggedPeer,
    VLAN,
    expect,
    wait_until,
)


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


def case_vlan(dataplane):
    """A port with a VLAN tag: tagged in, tagged out, other tags, and other stations' frames, refused"""
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
    before = dataplane.dropped("mac_foreign")
    phone.collect().clear()
    for sequence in range(600, 610):
        peer.send(port, sequence, VLAN, "02:00:00:00:77:77")
    wait_until("frames to another station to be counted", lambda: dataplane.dropped("mac_foreign") >= before + 10)
    phone.collect()
    expect(not phone.received, "another station's media was relayed")
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
        # packets that waited in the port's ring while the program started come late, by up to 0.3 s
        expect(-0.4 < elapsed - (after[0] - before[0]) < 0.4,
               f"timestamp moved {elapsed} s in {after[0] - before[0]} s")


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
