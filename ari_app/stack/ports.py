"""Chooses ports so that several stacks run on one machine. Knows how many ports a part needs, not what it does."""

import hashlib
import socket
from collections.abc import Iterator, Mapping

from ari_app.stack.errors import StackError

TCP_PORTS = ("redis_port", "http_port", "ami_port", "pbx_tls_port", "carrier_tls_port")
SIP_PORTS = ("pbx_sip_port", "carrier_sip_port")  # UDP and TCP
APP_PORTS = ("agi_port",)
"""The app's own, which the PBX must know. It holds them while the servers come and go."""
DEVICE_PORTS = ("pbx_devices_tls_port",)
FIXED_PORTS = TCP_PORTS + SIP_PORTS + APP_PORTS + DEVICE_PORTS

# One slot is one stack: a few ports from the first area, two ranges for sound from the second. A running stack holds
# its slot's TCP ports, so that others see the whole slot as taken without any register.
_FIXED_BASE, _FIXED_STEP = 10_100, 20
_SOUND_BASE, _SOUND_STEP = 12_000, 3_500
SLOTS = 15
LEGS = 870  # in one PBX at once; each takes two ports


def slot_ports(slot: int) -> dict[str, int]:
    """Every port of one slot, by name; the ranges are even numbers at the start and odd ones at the end."""
    fixed, sound = _FIXED_BASE + slot * _FIXED_STEP, _SOUND_BASE + slot * _SOUND_STEP
    ports = {name: fixed + at for at, name in enumerate(FIXED_PORTS)}
    for at, part in enumerate(("pbx", "carrier")):
        ports[f"{part}_rtp_start"] = sound + at * 2 * LEGS
        ports[f"{part}_rtp_end"] = sound + (at + 1) * 2 * LEGS - 1
    return ports


def is_free(name: str, port: int) -> bool:
    kinds = [socket.SOCK_STREAM] + [socket.SOCK_DGRAM] * (name in SIP_PORTS)
    return all(_can_bind(kind, port) for kind in kinds)


def _can_bind(kind: int, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:  # as the servers do: a port left in TIME_WAIT is no obstacle
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def taken(ports: Mapping[str, int]) -> list[str]:
    """The names of those single ports that somebody holds now."""
    return [name for name in FIXED_PORTS if name in ports and not is_free(name, ports[name])]


def choose(seed: str, fixed: Mapping[str, int], *, avoid: Mapping[str, int] | None = None) -> dict[str, int]:
    """Ports for the stack named `seed`: the same slot each time where it is free. `fixed` are the user's own wishes."""
    for name in taken(fixed):
        raise StackError(f"port {fixed[name]} ({name}) is taken by another program: stop that one, or set another port")
    for slot in _slots(seed):
        ports = slot_ports(slot)
        if not taken(ports) and ports != dict(avoid or {}):
            return ports | dict(fixed)
    raise StackError(
        f"no free ports: {SLOTS} stacks or other programs hold all of 127.0.0.1:{_FIXED_BASE} and above; stop one"
    )


def _slots(seed: str) -> Iterator[int]:
    """Two stacks begin their search at different slots, so that they seldom meet."""
    first = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4]) % SLOTS
    return ((first + step) % SLOTS for step in range(SLOTS))
