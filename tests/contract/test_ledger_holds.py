"""The minute ledger, holding and settling; over every store. See test_ledger_mutations.py."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.domain.lanes import BESIDE
from ari_app.ports.ledger import (
    Conflict,
    Granted,
    Held,
    Kind,
    Ledger,
    Refused,
    Settled,
    Why,
)
from tests.contract.desk import DECEMBER_MS, HOUR_MS, NOW_MS, Desk


async def test_the_first_touch_of_a_month_brings_its_minutes(ledger: Ledger) -> None:
    desk = Desk(ledger)

    balance = await desk.touch()

    assert (balance.available_s, balance.held_s, balance.month_key) == (3600, 0, "2026-11")
    assert [(b.kind, b.left_s, b.granted_s, b.expires_at_ms) for b in balance.buckets] == [
        (Kind.MONTH, 3600, 3600, DECEMBER_MS)
    ]
    assert await desk.told() == [("month", 3600, 3600)]


async def test_a_call_is_resolved_once_it_is_settled_or_voided(ledger: Ledger) -> None:
    desk = Desk(ledger)

    async def resolved() -> list[bool]:
        return [await ledger.is_resolved(payer="alice", call=call) for call in ("c1", "c2", "c3")]

    assert await resolved() == [False, False, False]
    await desk.hold("c1")
    await desk.hold("c2")
    assert await resolved() == [False, False, False]
    await desk.settle("c1", 60)
    await desk.void("c2")
    assert await resolved() == [True, True, False]
    assert not await ledger.is_resolved(payer="bob", call="c1")


async def test_touching_again_changes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert await desk.touch() == await desk.touch()
    assert len((await desk.account()).lines) == 1


async def test_reading_a_balance_changes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert (await ledger.balance(payer="alice", now_ms=NOW_MS)).available_s == 0
    await desk.touch()
    assert (await ledger.balance(payer="alice", now_ms=NOW_MS)).available_s == 3600
    assert (await ledger.balance(payer="alice", now_ms=DECEMBER_MS)).available_s == 0
    assert await desk.told() == [("month", 3600, 3600)]


async def test_a_hold_takes_whole_increments_and_is_no_line_of_the_statement(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert await desk.hold("c1", 61) == Held(seconds=120, call_held_s=120, available_s=3480)
    assert await desk.hold("c1", 1, n=1) == Held(seconds=60, call_held_s=180, available_s=3420)
    assert await desk.told() == [("month", 3600, 3600)]
    assert (await desk.touch()).held_s == 180


@pytest.mark.parametrize(
    ("increment", "wants", "takes"),
    [("60/60", (1, 60, 61), (60, 60, 120)), ("6/6", (7, 6), (12, 6)), ("60/1", (30, 10), (60, 10)), ("1/1", (7,), (7,)),
     ("30/6", (31, 5), (36, 6))],
)  # fmt: skip
async def test_every_increment_is_held_whole(
    ledger: Ledger, increment: str, wants: tuple[int, ...], takes: tuple[int, ...]
) -> None:
    desk = Desk(ledger, increment=increment)

    for n, (want_s, take_s) in enumerate(zip(wants, takes, strict=True)):
        held = await desk.hold("c1", want_s, n=n)
        assert isinstance(held, Held)
        assert held.seconds == take_s


async def test_where_less_than_an_increment_is_left_it_is_taken(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=130)

    assert await desk.hold("c1", 600) == Held(120, 120, 10)
    assert await desk.hold("c1", 600, n=1) == Held(10, 130, 0)
    assert await desk.hold("c1", 600, n=2) == Refused(Why.EMPTY, 0)
    assert await desk.settle("c1", 125, 180) == Settled(charged_s=130, returned_s=0, overrun_s=0, expired_s=0)
    await desk.account()


async def test_after_a_top_up_an_odd_hold_is_made_whole_again(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=70)
    await desk.hold("c1", 60)
    await desk.hold("c1", 60, n=1)
    await desk.grant(600)

    assert await desk.hold("c1", 60, n=2) == Held(seconds=110, call_held_s=180, available_s=490)


async def test_two_calls_at_once_cannot_spend_the_same_minutes(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=300)
    desk.max_live_calls = 100

    answers = await asyncio.gather(*(desk.hold(f"c{n}", 60) for n in range(20)))

    assert sum(isinstance(answer, Held) for answer in answers) == 5
    assert [answer for answer in answers if not isinstance(answer, Held)] == [Refused(Why.EMPTY, 0)] * 15
    account = await desk.account()
    assert (account.available_s, account.held_s) == (0, 300)


async def test_a_payer_has_as_many_live_calls_as_he_may(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1")
    await desk.hold("c2")

    assert await desk.hold("c3") == Refused(Why.LIVE_CALLS, 3480)
    assert isinstance(await desk.hold("c1", n=1), Held)  # one that holds already goes on
    await desk.settle("c2", 10, 60)
    assert isinstance(await desk.hold("c3"), Held)


async def test_a_refused_hold_is_looked_at_anew_when_asked_again(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)

    assert await desk.hold("c1") == Refused(Why.EMPTY, 0)
    await desk.grant(60)
    assert await desk.hold("c1") == Held(60, 60, 0)
    await desk.account()


async def test_a_call_that_is_settled_holds_nothing_more(ledger: Ledger) -> None:
    desk = Desk(ledger)
    first = await desk.hold("c1")
    await desk.settle("c1", 30, 60)

    assert await desk.hold("c1", n=1) == Refused(Why.CLOSED, 3540)
    assert await desk.hold("c1") == first  # a repetition is no new hold
    assert (await desk.account()).held_s == 0


async def test_a_voided_call_holds_nothing_more(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1")

    assert await desk.void("c1") == Settled(charged_s=0, returned_s=60, overrun_s=0, expired_s=0)
    assert await desk.hold("c1", n=1) == Refused(Why.CLOSED, 3600)
    assert await desk.told() == [("month", 3600, 3600)]


async def test_a_call_is_charged_once_and_the_rest_comes_back(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1", 180)

    assert await desk.settle("c1", 61, 120) == Settled(charged_s=120, returned_s=60, overrun_s=0, expired_s=0)
    assert await desk.settle("c1", 61, 120) == Settled(charged_s=120, returned_s=60, overrun_s=0, expired_s=0)
    assert await desk.told() == [("month", 3600, 3600), ("spent", -120, 3480)]
    assert (await desk.account()).totals.spent_s == 120


async def test_rounding_is_never_an_overrun(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=70)
    await desk.hold("c1", 60)
    await desk.hold("c1", 60, n=1)

    assert await desk.settle("c1", 70, 120) == Settled(charged_s=70, returned_s=0, overrun_s=0, expired_s=0)


async def test_talk_beyond_the_hold_is_told_and_never_taken(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1", 60)

    assert await desk.settle("c1", 62, 120) == Settled(charged_s=60, returned_s=0, overrun_s=2, expired_s=0)
    account = await desk.account()
    assert (account.available_s, account.totals.overrun_s) == (3540, 2)


async def test_a_call_that_never_held_settles_as_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert await desk.settle("c1", 0) == Settled(0, 0, 0, 0)
    assert await desk.settle("c2", 7, 60) == Settled(charged_s=0, returned_s=0, overrun_s=7, expired_s=0)
    assert await desk.told() == []


async def test_settling_with_other_seconds_is_a_conflict_and_changes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1", 120)
    stands = await desk.settle("c1", 83, 120)

    assert await desk.settle("c1", 84, 120) == Conflict(stands)
    assert await desk.void("c1") == Conflict(stands)
    assert (await desk.account()).totals.spent_s == 120


async def test_a_call_is_resolved_by_one_operation_only(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1")
    stands = await desk.void("c1", op="v")

    assert await desk.settle("c1", 60) == Conflict(stands)
    assert await desk.void("c1", op="v") == stands
    assert await desk.void("c1", op="v2") == Conflict(stands)
    assert (await desk.account()).available_s == 3600


async def test_a_settlement_is_known_long_after_its_operation_is_forgotten(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1")
    stands = await desk.settle("c1", 60)
    desk.at_ms += 200 * 24 * HOUR_MS

    assert await desk.settle("c1", 60) == stands
    assert await desk.settle("c1", 61, 120) == Conflict(stands)
    assert (await desk.account()).totals.spent_s == 60


async def test_an_operation_is_remembered_for_35_days(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    await desk.grant(60)
    desk.at_ms += 35 * 24 * HOUR_MS

    assert await desk.grant(60) == Granted(60, 60)
    assert (await desk.account()).available_s == 60


async def test_an_operation_is_known_again_by_a_clock_that_is_late(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    await desk.grant(60)
    desk.at_ms -= 20 * 24 * HOUR_MS

    assert await desk.grant(60) == Granted(60, 60)
    assert (await desk.account()).available_s == 60


async def test_calls_that_are_placed_for_somebody_are_counted_among_themselves(ledger: Ledger) -> None:
    """As of a notice: they do not keep him from calling, and a call of his does not hold them up."""
    desk = Desk(ledger, allowance_s=6_000)
    beside = [BESIDE + f"n{n}" for n in range(3)]
    assert [type(await desk.hold(call, 60)) for call in beside] == [Held, Held, Refused]
    assert [type(await desk.hold(call, 60)) for call in ("c1", "c2", "c3")] == [Held, Held, Refused]
    await desk.settle("c1", 1)
    assert isinstance(await desk.hold(beside[2], 60), Refused)
    await desk.settle(beside[0], 1)
    assert isinstance(await desk.hold(beside[2], 60), Held)
