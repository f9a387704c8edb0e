# SPDX-License-Identifier: Apache-2.0
"""A carrier's registrar: Kamailio with registrar and usrloc, which asks for digest credentials."""

import re

from peers import SCENARIOS, answers_options
from world import end_process, wait_until


class Registrar:
    """It may die, come back without memory, and want another password."""

    def __init__(self, world, side, address, password, label="registrar", grant_s=20):
        self.world, self.side, self.address, self.label, self.grant_s = world, side, address, label, grant_s
        self.directory = world.directory / label
        self.directory.mkdir(parents=True, exist_ok=True)
        self.process = None
        self.start(password)

    def start(self, password):
        text = (SCENARIOS / "kamailio_registrar.cfg").read_text()
        for word, value in (("ADDRESS", f"{self.address}:5060"), ("PASSWORD", password), ("GRANT", str(self.grant_s))):
            text = text.replace(f"@{word}@", value)
        config = self.directory / "kamailio.cfg"
        config.write_text(text)
        self.process = self.world.spawn(self.side, self.label, [
            "kamailio", "-f", config, "-DD", "-E", "-m", "32", "-M", "4", "-n", "1",
            "-Y", self.directory, "-P", self.directory / "kamailio.pid"])
        wait_until(f"{self.label} to answer", lambda: answers_options(self.world, self.side, self.address, 5060), 15)

    def stop(self):
        end_process(self.process.pid)
        self.process.wait(10)

    def requests(self):
        """The REGISTER requests that it saw since it was first started: Call-ID, CSeq, Expires, user."""
        log = (self.world.directory / f"{self.label}.log").read_text(errors="replace")
        return [(found[1], int(found[2]), found[3], found[4]) for found in re.finditer(
            r"register from \S+ call-id (\S+) cseq (\d+) expires (\S+) auth (\S+)", log)]
