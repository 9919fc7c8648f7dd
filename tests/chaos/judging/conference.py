"""A host and those who are rung when he has answered, or have dialled in; each phone that we rang is charged."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from tests.chaos.cases import Case, Span
from tests.chaos.reasons import AS_CALLEE, HANGS_UP, NEAR_ITS_END_MS, OURS, by_the_faults, is_hung_up, was_ended_by_us

TYPE = "conference"
HOST = "host"
CUT_SHORT_S = 2
"""What each leg may lack of what is held when the PBX cuts it: its timer and its talk are cut down to whole seconds."""


def spans(case: Case) -> Sequence[Span]:
    return case.each_leg()


def fitting(case: Case) -> set[str]:
    asked, others = case.asked, [role for role in case.legs if role != HOST]
    why_not = {AS_CALLEE[phone] for role in others if (phone := case.phone(role)) in AS_CALLEE}
    found = {"completed"} if was_up(case) else why_not
    if case.phone(HOST) in HANGS_UP:
        found |= {"caller_gave_up"}
    if asked is not None and asked.removed:  # whoever was to come was taken out before he could
        found |= {"callee_no_answer", "cancelled", *why_not}
    if case.hung_up_at_ms is not None:
        found |= {"cancelled", "completed"}
    if asked is None or asked.who.has_s is not None:
        found.add("balance_empty")
    if _lasted_ms(case) >= 1000 * case.longest_s - NEAR_ITS_END_MS:
        found.add("max_duration")
    return found | by_the_faults(case)


def was_up(case: Case) -> bool:
    """Two were there at the same time."""
    there = [(leg.answered_ms, case.end_ms(role)) for role, leg in case.cel.items() if leg.answered_ms is not None]
    return any(
        (end_a is None or end_a > b) and (end_b is None or end_b > a)
        for (a, end_a), (b, end_b) in combinations(there, 2)
    )


def ended_by_us(case: Case) -> bool:
    used_ms = max(_lasted_ms(case), sum(span.ms for span in spans(case)) if _is_short(case) else 0)
    removed = case.asked.removed if case.asked is not None else set()
    others = [role for role in case.legs if role != HOST and case.numbers[role] not in removed]
    if case.reason == "completed" and case.shown.get("hung_up_by") == "system":
        return not is_hung_up(case, others)  # the last one waited for others
    if case.shown.get("hung_up_by") == "callee" and removed:
        return False
    if case.reason == "interrupted" and _burnt_unattended(case):
        return False
    return was_ended_by_us(case, used_ms)


def _burnt_unattended(case: Case) -> bool:
    """Several burn what is held so fast that an outage of some seconds outlasts it: the PBX cut them, as is due."""
    left_s = int(case.shown["held_s"]) - case.used_ms // 1000
    return left_s <= CUT_SHORT_S * len(spans(case)) and case.hit_by(*OURS)


def _is_short(case: Case) -> bool:
    return case.asked is not None and case.asked.who.has_s is not None


def _lasted_ms(case: Case) -> int:
    """Since the host's answer."""
    host, end_ms = case.cel.get(HOST), case.end_ms(HOST)
    if host is None or host.answered_ms is None or end_ms is None:
        return 0
    return end_ms - host.answered_ms
