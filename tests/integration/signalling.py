#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Call flows with SIPp on both sides: transports, families, who hangs up, hold, cancel."""

import socket

from harness import ADDRESS, Calls, Party, default_config, expect, expect_equal, main, place_calls, trunk, wait_until  # first: it knows where the rest is
from netns import socket_in

TCP_CARRIER = ADDRESS["carrier"]["peer4"]


def udp(world, appliance):
    """Calls over UDP, IPv4, the caller hangs up."""
    place_calls(world, appliance, "udp", 10)


def callee_hangs_up(world, appliance):
    """The called side hangs up."""
    place_calls(world, appliance, "callee-ends", 10, ended_by="callee")


def tcp(world, appliance):
    """Calls over TCP on both sides."""
    place_calls(world, appliance, "tcp", 10, caller=Party("carrier", transport="t1"),
                callee=Party("phones", "198.51.100.20", transport="t1"), number="+4930300")


def udp_to_tcp(world, appliance):
    """A call that comes by UDP and goes by TCP."""
    place_calls(world, appliance, "udp-tcp", 5, callee=Party("phones", "198.51.100.20", transport="t1"),
                number="+4930300")


def ipv4_to_ipv6(world, appliance):
    """From IPv4 to IPv6, media relayed between the families."""
    place_calls(world, appliance, "v4-v6", 5, callee=Party("phones", ADDRESS["phones"]["peer6"]), number="+4930600")


def ipv6_to_ipv4(world, appliance):
    """From IPv6 to IPv4."""
    place_calls(world, appliance, "v6-v4", 5, caller=Party("carrier", ADDRESS["carrier"]["peer6"]))


def ipv6(world, appliance):
    """IPv6 on both sides."""
    place_calls(world, appliance, "v6-v6", 5, caller=Party("carrier", ADDRESS["carrier"]["peer6"]),
                callee=Party("phones", ADDRESS["phones"]["peer6"]), number="+4930600")


def challenged(world, appliance):
    """A trunk that challenges us gets the right answer."""
    place_calls(world, appliance, "challenged", 3, callee=Party("phones", "198.51.100.30"), number="+4930400",
                scenarios=("uac.xml", "uas_digest.xml"))


def hold_and_resume(world, appliance):
    """Hold stops the held side's media and no other; resume brings it back."""
    baseline = appliance.status()["fds"]
    calls = Calls(world, "hold", 3, talk_ms=5000, scenarios=("uac_hold.xml", "uas_hold.xml")).start(counted=False)
    calls.wait_up()
    wait_until("the hold", lambda: sum("held" in line for line in calls.uac.log_lines()) == 3, 10)
    held = wait_until("silence at the holder", lambda: all(
        stream["idle_ms"] > 500 for stream in calls.pumps[0].report()) and calls.streams(), 5)
    expect(all(stream["idle_ms"] < 200 for stream in held[1]), "the held side no longer hears the holder")
    wait_until("the end of the hold", lambda: sum("resumed" in line for line in calls.uac.log_lines()) == 3, 10)
    wait_until("media after the hold", lambda: all(
        stream["idle_ms"] < 100 for stream in calls.pumps[0].report()), 3)
    calls.finish()
    for stream in calls.streams()[0]:
        expect_equal(stream["source_changes"], 0, "sources that the holder saw")
    calls.close()
    appliance.wait_idle(baseline)


def cancel(world, appliance):
    """The caller gives up while it rings; nothing is left."""
    baseline = appliance.status()["fds"]
    calls = Calls(world, "cancel", 5, talk_ms=2000, scenarios=("uac_cancel.xml", "uas_cancelled.xml"))
    calls.start().finish()
    calls.close()
    appliance.wait_idle(baseline)


def options(world, appliance):
    """OPTIONS from a trunk is answered with 200."""
    expect("SIP/2.0 200" in ask_options(world, TCP_CARRIER), "no 200 to OPTIONS")


def stranger(world, appliance):
    """A stranger gets silence, and is counted."""
    expect_equal(ask_options(world, "192.0.2.66"), "", "answer to a stranger")
    expect(appliance.answers(), "a trunk gets no answer afterwards")


def ask_options(world, source):
    """The answer to an OPTIONS request from an address, empty if there is none within a second."""
    probe = socket_in(world.namespace("carrier"), socket.AF_INET, socket.SOCK_DGRAM)
    with probe:
        probe.bind((source, 5070))
        probe.settimeout(1.0)
        probe.sendto(f"OPTIONS sip:192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP {source}:5070;branch=z9hG4bK-{source}\r\n"
                     f"From: <sip:x@{source}>;tag=1\r\nTo: <sip:192.0.2.1>\r\nCall-ID: options-{source}\r\n"
                     "CSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode(),
                     (ADDRESS["carrier"]["own4"], 5060))
        try:
            return probe.recv(4096).decode()
        except TimeoutError:
            return ""


def config():
    wanted = default_config()
    wanted["trunks"].append(trunk("phones-tcp", "198.51.100.20", ADDRESS["phones"]["own4"], transport="tcp"))
    wanted["trunks"].append(trunk("phones-digest", "198.51.100.30", ADDRESS["phones"]["own4"], credentials={
        "username": "tandem", "password": "phones-secret"}))
    wanted["routes"] += [{"from": "carrier", "pattern": "+49303*", "to": ["phones-tcp"]},
                         {"from": "carrier", "pattern": "+49304*", "to": ["phones-digest"]}]
    return wanted


if __name__ == "__main__":
    main(__file__, [udp, callee_hangs_up, tcp, udp_to_tcp, ipv4_to_ipv6, ipv6_to_ipv4, ipv6, hold_and_resume,
                    challenged, cancel, options, stranger], config())
