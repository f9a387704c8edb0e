#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""WebSocket (RFC 7118): calls from python3-websockets and from a page in Chromium, and who is turned away."""

import http.server
import os
import shutil
import signal
import socket
import threading

from harness import ADDRESS, Sipp, default_config, expect, expect_equal, main, wait_until  # first: it knows where the rest is
from certificates import Issuer
from netns import socket_in
from peers import SCENARIOS
from world import STATE_ROOT

OWN = ADDRESS["carrier"]["own4"]
PEER = ADDRESS["carrier"]["peer4"]
FILES = STATE_ROOT / "integration" / "websocket-certificates"
OTHER = "192.0.2.20"  # the same machine, and another page
PAGES_PORT = 8000
PAGE = f"http://{PEER}:{PAGES_PORT}"
CALL_S = 2


def issuer():
    shutil.rmtree(FILES, ignore_errors=True)
    made = Issuer(FILES)
    made.issue("own", f"IP:{OWN}")
    return made


ISSUER = issuer()


def counted(appliance, name):
    return appliance.status()["transport"][name]


def callee(world, scenario="uas.xml"):
    """SIPp on the phones' side, for one call."""
    sipp = Sipp(world, "phones", scenario, "callee", address=ADDRESS["phones"]["peer4"], calls=1, timeout_s=40,
                rows=[(43000, 100, CALL_S * 1000)])
    sipp.wait_bound()
    return sipp


class Phone:
    """One run of ws_phone.py; its log is its own."""

    count = 0

    def __init__(self, world, *arguments):
        Phone.count += 1
        label = f"ws-phone-{Phone.count}"
        self.log = world.directory / f"{label}.log"
        self.process = world.spawn("carrier", label, [
            "/usr/bin/python3", "-B", SCENARIOS.parents[1] / "world" / "ws_phone.py", *arguments])

    def said(self):
        return self.log.read_text(errors="replace").splitlines()

    def outcome(self):
        """"done" or "failed: why"."""
        wait_until("the phone's end", lambda: self.process.poll() is not None, 30)
        return (self.said() or ["nothing"])[-1]


def call(world, appliance, url, scenario, *arguments):
    """A call from the WebSocket to SIPp; both ends must be content with it."""
    baseline = appliance.status()["fds"]
    sipp = callee(world, scenario)
    phone = Phone(world, url, "+4930100", *arguments)
    expect_equal(phone.outcome(), "done", f"the phone said {phone.said()}")
    sipp.wait(10)
    expect_equal((sipp.succeeded(), sipp.failed()), (1, 0), "calls of the callee (good, failed)")
    appliance.wait_idle(baseline)


def caller_ends(world, appliance):
    """OPTIONS, keep-alives and a call in fragments over ws; the phone hangs up."""
    call(world, appliance, f"ws://{OWN}:8080/sip", "uas.xml", "--hang-up-after", "1")
    expect(counted(appliance, "ws_keepalives") >= 1, "no keep-alive was counted")


def callee_ends(world, appliance):
    """Over wss; the other end hangs up: BYE goes by the connection, the Contact leads nowhere."""
    call(world, appliance, f"wss://{OWN}:8443/sip", "uas_bye.xml", "--ca", ISSUER.certificate)


def vanished(world, appliance):
    """A phone that is killed in its call: the other end's BYE ends all at once, not after 32 s."""
    callee(world, "uas_bye.xml")
    phone = Phone(world, f"ws://{OWN}:8080/sip", "+4930100")
    wait_until("the call", lambda: "up" in phone.said(), 10)
    os.kill(phone.process.pid, signal.SIGKILL)
    appliance.wait_idle(timeout_s=CALL_S + 5)


def turned_away(world, appliance):
    """Other paths, subprotocols and pages get an HTTP refusal; so does what is no WebSocket."""
    for counter, arguments in (
            ("ws_refused_path", (f"ws://{OWN}:8080/other",)),
            ("ws_refused_request", (f"ws://{OWN}:8080/sip", "--protocol", "chat")),
            ("ws_refused_origin", (f"ws://{OWN}:8080/sip", "--origin", "https://evil.example"))):
        before = counted(appliance, counter)
        url, *more = arguments
        outcome = Phone(world, url, "1", *more).outcome()
        expect("InvalidStatusCode" in outcome, outcome)
        expect_equal(counted(appliance, counter), before + 1, counter)
    probe = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_STREAM)
    with probe:
        probe.settimeout(5)
        probe.connect((OWN, 8080))
        probe.sendall(b"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n\r\n")
        expect(probe.recv(100).startswith(b"HTTP/1.1 505 "), "no refusal of SIP without WebSocket")


class Pages(http.server.BaseHTTPRequestHandler):
    """Serves the phone's page and keeps what it says."""

    words = ""

    def do_GET(self):
        self.answer((SCENARIOS / "ws_phone.html").read_bytes())

    def do_POST(self):
        Pages.words = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.answer(b"")

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def serve_pages(world):
    server = http.server.ThreadingHTTPServer(("0.0.0.0", PAGES_PORT), Pages, bind_and_activate=False)
    server.socket.close()
    server.socket = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_STREAM)
    server.allow_reuse_address = True
    server.server_bind()
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def browse(world, page):
    profile = world.directory / "chromium"
    shutil.rmtree(profile, ignore_errors=True)
    Pages.words = ""
    return world.spawn("carrier", "chromium", [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--ignore-certificate-errors", "--disable-background-networking", f"--user-data-dir={profile}", page])


def browser(world, appliance):
    """A page in Chromium places a call over wss; the other end hangs up."""
    server = serve_pages(world)
    try:
        sipp = callee(world, "uas_bye.xml")
        browse(world, f"{PAGE}/?wss://{OWN}:8443/sip|%2B4930100")
        wait_until("the page's last word", lambda: "closed" in Pages.words, 40)
        expect_equal(Pages.words.split("\n"), ["open sip", "OPTIONS 200", "INVITE 100", "INVITE 180", "INVITE 200",
                                                "BYE", "closed 1000 true"], "what the page says")
        sipp.wait(10)
        appliance.wait_idle()
    finally:
        server.shutdown()
        server.server_close()


def other_page(world, appliance):
    """A page that isn't in the list gets no WebSocket."""
    server = serve_pages(world)
    before = counted(appliance, "ws_refused_origin")
    try:
        browse(world, f"http://{OTHER}:{PAGES_PORT}/?ws://{OWN}:8080/sip|1")
        wait_until("the page's last word", lambda: "closed" in Pages.words, 40)
        expect_equal(Pages.words.split("\n"), ["error", "closed 1006 false"], "what the page says")
        expect_equal(counted(appliance, "ws_refused_origin"), before + 1, "pages refused")
    finally:
        server.shutdown()
        server.server_close()


def config():
    wanted = default_config()
    wanted["sip"]["listen"] += [{"transport": "ws", "address": OWN, "port": 8080},
                                {"transport": "wss", "address": OWN, "port": 8443}]
    wanted["sip"]["tls"] = {"certificate_file": str(FILES / "own.pem"), "key_file": str(FILES / "own.key"),
                            "verify_client": "require"}
    wanted["sip"]["websocket"] = {"path": "/sip", "origins": [PAGE]}
    return wanted


if __name__ == "__main__":
    main(__file__, [caller_ends, callee_ends, vanished, turned_away, browser, other_page], config())
