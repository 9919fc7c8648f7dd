"""The minute ledger, what leaves an account for the archive; over every store."""

from __future__ import annotations

from dataclasses import replace

from ari_app.domain.ledger_archive import LINES_MAX, Old, old_part
from ari_app.ports.ledger import Account, Ledger, Refunded, Refused, Settled, Settlement, Why
from tests.contract.desk import HOUR_MS, NOW_MS, Desk

DAY_MS = 24 * HOUR_MS


async def lived(ledger: Ledger) -> Desk:
    """A charge with an overrun and a void yesterday, a charge today."""
    desk = Desk(ledger)
    await desk.hold("c1", 60)
    await desk.settle("c1", 70)
    await desk.hold("c2", 60)
    await desk.void("c2")
    desk.at_ms = NOW_MS + DAY_MS
    await desk.hold("c3", 60)
    await desk.settle("c3", 60)
    return desk


def old_of(account: Account, before_ms: int = NOW_MS + DAY_MS) -> Old:
    old = old_part(account, before_ms)
    assert old is not None
    return old


async def test_what_is_old_leaves_and_its_sums_stay(ledger: Ledger) -> None:
    desk = await lived(ledger)
    before = await desk.account()
    old = old_of(before)
    assert [line.seq for line in old.lines] == [1, 2]
    assert sorted(old.settlements) == ["c1", "c2"]

    assert await ledger.forget(payer="alice", old=old)

    after = await desk.account()
    assert (after.lines, sorted(after.settlements)) == (before.lines[2:], ["c3"])
    assert (after.totals, after.buckets, after.holds) == (before.totals, before.buckets, before.holds)
    assert after.opening == old.opening
    assert (old.opening.seq, old.opening.balance_s, old.opening.totals.overrun_s) == (2, 3540, 10)


async def test_the_statement_goes_on_with_the_same_numbers(ledger: Ledger) -> None:
    desk = await lived(ledger)
    await ledger.forget(payer="alice", old=old_of(await desk.account()))
    await desk.grant(60)

    page = await desk.statement()
    assert [line.seq for line in page.lines] == [4, 3]
    assert page.next_cursor is None
    first = await desk.statement(limit=1)
    assert ([line.seq for line in first.lines], first.next_cursor) == ([4], "3")
    assert [line.seq for line in (await desk.statement(first.next_cursor, 1)).lines] == [3]
    assert (await desk.statement("2")).lines == ()
    await desk.account()


async def test_the_same_lines_leave_once(ledger: Ledger) -> None:
    desk = await lived(ledger)
    old = old_of(await desk.account())

    assert await ledger.forget(payer="alice", old=old)
    assert not await ledger.forget(payer="alice", old=old)
    assert len((await desk.account()).lines) == 1


async def test_nothing_leaves_that_is_not_exactly_there(ledger: Ledger) -> None:
    desk = await lived(ledger)
    old = old_of(await desk.account())
    other_line = replace(old.lines[1], note="forged")
    other_call: Settlement = replace(old.settlements["c1"], used_s=71)
    for wrong in (
        replace(old, lines=(old.lines[0], other_line)),
        replace(old, before_seq=1),
        replace(old, settlements=old.settlements | {"c1": other_call}),
        replace(old, settlements=old.settlements | {"c9": other_call}),
    ):
        assert not await ledger.forget(payer="alice", old=wrong)
    assert (len((await desk.account()).lines), len((await desk.account()).settlements)) == (3, 3)


async def test_a_settlement_that_a_later_line_tells_of_stays_with_it(ledger: Ledger) -> None:
    desk = await lived(ledger)
    await desk.refund("c1", 30)
    old = old_of(await desk.account())
    assert sorted(old.settlements) == ["c2"]

    assert await ledger.forget(payer="alice", old=old)
    assert await desk.refund("c1", 31, op="r2") == Refused(Why.EMPTY, 3540 + 30 - 60)
    assert isinstance(await desk.refund("c1", 20, op="r3"), Refunded)
    assert isinstance(await desk.settle("c1", 70), Settled), "and its answer"
    kept = (await desk.account()).settlements["c1"]
    assert (kept.at_ms, kept.refunded_s) == (NOW_MS, 50)


async def test_a_refund_between_reading_and_forgetting_keeps_everything(ledger: Ledger) -> None:
    desk = await lived(ledger)
    old = old_of(await desk.account())
    await desk.refund("c1", 30)

    assert not await ledger.forget(payer="alice", old=old)
    assert len((await desk.account()).lines) == 4


async def test_a_call_that_left_is_unknown_to_a_refund(ledger: Ledger) -> None:
    desk = await lived(ledger)
    await ledger.forget(payer="alice", old=old_of(await desk.account()))

    assert await desk.refund("c1") == Refused(Why.UNKNOWN_CALL, 3480)


async def test_what_left_in_steps_leaves_the_same_sums(ledger: Ledger) -> None:
    desk = Desk(ledger, allowance_s=0)
    for n in range(6):
        await desk.grant(60 + n, f"g{n}")
    account = await desk.account()
    for count in (2, 1, 3):
        old = old_of(replace(account, lines=account.lines[:count]), NOW_MS + 1)
        assert await ledger.forget(payer="alice", old=old)
        account = await desk.account()
    assert account.lines == ()
    assert account.opening is not None
    assert (account.opening.seq, account.opening.balance_s) == (6, 375)
    await desk.grant(1, "more")
    assert [(line.seq, line.balance_after_s) for line in (await desk.account()).lines] == [(7, 376)]


async def test_nothing_is_old_in_a_young_account(ledger: Ledger) -> None:
    desk = await lived(ledger)

    assert old_part(await desk.account(), NOW_MS) is None
    assert not await ledger.forget(payer="nobody", old=old_of(await desk.account()))
    assert LINES_MAX >= 1000


async def test_everybody_who_has_an_account_is_listed_once(ledger: Ledger) -> None:
    for n in range(30):
        await Desk(ledger, f"payer.{n}:x").touch()

    assert sorted([payer async for payer in ledger.payers()]) == sorted(f"payer.{n}:x" for n in range(30))
