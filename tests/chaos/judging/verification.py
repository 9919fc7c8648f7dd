"""A code is read out to one phone; nobody pays."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.cases import Case, Span
from tests.chaos.reasons import of_a_single_phone, was_ended_by_us

TYPE = "verification"


def spans(case: Case) -> Sequence[Span]:
    return ()


def fitting(case: Case) -> set[str]:
    return of_a_single_phone(case)


def was_up(case: Case) -> bool:
    return bool(case.each_leg())


def ended_by_us(case: Case) -> bool:
    return was_ended_by_us(case, 0, by_itself=("completed",))
