"""The minute ledger, operations asked again; over every store. See test_ledger_mutations.py."""

from __future__ import annotations

import pytest

from ari_app.domain.errors import CallerError
from ari_app.ports.ledger import (
    Conflict,
    Granted,
    Held,
    Kind,
    Ledger,
    Refused,
)
from tests.contract.desk import DECEMBER_MS, Desk


async def test_the_same_hold_gives_the_same_answer_whatever_came_between(ledger: Ledger) -> None:
    desk = Desk(ledger)
    first = await desk.hold("c1", 60)
    await desk.hold("c1", 60, n=1)
    await desk.grant(100)

    assert await desk.hold("c1", 60) == first == Held(60, 60, 3540)
    assert (await desk.account()).held_s == 120


async def test_every_operation_asked_again_gives_the_same_answer_and_changes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)

    async def all_of_them() -> list[object]:
        return [
            await desk.grant(600), await desk.correct(-60, "c1"), await desk.correct(90, "c2"), await desk.hold("c1"),
            await desk.hold("c1", 61, n=1), await desk.settle("c1", 100, 120), await desk.hold("c2"),
            await desk.void("c2"), await desk.refund("c1", 60, "r1"), await desk.refund("c1", None, "r2"),
        ]  # fmt: skip

    answers, account = await all_of_them(), await desk.account()

    assert not any(isinstance(answer, Refused | Conflict) for answer in answers)
    assert await all_of_them() == answers
    assert await desk.account() == account


async def test_an_operation_id_with_other_content_is_a_conflict(ledger: Ledger) -> None:
    desk = Desk(ledger)
    held, granted, corrected = await desk.hold("c1", 60), await desk.grant(60), await desk.correct(-60)
    await desk.settle("c1", 60)
    refunded = await desk.refund("c1", 10)
    before = await desk.account()

    assert await desk.hold("c1", 120) == Conflict(held)
    assert await desk.grant(61) == Conflict(granted)
    assert await desk.grant(60, kind=Kind.BOUGHT) == Conflict(granted)
    assert await desk.grant(60, expires_at_ms=DECEMBER_MS) == Conflict(granted)
    assert await desk.correct(-61) == Conflict(corrected)
    assert await desk.correct(-60, reason="another") == Conflict(corrected)
    assert await desk.refund("c1", 20) == Conflict(refunded)
    assert await desk.account() == before


async def test_an_operation_id_of_another_kind_of_operation_is_the_caller_s_mistake(ledger: Ledger) -> None:
    desk = Desk(ledger)
    await desk.grant(60, op="x")

    with pytest.raises(CallerError, match="x was something else: Granted"):
        await desk.correct(60, op="x")
    assert (await desk.account()).available_s == 60


async def test_operations_of_two_payers_have_nothing_to_do_with_each_other(ledger: Ledger) -> None:
    alice, bob = Desk(ledger), Desk(ledger, "bob")
    await alice.grant(60)

    assert await bob.grant(90) == Granted(90, 90)
    assert (await alice.account()).available_s == 60


async def test_nonsense_is_the_caller_s_mistake_and_changes_nothing(ledger: Ledger) -> None:
    desk = Desk(ledger)
    for nonsense in (
        desk.hold("c 1"), desk.hold("c1|x"), desk.hold("c1", 0), desk.settle("c1", -1), desk.grant(0), desk.grant(-5),
        desk.grant(10**10), desk.grant(5, kind=Kind.MONTH), desk.correct(0), desk.correct(5, reason=""),
        desk.correct(5, reason="two\nlines"), desk.refund("c1", 0), Desk(ledger, "a}b").touch(), desk.hold("", 5),
    ):  # fmt: skip
        with pytest.raises(CallerError):
            await nonsense
    assert await desk.told() == []
