# SPDX-License-Identifier: Apache-2.0
"""Programs that nobody here wrote, driven from tests: baresip, SIPp, Kamailio."""

import csv
import json
import re
import socket
import threading
import time
from pathlib import Path

from netns import socket_in
from world import WorldError, wait_until

SCENARIOS = Path(__file__).resolve().parents[1] / "integration" / "scenarios"
CONTROL_PORT = 4444
NUMBER_OF = {"carrier": "+4930200", "phones": "+4930100"}  # a phone answers for its own number only


class Baresip:
    """One phone. It answers by itself, plays a tone and records what it hears."""

    def __init__(self, world, side, address, tone_wav, label=None, codecs="PCMU/8000/1", transport="udp",
                 credentials=None, tls=None, account=None, control_port=CONTROL_PORT):
        """tls: a PEM file with certificate and key, and the issuers' file. account: a whole line of accounts
        instead of that of a phone without registrar."""
        self._place(world, side, address, label)
        self.control_port = control_port
        self.home.mkdir(parents=True, exist_ok=True)
        for old in self.home.glob("dump-*"):
            old.unlink()
        host = f"[{address}]" if ":" in address else address
        (self.home / "config").write_text("\n".join([
            f"sip_listen {host}:5060",
            f"audio_source aufile,{tone_wav}",
            "rtp_timeout 0",
            "jitter_buffer_delay 2-10",
            "module_path /usr/lib/baresip/modules",
            *(f"module {name}.so" for name in ("g711", "g722", "opus", "aufile", "sndfile")),
            "module_tmp uuid.so", "module_tmp account.so",
            "module_app ctrl_tcp.so", "module_app menu.so",
            f"snd_path {self.home}",
            f"ctrl_tcp_listen 127.0.0.1:{control_port}",
            *((f"sip_certificate {tls[0]}", f"sip_cafile {tls[1]}") if tls else ()),
        ]) + "\n")
        authentication = ";auth_user={};auth_pass={}".format(*credentials) if credentials else ""
        (self.home / "accounts").write_text((account or
            f"<sip:{NUMBER_OF[side]}@{host};transport={transport}>;regint=0;answermode=auto;"
            f"audio_codecs={codecs};ptime=20{authentication}") + "\n")
        (self.home / "contacts").touch()
        self.process = world.spawn(side, self.label, ["baresip", "-f", self.home])
        self._listen()

    @classmethod
    def attach(cls, world, side, address, label=None):
        """A phone that another program started."""
        phone = cls.__new__(cls)
        phone._place(world, side, address, label)
        phone.process = None
        phone._listen()
        return phone

    def _place(self, world, side, address, label):
        self.world, self.side, self.address = world, side, address
        self.label = label or f"baresip-{side}"
        self.control_port = CONTROL_PORT
        self.home = world.directory / self.label
        self.events = []

    def _listen(self):
        self.control = wait_until(f"{self.label} to listen", self._connect, 10)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _connect(self):
        if self.process is not None and self.process.poll() is not None:
            raise WorldError(f"{self.label} ended at once; see {self.home}.log")
        connection = socket_in(self.world.namespace(self.side), socket.AF_INET, socket.SOCK_STREAM)
        try:
            connection.connect(("127.0.0.1", self.control_port))
        except OSError:
            connection.close()
            return None
        return connection

    def _read(self):
        pending = b""
        while True:
            try:
                chunk = self.control.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            pending += chunk
            while match := re.match(rb"(\d+):", pending):  # netstrings
                start, length = match.end(), int(match.group(1))
                if len(pending) < start + length + 1:
                    break
                event = json.loads(pending[start:start + length])
                event["at"] = time.monotonic()
                self.events.append(event)
                pending = pending[start + length + 1:]

    def command(self, name, parameters=""):
        text = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self.control.sendall(b"%d:%s," % (len(text), text))

    def seen(self, event_type, since=0.0):
        """The first event of a type after a moment of the monotonic clock, or None."""
        for event in list(self.events):
            if event.get("type") == event_type and event["at"] >= since:
                return event
        return None

    def wait_for(self, event_type, timeout_s=10, since=0.0):
        return wait_until(f"{event_type} at {self.label}", lambda: self.seen(event_type, since), timeout_s)

    def dial(self, uri):
        """Starts a call; returns the moment."""
        started = time.monotonic()
        self.command("dial", uri)
        return started

    def hang_up(self):
        self.command("hangup")

    def quit(self):
        """Ends the program, which ends its calls."""
        self.process.terminate()
        self.process.wait(5)

    def recordings(self):
        """What it heard, one file per call (and per resumed call), oldest first."""
        return sorted(self.home.glob("dump-*-dec.wav"))


class Sipp:
    """One SIPp with a scenario of tests/integration/scenarios."""

    def __init__(self, world, side, scenario, label, arguments=(), *, address=None, port=5060, remote=None,
                 calls=None, rate=None, limit=None, transport="u1", rows=None, timeout_s=None):
        self.world, self.side, self.label = world, side, label
        self.port, self.transport = port, transport
        self.directory = world.directory / label
        self.directory.mkdir(parents=True, exist_ok=True)
        for old in self.directory.iterdir():
            old.unlink()
        command = ["sipp", *([remote] if remote else []), "-sf", SCENARIOS / scenario,
                   "-i", address, "-p", port, "-t", transport, "-nostdin",
                   "-trace_stat", "-stf", self.directory / "stat.csv", "-fd", "1",
                   "-trace_err", "-error_file", self.directory / "errors.log",
                   "-trace_logs", "-log_file", self.directory / "calls.log",
                   "-buff_size", 8 << 20]
        if calls:
            command += ["-m", calls]
        if rate:
            command += ["-r", rate, "-l", limit or 5000]
        if rows is not None:
            self._write_rows(rows)
            command += ["-inf", self.directory / "rows.csv"]
        if timeout_s:
            command += ["-timeout", f"{timeout_s}s", "-timeout_error"]
        self.process = world.spawn(side, label, [*command, *arguments],
                                   environment={"TERM": "dumb"})

    def _write_rows(self, rows):
        with open(self.directory / "rows.csv", "w", encoding="ascii") as out:
            out.write("SEQUENTIAL\n")
            csv.writer(out, delimiter=";", lineterminator="\n").writerows(rows)

    def wait_bound(self):
        """Waits until it listens, so that the first call finds it."""
        table = "tcp" if self.transport.startswith("t") else "udp"
        wait_until(f"{self.label} to listen", lambda: self.process.poll() is not None or f":{self.port:04X} " in
                   self.world.run_in(self.side, "cat", f"/proc/net/{table}", f"/proc/net/{table}6"), 10)

    def log_lines(self):
        """Lines that the scenario's <log> actions wrote so far."""
        try:
            text = (self.directory / "calls.log").read_text(errors="replace")
        except OSError:
            return []
        return text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]

    def statistics(self):
        """The last line of SIPp's own statistics, by column name."""
        try:
            with open(self.directory / "stat.csv", encoding="ascii", errors="replace") as table:
                rows = list(csv.DictReader(table, delimiter=";"))
        except OSError:
            return {}
        return rows[-1] if rows else {}

    def counted(self, column):
        return int(self.statistics().get(column) or 0)

    def succeeded(self):
        return self.counted("SuccessfulCall(C)")

    def failed(self):
        return self.counted("FailedCall(C)")

    def wait(self, timeout_s):
        """Waits for the end of the run; an error tells SIPp's own words."""
        wait_until(f"{self.label} to end", lambda: self.process.poll() is not None, timeout_s, 0.2)
        if self.process.returncode != 0:
            raise WorldError(f"{self.label}: SIPp exit status {self.process.returncode}: {self.errors()}")

    def errors(self):
        try:
            return (self.directory / "errors.log").read_text(errors="replace")[-1500:]
        except OSError:
            return "(no error log)"


KAMAILIO_TLS = """
[server:default]
method = TLSv1.2+
certificate = {certificate}
private_key = {key}
ca_list = {issuer}
verify_certificate = {verify}
require_certificate = {verify}
[client:default]
method = TLSv1.2+
certificate = {certificate}
private_key = {key}
ca_list = {issuer}
verify_certificate = yes
require_certificate = yes
"""


class Kamailio:
    """A Record-Route proxy in front of a peer."""

    def __init__(self, world, side, address, port, routes, label="kamailio", tls=None):
        """routes: source address -> "host:port" where requests from there go. tls: certificate, key,
        issuer, and verify ("yes": of those who connect), for a listener at the next port."""
        self.directory = world.directory / label
        self.directory.mkdir(parents=True, exist_ok=True)
        template = (SCENARIOS / "kamailio.cfg").read_text()
        listen = modules = ""
        if tls:
            (self.directory / "tls.cfg").write_text(KAMAILIO_TLS.format(**tls))
            listen = f"listen=tls:{address}:{port + 1}\nenable_tls=yes\ntcp_source_ipv4={address}"
            modules = f'loadmodule "tls.so"\nmodparam("tls", "config", "{self.directory}/tls.cfg")'
        template = template.replace("@LISTEN@", listen).replace("@MODULES@", modules)
        lines = [f'if ($si == "{source}") {{ $du = "sip:{target}"; }}' for source, target in routes.items()]
        config = self.directory / "kamailio.cfg"
        config.write_text(template.replace("@ADDRESS@", f"{address}:{port}").replace("@ROUTES@", "\n\t".join(lines)))
        self.process = world.spawn(side, label, [
            "kamailio", "-f", config, "-DD", "-E", "-m", "32", "-M", "4", "-n", "1",
            "-Y", self.directory, "-P", self.directory / "kamailio.pid"])
        wait_until("kamailio to answer", lambda: answers_options(world, side, address, port), 15)


def answers_options(world, side, address, port, source="127.0.0.1"):
    """True if something answers an OPTIONS request there."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    probe = socket_in(world.namespace(side), family, socket.SOCK_DGRAM)
    probe.settimeout(0.3)
    try:
        probe.connect((address, port))
        local, local_port = probe.getsockname()[:2]
        probe.send((f"OPTIONS sip:{address}:{port} SIP/2.0\r\n"
                    f"Via: SIP/2.0/UDP {local}:{local_port};rport;branch=z9hG4bK-probe-{time.monotonic_ns()}\r\n"
                    f"From: <sip:probe@{local}>;tag=probe\r\nTo: <sip:probe@{address}>\r\n"
                    f"Call-ID: probe-{time.monotonic_ns()}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 5\r\n"
                    "Content-Length: 0\r\n\r\n").encode())
        return probe.recv(4096).startswith(b"SIP/2.0 ")
    except OSError:
        return False
    finally:
        probe.close()
