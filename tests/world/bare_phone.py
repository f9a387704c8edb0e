# SPDX-License-Identifier: Apache-2.0
"""A SIP phone on a bare socket: says exactly what a test wants to be said."""

import re
import socket
import ssl
import time

from digest import prove
from netns import socket_in
from world import WorldError

PATIENCE_S = 5


class Response:
    def __init__(self, text):
        self.text = text
        self.status = int(text.split(" ", 2)[1])

    def header(self, name):
        return [line.partition(":")[2].strip() for line in self.text.split("\r\n\r\n", 1)[0].split("\r\n")
                if line.partition(":")[0].strip().lower() == name.lower()]


class BarePhone:
    """By UDP, TCP or TLS from an address of a namespace; connected, so that it hears only the other end."""

    def __init__(self, world, side, address, remote, user, password="", transport="udp", context=None):
        self.address, self.remote, self.user, self.password, self.transport = address, remote, user, password, transport
        kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
        self.socket = socket_in(world.namespace(side), socket.AF_INET, kind)
        self.socket.settimeout(PATIENCE_S)
        self.socket.bind((address, 0))
        self.socket.connect((remote, 5061 if transport == "tls" else 5060))
        if transport == "tls":
            self.socket = (context or ssl.create_default_context()).wrap_socket(self.socket, server_hostname=remote)
        self.port = self.socket.getsockname()[1]
        self.name = f"{user}-{time.monotonic_ns()}"
        self.cseq = 0
        self.left = b""

    def close(self):
        self.socket.close()

    def contact(self):
        return f"sip:{self.user}@{self.address}:{self.port};transport={self.transport}"

    def send(self, method, uri, headers=(), *, cseq=None, to=None, branch=None):
        branch = branch or f"z9hG4bK{self.name}-{method}-{cseq}"
        self.socket.sendall("\r\n".join([
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {self.address}:{self.port};rport;branch={branch}",
            "Max-Forwards: 70", f"From: <sip:{self.user}@{self.remote}>;tag={self.name}",
            f"To: {to or f'<{uri}>'}", f"Call-ID: {self.name}", f"CSeq: {cseq} {method}",
            *headers, "Content-Length: 0", "", ""]).encode())

    def receive(self):
        """The next message, without a body's meaning."""
        while b"\r\n\r\n" not in self.left:
            part = self.socket.recv(65536)
            if not part:
                raise WorldError(f"{self.user}: the connection was closed")
            self.left += part
        head, _, rest = self.left.partition(b"\r\n\r\n")
        found = re.search(rb"\r\n(?:content-length|l)\s*:\s*(\d+)", head, re.IGNORECASE)
        length = int(found[1]) if found else 0
        while len(rest) < length:
            part = self.socket.recv(65536)
            if not part:
                raise WorldError(f"{self.user}: the connection was closed within a body")
            rest += part
        self.left = rest[length:]
        return (head + b"\r\n\r\n" + rest[:length]).decode()

    def final(self, method):
        """The final response to our request of that method."""
        while True:
            text = self.receive()
            if text.startswith("SIP/2.0 ") and f" {method}\r\n" in text:
                response = Response(text)
                if response.status >= 200:
                    return response

    def register(self, expires_s, contact=None, password=None):
        """Asks, proves itself when asked, and returns the last response."""
        realm_uri = f"sip:{self.remote}"
        headers = [f"Contact: {contact or '<' + self.contact() + '>'}", f"Expires: {expires_s}"]
        aor = f"<sip:{self.user}@{self.remote}>"
        self.cseq += 1
        self.send("REGISTER", realm_uri, headers, cseq=self.cseq, to=aor)
        response = self.final("REGISTER")
        if response.status != 401:
            return response
        proof = prove(response.header("WWW-Authenticate")[0], self.user, password or self.password, "REGISTER",
                      realm_uri)
        self.cseq += 1
        self.send("REGISTER", realm_uri, [*headers, f"Authorization: {proof}"], cseq=self.cseq, to=aor)
        return self.final("REGISTER")

    def refused_call(self, number):
        """Calls without an offer and returns the refusal, acknowledged."""
        uri = f"sip:{number}@{self.remote}"
        self.cseq += 1
        branch = f"z9hG4bK{self.name}-call-{self.cseq}"
        self.send("INVITE", uri, [f"Contact: <{self.contact()}>"], cseq=self.cseq, branch=branch)
        response = self.final("INVITE")
        if response.status < 300:
            raise WorldError(f"call to {number} was taken: {response.text.splitlines()[0]}")
        self.send("ACK", uri, cseq=self.cseq, branch=branch, to=response.header("To")[0])
        return response
