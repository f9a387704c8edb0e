#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""TLS with Kamailio, baresip and openssl at the other end: calls, certificates good and bad, reload."""

import shutil
import subprocess
import time

from harness import ADDRESS, Baresip, Calls, Kamailio, Party, default_config, expect, expect_equal, main, trunk, wait_until  # first: it knows where the rest is
from call import HEARD_S, TALK_S, TONE_HZ, WAV_BYTES_PER_S
from certificates import Issuer
from tone import heard_seconds, write_tone
from world import STATE_ROOT

PROXY = "192.0.2.30"
CARRIER = ADDRESS["carrier"]["peer4"]
OWN = ADDRESS["carrier"]["own4"]
FILES = STATE_ROOT / "integration" / "secure-certificates"


class Papers:
    """Everybody's certificates."""

    def __init__(self):
        shutil.rmtree(FILES, ignore_errors=True)
        self.issuer = Issuer(FILES)
        self.stranger = Issuer(FILES / "stranger", "stranger")
        self.own()
        self.issuer.issue("second", "DNS:second.example")
        self.issuer.issue("proxy", "DNS:proxy.example")
        self.issuer.issue("expired", "DNS:proxy.example", days=-1)
        self.issuer.issue("wrong", "DNS:other.example")
        self.stranger.issue("proxy", "DNS:proxy.example")

    def own(self, name="appliance.example"):
        return self.issuer.issue("own", f"DNS:{name},IP:{OWN},IP:{ADDRESS['phones']['own4']}")


PAPERS = Papers()


def place(world, appliance, label, count, **options):
    """Calls from start to end with media to the packet. Connections stay, so descriptors do too."""
    Calls(world, label, count, **options).start().finish().check_media()
    appliance.wait_idle()


def start_proxy(world, papers="proxy", issuer=PAPERS.issuer, verify="yes", routes=None):
    """Kamailio: by UDP to the carrier, by TLS to us."""
    tls = {"certificate": issuer.directory / f"{papers}.pem", "key": issuer.directory / f"{papers}.key",
           "issuer": PAPERS.issuer.certificate, "verify": verify}
    return Kamailio(world, "carrier", PROXY, 5060, routes or {
        CARRIER: f"{OWN}:5061;transport=tls", OWN: f"{CARRIER}:5060"}, tls=tls)


def counted(appliance, name):
    return appliance.status()["transport"][name]


def log(world):
    return (world.directory / "controlplane.log").read_text(errors="replace")


# --- calls -------------------------------------------------------------------------------------


def to_us(world, appliance):
    """From the carrier by TLS with a certificate of its own, the caller hangs up."""
    start_proxy(world)
    before = counted(appliance, "tls_handshakes")
    place(world, appliance, "in", 10, remote=f"{PROXY}:5060")
    expect(counted(appliance, "tls_handshakes") > before, "no handshake was counted")


def to_us_we_hang_up(world, appliance):
    """From the carrier by TLS; our BYE goes by the connection that it opened."""
    start_proxy(world)
    opened = counted(appliance, "tcp_opened")
    place(world, appliance, "in-callee-ends", 10, remote=f"{PROXY}:5060", ended_by="callee")
    expect_equal(counted(appliance, "tcp_opened"), opened, "connections that we opened")


def from_us(world, appliance):
    """To the carrier by TLS: its name is checked, ours is shown; one connection for all."""
    start_proxy(world)
    opened = counted(appliance, "tcp_opened")
    place(world, appliance, "out", 10, caller=Party("phones"), callee=Party("carrier"), number="+4930500")
    expect_equal(counted(appliance, "tcp_opened"), opened + 1, "connections that we opened")


def hold(world, appliance):
    """Hold and resume by TLS."""
    start_proxy(world)
    Calls(world, "hold", 3, talk_ms=5000, remote=f"{PROXY}:5060",
          scenarios=("uac_hold.xml", "uas_hold.xml")).start(counted=False).finish().close()
    appliance.wait_idle()


def phones(world, appliance):
    """Two baresip phones, both by TLS, each dials the other: tones heard."""
    both = {}
    for side, frequency_hz in TONE_HZ.items():
        tone = world.directory / f"tone-{frequency_hz}.wav"
        write_tone(tone, frequency_hz, 60)
        certificate, key = PAPERS.issuer.issue(f"phone-{side}", f"DNS:{side}.example")
        pem = FILES / f"phone-{side}-both.pem"
        pem.write_text(certificate.read_text() + key.read_text())
        both[side] = Baresip(world, side, ADDRESS[side]["peer4"], tone, transport="tls",
                             tls=(pem, PAPERS.issuer.certificate))
    for caller, callee, number in (("carrier", "phones", "+4930900"), ("phones", "carrier", "+4930910")):
        started = both[caller].dial(f"sip:{number}@{ADDRESS[caller]['own4']}:5061;transport=tls")
        for side in both:
            both[side].wait_for("CALL_ESTABLISHED", 10, started)
        wait_until("both to have heard enough", lambda: all(
            phone.recordings() and phone.recordings()[-1].stat().st_size > TALK_S * WAV_BYTES_PER_S
            for phone in both.values()), TALK_S + 6)
        for side, other in ((caller, callee), (callee, caller)):
            heard = heard_seconds(both[side].recordings()[-1], TONE_HZ[other])
            expect(heard >= HEARD_S, f"{side} heard the tone of {other} for {heard} s only")
        both[callee].hang_up()
        both[caller].wait_for("CALL_CLOSED", 5, started)
        appliance.wait_idle()


# --- certificates that are not good ------------------------------------------------------------


def fails_over(world, appliance, label, number, counter):
    """A call whose first trunk shows such a certificate takes the second at once."""
    before = counted(appliance, counter)
    lines = log(world).count("logged once, counted always")
    begin = time.monotonic()
    place(world, appliance, label, 1, caller=Party("phones"), callee=Party("carrier"), number=number, talk_ms=1500)
    expect(time.monotonic() - begin < 5, "the call waited for something")
    expect(counted(appliance, counter) > before, f"{counter} did not rise")
    expect_equal(log(world).count("logged once, counted always"), lines + 1, "lines in the log")


def expired(world, appliance):
    """An expired certificate: the call goes by another trunk at once; logged once, counted."""
    start_proxy(world, "expired")
    fails_over(world, appliance, "expired", "+4930600", "tls_peer_expired")


def wrong_name(world, appliance):
    """A certificate of another name: the same."""
    start_proxy(world, "wrong")
    fails_over(world, appliance, "wrong-name", "+4930700", "tls_peer_wrong_name")


def untrusted(world, appliance):
    """A certificate of an issuer that we don't trust: the same."""
    start_proxy(world, "proxy", PAPERS.stranger)
    fails_over(world, appliance, "untrusted", "+4930800", "tls_peer_untrusted")


def clients_refused(world, appliance):
    """Who connects without a certificate, or with a bad one, gets no call through."""
    for papers, issuer, counter in (("expired", PAPERS.issuer, "tls_peer_expired"),
                                    ("proxy", PAPERS.stranger, "tls_peer_untrusted")):
        before = counted(appliance, counter)
        client(world, "-connect", f"{OWN}:5061", "-cert", issuer.directory / f"{papers}.pem",
               "-key", issuer.directory / f"{papers}.key")
        expect(counted(appliance, counter) > before, f"{counter} did not rise")
    before = counted(appliance, "tls_peer_missing")
    client(world, "-connect", f"{OWN}:5061")
    expect_equal(counted(appliance, "tls_peer_missing"), before + 1, "connections without a certificate")


# --- protocol limits, by openssl ---------------------------------------------------------------


def client(world, *arguments, text=""):
    """Output of openssl s_client."""
    command = ["ip", "netns", "exec", world.namespace("carrier"), "timeout", "5", "openssl", "s_client",
               "-bind", PROXY, "-CAfile", str(PAPERS.issuer.certificate), *map(str, arguments)]
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    return result.stdout + result.stderr


def proven(*arguments):
    return ("-connect", f"{OWN}:5061", "-cert", FILES / "proxy.pem", "-key", FILES / "proxy.key", *arguments)


def versions(world, appliance):
    """TLS 1.2 with forward secrecy and 1.3, nothing older or weaker; no renegotiation."""
    del appliance
    for option, is_good in (("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)):
        answer = client(world, *proven(option, "-cipher", "ALL:@SECLEVEL=0"))
        expect(("Verify return code: 0 (ok)" in answer and "New, TLSv1." in answer) == is_good,
               f"{option}: {answer[-500:]}")
    for cipher in ("AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "NULL"):
        answer = client(world, *proven("-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0"))
        expect("Cipher is (NONE)" in answer, f"{cipher} was agreed on: {answer[-300:]}")
    answer = client(world, *proven("-tls1_2"), text="R\n")
    expect("no renegotiation" in answer, f"renegotiation: {answer[-500:]}")


def server_names(world, appliance):
    """The certificate of the name asked for (SNI)."""
    del appliance
    for name, expected in (("second.example", "CN = second"), ("appliance.example", "CN = own"),
                           ("nobody.example", "CN = own")):
        answer = client(world, *proven("-servername", name))
        expect(f"subject={expected}" in answer, f"{name}: {answer[:500]}")


# --- reload ------------------------------------------------------------------------------------


def reload_under_calls(world, appliance):
    """Renewed certificates by SIGHUP while calls are up; bad files change nothing."""
    start_proxy(world)
    before = counted(appliance, "tls_reloads")
    failures = counted(appliance, "tls_reload_failures")
    calls = Calls(world, "going-on", 3, talk_ms=9000, remote=f"{PROXY}:5060").start()
    calls.wait_up()
    PAPERS.own("renewed.example")
    appliance.reload()
    wait_until("the renewed certificate", lambda: counted(appliance, "tls_reloads") == before + 1, 5)
    answer = client(world, *proven("-showcerts"))
    shown = appliance.status()["transport"]["certificates"][0]
    expect(shown["names"].startswith("renewed.example") and shown["days_left"] in (59, 60), f"shown: {shown}")
    expect("Verify return code: 0 (ok)" in answer, answer[-300:])

    for what, change, says in (
            ("open to all", lambda: (FILES / "own.key").chmod(0o644), "others can use this key"),
            ("another's key", lambda: shutil.copy(FILES / "second.key", FILES / "own.key"), "not the key"),
            ("not PEM", lambda: (FILES / "own.pem").write_text("nothing\n"), "no certificate")):
        change()
        (FILES / "own.key").chmod(0o644 if what == "open to all" else 0o600)
        appliance.reload()
        failures += 1
        wait_until(f"refusal of a file that is {what}",
                   lambda: counted(appliance, "tls_reload_failures") == failures, 5)
        expect(says in appliance.status()["transport"]["reload_error"], f"{what}: {appliance.status()['transport']['reload_error']}")
        expect("renewed.example" in appliance.status()["transport"]["certificates"][0]["names"], "old certificate gone")
    calls.finish()
    calls.check_media()
    calls.close()
    PAPERS.own()
    appliance.reload()
    wait_until("good files again", lambda: not appliance.status()["transport"]["reload_error"], 5)
    place(world, appliance, "after", 3, remote=f"{PROXY}:5060")


def config():
    wanted = default_config()
    wanted["sip"]["listen"] += [{"transport": "tls", "address": address}
                                for address in (OWN, ADDRESS["phones"]["own4"])]
    wanted["sip"]["tls"] = {
        "certificate_file": str(FILES / "own.pem"), "key_file": str(FILES / "own.key"),
        "certificates": [{"certificate_file": str(FILES / "second.pem"), "key_file": str(FILES / "second.key")}],
        "ca_file": str(PAPERS.issuer.certificate), "verify_client": "require"}
    proxy = {**trunk("proxy", PROXY, OWN), "target": f"sip:{PROXY}:5061;transport=tls", "tls_name": "proxy.example"}
    wanted["trunks"].append(proxy)
    wanted["routes"] += [{"from": "proxy", "pattern": "+49301*", "to": ["phones"]},
                         {"from": "phones", "pattern": "+49305*", "to": ["proxy"]}]
    for side, number in (("phones", "+4930100"), ("carrier", "+4930200")):
        peer = ADDRESS[side]["peer4"]
        wanted["trunks"].append({**trunk(f"tls-{side}", peer, ADDRESS[side]["own4"]), "sources": [],
                                 "target": f"sip:{peer}:5061;transport=tls", "tls_name": f"{side}.example"})
        wanted["routes"].append({"pattern": "+493090*" if side == "phones" else "+493091*", "to": [f"tls-{side}"],
                                 "set_number": number})
    # What one case learns of a trunk must not spare the next its certificate.
    for name, pattern in (("expired", "+49306*"), ("wrong", "+49307*"), ("untrusted", "+49308*")):
        wanted["trunks"].append({**proxy, "name": name, "sources": []})
        wanted["routes"].append({"from": "phones", "pattern": pattern, "to": [name, "carrier"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [to_us, to_us_we_hang_up, from_us, hold, phones, expired, wrong_name, untrusted, clients_refused, versions,
                    server_names, reload_under_calls], config())
