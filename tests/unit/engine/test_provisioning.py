"""Devices brought to each PBX: what changed, when it is taken up, and after its Asterisk has forgotten them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from ari_app.adapters.memory_devices import MemoryDevices
from ari_app.domain.errors import Unavailable
from ari_app.engine.provisioning import TOLD_AGAIN_S, Provisioning
from ari_app.ports.devices import Device, NotProvided, digest_of, new_username


@dataclass
class FakePbx:
    """Remembers what it is told, as long as its Asterisk runs."""

    known: dict[str, Device] = field(default_factory=dict)
    puts: list[list[str]] = field(default_factory=list)
    fault: Exception | None = None
    is_closed: bool = False

    async def names(self) -> frozenset[str]:
        return frozenset(self.known)

    async def put(self, devices: list[Device]) -> None:
        if self.fault is not None:
            raise self.fault
        self.puts.append([device.username for device in devices])
        self.known |= {device.username: device for device in devices}

    async def remove(self, username: str) -> None:
        del self.known[username]

    async def state(self, username: str) -> Literal["online", "offline", "unknown"]:
        if self.fault is not None:
            raise self.fault
        return "online" if username in self.known else "unknown"

    async def close(self) -> None:
        self.is_closed = True


@dataclass
class FakePlace:
    name: str = "pbx1"
    devices: FakePbx | None = field(default_factory=FakePbx)
    sighted: int = 0


@dataclass
class House:
    store: MemoryDevices = field(default_factory=MemoryDevices)
    places: list[FakePlace] = field(default_factory=lambda: [FakePlace()])
    now_s: float = 0.0

    def __post_init__(self) -> None:
        self.care = Provisioning(self.store, lambda: self.places, clock_s=lambda: self.now_s)

    async def add(self, user: str = "ann") -> Device:
        username = new_username()
        id = f"v{len(await self.store.all()):016}"
        device = Device(id, user, f"{user}'s", "udp", username, digest_of(username, "x"), len(await self.store.all()))
        await self.store.add(device, 99)
        return device

    async def look(self) -> None:
        await self.care.refresh()
        await self.care.bring()

    @property
    def pbx(self) -> FakePbx:
        found = self.places[0].devices
        assert found is not None
        return found


@pytest.fixture
def house() -> House:
    return House()


async def test_a_device_is_told_once_and_again_when_it_has_changed(house: House) -> None:
    device = await house.add()
    await house.look()
    await house.look()
    assert (house.pbx.known, house.pbx.puts) == ({device.username: device}, [[device.username]])
    changed = await house.store.change_digest("ann", device.id, "another")
    await house.look()
    assert house.pbx.known == {device.username: changed}


async def test_one_that_is_removed_is_taken_away(house: House) -> None:
    device, other = await house.add(), await house.add("bob")
    await house.look()
    await house.store.remove("ann", device.id)
    await house.look()
    assert set(house.pbx.known) == {other.username}
    assert (list(house.care.of("ann")), house.care.owner_of(device.username)) == ([], None)
    assert house.care.owner_of(other.username) == "bob"


async def test_after_its_asterisk_has_started_anew_it_is_told_all_again(house: House) -> None:
    devices = {(await house.add()).username for _ in range(3)}
    await house.look()
    house.pbx.known.clear()
    await house.look()
    assert house.pbx.known == {}  # nobody has said so yet
    house.places[0].sighted += 1
    await house.look()
    assert set(house.pbx.known) == devices


async def test_a_link_that_was_lost_for_a_moment_costs_no_telling(house: House) -> None:
    await house.add()
    await house.look()
    there, house.places[0].devices = house.places[0].devices, None
    await house.look()
    house.places[0].devices, house.places[0].sighted = there, 1
    await house.look()
    assert len(house.pbx.puts) == 1


async def test_what_was_removed_while_another_process_had_the_pbx_is_taken_away_when_it_is_taken_up(
    house: House,
) -> None:
    device, gone = await house.add(), await house.add("bob")
    house.pbx.known = {gone.username: gone, device.username: replace(device, digest="old")}
    await house.store.remove("bob", gone.id)
    await house.look()
    assert house.pbx.known == {device.username: device}


async def test_a_pbx_that_is_taken_up_again_is_told_all_and_what_was_before_is_closed(house: House) -> None:
    await house.add()
    await house.look()
    before, house.places[0].devices = house.pbx, FakePbx(dict(house.pbx.known))
    await house.look()
    assert before.is_closed
    assert len(house.pbx.puts) == 1


async def test_one_pbx_that_cannot_be_told_keeps_the_others_from_nothing_and_is_tried_again(house: House) -> None:
    house.places.append(FakePlace("pbx2"))
    await house.add()
    house.pbx.fault = Unavailable("away")
    await house.look()
    assert [len(place.devices.known) for place in house.places if place.devices] == [0, 1]
    house.pbx.fault = None
    await house.look()
    assert len(house.pbx.known) == 1


async def test_a_pbx_that_keeps_no_devices_is_tried_only_now_and_then(house: House) -> None:
    await house.add()
    house.pbx.fault = NotProvided("it needs sorcery.conf")
    await house.look()
    house.pbx.fault = None
    await house.look()
    assert house.pbx.known == {}
    house.now_s += TOLD_AGAIN_S
    await house.look()
    assert len(house.pbx.known) == 1


async def test_states_are_told_by_pbx_and_one_that_cannot_be_asked_is_unknown(house: House) -> None:
    house.places.append(FakePlace("pbx2", FakePbx(fault=Unavailable("away"))))
    device = await house.add()
    await house.look()
    assert await house.care.states(device.username) == {"pbx1": "online", "pbx2": "unknown"}


async def test_before_anything_was_read_nothing_is_taken_away(house: House) -> None:
    device = await house.add()
    house.pbx.known = {device.username: device}
    await house.care.bring()
    assert set(house.pbx.known) == {device.username}
