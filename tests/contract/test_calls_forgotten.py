"""Calls whose details go before they do, over memory, Redis and a cluster, on a real clock: what is left then is all
that anybody can read, and whoever died in between closes them again."""

from __future__ import annotations

import pytest

from ari_app.adapters.memory_erasing import MemoryToErase
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.erasing import RedisToErase
from ari_app.adapters.redis.link import Link
from ari_app.ports.calls import Calls, Rest, Saved
from ari_app.ports.erasing import ToErase
from tests.contract.test_calls import made
from tests.support import until

LEFT = b"what is left"


async def record(calls: Calls, call: str = "c1") -> bytes | None:
    stored = await calls.load(call)
    return None if stored is None else stored.record


async def test_the_whole_record_is_there_until_its_time_and_then_what_is_left(calls: Calls) -> None:
    await made(calls, record=b"whole", events=(b"a",))
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 1))
    assert await record(calls) == b"whole"
    assert [event for _, event in await calls.events("c1")] == [b"a"]

    await until(lambda: _is(calls, LEFT), 3)
    assert await calls.events("c1") == []
    assert (await calls.list(user="alice")).call_ids == ("c1",)
    assert [one and one.record for one in await calls.load_many(["c1"])] == [LEFT]


async def test_what_is_to_go_at_once_is_gone_at_once(calls: Calls) -> None:
    await made(calls, record=b"whole", events=(b"a",))
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 0))
    assert await record(calls) == LEFT
    assert await calls.events("c1") == []
    assert await calls.live("pbx1") == []


async def test_what_is_to_go_at_once_can_still_be_told_for_a_while(calls: Calls) -> None:
    """Of a private call that ends, or that is closed late: its last events have not been relayed yet."""
    await made(calls, record=b"whole", events=(b"a", b"ended"))
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 0, 1))
    assert await record(calls) == LEFT
    assert await calls.events_of([("c1", 1, 9)]) == [[b"ended"]]

    async def are_gone() -> bool:
        return await calls.events("c1") == []

    await until(are_gone, 3)


async def test_closed_again_it_is_as_it_was_and_its_time_is_the_last_that_was_said(calls: Calls) -> None:
    await made(calls, record=b"whole", events=(b"a",))
    for _ in range(2):
        await calls.close("c1", "pbx1", 100, Rest(LEFT, 50))
        assert await record(calls) == b"whole"
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 0))
    assert await record(calls) == LEFT


async def test_one_that_is_taken_up_after_it_was_closed_is_whole_and_is_closed_again(calls: Calls) -> None:
    """Its owner died before it was out of the live set: the next one puts his fence on the record."""
    await made(calls, record=b"whole")
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 50))
    assert await calls.save("c1", 1, b"whole", [], fence=7) == Saved(2)
    stored = await calls.load("c1")
    assert stored is not None
    assert (stored.version, stored.fence, stored.record) == (2, 7, b"whole")
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 0))
    assert await record(calls) == LEFT


async def test_in_redis_everything_has_its_end(any_link: Link) -> None:
    calls = RedisCalls(any_link)
    await made(calls, record=b"whole", events=(b"a",))
    await calls.close("c1", "pbx1", 100, Rest(LEFT, 50))
    left = [await any_link.command("TTL", f"{{c:c1}}:{key}") for key in "rde"]
    assert [50 < left[0] <= 100, 0 < left[1] <= 50, 0 < left[2] <= 50] == [True] * 3

    await made(calls, "c2", record=b"whole")
    await any_link.command("SET", "{c:c2}:r", b"broken")
    await calls.close("c2", "pbx1", 100, Rest(LEFT, 50))
    assert 0 < await any_link.command("TTL", "{c:c2}:r") <= 50, "nobody can take the numbers out of it"


async def _is(calls: Calls, expected: bytes) -> bool:
    return await record(calls) == expected


@pytest.fixture(params=["memory", "redis", "cluster"])
def to_erase(request: pytest.FixtureRequest) -> ToErase:
    if request.param == "memory":
        return MemoryToErase()
    return RedisToErase(request.getfixturevalue("cluster_link" if request.param == "cluster" else "link"))


async def test_recordings_are_due_at_their_time_until_they_are_erased(to_erase: ToErase) -> None:
    await to_erase.note(["b", "a"], 100)
    await to_erase.note(["c"], 50)
    await to_erase.note([], 1)
    assert list(await to_erase.due(49, 9)) == []
    assert list(await to_erase.due(100, 9)) == ["c", "a", "b"]
    assert list(await to_erase.due(100, 1)) == ["c"]
    await to_erase.erased(["c", "nobody"])
    await to_erase.put_off(["a", "c"], 200)
    assert list(await to_erase.due(199, 9)) == ["b"]
    assert list(await to_erase.due(200, 9)) == ["b", "a"]
