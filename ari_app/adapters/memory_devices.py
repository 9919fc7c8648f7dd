"""The Devices port in this process's memory: the twin of adapters/redis/devices.py, for tests."""

from __future__ import annotations

from collections.abc import Mapping

from ari_app.ports.devices import Added, Device, Gone, TooMany, with_digest


class MemoryDevices:
    def __init__(self) -> None:
        self._devices: dict[str, Device] = {}
        self._gone: set[str] = set()
        self._revision = 0

    async def add(self, device: Device, most: int) -> Added | TooMany | Gone:
        if (there := self._devices.get(device.id)) is not None:
            return Added(there, is_new=False)
        if device.id in self._gone:
            return Gone()
        if len(await self.of(device.user)) >= most:
            return TooMany()
        self._put(device)
        return Added(device, is_new=True)

    async def of(self, user: str) -> list[Device]:
        his = (device for device in self._devices.values() if device.user == user)
        return sorted(his, key=lambda device: (device.created_at_ms, device.id))

    async def change_digest(self, user: str, device_id: str, digest: str) -> Device | None:
        device = self._devices.get(device_id)
        if device is None or device.user != user:
            return None
        self._put(with_digest(device, digest))
        return self._devices[device_id]

    async def remove(self, user: str, device_id: str) -> Device | None:
        device = self._devices.get(device_id)
        if device is None or device.user != user:
            return None
        del self._devices[device_id]
        self._gone.add(device_id)
        self._revision += 1
        return device

    async def revision(self) -> int:
        return self._revision

    async def all(self) -> Mapping[str, Device]:
        return {device.username: device for device in self._devices.values()}

    def _put(self, device: Device) -> None:
        self._devices[device.id] = device
        self._revision += 1
