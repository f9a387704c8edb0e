# SPDX-License-Identifier: Apache-2.0
"""Speaks the contract of include/tandem/contract.h with a dataplane, without a control plane."""

import ipaddress
import socket
import struct

MAGIC = 0x544E4D31
VERSION = 1
HELLO, ADD, MODIFY, SUBTRACT, MOVE, AUDIT, REPLY, AUDIT_ITEM, NOTIFY = range(1, 10)
RESULTS = ("ok", "version", "malformed", "out_of_order", "bad_value", "unknown", "stale_epoch", "full",
           "port_foreign", "port_in_use", "port_resting", "worker_foreign", "context_full", "busy")
NOTIFICATIONS = ("first_packet", "latched", "media_timeout", "media_resumed", "overload")
SEND_RECEIVE = 3
LATCH_OFF, LATCH_RESTRICTED, LATCH_OPEN = range(3)
PCMU = 1
RTCP_MUX = 1

HEADER = struct.Struct("<IHHIIQ")
ENDPOINT = struct.Struct("<16sB3xHH")
SPEC_HEAD = struct.Struct("<QQIBBBBBBHI")
CODEC = struct.Struct("<BBHI")
CAPABILITIES = struct.Struct("<QIIHHHHII")
STATS = struct.Struct("<8Q12I3HBBII")
STATS_NAMES = ("rx_packets rx_bytes tx_packets tx_bytes rx_refused first_rx_wall_ns last_rx_wall_ns "
               "first_tx_wall_ns lost_packets reordered_packets duplicate_packets source_switches jitter_us "
               "jitter_max_us rtt_us remote_lost_packets remote_jitter_us remote_fraction_lost_ppm tx_ssrc "
               "rx_ssrc mos_x100 mos_min_x100 r_factor_x10 latch_state last_payload_type rtcp_rx_packets "
               "rtcp_tx_packets").split()
CODECS_MAX = 16


def pack_endpoint(endpoint):
    if endpoint is None:
        return bytes(ENDPOINT.size)
    ip = ipaddress.ip_address(endpoint[0])
    return ENDPOINT.pack(ip.packed.ljust(16, b"\0"), ip.version, endpoint[1], 0)


def unpack_endpoint(content):
    packed, family, port, _ = ENDPOINT.unpack(content)
    if family == 0:
        return None
    return str(ipaddress.ip_address(packed[:4] if family == 4 else packed)), port


def pack_spec(termination_id, context_id, local, remote, *, epoch=1, mode=SEND_RECEIVE, latch=LATCH_OFF,
              prefix_bits=0, flags=0, timeout_s=0, window_ms=0, remote_rtcp="next", latch_round=0):
    """Bytes of a td_termination_spec with PCMU. RTCP goes to the port above unless said otherwise."""
    if remote_rtcp == "next":
        remote_rtcp = (remote[0], remote[1] + 1) if remote else None
    codec = CODEC.pack(0, PCMU, 20, 8000)
    return (SPEC_HEAD.pack(termination_id, context_id, epoch, mode, latch, prefix_bits, flags, 1, 0, timeout_s,
                           window_ms)
            + pack_endpoint(local) + pack_endpoint(remote) + pack_endpoint(remote_rtcp)
            + struct.pack("<I20x", latch_round) + codec + bytes(CODEC.size * (CODECS_MAX - 1)))


def unpack_stats(content):
    stats = dict(zip(STATS_NAMES, STATS.unpack_from(content)))
    stats["latched"] = unpack_endpoint(content[STATS.size:STATS.size + ENDPOINT.size])
    return stats


class Client:
    """A connection that has greeted. Notifications that come in between are kept."""

    def __init__(self, path, timeout_s=5):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(timeout_s)
        self.socket.connect(str(path))
        self.last_id = 0
        self.notifications = []
        self.capabilities = self.call(HELLO, struct.pack("<Q", 0x1234))["capabilities"]

    def close(self):
        self.socket.close()

    def send(self, kind, body):
        self.last_id += 1
        self.socket.send(HEADER.pack(MAGIC, VERSION, kind, HEADER.size + len(body), 0, self.last_id) + body)
        return self.last_id

    def receive(self):
        """One message: (type, command id, body)."""
        message = self.socket.recv(2048)
        if not message:
            raise ConnectionError("the dataplane hung up")
        magic, version, kind, length, _, command_id = HEADER.unpack_from(message)
        assert (magic, version, length) == (MAGIC, VERSION, len(message))
        return kind, command_id, message[HEADER.size:]

    def call(self, kind, body):
        """Sends a command and waits for its reply; audit items are in ["items"]."""
        wanted_id = self.send(kind, body)
        items = []
        while True:
            kind, command_id, body = self.receive()
            if kind == NOTIFY:
                self.take_notification(body)
            elif command_id == wanted_id and kind == AUDIT_ITEM:
                items.append(self.unpack_item(body))
            elif command_id == wanted_id:
                return self.unpack_reply(body, items)

    def take_notification(self, body):
        termination_id, _, kind, detail, epoch = struct.unpack_from("<QQHHI", body)
        self.notifications.append((NOTIFICATIONS[kind], termination_id, detail, epoch))

    @staticmethod
    def unpack_item(body):
        termination_id, context_id, epoch = struct.unpack_from("<QQI", body)
        return {"termination_id": termination_id, "context_id": context_id, "epoch": epoch,
                "stats": unpack_stats(body[256:])}

    @staticmethod
    def unpack_reply(body, items):
        result, _, epoch, termination_id = struct.unpack_from("<HHIQ", body)
        names = ("instance", "capacity", "in_use", "workers", "port_first", "port_last", "addresses", "rest_ms",
                 "is_restarted")
        return {"result": RESULTS[result], "epoch": epoch, "termination_id": termination_id, "items": items,
                "capabilities": dict(zip(names, CAPABILITIES.unpack_from(body, 16))),
                "stats": unpack_stats(body[16 + CAPABILITIES.size:])}

    def add(self, *arguments, **keywords):
        return self.call(ADD, pack_spec(*arguments, **keywords))

    def modify(self, *arguments, **keywords):
        return self.call(MODIFY, pack_spec(*arguments, **keywords))

    def subtract(self, termination_id, epoch=1):
        return self.call(SUBTRACT, struct.pack("<QII", termination_id, epoch, 0))

    def audit(self, termination_id=0):
        return self.call(AUDIT, struct.pack("<Q", termination_id))
