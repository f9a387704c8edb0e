#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The appliance registers with carriers' registrars (Kamailio with registrar, usrloc and digest)."""

from harness import ADDRESS, Sipp, default_config, expect, expect_equal, main, wait_until  # first: it knows where the rest is
from bare_phone import BarePhone
from names import Unbound
from registrar import Registrar

FIRST, SECOND = "192.0.2.20", "192.0.2.30"
NAMES = "198.51.100.30"  # the name server, on the other side
CARRIER = ADDRESS["carrier"]["peer4"]
PASSWORD = "s3cret-of-4930"
USER = "4930100"


def registration(appliance, trunk="registered"):
    return appliance.trunks()[trunk]["registration"]


def wait_state(appliance, state, held, timeout_s=20, trunk="registered"):
    wait_until(f"{trunk} in state {state}, held {held} (now {registration(appliance, trunk)})", lambda: (
        registration(appliance, trunk)["state"], registration(appliance, trunk)["held"]) == (state, held), timeout_s)


def call_by_registrar(world, label, address=FIRST):
    """A call that the registrar sends to whoever has registered as our user."""
    uas = Sipp(world, "phones", "uas.xml", f"{label}-callee", address=ADDRESS["phones"]["peer4"], calls=1,
               rows=[(30000, 100, 1000)], timeout_s=30)
    uas.wait_bound()
    uac = Sipp(world, "carrier", "uac.xml", f"{label}-caller", address=CARRIER,
               port=5090, remote=f"{address}:5060", calls=1, rate=1, rows=[(30000, USER, 1000)], timeout_s=30)
    uac.wait(30)
    expect_equal((uac.succeeded(), uac.failed()), (1, 0), f"call by {address}: {uac.errors()}")
    uas.wait(10)


def registration_events(appliance):
    return [event["event"] for event in appliance.records("events")
            if event.get("direction") == "out" and event.get("trunk") == "registered" and "registration_id" in event]


def registers_and_refreshes(world, appliance):
    """Challenged, registered, called; refreshed before the grant of 20 s is over."""
    registrar = Registrar(world, "carrier", FIRST, PASSWORD)
    wait_state(appliance, "registered", True)
    expect(registration(appliance)["expires_s"] <= 20, "the registrar's interval isn't ours")
    call_by_registrar(world, "first-call")
    appliance.wait_idle()
    seen = len(registrar.requests())
    wait_until("the refresh", lambda: len(registrar.requests()) >= seen + 2, 25)
    wait_state(appliance, "registered", True, 3)
    call_ids = {request[0] for request in registrar.requests()}
    numbers = [request[1] for request in registrar.requests()]
    expect_equal(len(call_ids), 1, "Call-IDs of one registration")
    expect(numbers == sorted(set(numbers)), f"CSeq doesn't rise: {numbers}")


def killed(world, appliance):
    """kill -9 of the control plane: the same Call-ID goes on, and calls come as if nothing had been."""
    registrar = Registrar(world, "carrier", FIRST, PASSWORD)
    wait_state(appliance, "registered", True, 70)
    before, events = registrar.requests()[-1], registration_events(appliance)
    appliance.kill_controlplane()
    appliance.start_controlplane()
    expect(registration(appliance)["held"], "forgotten by the restart")
    wait_until("a REGISTER after the restart", lambda: registrar.requests()[-1][1] > before[1], 10)
    expect_equal(registrar.requests()[-1][0], before[0], "Call-ID after the restart")
    wait_state(appliance, "registered", True)
    call_by_registrar(world, "after-kill")
    appliance.wait_idle()
    expect_equal(registration_events(appliance), events, "events of a registration that never ended")


def registrar_away_and_back(world, appliance):
    """The registrar dies: told, expired; back without memory: registered within seconds, not half an hour."""
    registrar = Registrar(world, "carrier", FIRST, PASSWORD)
    wait_state(appliance, "registered", True, 70)
    registrar.stop()
    wait_until("the registration to be lost", lambda: not registration(appliance)["held"], 60)
    wait_until("the event of the end", lambda: "expired" in registration_events(appliance), 5)
    registrar.start(PASSWORD)
    wait_state(appliance, "registered", True, 40)
    call_by_registrar(world, "after-return")
    appliance.wait_idle()


def password_changed(world, appliance):
    """The registrar wants another password: refused, told; after a reload with it we are registered."""
    registrar = Registrar(world, "carrier", FIRST, PASSWORD)
    wait_state(appliance, "registered", True, 70)
    registrar.stop()
    registrar.start("another")
    wait_state(appliance, "backing_off", False, 40)
    expect_equal(registration(appliance)["last_status"], 401, "the registrar's answer")
    expect_equal(registration_events(appliance)[-1], "failed", "the last event")
    trunk = next(one for one in appliance.config["trunks"] if one["name"] == "registered")
    trunk["credentials"]["password"] = "another"
    appliance.reload()
    wait_state(appliance, "registered", True, 10)
    trunk["credentials"]["password"] = PASSWORD
    appliance.reload()


def drained(world, appliance):
    """Draining takes the registration back, its end brings it again."""
    registrar = Registrar(world, "carrier", FIRST, PASSWORD)
    wait_state(appliance, "registered", True, 70)
    appliance.tandemctl("drain")
    wait_state(appliance, "idle", False, 5)
    expect_equal(registrar.requests()[-1][2], "0", "Expires of the last REGISTER")
    expect_equal(BarePhone(world, "carrier", CARRIER, FIRST, "caller").refused_call(USER).status, 404,
                 "the registrar's answer to a call for us")
    appliance.tandemctl("drain", "off")
    wait_state(appliance, "registered", True, 5)
    call_by_registrar(world, "after-drain")
    appliance.wait_idle()


def next_registrar(world, appliance):
    """The first of two registrars behind one name dies: we register with the second."""
    Unbound(world, "phones", NAMES, [
        "_sip._udp.registrars.test. 60 IN SRV 1 0 5060 one.test.", "_sip._udp.registrars.test. 60 IN SRV 2 0 5060 two.test.",
        f"one.test. 60 IN A {FIRST}", f"two.test. 60 IN A {SECOND}"])
    first = Registrar(world, "carrier", FIRST, PASSWORD, "registrar-one", grant_s=10)
    second = Registrar(world, "carrier", SECOND, PASSWORD, "registrar-two", grant_s=10)
    wait_state(appliance, "registered", True, 90, "named")
    users = [request for request in first.requests() if request[3] == "named-user"]
    expect(users, "the first registrar never heard of us")
    first.stop()
    wait_until("a REGISTER at the second registrar", lambda: [
        request for request in second.requests() if request[3] == "named-user"], 40)
    wait_state(appliance, "registered", True, 20, "named")


def config():
    wanted = default_config()
    wanted["sip"]["dns"] = {"servers": [NAMES], "timeout_ms": 300, "tries": 2, "min_ttl_s": 1}
    wanted["trunks"] += [
        {"name": "registered", "sources": [f"{FIRST}/32"], "target": f"sip:{FIRST}:5060", "options_interval_s": 2,
         "media_address": ADDRESS["carrier"]["own4"], "credentials": {"username": USER, "password": PASSWORD},
         "registration": {"user": USER, "domain": "carrier.example", "expires_s": 60}},
        {"name": "named", "sources": [f"{SECOND}/32"], "target": "sip:registrars.test;transport=udp",
         "options_interval_s": 0, "media_address": ADDRESS["carrier"]["own4"],
         "credentials": {"username": "named-user", "password": PASSWORD},
         "registration": {"user": "named-user", "domain": "carrier.example", "expires_s": 60}}]
    wanted["routes"].append({"from": "registered", "number": USER, "to": ["phones"]})
    return wanted


if __name__ == "__main__":
    main(__file__, [registers_and_refreshes, killed, registrar_away_and_back, password_changed, drained,
                    next_registrar], config())
