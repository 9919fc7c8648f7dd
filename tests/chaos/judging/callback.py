"""Two phones are rung, and the talk is charged once."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.cases import Case, Span
from tests.chaos.reasons import (
    AS_CALLEE,
    AS_CALLER,
    HANGS_UP,
    NEAR_ITS_END_MS,
    PRESSES_1,
    by_the_faults,
    was_ended_by_us,
)  # fmt: skip

TYPE = "callback"


def spans(case: Case) -> Sequence[Span]:
    return case.conversation()


def fitting(case: Case) -> set[str]:
    found = {_by_the_phones(case)}
    asked = case.asked
    if case.phone("caller") in HANGS_UP:
        found |= {"caller_gave_up", AS_CALLEE.get(case.phone("callee"), "completed")}
    if asked is None or case.hung_up_at_ms is not None:
        found |= {"cancelled", "completed"}
    if asked is None or asked.who.has_s is not None:
        found.add("balance_empty")
    if asked is None or case.talk_ms() >= 1000 * case.longest_s - NEAR_ITS_END_MS:
        found.add("max_duration")
    if asked is not None and asked.confirms and (case.phone("caller") != PRESSES_1 or case.blows):
        found.add("caller_not_confirmed")
    return found | by_the_faults(case)


def _by_the_phones(case: Case) -> str:
    caller, callee = case.phone("caller"), case.phone("callee")
    return AS_CALLER.get(caller) or AS_CALLEE.get(callee, "completed")


def was_up(case: Case) -> bool:
    return case.were_both_up()


def ended_by_us(case: Case) -> bool:
    return was_ended_by_us(case, case.talk_ms())
