"""The minute ledger, the month and the phone number through which it was granted; over every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.domain.errors import CallerError
from ari_app.ports.ledger import Balance, Held, Ledger, MonthGrant, Refused, Why
from tests.contract.desk import DECEMBER_MS, HOUR_MS, Desk


async def touched(desk: Desk, allowance_s: int, counted_s: int | None, why: str = "personal") -> Balance:
    month = replace(desk.month, allowance_s=allowance_s, counted_s=counted_s, why=why)
    return await desk.ledger.touch(payer=desk.payer, now_ms=desk.at_ms, month=month)


async def test_what_others_were_granted_through_the_number_counts(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert (await touched(desk, 5400, 3600, "team acme")).available_s == 1800
    assert (await touched(desk, 5400, 3600, "team acme")).available_s == 1800
    assert (await touched(desk, 3600, 3600)).available_s == 1800
    assert [(line.seconds, line.note) for line in (await desk.account()).lines] == [(1800, "2026-11 team acme")]


async def test_more_than_the_allowance_counted_grants_nothing_and_takes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert (await touched(desk, 3600, 9000)).available_s == 0
    assert (await touched(desk, 3600, 9000)).available_s == 0
    assert await desk.told() == []


async def test_who_proves_a_first_number_gives_back_what_others_had_through_it(ledger: Ledger) -> None:
    desk = Desk(ledger)
    assert (await touched(desk, 3600, None)).available_s == 3600

    assert (await touched(desk, 3600, 2400)).available_s == 1200
    account = await desk.account()
    assert (account.totals.granted_s, account.month_granted_s) == (1200, 1200)
    assert [(line.what.value, line.seconds) for line in account.lines] == [("month", 3600), ("month", -2400)]
    assert account.lines[1].note == "2026-11 granted already to another user of the number"
    assert [bucket.granted_s for bucket in account.buckets] == [1200]


async def test_a_first_number_that_nobody_had_before_changes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await touched(desk, 3600, None)

    assert (await touched(desk, 3600, 0)).available_s == 3600
    assert await desk.told() == [("month", 3600, 3600)]


async def test_a_second_number_takes_nothing_back(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await touched(desk, 3600, 0)

    assert (await touched(desk, 3600, 3600)).available_s == 3600
    assert (await touched(desk, 9000, 3600)).available_s == 5400
    await desk.account()


async def test_what_is_held_or_spent_is_not_taken_back(ledger: Ledger) -> None:
    desk = Desk(ledger, increment="1/1")
    await touched(desk, 3600, None)
    bare = replace(desk.month, counted_s=None)
    held = await ledger.hold(
        op="c1:h0", payer="alice", call="c1", want_s=3000, increment=desk.increment, month=bare, max_live_calls=2,
        now_ms=desk.at_ms,
    )  # fmt: skip
    assert isinstance(held, Held)

    assert (await touched(desk, 3600, 3600)).available_s == 0
    assert (await desk.account()).month_granted_s == 3000
    await desk.settle("c1", 1000)
    assert (await desk.account()).available_s == 2000


async def test_a_hold_grants_nothing_to_who_has_no_number(ledger: Ledger) -> None:
    desk = Desk(ledger)
    bare = replace(desk.month, counted_s=None)
    held = await ledger.hold(
        op="c1:h0", payer="alice", call="c1", want_s=60, increment=desk.increment, month=bare, max_live_calls=2,
        now_ms=desk.at_ms,
    )  # fmt: skip

    assert held == Refused(Why.EMPTY)
    assert await desk.told() == []


async def test_what_is_taken_back_may_end_at_another_time_than_the_month_does_now(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await touched(desk, 3600, None)
    elsewhere = replace(desk.month, ends_at_ms=DECEMBER_MS + 8 * HOUR_MS, counted_s=3600)  # the time zone was changed

    assert (await ledger.touch(payer="alice", now_ms=desk.at_ms, month=elsewhere)).available_s == 0
    assert (await desk.account()).lines[1].expires_at_ms == DECEMBER_MS


async def test_what_is_left_of_a_month_ends_with_it_whatever_the_zone_was(ledger: Ledger) -> None:
    desk = Desk(ledger)
    long_month = replace(desk.month, ends_at_ms=DECEMBER_MS + 8 * HOUR_MS)
    await ledger.touch(payer="alice", now_ms=desk.at_ms, month=long_month)
    desk.at_ms = DECEMBER_MS

    assert (await touched(desk, 3600, 0)).available_s == 3600
    assert [what for what, *_ in await desk.told()] == ["month", "expired", "month"]


async def test_a_stale_look_at_a_user_without_a_number_grants_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await touched(desk, 3600, 3600)

    assert (await touched(desk, 3600, None)).available_s == 0
    assert (await touched(desk, 9000, None)).available_s == 0
    desk.at_ms = DECEMBER_MS
    assert (await touched(desk, 3600, None)).available_s == 3600, "a new month asks anew"


async def test_the_next_month_counts_anew(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await touched(desk, 3600, 3600)
    desk.at_ms = DECEMBER_MS

    assert (await touched(desk, 3600, 0)).available_s == 3600
    assert [what for what, *_ in await desk.told()] == ["month"]


@pytest.mark.parametrize(
    "nonsense", [{"allowance_s": -1}, {"allowance_s": 60.0}, {"allowance_s": 10**12}, {"counted_s": -1},
                 {"counted_s": float("nan")}, {"ends_at_ms": 0}, {"why": "two\nlines"}],
)  # fmt: skip
async def test_a_month_that_makes_no_sense_reaches_no_account(ledger: Ledger, nonsense: dict[str, object]) -> None:
    desk = Desk(ledger)
    wrong: MonthGrant = replace(desk.month, **nonsense)  # type: ignore[arg-type]

    with pytest.raises(CallerError):
        await ledger.touch(payer="alice", now_ms=desk.at_ms, month=wrong)
    with pytest.raises(CallerError):
        await ledger.hold(
            op="c1:h0", payer="alice", call="c1", want_s=60, increment=desk.increment, month=wrong, max_live_calls=2,
            now_ms=desk.at_ms,
        )  # fmt: skip
    assert await desk.told() == []
