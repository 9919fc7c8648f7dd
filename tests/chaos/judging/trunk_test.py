"""One phone is rung over one trunk, and hung up after some seconds; nobody pays."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.cases import Case, Span
from tests.chaos.reasons import of_a_single_phone, was_ended_by_us

TYPE = "trunk_test"


def spans(case: Case) -> Sequence[Span]:
    return ()


def fitting(case: Case) -> set[str]:
    return of_a_single_phone(case)


def was_up(case: Case) -> bool:
    return bool(case.each_leg())


def ended_by_us(case: Case) -> bool:
    return was_ended_by_us(case, 0, by_itself=("completed",))
