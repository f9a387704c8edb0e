# SPDX-License-Identifier: Apache-2.0
"""Reads the dataplane's counters from shared memory, by the names in include/tandem/."""

import re
import struct
from functools import lru_cache
from pathlib import Path

from world import ROOT, WorldError

MAGIC = 0x544E4D43
VERSION = 2
CACHE_LINE = 64
DROP_SLOTS = 64
HEAD = struct.Struct("<4I")


@lru_cache(maxsize=None)
def _names():
    """Names of worker counters, of drop reasons (by number) and of the head's 64-bit fields."""
    counters = (ROOT / "include/tandem/counters.h").read_text()
    drops = (ROOT / "include/tandem/drop.h").read_text()
    block = counters[counters.index("#define TD_WORKER_COUNTERS"):counters.index("struct td_worker_counters")]
    head = counters[counters.index("struct td_counters {"):]
    return (re.findall(r"X\((\w+),", block), ["none", *re.findall(r"X\([A-Z_]+, (\w+),\s+\"", drops)],
            re.findall(r"_Atomic uint64_t (\w+);", head))


def _round_up(size):
    return (size + CACHE_LINE - 1) // CACHE_LINE * CACHE_LINE


def read_counters(path):
    """Sums over all workers: {"rx_packets": …, "drops": {reason: …}, "mbufs_in_use": …}."""
    worker_names, drop_names, head_names = _names()
    content = Path(path).read_bytes()
    magic, version, workers, worker_bytes = HEAD.unpack_from(content)
    if magic != MAGIC or version != VERSION:
        raise WorldError(f"{path}: not the counters of this version")
    result = dict(zip(head_names, struct.unpack_from(f"<{len(head_names)}Q", content, HEAD.size)))
    totals = [0] * (len(worker_names) + DROP_SLOTS)
    start = _round_up(HEAD.size + 8 * len(head_names))
    for worker in range(workers):
        block = struct.unpack_from(f"<{len(totals)}Q", content, start + worker * worker_bytes)
        totals = [total + value for total, value in zip(totals, block)]
    result.update(zip(worker_names, totals))
    drops = totals[len(worker_names):]
    result["drops"] = {name: count for name, count in zip(drop_names, drops) if count}
    return result
