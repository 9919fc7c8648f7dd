"""Attempts over memory, Redis and a cluster: how many are let through in any window, whoever asks at once, and that a
call counts once and can be taken back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from ari_app.adapters.redis.limits import RedisLimits
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError
from ari_app.ports.limits import Counted, Limit, Limits, Over, of_number, of_pair
from tests.contract.redis_server import RedisServer

PAIR = [Limit(3, 300), Limit(6, 600), Limit(10, 86_400)]
DAY_S = 86_400
AT_MS = 1_795_422_792_123
BOB = of_pair("alice", "+8613900000002")
ROUNDS = 300


async def asked(limits: Limits, call: str, at_ms: int, of: Sequence[Limit] = PAIR, what: Counted = BOB) -> Over | None:
    return await limits.mark(what, call, of, at_ms=at_ms, keep_s=max((one.window_s for one in of), default=DAY_S))


async def test_so_many_in_a_window_and_then_none_until_the_oldest_has_left_it(limits: Limits) -> None:
    for n in range(3):
        assert await asked(limits, f"c{n}", AT_MS + 1000 * n) is None

    assert await asked(limits, "c3", AT_MS + 10_000) == Over(Limit(3, 300), 290_000)
    assert await asked(limits, "c3", AT_MS + 299_999) == Over(Limit(3, 300), 1)
    assert await asked(limits, "c3", AT_MS + 300_000) is None
    assert await asked(limits, "c4", AT_MS + 300_000) == Over(Limit(3, 300), 1000), "the next one leaves it later"


async def test_of_several_limits_the_one_that_lasts_longest_is_told(limits: Limits) -> None:
    at_ms = AT_MS
    for n in range(10):
        assert await asked(limits, f"c{n}", at_ms) is None
        at_ms += 130_000

    now_ms = at_ms - 130_000 + 1  # all three are reached
    for of in (PAIR, PAIR[::-1]):
        assert await asked(limits, "c10", now_ms, of=of) == Over(Limit(10, 86_400), AT_MS + 86_400_000 - now_ms)
    assert await asked(limits, "c10", AT_MS + 86_400_000) is None


async def test_what_is_refused_is_not_counted(limits: Limits) -> None:
    for n in range(3):
        await asked(limits, f"c{n}", AT_MS)
    for n in range(20):
        assert await asked(limits, f"x{n}", AT_MS + 299_999) is not None

    assert list(await limits.marks(BOB)) == ["c0", "c1", "c2"]
    assert await asked(limits, "c3", AT_MS + 300_000) is None


async def test_a_call_counts_once_however_often_it_is_asked_for(limits: Limits) -> None:
    for n in range(5):
        assert await asked(limits, "c0", AT_MS + n) is None
    assert dict(await limits.marks(BOB)) == {"c0": AT_MS}

    for n in range(1, 3):
        await asked(limits, f"c{n}", AT_MS)
    assert await asked(limits, "c2", AT_MS + 1) is None, "it has its place, though no other would have one"
    assert await asked(limits, "c3", AT_MS + 1) is not None


async def test_a_mark_that_is_taken_back_makes_room_and_once_more_does_no_harm(limits: Limits) -> None:
    for n in range(3):
        await asked(limits, f"c{n}", AT_MS)
    for _ in range(2):
        await limits.take_back(BOB, "c1")
    await limits.take_back(BOB, "never")

    assert await asked(limits, "c3", AT_MS + 1) is None
    assert list(await limits.marks(BOB)) == ["c0", "c2", "c3"]
    assert await asked(limits, "c1", AT_MS + 2) is not None


async def test_without_limits_a_call_is_counted_in_any_case(limits: Limits) -> None:
    """So a call's mark is had again that the store had lost."""
    for n in range(5):
        assert await asked(limits, f"c{n}", AT_MS, of=[]) is None
    assert await asked(limits, "c5", AT_MS) is not None
    assert len(await limits.marks(BOB)) == 5


async def test_pairs_and_numbers_are_counted_each_for_itself(limits: Limits) -> None:
    one = [Limit(1, 300)]
    others = [of_pair("alice", "+8613900000003"), of_pair("bob", BOB.number), of_number(BOB.number), of_number("10086")]
    for what in (BOB, *others):
        assert await asked(limits, "c0", AT_MS, of=one, what=what) is None
        assert await asked(limits, "c1", AT_MS, of=one, what=what) is not None
    await limits.lift(BOB)
    assert await asked(limits, "c1", AT_MS, of=one) is None
    for what in others:
        assert await asked(limits, "c1", AT_MS, of=one, what=what) is not None


async def test_a_clock_that_is_ahead_or_behind_lets_no_more_through(limits: Limits) -> None:
    for n, at_ms in enumerate((AT_MS + 5_000, AT_MS, AT_MS + 5_000)):
        await asked(limits, f"c{n}", at_ms)

    assert await asked(limits, "c3", AT_MS + 1) == Over(Limit(3, 300), 299_999)
    assert await asked(limits, "c4", AT_MS - 60_000) == Over(Limit(3, 300), 360_000)


async def test_the_operator_lifts_what_was_counted(limits: Limits) -> None:
    for n in range(3):
        await asked(limits, f"c{n}", AT_MS)
    assert await limits.lift(BOB) == 3
    assert await limits.lift(BOB) == 0
    assert dict(await limits.marks(BOB)) == {}
    assert await asked(limits, "c3", AT_MS) is None


async def test_names_that_could_be_misread_in_a_key_are_refused(limits: Limits) -> None:
    for what in (of_pair("a}b", "+861"), of_pair("alice", "+86 1"), of_number("{1}")):
        with pytest.raises(CallerError):
            await asked(limits, "c0", AT_MS, what=what)


# ---- laws -----------------------------------------------------------------------------------------------------------


async def test_in_no_window_more_than_so_many_are_let_through_and_none_is_refused_without_need(limits: Limits) -> None:
    """Against a count of its own, over random times of which some are taken back."""
    rng = random.Random(5)
    of = [Limit(3, 10), Limit(5, 30), Limit(8, 200)]
    at_ms, counted = AT_MS, dict[str, int]()
    for n in range(ROUNDS):
        at_ms += rng.choice((0, 1, 999, 1000, 5_000, 29_999, 60_000))
        full = [
            limit for limit in of
            if sum(at_ms - 1000 * limit.window_s < one for one in counted.values()) >= limit.most
        ]  # fmt: skip
        hit = await asked(limits, f"c{n}", at_ms, of=of)
        assert (hit is not None) == bool(full), f"round {n}: {hit} {full}"
        if hit is None:
            counted[f"c{n}"] = at_ms
        else:
            assert hit.limit in full
            assert all(
                sum(at_ms + hit.again_ms - 1000 * one.window_s < t for t in counted.values()) < one.most for one in of
            )
        if counted and rng.random() < 0.2:
            gone = rng.choice(list(counted)[-4:])
            del counted[gone]
            await limits.take_back(BOB, gone)


async def test_many_at_once_and_from_two_clients_get_no_more_than_there_is(
    redis_server: RedisServer, link: Link
) -> None:
    other = Link(redis_server.url)
    await other.start()
    try:
        stores = [RedisLimits(link), RedisLimits(other)]
        answers = await asyncio.gather(*(asked(stores[n % 2], f"c{n}", AT_MS + n % 7) for n in range(60)))
        assert sum(answer is None for answer in answers) == 3
        assert len(await stores[0].marks(BOB)) == 3
        again = await asyncio.gather(*(asked(stores[n % 2], f"c{n % 60}", AT_MS + 9) for n in range(120)))
        assert sum(answer is None for answer in again) == 6, "those that have a place, each asked twice"
    finally:
        await other.close()


async def test_marks_are_gone_when_nobody_needs_them_any_more(any_link: Link) -> None:
    limits = RedisLimits(any_link)
    for at_ms in (AT_MS, AT_MS + 4000, AT_MS + 5001):
        await asked(limits, f"c{at_ms}", at_ms, of=[Limit(3, 5)])
    assert len(await limits.marks(BOB)) == 2, "the first is out of every window"

    ttl_ms = await any_link.command("PTTL", "{p:alice}:to:+8613900000002")
    assert 0 < ttl_ms <= 5000
