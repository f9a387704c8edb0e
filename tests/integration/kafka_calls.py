#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Calls go on while a real Kafka broker is away and the control plane dies, and the topics prove
afterwards that every CDR, contact record and event arrived, exactly once.

  TANDEM_KAFKA_OUTAGE_S   seconds without a broker (default 15; the long form is 60)
  TANDEM_KAFKA_CALL_RATE  calls per second (default 20)
"""

import json
import os
import struct
import subprocess
import threading
import time
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path

from harness import Calls, WorldError, default_config, expect, expect_equal, main, wait_until
from programs import BUILD

BROKER = Path(__file__).resolve().parents[1] / "tools/kafka/broker.sh"
CHECK = BUILD / "tests/tools/kafka/kafka-check"
OUTAGE_S = int(os.environ.get("TANDEM_KAFKA_OUTAGE_S", "15"))
RATE = int(os.environ.get("TANDEM_KAFKA_CALL_RATE", "20"))
PORT = 9092  # on the loopback of the appliance's namespace
CALM_S = 8  # load before the broker dies
BACK_S = 20  # load while the broker starts and after that
TALK_MS = 1500
DRAIN_MAX_S = 60
CDR_MAX_S = 1.0  # hang-up to the broker, p99 (design, section 10)
SETTLED_S = 1.5  # hang-ups later than this before the broker's death say nothing about a calm time
LOOP_DELAY_MAX_US = 250_000  # half of T1: no peer repeats itself because the loop was busy
EVENTS, CDRS, CONTACTS = "tandem.call.events.v1", "tandem.cdr.v1", "tandem.contact.v1"
COMPRESSION = {EVENTS: "lz4", CDRS: "zstd", CONTACTS: "zstd"}
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")  # by their number in a batch's attributes
BATCH_LEAD, BATCH_ATTRIBUTES = struct.Struct(">qi"), 22  # base offset, length of what follows


class Broker:
    """The broker beside the appliance's programs."""

    def __init__(self, world):
        self.world = world
        self.directory = world.directory / "broker"

    def tell(self, *arguments):
        """Runs broker.sh; its own words say what is missing and what to do."""
        self.world.run_in("appliance", str(BROKER), arguments[0], str(self.directory), *arguments[1:])

    def make(self):
        # Fetching needs the network, which no namespace has.
        subprocess.run([str(BROKER), "fetch"], check=True)
        self.tell("format", str(PORT))
        self.tell("start")
        self.tell("topics")

    def prove(self, last_seq):
        """What kafka-check says of the topics, and each record once."""
        records = self.world.directory / "topics.jsonl"
        output = self.world.run_in("appliance", str(CHECK), f"127.0.0.1:{PORT}", default_config()["node"],
                                   str(last_seq), str(records), check=False)
        expect(output.startswith("{"), "kafka-check could not read the topics")
        with open(records, encoding="utf-8") as lines:
            return json.loads(output), [json.loads(line) for line in lines]


    def codecs(self, topic):
        """How many batches of each compression lie in the broker's files, and their bytes."""
        found, size = Counter(), 0
        for log in (self.directory / "data").glob(f"{topic}-*/*.log"):
            batches, at = log.read_bytes(), 0
            size += len(batches)
            while at + BATCH_ATTRIBUTES < len(batches):
                found[CODECS[batches[at + BATCH_ATTRIBUTES] & 7]] += 1
                at += BATCH_LEAD.size + BATCH_LEAD.unpack_from(batches, at)[1]
        return found, size


class Watch:
    """Asks the appliance for its status twice a second and keeps the worst."""

    def __init__(self, appliance):
        self.appliance = appliance
        self.stopping = threading.Event()
        self.delay_max_us = self.backlog_max = self.pending_max = 0
        self.thread = threading.Thread(target=self._loop, daemon=True)

    def _loop(self):
        while not self.stopping.wait(0.5):
            try:
                self.note(self.appliance.status())
            except (WorldError, ValueError):
                continue  # between its death and its answer

    def note(self, status):
        self.delay_max_us = max(self.delay_max_us, status["loop"]["delay_us_max"])
        self.backlog_max = max(self.backlog_max, status["kafka"]["backlog"])
        self.pending_max = max(self.pending_max, status["events"]["pending"])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()


def is_delivered(appliance):
    status = appliance.status()
    kafka, events = status["kafka"], status["events"]
    return kafka["connected"] and kafka["backlog"] == 0 and events["delivered_seq"] == events["accepted_seq"]


def outage(world, appliance):
    """A broker killed under load, the control plane too: every record arrives, exactly once."""
    broker = Broker(world)
    try:
        broker.make()
        wait_until("what was before the broker to arrive", lambda: is_delivered(appliance), DRAIN_MAX_S, 0.2)
        before = appliance.status()["events"]["accepted_seq"]
        calls, began_s, died_s = load(world, appliance, broker)
        good, failed = finish(calls)
        appliance.wait_idle(None, 60)
        wait_until("all records to arrive", lambda: is_delivered(appliance), DRAIN_MAX_S, 0.2)
        status = appliance.status()
        expect_equal((status["kafka"]["backlog"], status["journal_records"]), (0, 0), "backlog, journal records")
        expect_equal((status["kafka"]["dead_letters"], status["events"]["refused"]), (0, 0), "dead letters, refused")
        proof, records = broker.prove(status["events"]["accepted_seq"])
        print(f"# proof: {json.dumps(proof)}")
        expect(proof["holds"], f"the topics prove a fault: {proof}")
        expect_equal((proof["last_seq"], proof["unique"], proof["epochs"]),
                     (status["events"]["accepted_seq"],) * 2 + (2,), "last sequence, records, epochs")
        check_world(records, before, good, failed)
        check_latency(records, began_s, died_s - SETTLED_S)
        check_compression(broker, records)
    finally:
        broker.tell("kill")


def load(world, appliance, broker):
    """Calls all the time; the broker's death, the control plane's, the broker's return."""
    count = RATE * (CALM_S + OUTAGE_S + BACK_S)
    calls = Calls(world, "load", count, rate=RATE, talk_ms=TALK_MS)
    with Watch(appliance) as watch:
        began_s = time.time()
        calls.start()
        time.sleep(CALM_S)
        calm_delay_us = watch.delay_max_us
        died_s = time.time()
        broker.tell("kill")
        time.sleep(OUTAGE_S / 2)
        watch.note(appliance.status())
        appliance.kill_controlplane()
        killed_s = time.time()
        appliance.start_controlplane()
        restart_s = time.time() - killed_s
        time.sleep(max(0.0, died_s + OUTAGE_S - time.time()))
        watch.note(appliance.status())
        waiting = appliance.status()["kafka"]["backlog"]
        broker.tell("start")
        back_s = time.time()
        wait_until("the backlog to arrive", lambda: appliance.status()["kafka"]["backlog"] < RATE, DRAIN_MAX_S, 0.1)
        caught_up_s = time.time() - back_s
    print(f"# broker away for {back_s - died_s:.0f} s, {waiting} records waited, all but the newest delivered "
          f"{caught_up_s:.1f} s after its return; longest wait in the loop {calm_delay_us / 1000:.1f} ms before, "
          f"{watch.delay_max_us / 1000:.1f} ms with the outage; the control plane was back after {restart_s:.2f} s")
    expect(waiting > RATE * OUTAGE_S / 2, f"only {waiting} records waited: the broker was not away")
    expect(watch.delay_max_us < LOOP_DELAY_MAX_US, f"the loop waited {watch.delay_max_us} us")
    return calls, began_s, died_s


def finish(calls):
    """How many calls SIPp counts as good and as failed; only the killed moment may cost any."""
    wait_until("the calls to end", lambda: calls.uac.process.poll() is not None, 90, 0.2)
    calls.follower.__exit__()
    good, failed = calls.uac.succeeded(), calls.uac.failed()
    calls.close()
    expect_equal(good + failed, calls.count, "calls that SIPp made")
    expect_equal(failed, 0, f"calls that failed: {calls.uac.errors()}")
    return good, failed


def check_world(records, before, good, failed):
    """The records of the load tell of the calls that SIPp made, and of no others."""
    of = defaultdict(list)
    for record in records:
        if record["value"]["node_seq"] > before:
            of[record["topic"]].append(record["value"])
    for topic, values in of.items():
        again = [name for name, times in Counter(value["event_id"] for value in values).items() if times > 1]
        expect(not again, f"{topic}: one fact under two sequences: {again[:5]}")
    contacts = {contact["call_id"]: contact for contact in of[CONTACTS]}
    answered = {call_id for call_id, contact in contacts.items() if contact["disposition"] == "answered"}
    expect_equal(len(contacts), len(of[CONTACTS]), "contact records, counting each call once")
    expect_equal(len(answered), good, "answered calls with a contact record")
    expect(len(contacts) - len(answered) <= failed, f"{len(contacts) - len(answered)} calls that nobody made")
    legs = Counter(cdr["call_id"] for cdr in of[CDRS] if not cdr["partial_no"])
    wrong = {call_id: legs[call_id] for call_id in answered if legs[call_id] != 2}
    expect(not wrong and set(legs) == set(contacts), f"calls whose CDRs are not two: {list(wrong.items())[:5]}")
    kinds = defaultdict(Counter)
    for event in of[EVENTS]:
        kinds[event["call_id"]][event["event"]] += 1
    expect_equal(set(kinds), set(contacts), "calls with events and with a contact record")
    for call_id, seen in kinds.items():
        ends = (seen["ended"], seen["failed"])
        wanted = (1, 0) if call_id in answered else (0, 1)
        expect(seen["created"] == 1 and ends == wanted, f"events of call {call_id}: {dict(seen)}")
    recovered = sum(seen["recovered"] for seen in kinds.values())
    print(f"# {good} calls, {failed} failed, {recovered} taken over from the journal: {len(of[CDRS])} CDRs, "
          f"{len(of[CONTACTS])} contact records, {len(of[EVENTS])} events")


def seconds(text):
    """A time of a record, to the microsecond."""
    return datetime.fromisoformat(text[:26] + "+00:00").timestamp()


def check_latency(records, from_s, until_s):
    """From hang-up to the broker's own time stamp, for calls that ended while all was calm."""
    ended = [(seconds(record["value"]["t_end"]), record["broker_ms"] / 1000)
             for record in records if record["topic"] == CDRS]
    waits = sorted(stored_s - end_s for end_s, stored_s in ended if from_s < end_s < until_s)
    expect(len(waits) > RATE, f"only {len(waits)} CDRs in the calm time")
    half, most, worst = (waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99, 1.0))
    print(f"# CDR in Kafka after hang-up: p50 {half * 1000:.0f} ms, p99 {most * 1000:.0f} ms, "
          f"worst {worst * 1000:.0f} ms of {len(waits)}")
    expect(most <= CDR_MAX_S, f"p99 from hang-up to the broker: {most:.2f} s")


def check_compression(broker, records):
    """Each topic has the compression meant for it; a batch that would grow goes as it is."""
    count = Counter(record["topic"] for record in records)
    for topic, wanted in COMPRESSION.items():
        found, size = broker.codecs(topic)
        expect(found[wanted] and set(found) <= {wanted, "none"}, f"{topic}: batches {dict(found)}, meant {wanted}")
        print(f"# {topic}: {size / count[topic]:.0f} bytes a record ({wanted})")


def config():
    wanted = default_config()
    wanted["events"] = {"brokers": [f"127.0.0.1:{PORT}"]}
    return wanted


if __name__ == "__main__":
    main(__file__, [outage], config())
