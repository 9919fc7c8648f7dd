"""One try of one recipient: one phone hears the text. The sender pays for it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.cases import LONGEST_S, Case, Span
from tests.chaos.reasons import NEAR_ITS_END_MS, by_the_faults, of_a_single_phone, was_ended_by_us

TYPE = "notice"


def spans(case: Case) -> Sequence[Span]:
    return case.each_leg()


def fitting(case: Case) -> set[str]:
    found = of_a_single_phone(case) | by_the_faults(case)
    if case.asked is not None and case.asked.cancelled_at_ms is not None:
        found |= {"cancelled", "completed"}
    if _lasted_ms(case) >= 1000 * LONGEST_S - NEAR_ITS_END_MS:  # nobody was there to go on with it
        found.add("max_duration")
    return found


def was_up(case: Case) -> bool:
    return bool(spans(case))


def ended_by_us(case: Case) -> bool:
    if case.shown.get("hung_up_by") == "api":
        return case.asked is not None and case.asked.cancelled_at_ms is None
    return was_ended_by_us(case, _lasted_ms(case), by_itself=("completed",))


def _lasted_ms(case: Case) -> int:
    return sum(span.ms for span in spans(case))
