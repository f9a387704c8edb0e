#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Phones register with the appliance, are called and call (baresip, linphone, SIPp, bare sockets)."""

import os
import re
import shutil

from harness import (ADDRESS, Baresip, Calls, Party, Sipp, default_config, expect, expect_equal, main,
                     wait_until)  # first: it knows where the rest is
from bare_phone import BarePhone
from certificates import Issuer
from linphone_phone import Linphone
from peers import SCENARIOS
from tone import write_tone
from world import STATE_ROOT

OWN = ADDRESS["phones"]["own4"]
CARRIER = ADDRESS["carrier"]["peer4"]
DESK, SOFT, OTHER = "198.51.100.20", "198.51.100.30", "198.51.100.66"
SECRET = "s3cret-of-phones"
FILES = STATE_ROOT / "integration" / "registration-certificates"
CROWD = range(70000, 72000)
STORM_REGISTERS = 20000  # each user's challenge and proof count as two


def tone(world):
    wav = world.directory / "tone-440.wav"
    if not wav.exists():
        write_tone(wav, 440, 60)
    return wav


def issuer():
    shutil.rmtree(FILES, ignore_errors=True)
    made = Issuer(FILES)
    made.issue("own", f"IP:{OWN}")
    return made


ISSUER = issuer()


def baresip(world, user, transport="udp", address=DESK, password=SECRET, label=None):
    tls = (FILES / "phone.pem", ISSUER.certificate) if transport == "tls" else None
    if tls:
        certificate, key = ISSUER.issue("phone-own", "DNS:phone.example")
        tls[0].write_text(certificate.read_text() + key.read_text())
    return Baresip(world, "phones", address, tone(world), label or f"baresip-{user}-{transport}", tls=tls, account=(
        f"<sip:{user}@{OWN}{':5061' if transport == 'tls' else ''};transport={transport}>;auth_user={user};auth_pass={password};regint=60;"
        f"answermode=auto;audio_codecs=PCMU/8000/1;ptime=20"))


def connect_from_desk(world):
    """Phones bind only their UDP sockets: connections leave from the address that the route says."""
    world.run_in("phones", "ip", "route", "replace", f"{OWN}/32", "dev", "eth0", "src", DESK)


def call_from_carrier(world, label, number, calls=1):
    """Calls from SIPp at the carrier to a phone that answers."""
    uac = Sipp(world, "carrier", "uac.xml", label, address=ADDRESS["carrier"]["peer4"], calls=calls, rate=1, limit=1,
               remote=Party("carrier").remote(), rows=[(30000 + 2 * i, number, 1500) for i in range(calls)],
               timeout_s=40)
    uac.wait(40)
    expect_equal((uac.succeeded(), uac.failed()), (calls, 0), f"calls to {number}: {uac.errors()}")


def wait_registered(appliance, user, **wanted):
    """The one contact of a user, when it is there."""
    wait_until(f"{user} to be registered", lambda: user in appliance.registrations(), 15)
    contacts = appliance.registrations()[user]
    expect_equal(len(contacts), 1, f"contacts of {user}")
    for key, value in wanted.items():
        expect_equal(contacts[0][key], value, f"{key} of {user}")
    return contacts[0]


def baresip_registers(world, appliance, transport="udp"):
    """baresip registers over UDP, is called, calls and leaves."""
    phone = baresip(world, "301", transport)
    contact = wait_registered(appliance, "301", trunk="handsets", transport=transport.upper(), granted_s=60)
    expect(contact["remote"].startswith(DESK), f"it came from {contact['remote']}")
    call_from_carrier(world, f"to-baresip-{transport}", "301")
    uas = Sipp(world, "carrier", "uas.xml", f"from-baresip-{transport}", address=ADDRESS["carrier"]["peer4"], calls=1,
               rows=[(30000, 100, 1500)], timeout_s=30)
    uas.wait_bound()
    started = phone.dial("+4930200")
    phone.wait_for("CALL_ESTABLISHED", 10, started)
    phone.hang_up()
    uas.wait(20)
    appliance.wait_idle()
    phone.quit()
    wait_until("301 to be gone", lambda: "301" not in appliance.registrations(), 10)


def baresip_registers_by_tcp(world, appliance):
    """The same over TCP."""
    connect_from_desk(world)
    baresip_registers(world, appliance, "tcp")


def baresip_registers_by_tls(world, appliance):
    """The same over TLS."""
    connect_from_desk(world)
    baresip_registers(world, appliance, "tls")


def websocket_phone(world, appliance):
    """A phone on a WebSocket registers and is called through it, though its contact leads nowhere."""
    connect_from_desk(world)
    log = world.directory / "ws-phone.log"
    phone = world.spawn("phones", "ws-phone", [
        "/usr/bin/python3", "-B", SCENARIOS.parents[1] / "world" / "ws_phone.py", f"ws://{OWN}:5080", "303",
        "--password", SECRET])
    wait_registered(appliance, "303", transport="WS")
    call_from_carrier(world, "to-websocket", "303")
    wait_until("the phone's end", lambda: phone.poll() is not None, 10)
    expect_equal(log.read_text().splitlines()[-1], "done", "the phone's last word")
    wait_until("303 to be gone", lambda: "303" not in appliance.registrations(), 5)
    appliance.wait_idle()


def linphone_registers(world, appliance):
    """linphone registers, is called, and its contact goes when it leaves."""
    phone = Linphone(world, "phones", SOFT, "linphone-302", auto_answer=True,
                     settings={"sip": {"bind_address": SOFT}})
    phone.ask(f"register sip:302@{OWN} sip:{OWN} {SECRET} 302")
    wait_registered(appliance, "302", transport="UDP")
    call_from_carrier(world, "to-linphone", "302")
    appliance.wait_idle()
    phone.ask("unregister 1")
    wait_until("302 to be gone", lambda: "302" not in appliance.registrations(), 10)
    phone.quit()


def bare(world, user, transport="udp", **options):
    return BarePhone(world, "phones", DESK, OWN, user, SECRET, transport, **options)


def behind_nat(phone):
    """A contact that leads nowhere but through the connection."""
    return f"<sip:{phone.user}@10.11.12.13:{phone.port};transport={phone.transport}>"


def absent(world, number):
    """True if a call to it is refused because nobody has registered there."""
    caller = BarePhone(world, "carrier", CARRIER, ADDRESS["carrier"]["own4"], "caller")
    refusal = caller.refused_call(number)
    caller.close()
    return (refusal.status, [text.split(";text")[0] for text in refusal.header("Reason")]) == (480, ["Q.850;cause=20"])


def events_of(appliance, user):
    return [(event["event"], event.get("reason")) for event in appliance.records("events")
            if event.get("direction") == "in" and event.get("user") == user]


def killed(world, appliance):
    """kill -9 of the control plane: phones on UDP are called at once, who hung on a connection isn't."""
    phone, gone = baresip(world, "301"), bare(world, "305", "tcp")
    kept = wait_registered(appliance, "301")
    expect_equal(gone.register(600, behind_nat(gone)).status, 200, "by TCP")
    appliance.kill_controlplane()
    appliance.start_controlplane()
    contact = wait_registered(appliance, "301", contact=kept["contact"], remote=kept["remote"])
    expect(contact["expires_s"] <= kept["expires_s"], "the restart gave it more time")
    call_from_carrier(world, "after-kill", "301")
    expect(absent(world, "305"), "305 is called though its connection died with us")
    appliance.wait_idle()
    phone.quit()
    wait_until("301 to be gone", lambda: "301" not in appliance.registrations(), 10)


def connection_closed(world, appliance):
    """A phone's connection closes: its contact goes, calls are told that nobody is there."""
    phone = bare(world, "306", "tcp")
    expect(absent(world, "306"), "before it registers")
    expect_equal(phone.register(600, behind_nat(phone)).status, 200, "REGISTER")
    wait_registered(appliance, "306", transport="TCP")
    phone.close()
    wait_until("306 to be gone", lambda: "306" not in appliance.registrations(), 5)
    expect(absent(world, "306"), "after its connection closed")
    wait_until("the event", lambda: events_of(appliance, "306")[-1:] == [("unregistered", "flow_lost")], 5)


def runs_out(world, appliance):
    """Too short an interval is refused (423); what isn't refreshed ends, told."""
    phone = bare(world, "307")
    refusal = phone.register(2)
    expect_equal((refusal.status, refusal.header("Min-Expires")), (423, ["5"]), "two seconds")
    granted = phone.register(5)
    expect_equal(granted.status, 200, "five seconds")
    expect(";expires=5" in granted.header("Contact")[0], granted.text)
    expect(granted.header("Date"), "no Date")
    wait_registered(appliance, "307")
    wait_until("307 to be gone", lambda: "307" not in appliance.registrations(), 8)
    expect(absent(world, "307"), "after the end")
    wait_until("the event", lambda: events_of(appliance, "307")[-1:] == [("expired", None)], 5)
    phone.close()


def wrong_passwords(world, appliance):
    """A wrong password is asked for again, counted; the address that guesses on is banned."""
    phone = bare(world, "308")
    expect_equal(phone.register(60).status, 200, "with the right one")
    expect_equal(phone.register(60, password="wrong").status, 401, "with a wrong one")
    expect_equal(wait_registered(appliance, "308")["wrong_proofs"], 1, "wrong passwords counted")
    expect_equal(phone.register(0).status, 200, "the end")
    phone.close()
    guesser = BarePhone(world, "phones", OTHER, OWN, "309", "guess", "tcp")
    bans = appliance.status()["defence"]["bans"]
    for _ in range(10):
        expect_equal(guesser.register(60).status, 401, "a guess")
    expect_equal(appliance.status()["defence"]["bans"], bans + 1, "bans")
    guesser.close()


def storm(world, appliance):
    """REGISTERs of 2,000 users at a rising rate: all answered, calls unharmed."""
    baseline = appliance.status()["fds"]
    before, cpu_before = appliance.status(), cpu_s(appliance)
    rows = [(user, f"[authentication username={user} password={SECRET}]", 600)
            for _ in range(STORM_REGISTERS // 2 // len(CROWD)) for user in CROWD]
    calls = Calls(world, "storm-calls", 100, rate=10, talk_ms=3000).start()
    sipp = Sipp(world, "phones", "uac_register.xml", "storm", ["-rate_increase", 200, "-rate_interval", "2s",
                "-rate_max", 2000, "-no_rate_quit"], address=SOFT, remote=f"{OWN}:5060", calls=len(rows), rate=200,
                rows=rows, timeout_s=120)
    sipp.wait(120)
    rates = [float(row) for row in column(sipp, "CallRate(P)")]
    calls.finish().check_media()
    calls.close()
    after, spent_s = appliance.status(), cpu_s(appliance) - cpu_before
    expect_equal((sipp.succeeded(), sipp.failed()), (len(rows), 0), f"REGISTERs {sipp.errors()}")
    shed = sum("shed" in line for line in sipp.log_lines())
    registers = registers_taken(after) - registers_taken(before)
    print(f"# {registers} REGISTERs, up to {2 * max(rates):.0f} a second, {shed} refused for overload, "
          f"{len(rows) - shed} registered; {spent_s:.2f} s of CPU with 100 calls, "
          f"{1e6 * spent_s / registers:.0f} us for each; resent by SIPp: {sipp.counted('Retransmissions(C)')}")
    expect(len(rows) - shed >= len(CROWD), "most were refused")
    appliance.wait_idle(baseline)


def registers_taken(status):
    return status["signalling"]["registers"]


def column(sipp, name):
    lines = (sipp.directory / "stat.csv").read_text().splitlines()
    at = lines[0].split(";").index(name)
    return [line.split(";")[at] for line in lines[1:]]


def cpu_s(appliance):
    fields = re.sub(r".*\) ", "", open(f"/proc/{appliance.controlplane.pid}/stat", encoding="ascii").read()).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def config():
    wanted = default_config()
    wanted["sip"]["listen"] += [{"transport": "tls", "address": OWN}, {"transport": "ws", "address": OWN, "port": 5080}]
    wanted["sip"]["tls"] = {"certificate_file": str(FILES / "own.pem"), "key_file": str(FILES / "own.key")}
    wanted["sip"]["max_bindings"] = 5000
    users = [{"username": str(user), "password": SECRET} for user in range(301, 320)]
    handsets = {"registrar": True, "media_address": OWN, "bindings": {"algorithm": "md5", "min_expires_s": 5}}
    wanted["trunks"] += [
        {**handsets, "name": "handsets", "sources": [f"{DESK}/32", f"{OTHER}/31"], "users": users},
        {**handsets, "name": "crowd", "sources": [f"{SOFT}/32"], "users": [{"username": "302", "password": SECRET}] + [
            {"username": str(user), "password": SECRET} for user in CROWD]}]
    wanted["routes"] += [{"from": "carrier", "number": "302", "to": ["crowd"]},
                         {"from": "carrier", "pattern": "3XX", "to": ["handsets"]},
                         {"from": "handsets", "pattern": "+49302*", "to": ["carrier"]}]
    return wanted


if __name__ == "__main__":
    main(__file__, [baresip_registers, baresip_registers_by_tcp, baresip_registers_by_tls, websocket_phone,
                    linphone_registers, killed, connection_closed, runs_out, wrong_passwords, storm], config())
