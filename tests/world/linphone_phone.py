# SPDX-License-Identifier: Apache-2.0
"""linphone-daemon, a phone that nobody here wrote, driven through its Unix socket."""

import re
import socket
import tempfile
from pathlib import Path

from world import WorldError, wait_until

ANSWER_BYTES = 65536


class Linphone:
    """One linphone without a sound card. It answers by itself if told to."""

    def __init__(self, world, side, address, label="linphone", *, transport="udp", auto_answer=False, settings=None):
        self.world, self.side, self.address, self.label = world, side, address, label
        self.home = world.directory / label
        self.home.mkdir(parents=True, exist_ok=True)
        self.name = f"{world.prefix}-{label}"  # of the socket, which the daemon puts where it likes
        self.path = Path(tempfile.gettempdir(), self.name)
        self.path.unlink(missing_ok=True)
        (self.home / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        self.config = self.home / "linphonerc"
        self.config.write_text(self._settings(transport, settings or {}))
        command = ["linphone-daemon", "--config", self.config, "--pipe", self.name, "--disable-stats-events",
                   "--log", self.home / "linphone.log"]
        if auto_answer:
            command.append("--auto-answer")
        self.process = world.spawn(side, label, command, {"HOME": str(self.home)})
        self.control = wait_until(f"{label} to take commands", self._connect, 15)
        # It binds its SIP ports when it has found the network, a while after it takes commands.
        wait_until(f"{label} to listen", lambda: self._is_bound(transport), 15)

    def _settings(self, transport, settings):
        sections = {
            "sip": {"sip_port": 5060 if transport == "udp" else 0, "sip_tcp_port": 5060 if transport == "tcp" else 0,
                    "sip_tls_port": 5061 if transport == "tls" else 0, "guess_hostname": 1, "use_ipv6": 0, "ipv6_migration_done": 1,
                    "contact": f"sip:linphone@{self.address}", "verify_server_certs": 0, "verify_server_cn": 0,
                    "register_only_when_network_is_up": 0},
            "rtp": {"audio_rtp_port": "31000-31099", "video_rtp_port": "31100-31199"},
            "net": {"mtu": 1300, "firewall_policy": 0},
            "video": {"capture": 0, "display": 0, "enabled": 0},
            "app": {"auto_download_incoming_files_max_size": -1},
            "misc": {"uuid": "00000000-0000-4000-8000-000000000001"},
        }
        for section, values in settings.items():
            sections.setdefault(section, {}).update(values)
        return "".join(f"[{section}]\n" + "".join(f"{key}={value}\n" for key, value in values.items())
                       for section, values in sections.items())

    def _connect(self):
        if self.process.poll() is not None:
            raise WorldError(f"{self.label} ended at once; see {self.home}.log")
        control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        control.settimeout(5)
        try:
            control.connect(str(self.path))
        except OSError:
            control.close()
            return None
        return control

    def _is_bound(self, transport):
        kind = "-lun" if transport == "udp" else "-ltn"
        port = "5061" if transport == "tls" else "5060"
        return f":{port} " in self.world.run_in(self.side, "ss", kind)

    def _exchange(self, command):
        self.control.sendall(f"{command}\n".encode())
        answer = ""
        while "Status: " not in answer:  # events may come before
            chunk = self.control.recv(ANSWER_BYTES)
            if not chunk:
                raise WorldError(f"{self.label} has closed its socket")
            answer += chunk.decode(errors="replace")
        return answer

    def ask(self, command):
        """Its answer to a command; an error unless that is Ok."""
        answer = self._exchange(command)
        if "Status: Ok" not in answer:
            raise WorldError(f"{self.label}: {command}: {answer.strip()}")
        return answer

    def call(self, uri):
        """Starts a call; its number in further commands."""
        return int(re.search(r"Id: (\d+)", self.ask(f"call {uri}")).group(1))

    def state(self, call=""):
        """State of a call ("LinphoneCallStreamsRunning"), or "" if there is none."""
        found = re.search(r"State: (\w+)", self._exchange(f"call-status {call}"))
        return found.group(1) if found else ""

    def wait_state(self, *wanted, call="", timeout_s=15):
        wait_until(f"{self.label} in state {' or '.join(wanted)} (now {self.state(call)})",
                   lambda: self.state(call) in wanted, timeout_s)

    def quit(self):
        self.process.terminate()
        self.process.wait(10)
        self.path.unlink(missing_ok=True)
