# SPDX-License-Identifier: Apache-2.0
"""Name servers for tests: unbound with zones of the test's own, and one that misbehaves."""

import socket
import threading

from netns import socket_in
from world import end_process, wait_until

DNS_PORT = 53


class Unbound:
    """A real name server in a namespace; records are lines of a zone file."""

    def __init__(self, world, side, address, records, label="unbound"):
        self.world, self.side, self.address, self.label = world, side, address, label
        self.directory = world.directory / label
        self.directory.mkdir(exist_ok=True)
        self.process = None
        self.start(records)

    def start(self, records):
        """Begins to answer; what a name doesn't have is answered with a negative TTL of 2 s."""
        path = self.directory / "unbound.conf"
        quoted = "".join(f"  local-data: '{record}'\n" for record in records)
        path.write_text(
            "server:\n"
            f"  interface: {self.address}\n  port: {DNS_PORT}\n  access-control: 0.0.0.0/0 allow\n"
            "  do-daemonize: no\n  username: ''\n  chroot: ''\n  use-syslog: no\n  verbosity: 1\n"
            f"  pidfile: '{self.directory}/pid'\n  directory: '{self.directory}'\n"
            "  module-config: 'iterator'\n  log-queries: yes\n  rrset-roundrobin: yes\n"
            "  local-zone: 'test.' static\n"
            "  local-data: 'test. 2 IN SOA ns.test. host.test. 1 2 2 2 2'\n"
            f"{quoted}"
            "remote-control:\n  control-enable: no\n")
        self.process = self.world.spawn(self.side, self.label, ["unbound", "-d", "-c", path])
        wait_until(f"{self.label} to listen", self.is_listening, 10)

    def is_listening(self):
        return f":{DNS_PORT:04X} " in self.world.run_in(self.side, "cat", "/proc/net/udp")

    def stop(self):
        """Dies: nobody listens on its port any more."""
        end_process(self.process.pid)
        self.process.wait(5)

    def restart(self, records):
        self.stop()
        self.start(records)

    def queries(self):
        """How many questions it was asked so far."""
        return (self.world.directory / f"{self.label}.log").read_text(errors="replace").count(" IN\n")


class FaultyServer:
    """Takes questions on UDP and answers them as `answer(question bytes)` says: bytes, or None."""

    def __init__(self, world, side, address, answer):
        self.socket = socket_in(world.namespace(side), socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind((address, DNS_PORT))
        self.socket.settimeout(0.2)
        self.answer = answer
        self.asked = 0
        self.is_ending = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.is_ending:
            try:
                question, source = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.asked += 1
            reply = self.answer(question)
            if reply is not None:
                self.socket.sendto(reply, source)

    def stop(self):
        self.is_ending = True
        self.thread.join(5)
        self.socket.close()
