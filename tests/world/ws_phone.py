#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A SIP phone on a WebSocket (RFC 7118): the WebSocket is python3-websockets', the SIP by hand.

    ws_phone.py URL NUMBER [--ca FILE] [--origin ORIGIN] [--protocol NAME] [--hang-up-after S]
    ws_phone.py URL USER --password PASSWORD

Asks OPTIONS, sends keep-alives, places a call and hangs up, or waits for the other end to. With a
password it registers instead, takes one call and unregisters. Prints what happens, one word and more
per line; the last line is "done" or "failed: why". It says that its Contact is a host that doesn't
exist: only the connection leads back to it.
"""

import argparse
import asyncio
import ssl
import uuid

import websockets

from digest import prove

HOST = "df7jal23ls0d.invalid"
SDP = ("v=0\r\no=ws 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
       "m=audio 41000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n")
PATIENCE_S = 10


class Phone:
    def __init__(self, socket, arguments):
        self.socket, self.arguments = socket, arguments
        self.via = "WSS" if arguments.url.startswith("wss") else "WS"
        self.cseq = 0
        self.to_tag = ""
        self.name = uuid.uuid4().hex

    def request(self, method, uri, body="", cseq=None, more="", aor="<sip:we@tandem>"):
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self.via} {HOST};branch=z9hG4bK{self.name}{method}{self.cseq}\r\n"
                f"Max-Forwards: 70\r\nFrom: <sip:ws@{HOST}>;tag={self.name}\r\nTo: {aor}{self.to_tag}\r\n"
                f"Call-ID: {self.name}\r\nCSeq: {cseq} {method}\r\nContact: <sip:ws@{HOST};transport=ws>\r\n{kind}{more}"
                f"Content-Length: {len(body)}\r\n\r\n{body}")

    async def receive(self):
        text = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        if not isinstance(text, str):
            raise RuntimeError("a binary message where text was possible")
        return text

    async def final(self, method):
        """The final response to our request; provisional ones are told."""
        while True:
            text = await self.receive()
            status = int(text.split(" ", 2)[1]) if text.startswith("SIP/2.0 ") else 0
            if f" {method}\r\n" not in text or status < 100:
                raise RuntimeError(f"unexpected: {text[:60]!r}")
            print(method, status, flush=True)
            if status >= 200:
                return status, text

    async def keep_alive(self):
        await self.socket.send("\r\n\r\n")
        answer = await self.receive()
        if answer != "\r\n":
            raise RuntimeError(f"answer to a keep-alive: {answer!r}")
        await asyncio.wait_for(await self.socket.ping(), PATIENCE_S)
        print("kept-alive", flush=True)

    async def expect(self, method, uri, body="", cseq=None, fragments=1):
        text = self.request(method, uri, body, cseq)
        step = len(text) // fragments + 1
        await self.socket.send(text if fragments == 1 else [text[at:at + step] for at in range(0, len(text), step)])
        status, answer = await self.final(method)
        if status != 200:
            raise RuntimeError(f"{method}: {status}")
        return answer

    async def talk(self):
        uri = f"sip:{self.arguments.number}@tandem"
        answer = await self.expect("INVITE", uri, SDP, fragments=4)
        target = field(answer, "Contact").strip("<>")
        if "transport=ws" not in target:
            raise RuntimeError(f"Contact: {target}")
        self.to_tag = ";tag=" + field(answer, "To").split("tag=")[1]
        await self.socket.send(self.request("ACK", target, cseq=self.cseq))
        print("up", flush=True)
        if self.arguments.hang_up_after is not None:
            await asyncio.sleep(self.arguments.hang_up_after)
            await self.expect("BYE", target)
            return
        bye = await asyncio.wait_for(self.socket.recv(), 60)
        if not bye.startswith("BYE "):
            raise RuntimeError(f"expected BYE: {bye[:60]!r}")
        print("BYE", flush=True)
        await self.socket.send(copied(bye, "200 OK"))

    async def register(self, expires_s):
        """RFC 7118 5: what leads back to us is the connection, not the contact."""
        uri, user = "sip:tandem", self.arguments.number
        aor, more = f"<sip:{user}@tandem>", f"Expires: {expires_s}\r\n"
        await self.socket.send(self.request("REGISTER", uri, more=more, aor=aor))
        status, answer = await self.final("REGISTER")
        if status == 401:
            proof = prove(field(answer, "WWW-Authenticate"), user, self.arguments.password, "REGISTER", uri)
            await self.socket.send(self.request("REGISTER", uri, more=f"{more}Authorization: {proof}\r\n", aor=aor))
            status, answer = await self.final("REGISTER")
        if status != 200:
            raise RuntimeError(f"REGISTER: {status}")

    async def be_called(self):
        invite = await asyncio.wait_for(self.socket.recv(), 60)
        if not invite.startswith(f"INVITE sip:ws@{HOST};transport=ws SIP/2.0\r\n"):
            raise RuntimeError(f"expected INVITE to our contact: {invite[:90]!r}")
        await self.socket.send(copied(invite, "200 OK", tag=f";tag={self.name}",
                                      more=f"Contact: <sip:ws@{HOST};transport=ws>\r\n"
                                           "Content-Type: application/sdp\r\n", body=SDP))
        for method in ("ACK", "BYE"):
            text = await asyncio.wait_for(self.socket.recv(), 60)
            if not text.startswith(f"{method} "):
                raise RuntimeError(f"expected {method}: {text[:60]!r}")
            print(method, flush=True)
        await self.socket.send(copied(text, "200 OK"))


def copied(request, status, tag="", more="", body=""):
    """A response with what it takes over from the request."""
    lines = "".join(f"{line}{tag if line.startswith('To:') else ''}\r\n" for line in request.split("\r\n")
                    if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq"))
    return f"SIP/2.0 {status}\r\n{lines}{more}Content-Length: {len(body)}\r\n\r\n{body}"


def field(text, name):
    return next(line.split(":", 1)[1].strip() for line in text.split("\r\n") if line.startswith(f"{name}:"))


async def run(arguments):
    context = ssl.create_default_context(cafile=arguments.ca) if arguments.ca else None
    async with websockets.connect(arguments.url, subprotocols=[arguments.protocol], origin=arguments.origin,
                                  ssl=context, compression="deflate") as socket:
        if socket.subprotocol != "sip":
            raise RuntimeError(f"subprotocol {socket.subprotocol}")
        phone = Phone(socket, arguments)
        await phone.expect("OPTIONS", "sip:tandem")
        await phone.keep_alive()
        if arguments.password is None:
            await phone.talk()
            return
        await phone.register(60)
        print("registered", flush=True)
        await phone.be_called()
        await phone.register(0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("number")
    parser.add_argument("--password")
    parser.add_argument("--ca")
    parser.add_argument("--origin")
    parser.add_argument("--protocol", default="sip")
    parser.add_argument("--hang-up-after", type=float)
    try:
        asyncio.run(run(parser.parse_args()))
        print("done", flush=True)
    except (OSError, RuntimeError, asyncio.TimeoutError, websockets.WebSocketException) as error:
        print(f"failed: {type(error).__name__} {error}", flush=True)


if __name__ == "__main__":
    main()
