"""Codes over memory, Redis and a cluster: how often one may be guessed, whoever guesses at once; that it runs out, is
good once, and gives way to a later one."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ari_app.adapters.memory_verifications import MemoryVerifications
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.verifications import GONE_LATE_MS, RedisVerifications
from ari_app.domain.errors import CallerError
from ari_app.ports.verifications import Attempt, Code, Verifications
from tests.contract.redis_server import RedisServer

AT_MS = 1_795_422_792_123
NUMBER = "+8613900000002"
CODE = Code("c1", "d1", AT_MS, AT_MS + 600_000, tries=3)
LATER = Code("c2", "d2", AT_MS + 5_000, AT_MS + 605_000, tries=3)


@pytest.fixture(params=["memory", "redis", "cluster"])
def codes(request: pytest.FixtureRequest) -> Verifications:
    if request.param == "memory":
        return MemoryVerifications()
    return RedisVerifications(request.getfixturevalue("cluster_link" if request.param == "cluster" else "link"))


async def tried(codes: Verifications, at_ms: int = AT_MS, user: str = "alice", number: str = NUMBER) -> Attempt | None:
    return await codes.attempt(user, number, at_ms)


async def test_each_try_leaves_one_less_and_then_there_is_none(codes: Verifications) -> None:
    assert await codes.put("alice", NUMBER, CODE)
    assert [await tried(codes) for _ in range(5)] == [Attempt(CODE, left) for left in (2, 1, 0, -1, -1)]


async def test_no_code_is_tried_that_was_never_read_out_to_this_user_and_number(codes: Verifications) -> None:
    assert await tried(codes) is None
    await codes.put("alice", NUMBER, CODE)
    assert await tried(codes, user="bob") is None
    assert await tried(codes, number="+8613900000003") is None


async def test_it_is_good_until_it_runs_out(codes: Verifications) -> None:
    await codes.put("alice", NUMBER, CODE)
    assert await tried(codes, CODE.expires_at_ms - 1) == Attempt(CODE, 2)
    assert await tried(codes, CODE.expires_at_ms) is None


async def test_a_later_one_takes_its_place_with_all_its_tries(codes: Verifications) -> None:
    await codes.put("alice", NUMBER, CODE)
    for _ in range(4):
        await tried(codes)
    assert await codes.put("alice", NUMBER, LATER)
    assert await tried(codes) == Attempt(LATER, 2)


async def test_a_late_word_of_an_earlier_one_changes_nothing(codes: Verifications) -> None:
    await codes.put("alice", NUMBER, LATER)
    assert not await codes.put("alice", NUMBER, CODE)
    assert await tried(codes) == Attempt(LATER, 2)


async def test_told_again_of_the_same_call_its_tries_stay_used(codes: Verifications) -> None:
    """Nobody has more guesses by asking again with his key. Its end stays, too."""
    await codes.put("alice", NUMBER, CODE)
    await tried(codes)
    assert await codes.put("alice", NUMBER, replace(CODE, digest="d9", expires_at_ms=AT_MS + 900_000, tries=9))
    assert await tried(codes) == Attempt(replace(CODE, digest="d9"), 1)


async def test_a_spent_one_stays_spent(codes: Verifications) -> None:
    await codes.put("alice", NUMBER, CODE)
    for _ in range(2):
        await codes.spend("alice", NUMBER, "c1")
    assert await codes.put("alice", NUMBER, CODE)
    assert await tried(codes) == Attempt(CODE, 2, is_spent=True)


async def test_who_spends_an_earlier_one_does_no_harm_to_the_later(codes: Verifications) -> None:
    await codes.spend("alice", NUMBER, "c1")
    assert await tried(codes) is None
    await codes.put("alice", NUMBER, LATER)
    await codes.spend("alice", NUMBER, "c1")
    assert await tried(codes) == Attempt(LATER, 2)


async def test_names_that_could_be_misread_in_a_key_are_refused(codes: Verifications) -> None:
    for user, number in (("a}b", NUMBER), ("alice", "+86 1"), ("", NUMBER)):
        with pytest.raises(CallerError):
            await codes.put(user, number, CODE)


async def test_many_who_guess_at_once_and_from_two_processes_have_no_more_tries(
    redis_server: RedisServer, link: Link
) -> None:
    other = Link(redis_server.url)
    await other.start()
    try:
        stores = [RedisVerifications(link), RedisVerifications(other)]
        await stores[0].put("alice", NUMBER, CODE)
        answers = await asyncio.gather(*(tried(stores[n % 2]) for n in range(60)))
        assert sorted(answer.left for answer in answers if answer) == [-1] * 57 + [0, 1, 2]
    finally:
        await other.close()


async def test_nothing_of_it_is_kept_for_ever(any_link: Link) -> None:
    codes = RedisVerifications(any_link)
    await codes.put("alice", NUMBER, CODE)
    await tried(codes)
    await codes.spend("alice", NUMBER, "c1")
    ttl_ms = await any_link.command("PTTL", f"{{u:alice}}:code:{NUMBER}")
    assert 0 < ttl_ms <= 600_000 + GONE_LATE_MS
