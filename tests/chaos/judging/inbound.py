"""A phone has called us, or is called back because it did. Its talk with whomever it keyed is charged once."""

from __future__ import annotations

from collections.abc import Sequence

from tests.chaos.cases import Case, Span
from tests.chaos.reasons import AS_CALLEE, NEAR_ITS_END_MS, OURS, by_the_faults, was_ended_by_us

TYPE = "inbound"
KEYS_LOST = {"caller_not_confirmed", "caller_gave_up", "refused", "completed", "interrupted"}
"""Of what was pressed, or of what it was answered with, something may have come while nobody was there."""


def spans(case: Case) -> Sequence[Span]:
    return case.conversation()


def fitting(case: Case) -> set[str]:
    """His phone's own story is known to who let it call (the traffic)."""
    asked = case.asked
    found = set(asked.fits) if asked is not None else {"completed", "caller_gave_up", "caller_not_confirmed"}
    if "callee" in case.legs:
        found |= {AS_CALLEE.get(case.phone("callee"), "completed"), "completed", "caller_gave_up"}
    if case.hung_up_at_ms is not None:
        found |= {"cancelled", "completed"}
    if case.talk_ms() >= 1000 * case.longest_s - NEAR_ITS_END_MS:
        found.add("max_duration")
    if not case.cel:  # the dialplan did not wait for the answer, or he did not, and has not come in
        found |= {"caller_gave_up", "interrupted"}
    if case.hit_by("pbx", *OURS) or case.lost_a_carrier():
        found |= KEYS_LOST
    return found | by_the_faults(case)


def was_up(case: Case) -> bool:
    return case.were_both_up()


def ended_by_us(case: Case) -> bool:
    return was_ended_by_us(case, case.talk_ms(), by_itself=("caller_not_confirmed",))
