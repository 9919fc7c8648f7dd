"""Devices of users: SIP phones and softphones that register with a PBX of ours by a name and a password of their own.

Shapes and the contract only. The password itself is never stored: what a PBX needs to check it is (its digest, RFC 7616
with MD5, by our realm), and that lets nobody find out the password, which has 120 random bits.
"""

import hashlib
import re
import secrets
from base64 import b32encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

Transport = Literal["udp", "tcp", "tls"]
TRANSPORTS: tuple[Transport, ...] = ("udp", "tcp", "tls")
REALM = "ringbridge"
"""Of the challenges of every PBX: a digest holds for one realm alone, so it is the same for ever."""
PREFIX = "rbd"
USERNAME = re.compile(PREFIX + r"[a-z2-7]{20}")
"""Every endpoint of a PBX with such a name is a device of ours, and is taken away where no user has it. No trunk is
called so by chance."""
DEVICE_ID = re.compile(r"v[a-z2-7]{16}")
GONE_FOR_S = 86_400
"""So long the id of a device that was removed is not given again: as long as an Idempotency-Key counts."""


@dataclass(frozen=True, slots=True)
class Device:
    """`username` is the PJSIP endpoint's name, which nobody can guess; `digest`: MD5 of username:realm:password."""

    id: str
    user: str
    name: str
    transport: Transport
    username: str
    digest: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Added:
    device: Device
    is_new: bool
    """Else it was there already: nothing was changed."""


@dataclass(frozen=True, slots=True)
class TooMany:
    """The user has as many as he may."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A device of this id was removed, not long ago."""


class Devices(Protocol):
    """Every method may raise Unavailable; asked again, it does no harm."""

    async def add(self, device: Device, most: int) -> Added | TooMany | Gone:
        """One that is there under this id stays as it is."""

    async def of(self, user: str) -> list[Device]:
        """Oldest first."""

    async def change_digest(self, user: str, device_id: str, digest: str) -> Device | None:
        """None: he has no such device."""

    async def remove(self, user: str, device_id: str) -> Device | None:
        """As it was; None: he has no such device."""

    async def revision(self) -> int:
        """Grows with every change of any device."""

    async def all(self) -> Mapping[str, Device]:
        """By their usernames."""


def new_password() -> str:
    """Letters and digits that can be typed on a phone."""
    return _letters(secrets.token_bytes(15))


def new_username() -> str:
    return PREFIX + _letters(secrets.token_bytes(13))[:20]


def device_id(owner: str, user: str, idempotency_key: str | None) -> str:
    """Derived from who asks and with which Idempotency-Key, so that no crash can lose the link; else random."""
    seed = secrets.token_bytes(10)
    if idempotency_key is not None:
        seed = hashlib.sha256(f"device\0{owner}\0{user}\0{idempotency_key}".encode()).digest()[:10]
    return "v" + _letters(seed)


def digest_of(username: str, password: str) -> str:
    """What SIP calls HA1 (RFC 7616, 3.4.2)."""
    return hashlib.md5(f"{username}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()


def with_digest(device: Device, digest: str) -> Device:
    return replace(device, digest=digest)


def _letters(seed: bytes) -> str:
    return b32encode(seed).decode().rstrip("=").lower()


class NotProvided(Exception):
    """This PBX cannot be told of devices: its message says what it lacks."""


class DevicePbx(Protocol):
    """One PBX, as far as devices go. Every method may raise Unavailable."""

    async def names(self) -> frozenset[str]:
        """The devices that it knows."""

    async def put(self, devices: Sequence[Device]) -> None:
        """Make them known, or known as they are now. Raises NotProvided."""

    async def remove(self, username: str) -> None:
        """It registers no more and is rung no more; what it talks goes on."""

    async def state(self, username: str) -> Literal["online", "offline", "unknown"]:
        """online: registered, and it answers when it is asked whether it is there."""

    async def close(self) -> None: ...
