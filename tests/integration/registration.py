#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Phones register with the appliance, are called and call (baresip, linphone, SIPp, bare sockets)."""

from harness import ADDRESS, Baresip, Party, Sipp, default_config, expect, expect_equal, main, wait_until  # first: it knows where the rest is
from linphone_phone import Linphone
from tone import write_tone

OWN = ADDRESS["phones"]["own4"]
DESK, SOFT = "198.51.100.20", "198.51.100.30"
SECRET = "s3cret-of-phones"


def tone(world):
    wav = world.directory / "tone-440.wav"
    if not wav.exists():
        write_tone(wav, 440, 60)
    return wav


def baresip(world, user, transport="udp", address=DESK, password=SECRET, label=None):
    return Baresip(world, "phones", address, tone(world), label or f"baresip-{user}-{transport}", account=(
        f"<sip:{user}@{OWN};transport={transport}>;auth_user={user};auth_pass={password};regint=60;"
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


def config():
    wanted = default_config()
    users = [{"username": str(user), "password": SECRET} for user in range(301, 320)]
    wanted["trunks"].append({
        "name": "handsets", "sources": [f"{DESK}/32", f"{SOFT}/32"], "registrar": True,
        "media_address": OWN, "bindings": {"algorithm": "md5", "min_expires_s": 5}, "users": users})
    wanted["routes"] += [{"from": "carrier", "pattern": "3XX", "to": ["handsets"]},
                         {"from": "handsets", "pattern": "+49302*", "to": ["carrier"]}]
    return wanted


if __name__ == "__main__":
    main(__file__, [baresip_registers, baresip_registers_by_tcp, linphone_registers], config())
