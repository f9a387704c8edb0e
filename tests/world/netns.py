# SPDX-License-Identifier: Apache-2.0
"""Sockets inside a namespace for a test that itself stays outside."""

import ctypes
import os
import socket
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_lock = threading.Lock()
_home = os.open("/proc/self/ns/net", os.O_RDONLY)  # the way back


def _enter(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def socket_in(namespace, family, kind, protocol=0):
    """A socket that belongs to a namespace for good. The calling thread is back outside on return."""
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        with _lock:
            _enter(descriptor)
            try:
                return socket.socket(family, kind, protocol)
            finally:
                _enter(_home)
    finally:
        os.close(descriptor)
