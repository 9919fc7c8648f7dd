"""The minute ledger, months and buckets; over every store. See test_ledger_mutations.py."""

from __future__ import annotations

import pytest

from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import BUCKETS_MAX, EXPIRES_MS_MAX
from ari_app.ports.ledger import (
    Granted,
    Held,
    Increment,
    Kind,
    Ledger,
    Refused,
    Settled,
    What,
    Why,
)
from tests.contract.desk import DECEMBER_MS, HOUR_MS, NOW_MS, Desk


async def test_what_is_left_at_the_end_of_the_month_expires_and_the_next_month_begins(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1", 60)
    await desk.settle("c1", 60)
    desk.at_ms = DECEMBER_MS

    assert (await desk.touch()).available_s == 3600
    assert await desk.told() == [
        ("month", 3600, 3600), ("spent", -60, 3540), ("expired", -3540, 0), ("month", 3600, 3600),
    ]  # fmt: skip


async def test_a_call_over_the_turn_of_the_month_may_use_what_it_held_and_the_rest_expires(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.hold("c1", 180)
    desk.at_ms = DECEMBER_MS

    assert await desk.hold("c1", 60, n=1) == Held(60, 240, 3540)  # of December's
    assert await desk.settle("c1", 100, 120) == Settled(charged_s=120, returned_s=60, overrun_s=0, expired_s=60)
    account = await desk.account()
    assert (account.available_s, account.totals.expired_s) == (3600, 3420 + 60)
    assert [line.what for line in account.lines][-2:] == [What.SPENT, What.EXPIRED]


async def test_the_last_millisecond_of_a_bucket_counts(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    await desk.grant(60, expires_at_ms=NOW_MS + 1000)

    desk.at_ms = NOW_MS + 999
    assert (await desk.touch()).available_s == 60
    desk.at_ms = NOW_MS + 1000
    assert (await desk.touch()).available_s == 0
    assert await desk.told() == [("bonus", 60, 60), ("expired", -60, 0)]


async def test_a_higher_allowance_lifts_the_month_and_a_lower_one_takes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.touch()
    desk.allowance_s = 5400
    assert (await desk.touch()).available_s == 5400
    desk.allowance_s = 3600
    assert (await desk.touch()).available_s == 5400
    desk.allowance_s = 6000
    assert (await desk.touch()).available_s == 6000
    assert [seconds for _, seconds, _ in await desk.told()] == [3600, 1800, 600]


async def test_what_was_spent_is_not_granted_again_by_a_lift(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=60)
    await desk.hold("c1", 60)
    await desk.settle("c1", 60)
    desk.allowance_s = 90

    assert (await desk.touch()).available_s == 30
    await desk.account()


async def test_a_stale_process_cannot_bring_the_old_month_back(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.touch()
    late = Desk(ledger, allowance_s=9000)
    desk.at_ms = DECEMBER_MS
    await desk.touch()

    assert (await late.touch()).available_s == 3600
    assert (await desk.account()).month_key == "2026-12"


async def test_a_month_that_is_over_is_not_granted(ledger: Ledger) -> None:
    desk = Desk(ledger)
    over = await ledger.touch(payer="alice", now_ms=DECEMBER_MS, month=desk.month)

    assert over.available_s == 0
    assert await desk.told() == []


async def test_the_soonest_expiry_is_spent_first_and_gets_nothing_back_before_it_is_spent(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=100)
    await desk.grant(100, "g1", Kind.BOUGHT)
    await desk.grant(100, "g2", Kind.BONUS, NOW_MS + HOUR_MS)
    await desk.grant(100, "g3", Kind.BONUS, DECEMBER_MS)
    await desk.grant(100, "g4", Kind.BONUS)
    desk.increment = Increment(1, 1)

    assert await desk.hold("c1", 420) == Held(420, 420, 80)
    buckets = (await desk.touch()).buckets
    assert [(b.kind, b.expires_at_ms, b.left_s) for b in buckets] == [
        (Kind.BONUS, NOW_MS + HOUR_MS, 0), (Kind.MONTH, DECEMBER_MS, 0), (Kind.BONUS, DECEMBER_MS, 0),
        (Kind.BONUS, 0, 0), (Kind.BOUGHT, 0, 80),
    ]  # fmt: skip
    await desk.settle("c1", 150)
    spent = [(line.kind, line.seconds) for line in (await desk.account()).lines if line.what is What.SPENT]
    assert spent == [(Kind.BONUS, -100), (Kind.MONTH, -50)]
    left = {(b.kind, b.expires_at_ms): b.left_s for b in (await desk.touch()).buckets}
    assert left == {(Kind.MONTH, DECEMBER_MS): 50, (Kind.BONUS, DECEMBER_MS): 100, (Kind.BONUS, 0): 100,
                    (Kind.BOUGHT, 0): 100}  # fmt: skip


async def test_a_hold_that_grew_into_a_sooner_bucket_spends_that_first(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=60)
    await desk.hold("c1", 60)
    await desk.grant(60, expires_at_ms=NOW_MS + HOUR_MS)
    await desk.hold("c1", 60, n=1)
    await desk.settle("c1", 60)

    assert [(b.kind, b.left_s) for b in (await desk.touch()).buckets] == [(Kind.MONTH, 60)]
    await desk.account()


async def test_minutes_of_one_kind_and_expiry_are_one_bucket(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    await desk.grant(60, "g1", Kind.BOUGHT)
    await desk.grant(40, "g2", Kind.BOUGHT)

    assert [(b.left_s, b.granted_s) for b in (await desk.touch()).buckets] == [(100, 100)]
    assert (await desk.account()).totals.bought_s == 100


async def test_an_empty_bucket_is_forgotten_unless_a_call_may_give_back_to_it(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    await desk.grant(60, expires_at_ms=DECEMBER_MS)
    await desk.hold("c1")
    assert [b.left_s for b in (await desk.touch()).buckets] == [0]
    await desk.void("c1")
    assert [(b.left_s, b.granted_s) for b in (await desk.touch()).buckets] == [(60, 60)]
    await desk.hold("c2")
    await desk.settle("c2", 60)
    assert (await desk.touch()).buckets == ()


async def test_a_grant_that_is_expired_is_refused(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)

    assert await desk.grant(60, expires_at_ms=NOW_MS) == Refused(Why.EXPIRED, 0)
    assert await desk.told() == []


@pytest.mark.parametrize("expires_at_ms", [0, -1, EXPIRES_MS_MAX + 1, 253_402_300_799_000])
async def test_a_time_that_can_be_no_expiry_is_an_error_and_nothing_is_granted(
    ledger: Ledger, expires_at_ms: int
) -> None:
    desk = Desk(ledger, allowance_s=0)

    with pytest.raises(CallerError, match="expires_at"):
        await desk.grant(60, expires_at_ms=expires_at_ms)
    assert (await desk.touch()).buckets == ()
    assert await desk.told() == []


async def test_the_last_expiry_that_may_be_is_kept_to_the_millisecond(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    await desk.grant(60, expires_at_ms=EXPIRES_MS_MAX)
    await desk.hold("c1", 60)
    await desk.settle("c1", 10)

    assert [b.expires_at_ms for b in (await desk.touch()).buckets] == [EXPIRES_MS_MAX]
    assert {line.expires_at_ms for line in (await desk.account()).lines} == {EXPIRES_MS_MAX}


async def test_an_account_has_so_many_buckets_and_no_more(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    for n in range(BUCKETS_MAX):
        assert isinstance(await desk.grant(1, f"g{n}", expires_at_ms=DECEMBER_MS + n), Granted)

    assert await desk.grant(1, "more") == Refused(Why.FULL, BUCKETS_MAX)
    assert await desk.correct(1) == Refused(Why.FULL, BUCKETS_MAX)
    assert isinstance(await desk.grant(1, "same", expires_at_ms=DECEMBER_MS), Granted)
    await desk.account()
