"""PINs over memory, Redis and a cluster: each leads one phone to one call, once, until it has run out; who asks again
again gets the same answer, and nobody else's."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.adapters.memory_pins import MemoryPins
from ari_app.adapters.redis.pins import RedisPins
from ari_app.domain.errors import CallerError, Unavailable
from ari_app.engine.pins import Pins
from ari_app.ports.pins import PinStore
from tests.support import until

KEEP_MS = 60_000


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest) -> PinStore:
    if request.param == "memory":
        return MemoryPins()
    return RedisPins(request.getfixturevalue("cluster_link" if request.param == "cluster" else "link"))


def pins(store: PinStore) -> Pins:
    return Pins(store, KEEP_MS, lambda: 5_000)


async def test_it_leads_to_its_call_once(store: PinStore) -> None:
    made = await pins(store).make("c1", "a")
    assert [await store.take(made.pin, by) for by in ("in1", "in1", "in2")] == ["c1", "c1", None]
    assert made.expires_at_ms == 5_000 + KEEP_MS


async def test_of_many_who_take_it_at_once_one_gets_it(store: PinStore) -> None:
    made = await pins(store).make("c1", "a")
    taken = await asyncio.gather(*(store.take(made.pin, f"in{n}") for n in range(20)))
    assert [one for one in taken if one is not None] == ["c1"]


async def test_the_same_request_gets_the_same_pin_and_another_one_another(store: PinStore) -> None:
    made = [(await pins(store).make(*of)).pin for of in (("c1", "a"), ("c1", "a"), ("c1", "b"), ("c2", "a"))]
    assert made[0] == made[1]
    assert len(set(made)) == 3


async def test_one_that_is_another_calls_is_given_to_nobody(store: PinStore, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = iter(["22222222", "22222222", "33333333"])
    monkeypatch.setattr("ari_app.engine.pins._random", lambda: next(numbers))
    assert [(await pins(store).make(call, "a")).pin for call in ("c1", "c2")] == ["22222222", "33333333"]
    assert [await store.take(pin, "in") for pin in ("22222222", "33333333")] == ["c1", "c2"]


async def test_where_all_are_taken_it_is_said(store: PinStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.engine.pins._random", lambda: "22222222")
    await pins(store).make("c1", "a")
    with pytest.raises(Unavailable):
        await pins(store).make("c2", "a")


async def test_it_runs_out_taken_or_not(store: PinStore) -> None:
    short = Pins(store, 300, lambda: 0)
    taken, left = [(await short.make("c1", ask)).pin for ask in "ab"]
    assert await store.has_any()
    assert await store.take(taken, "in1") == "c1"

    async def is_gone() -> bool:
        return await store.take(left, "in2") is None and await store.take(taken, "in1") is None

    # `left` is not taken by looking: it had run out whenever this is true, as in2 would get it again
    await until(is_gone, 3)
    assert not await store.has_any()


async def test_what_could_be_misread_is_no_pin(store: PinStore) -> None:
    for bad in ("", "1 2", "{x}", "1*2"):
        with pytest.raises(CallerError):
            await store.take(bad, "in1")
        assert await pins(store).take(bad, "in1") is None


async def test_its_look_is_no_phone_numbers() -> None:
    looks = pins(MemoryPins())
    made = [(await looks.make("c1", f"a{n}")).pin for n in range(50)]
    assert all(map(looks.is_pin, made))
    assert not any(map(looks.is_pin, ("13900000001", "01088888888", "10086", "95588", "+8613900000001", "12345678")))
