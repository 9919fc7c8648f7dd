"""Ports for the servers of tests, as many as run at once on this machine: each is given to one process alone."""

from __future__ import annotations

import itertools
import os
import socket

POOL = range(10_400, 12_000)
"""Below the ports that the kernel lends to clients, and between those of the embedded stacks: a port is free as long
as no test has it, also while its server is not yet started, or killed to be started again."""

_held: list[socket.socket] = []


def claim(count: int = 1) -> list[int]:
    """All different, TCP and UDP, of the loopback. They are this process's own until it ends."""
    first = os.getpid() * 101 % len(POOL)  # two processes begin their search at different ports
    order = (POOL[(first + at) % len(POOL)] for at in range(len(POOL)))
    got = list(itertools.islice(filter(hold, order), count))
    if len(got) < count:
        raise RuntimeError(f"no {count} free ports among {POOL.start}-{POOL.stop - 1}")
    return got


def hold(port: int) -> bool:
    """A name in the kernel is the register: one holder at a time, of all processes, and none that outlives it."""
    register = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        register.bind(f"\0ringbridge-test-port-{port}")
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
                probe.bind(("127.0.0.1", port))
    except OSError:
        register.close()
        return False
    _held.append(register)
    return True
