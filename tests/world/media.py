# SPDX-License-Identifier: Apache-2.0
"""Drives rtp-pump: the media of the calls whose signalling SIPp does."""

import json
import os
import subprocess
import threading
from pathlib import Path

from programs import find_program
from world import WorldError, wait_until


class RtpPump:
    """A row of streams at one address; ports go up by two from first_port."""

    def __init__(self, world, side, address, first_port, count, label=None):
        self.address, self.first_port, self.count = address, first_port, count
        self.label = label or f"pump-{side}"
        self.process = world.spawn(side, self.label, [find_program("rtp-pump"), address, first_port, count],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lock = threading.Lock()
        self.seen_lines = 0
        assert self._answer() == "ready"

    def ports(self):
        return [self.first_port + 2 * index for index in range(self.count)]

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise WorldError(f"{self.label} ended")
        return json.loads(line)

    def _tell(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def send(self, index, host, port, packets=None):
        """Sends there from now on, or so many packets."""
        with self.lock:
            self._tell(f"send {index} {host} {port} {packets or ''}")

    def hold(self, index):
        with self.lock:
            self._tell(f"hold {index}")

    def hold_all(self):
        for index in range(self.count):
            self.hold(index)

    def close(self):
        """Ends the program; its ports are free again."""
        self.process.stdin.close()
        self.process.wait(5)

    def report(self):
        """One dictionary per stream: sent, received, lost, source_changes, max_gap_ms, …"""
        with self.lock:
            self._tell("report")
            return self._answer()

    def mark(self):
        """Forgets the longest gaps so far."""
        with self.lock:
            self._tell("mark")
            return self._answer()

    def follow(self, sipp, packets=None):
        """Starts each stream for which a line "media PORT HOST PORT" appears in SIPp's log, for
        so many packets: the same number both ways, so that what arrived can be compared."""
        lines = sipp.log_lines()
        for line in lines[self.seen_lines:]:
            words = line.split()
            if len(words) == 4 and words[0] == "media":
                index = (int(words[1]) - self.first_port) // 2
                if 0 <= index < self.count:
                    self.send(index, words[2], words[3], packets)
        self.seen_lines = len(lines)

    def drain(self, other):
        """After both have stopped sending: waits until nothing arrives any more."""
        def totals():
            return [sum(stream["received"] for stream in pump.report()) for pump in (self, other)]
        last = [totals()]

        def is_still():
            now = totals()
            was, last[0] = last[0], now
            return was == now
        wait_until("media to drain", is_still, 5, 0.2)


class Follower:
    """Keeps pumps in step with their SIPp while a test does something else."""

    def __init__(self, *pairs, packets=None):
        self.pairs = pairs  # (pump, sipp)
        self.packets = packets
        self.stopping = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self._loop, daemon=True)

    def _loop(self):
        try:
            while not self.stopping.wait(0.02):
                for pump, sipp in self.pairs:
                    pump.follow(sipp, self.packets)
        except (OSError, ValueError, WorldError) as error:
            self.error = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for pump, sipp in self.pairs:
            pump.follow(sipp, self.packets)
