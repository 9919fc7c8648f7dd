"""The minute ledger, corrections, refunds, statement; over every store. See test_ledger_mutations.py."""

from __future__ import annotations

import pytest

from ari_app.domain.errors import CallerError
from ari_app.ports.ledger import (
    Corrected,
    Kind,
    Ledger,
    Refunded,
    Refused,
    Why,
)
from tests.contract.desk import Desk


async def test_a_correction_goes_up_and_down_with_its_reason_on_the_statement(ledger: Ledger) -> None:
    desk = Desk(ledger)

    assert await desk.correct(60, "c1", "lost | the 线路") == Corrected(60, 3660)
    assert await desk.correct(-120, "c2", "a mistake") == Corrected(-120, 3540)
    account = await desk.account()
    assert account.totals.corrected_s == -60
    assert [(line.seconds, line.kind, line.note) for line in account.lines[1:]] == [
        (60, Kind.BONUS, "lost | the 线路"), (-120, Kind.MONTH, "a mistake"),
    ]  # fmt: skip


async def test_a_correction_takes_all_or_nothing_and_never_what_is_held(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=120)
    await desk.hold("c1", 60)

    assert await desk.correct(-61) == Refused(Why.EMPTY, 60)
    assert await desk.correct(-60) == Corrected(-60, 0)
    assert (await desk.account()).held_s == 60


async def test_what_a_call_was_charged_comes_back_at_most_once(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=120)
    await desk.hold("c1", 120)
    await desk.settle("c1", 100, 120)

    assert await desk.refund("c1", 50, "r1") == Refunded(50, 50)
    assert await desk.refund("c1", 50, "r1") == Refunded(50, 50)
    assert await desk.refund("c1", 71, "r2") == Refused(Why.EMPTY, 50)
    assert await desk.refund("c1", None, "r3") == Refunded(70, 120)
    assert await desk.refund("c1", None, "r4") == Refused(Why.EMPTY, 120)
    account = await desk.account()
    assert account.totals.refunded_s == 120
    assert [(b.kind, b.left_s) for b in account.buckets if b.left_s] == [(Kind.BONUS, 120)]


async def test_a_call_that_nobody_knows_is_not_refunded(ledger: Ledger) -> None:
    assert await Desk(ledger).refund("c1") == Refused(Why.UNKNOWN_CALL, 0)


async def test_the_statement_is_read_page_by_page_newest_first_while_lines_are_added(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    for n in range(5):
        await desk.grant(n + 1, f"g{n}")

    first = await desk.statement(limit=2)
    await desk.grant(100, "later")
    second = await desk.statement(first.next_cursor, limit=2)
    third = await desk.statement(second.next_cursor, limit=2)

    assert [[line.seq for line in page.lines] for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third.next_cursor is None
    assert first.lines[0].balance_after_s == 15
    with pytest.raises(CallerError, match="cursor"):
        await desk.statement("x")


async def test_an_account_nobody_has_touched_is_empty(ledger: Ledger) -> None:
    assert (await Desk(ledger).statement()).lines == ()
    assert (await Desk(ledger).account()).available_s == 0
