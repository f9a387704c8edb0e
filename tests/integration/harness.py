# SPDX-License-Identifier: Apache-2.0
"""What integration tests share: cases, calls made by SIPp with media that is counted, and checks.

A script builds a list of cases and calls main(). Each case is a function of (world, appliance) that
raises WorldError if something does not hold. All cases of a script share a world, and each must
leave the appliance idle. `script.py CASE` runs one.
"""

import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "world"))

from appliance import Appliance, default_config, trunk  # noqa: E402,F401
from media import Follower, RtpPump  # noqa: E402
from peers import Baresip, Kamailio, Sipp  # noqa: E402,F401
from world import ADDRESS, World, WorldError, wait_until  # noqa: E402

PACKETS_PER_S = 50
QUIET_END_S = 1.0  # media stops this long before the call ends, so that every packet counts


def main(script, cases, config=None):
    """Runs the cases of a script; prints "ok - …" or "not ok - …" for each."""
    name = Path(script).stem
    wanted = sys.argv[1:]
    failed = 0
    try:
        with World(f"integration/{name}") as world:
            appliance = Appliance(world, config).start()
            warm_up(world, appliance)
            for case in cases:
                if wanted and case.__name__ not in wanted:
                    continue
                begin = time.monotonic()
                if not run_case(case, world, appliance):
                    failed += 1
                    appliance.start_afresh()  # what a failed case left must not fail the next
                    warm_up(world, appliance)
                print(f"# {case.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    except (WorldError, OSError) as error:
        print(f"not ok - {name}: {error}", flush=True)
        failed += 1
    sys.exit(1 if failed else 0)


def warm_up(world, appliance):
    """A first call, after which what is opened once (the event log's segment) is open."""
    Calls(world, "warm-up", 1, talk_ms=1100).start().finish().close()
    appliance.wait_idle()


def run_case(case, world, appliance):
    title = (case.__doc__ or case.__name__).strip().splitlines()[0].rstrip(".")
    try:
        case(world, appliance)
        print(f"ok - {title}", flush=True)
        return True
    except WorldError as error:
        first, *rest = str(error).splitlines() or [""]
        print(f"not ok - {title}: {first}\n" + "".join(f"#   {line}\n" for line in rest), end="", flush=True)
    except Exception:  # a fault of the test itself must not hide the other cases
        print(f"not ok - {title}: {traceback.format_exc(limit=3).splitlines()[-1]}", flush=True)
        print("".join(f"#   {line}\n" for line in traceback.format_exc().splitlines()), flush=True)
    finally:
        world.end_all_but((appliance.dataplane, appliance.controlplane))
    return False


def expect(is_true, what):
    if not is_true:
        raise WorldError(what)


def expect_equal(found, wanted, what):
    expect(found == wanted, f"{what}: {found!r}, expected {wanted!r}")


class Party:
    """Where a side's SIPp and media live."""

    def __init__(self, side, address=None, transport="u1", port=5060):
        self.side = side
        self.address = address or ADDRESS[side]["peer4"]
        self.transport = transport
        self.port = port
        family = "own6" if ":" in self.address else "own4"
        self.appliance_address = ADDRESS[side][family]

    def remote(self):
        address = self.appliance_address
        return f"[{address}]:5060" if ":" in address else f"{address}:5060"


class Calls:
    """A number of calls from one party to another, by SIPp, with counted media."""

    def __init__(self, world, label, count, *, caller=None, callee=None, number="+4930100", rate=50,
                 ring_ms=100, talk_ms=3000, ended_by="caller", scenarios=None, first_port=30000, remote=None):
        self.world, self.label, self.count, self.talk_ms = world, label, count, talk_ms
        self.caller = caller or Party("carrier")
        self.callee = callee or Party("phones")
        self.number, self.rate, self.ring_ms = number, rate, ring_ms
        self.scenarios = scenarios or {
            "caller": ("uac.xml", "uas.xml"), "callee": ("uac_wait.xml", "uas_bye.xml")}[ended_by]
        self.first_port = first_port
        self.remote = remote or self.caller.remote()
        self.packets = max(1, int((talk_ms / 1000 - QUIET_END_S) * PACKETS_PER_S))

    def start(self, counted=True):
        """Starts both SIPps and both pumps. counted: a fixed number of packets per stream."""
        limit_s = int(self.count / self.rate + (self.ring_ms + self.talk_ms) / 1000 + 60)
        self.pumps = tuple(
            RtpPump(self.world, party.side, party.address, self.first_port, self.count, f"{self.label}-{role}-media")
            for role, party in (("caller", self.caller), ("callee", self.callee)))
        ports = self.pumps[0].ports()
        self.uas = Sipp(self.world, self.callee.side, self.scenarios[1], f"{self.label}-callee",
                        address=self.callee.address, port=self.callee.port, transport=self.callee.transport,
                        calls=self.count, timeout_s=limit_s,
                        rows=[(port, self.ring_ms, self.talk_ms) for port in ports])
        self.uas.wait_bound()
        self.uac = Sipp(self.world, self.caller.side, self.scenarios[0], f"{self.label}-caller",
                        address=self.caller.address, port=self.caller.port, transport=self.caller.transport,
                        remote=self.remote, calls=self.count, rate=self.rate, timeout_s=limit_s,
                        rows=[(port, self.number, self.talk_ms) for port in ports])
        self.follower = Follower(*zip(self.pumps, (self.uac, self.uas)),
                                 packets=self.packets if counted else None)
        self.follower.__enter__()
        return self

    def sending(self):
        """How many streams have begun to send, both ways together."""
        return sum(stream["sent"] > 0 for pump in self.pumps for stream in pump.report())

    def wait_up(self, timeout_s=30):
        wait_until(f"{self.label}: media on all {self.count} calls",
                   lambda: self.sending() == 2 * self.count, timeout_s, 0.2)

    def finish(self, timeout_s=None):
        """Waits for the end of all calls; an error if one failed."""
        timeout_s = timeout_s or self.count / self.rate + (self.ring_ms + self.talk_ms) / 1000 + 40
        try:
            self.uac.wait(timeout_s)
            self.uas.wait(10)
        finally:
            self.follower.__exit__()
        expect(self.follower.error is None, f"{self.label}: {self.follower.error}")
        for sipp in (self.uac, self.uas):
            expect_equal((sipp.succeeded(), sipp.failed()), (self.count, 0), f"{sipp.label}: calls (good, failed)")
        return self

    def streams(self):
        return [pump.report() for pump in self.pumps]

    def check_media(self, lossless=True):
        """Each stream arrived: all packets, one source, unbroken sequence and timestamps."""
        self.pumps[0].drain(self.pumps[1])
        caller, callee = self.streams()
        for name, sender, receiver in (("to the callee", caller, callee), ("to the caller", callee, caller)):
            sent, received = (sum(stream[key] for stream in streams)
                              for key, streams in (("sent", sender), ("received", receiver)))
            broken = sum(stream["source_changes"] + stream["timestamp_breaks"] for stream in receiver)
            expect_equal(broken, 0, f"{self.label} {name}: changes of source, breaks of timestamps")
            if lossless:
                lost = sum(stream["lost"] for stream in receiver)
                expect_equal((received, lost), (sent, 0), f"{self.label} {name}: packets (received, lost)")
            expect(received > 0, f"{self.label} {name}: no media")
        return caller, callee

    def close(self):
        for pump in self.pumps:
            pump.close()


def place_calls(world, appliance, label, count, **options):
    """Calls from start to end with media to the packet; leaves the appliance idle."""
    baseline = appliance.status()["fds"]
    calls = Calls(world, label, count, **options).start().finish()
    calls.check_media()
    calls.close()
    appliance.wait_idle(baseline)
    return calls


# Reasons for drops that mean the dataplane could not keep up or misread a good packet.
LOSSES = ("frame_short", "ip_malformed", "ip_checksum", "udp_malformed", "udp_checksum", "rtp_malformed",
          "rtp_duplicate", "next_hop_unknown", "too_big", "policed", "handoff_full", "exception_full",
          "tx_full", "no_mbuf")


def losses(counters):
    return {name: counters["drops"][name] for name in LOSSES if counters["drops"].get(name)}
