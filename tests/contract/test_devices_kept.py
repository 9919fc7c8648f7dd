"""Devices of users, over memory, Redis and a Redis Cluster: added up to a limit, changed, removed, told as a whole."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.adapters.memory_devices import MemoryDevices
from ari_app.adapters.redis.devices import ALL, RedisDevices
from ari_app.adapters.redis.link import Link
from ari_app.ports.devices import (
    DEVICE_ID,
    USERNAME,
    Added,
    Device,
    Devices,
    Gone,
    TooMany,
    device_id,
    digest_of,
    new_password,
    new_username,
)
from tests.contract.conftest import STORES


@pytest.fixture(params=STORES)
def devices(request: pytest.FixtureRequest) -> Devices:
    match request.param:
        case "redis":
            return RedisDevices(request.getfixturevalue("link"))
        case "cluster":
            return RedisDevices(request.getfixturevalue("cluster_link"))
    return MemoryDevices()


def a_device(user: str = "ann", at_ms: int = 1, once: str | None = None) -> Device:
    username = new_username()
    digest = digest_of(username, new_password())
    return Device(device_id("key", user, once), user, "desk phone", "udp", username, digest, at_ms)


async def test_what_was_added_is_its_users_oldest_first_and_nobody_elses(devices: Devices) -> None:
    later, sooner, other = a_device(at_ms=2), a_device(at_ms=1), a_device("bob")
    for one in (later, sooner, other):
        assert await devices.add(one, 5) == Added(one, is_new=True)
    assert await devices.of("ann") == [sooner, later]
    assert await devices.of("nobody") == []
    assert await devices.all() == {one.username: one for one in (later, sooner, other)}


async def test_the_same_id_again_gives_the_one_that_is_there(devices: Devices) -> None:
    first, again = a_device(once="k1"), a_device(once="k1")
    await devices.add(first, 5)
    assert await devices.add(again, 5) == Added(first, is_new=False)
    assert await devices.of("ann") == [first]


async def test_ten_at_once_get_no_more_than_the_user_may_have(devices: Devices) -> None:
    done = await asyncio.gather(*(devices.add(a_device(), 3) for _ in range(10)))
    assert sum(isinstance(one, Added) for one in done) == 3
    assert done.count(TooMany()) == 7
    assert len(await devices.of("ann")) == 3


async def test_what_was_removed_is_gone_for_all_and_its_id_is_not_given_again(devices: Devices) -> None:
    device = a_device(once="k1")
    await devices.add(device, 5)
    assert await devices.remove("bob", device.id) is None
    assert await devices.remove("ann", device.id) == device
    assert await devices.remove("ann", device.id) is None
    assert (await devices.of("ann"), await devices.all()) == ([], {})
    assert await devices.add(a_device(once="k1"), 5) == Gone()


async def test_a_new_password_replaces_the_digest_alone(devices: Devices) -> None:
    device = a_device()
    await devices.add(device, 5)
    assert await devices.change_digest("bob", device.id, "x") is None
    changed = await devices.change_digest("ann", device.id, digest_of(device.username, "another"))
    assert changed is not None
    assert (changed.username, changed.digest == device.digest) == (device.username, False)
    assert await devices.all() == {device.username: changed}


async def test_every_change_is_seen_by_the_revision_and_nothing_else_is(devices: Devices) -> None:
    device, seen = a_device(), [await devices.revision()]
    await devices.add(device, 5)
    seen.append(await devices.revision())
    await devices.add(device, 5)
    await devices.remove("ann", "vnosuchdeviceatall")
    assert await devices.revision() == seen[-1]
    await devices.change_digest("ann", device.id, "x")
    seen.append(await devices.revision())
    await devices.remove("ann", device.id)
    seen.append(await devices.revision())
    assert seen == sorted(set(seen))


async def test_no_password_lies_in_redis(link: Link) -> None:
    username, password = new_username(), new_password()
    device = Device(device_id("key", "ann", None), "ann", "", "tls", username, digest_of(username, password), 1)
    await RedisDevices(link).add(device, 5)
    assert all(password.encode() not in part for part in await link.command("HGETALL", ALL))


async def test_a_record_that_cannot_be_read_keeps_no_other_device_out(link: Link) -> None:
    devices, good = RedisDevices(link), a_device()
    await devices.add(good, 5)
    bad = a_device()
    await devices.add(bad, 5)
    await link.command("HSET", ALL, bad.id, b'{"id":"x","transport":"carrier pigeon"}')
    assert (await devices.of("ann"), await devices.all()) == ([good], {good.username: good})
    assert await devices.remove("ann", bad.id) is None


def test_names_and_passwords_have_their_form_and_are_never_the_same() -> None:
    assert all(USERNAME.fullmatch(new_username()) for _ in range(50))
    assert all(DEVICE_ID.fullmatch(device_id("k", "u", once)) for once in (None, "a", "b"))
    assert len({new_password() for _ in range(50)} | {new_username() for _ in range(50)}) == 100
    assert device_id("k", "u", "a") == device_id("k", "u", "a") != device_id("k", "u", "b")
