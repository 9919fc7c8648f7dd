"""Devices in Redis: one hash, id → record, under one tag, so that whoever provisions a PBX reads all of them in one go
and sees by one number whether any has changed. No password comes here."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import structlog

from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.ports.devices import GONE_FOR_S, Added, Device, Gone, TooMany, with_digest

ALL, REVISION = "{dev}:all", "{dev}:rev"
TURNS_MAX = 10

log = structlog.get_logger()

_decode = msgspec.json.Decoder(Device).decode
_encode = msgspec.json.encode


class RedisDevices:
    def __init__(self, link: Link) -> None:
        self._link = link
        self._read: dict[
            bytes, tuple[bytes, Device | None]
        ] = {}  # of the last look: what has not changed is not decoded

    async def add(self, device: Device, most: int) -> Added | TooMany | Gone:
        fresh = _encode(device)
        said = await self._link.script("device_add", *_keys(device.user, device.id), device.id, fresh, most)
        if isinstance(said, int):
            return TooMany() if said == 0 else Gone()
        return Added(_decode(said), is_new=said == fresh)

    async def of(self, user: str) -> list[Device]:
        ids = await self._link.command("SMEMBERS", _of(user))
        found = await self._link.command("HMGET", ALL, *ids) if ids else []
        devices = [device for raw in found if raw is not None and (device := _readable(raw)) is not None]
        return sorted(devices, key=lambda device: (device.created_at_ms, device.id))

    async def change_digest(self, user: str, device_id: str, digest: str) -> Device | None:
        for _ in range(TURNS_MAX):
            raw = await self._link.command("HGET", ALL, device_id)
            device = None if raw is None else _readable(raw)
            if device is None or device.user != user:
                return None
            if await self._swap(device, raw, _encode(changed := with_digest(device, digest))):
                return changed
        raise Unavailable(f"device {device_id} is changed by others all the time")

    async def remove(self, user: str, device_id: str) -> Device | None:
        for _ in range(TURNS_MAX):
            raw = await self._link.command("HGET", ALL, device_id)
            device = None if raw is None else _readable(raw)
            if device is None or device.user != user:
                return None
            if await self._swap(device, raw, b""):
                return device
        raise Unavailable(f"device {device_id} is changed by others all the time")

    async def revision(self) -> int:
        return int(await self._link.command("GET", REVISION) or 0)

    async def all(self) -> Mapping[str, Device]:
        found = await self._link.command("HGETALL", ALL)
        pairs = found.items() if isinstance(found, dict) else zip(found[::2], found[1::2], strict=True)
        before, self._read = self._read, {}
        for key, raw in pairs:
            kept = before.get(key)
            self._read[key] = kept if kept is not None and kept[0] == raw else (raw, _readable(raw))
        return {device.username: device for _, device in self._read.values() if device is not None}

    async def _swap(self, device: Device, raw: bytes, new: bytes) -> bool:
        keys = _keys(device.user, device.id)
        return bool(await self._link.script("device_change", *keys, device.id, raw, new, GONE_FOR_S) == 1)


def _readable(raw: bytes) -> Device | None:
    """None: it is damaged, or of a kind that a newer version knows. It is left as it is, and keeps no other one out."""
    try:
        return _decode(raw)
    except msgspec.MsgspecError as e:
        log.error("device not readable", why=str(e))
        return None


def _of(user: str) -> str:
    return f"{{dev}}:of:{user}"


def _keys(user: str, device_id: str) -> tuple[str, str, str, str]:
    return ALL, _of(user), REVISION, f"{{dev}}:gone:{device_id}"
