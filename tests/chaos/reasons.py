"""Which ends of a call fit what its phones do, what was asked over the API, and what befell the house meanwhile: what
all call types have in common. Each type's own is in judging/.

Knows the carrier's table of phones (docs/carrier.md), and must not know how the product comes to its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ari_app.domain.causes import REASONS
from tests.chaos.cases import Case

CLOSED = frozenset(map(str, REASONS))
AS_CALLER = {
    22: "caller_busy", 23: "caller_no_answer", 24: "caller_rejected", 25: "caller_unreachable",
    27: "caller_unreachable", 30: "trunk_failed", 33: "trunk_failed", 32: "caller_gave_up", 34: "media_lost",
}  # fmt: skip
AS_CALLEE = {
    22: "callee_busy", 23: "callee_no_answer", 24: "callee_rejected", 25: "callee_unreachable",
    27: "callee_unreachable", 30: "trunk_failed", 33: "trunk_failed", 34: "media_lost",
}  # fmt: skip
HANGS_UP = (26, 32)
PRESSES_1 = 28
SILENT, MUTE = 33, 34
OURS = ("app", "link", "store", "redis", "clock")
AS_CALLED_FIRST = ("caller", "host")
NEAR_ITS_END_MS = 1_000


def called_as(role: str) -> str:
    """How a reason names who has this role."""
    return "caller" if role in AS_CALLED_FIRST else "callee"


def of_a_single_phone(case: Case) -> set[str]:
    """Where one phone is all there is."""
    found = {AS_CALLEE.get(case.phone("callee"), "completed")}
    if case.hung_up_at_ms is not None:
        found |= {"cancelled", "completed"}
    return found | by_the_faults(case)


def by_the_faults(case: Case) -> set[str]:
    """What may truly be said of a call that a fault of ours, or of the carrier, took."""
    found: set[str] = set()
    if case.hit_by("pbx", *OURS):
        found |= {"interrupted", "trunk_failed"}
        # A phone may have rung while nobody watched: then it is not taken for a dead trunk, and is not answered.
        found |= {f"{called_as(who)}_no_answer" for who in case.legs if case.phone(who) == SILENT}
        # A channel that was made and never dialled, and that its own timer ended while nobody watched: the PBX's record
        # of it is that of a phone which rejects.
        found |= {f"{called_as(who)}_rejected" for who in case.cel if not case.rings.get(who)}
    if case.lost_a_carrier():
        # A carrier that dies says nothing: phones that ring are not answered, those that talk fall silent.
        found |= {"media_lost", "interrupted"}
        found |= {f"{who}_{why}" for who in ("caller", "callee") for why in ("no_answer", "unreachable")}
    if any(_all_failed(case, role) for role in case.legs):
        found.add("trunk_failed")
    return found


def _all_failed(case: Case, role: str) -> bool:
    """Nobody answered, and every one of its trunks was away, refused, or was passed over."""
    tried = [one for one in case.tries() if one.role == role]
    if not tried or any(one.cel is not None and one.cel.answered_ms is not None for one in tried):
        return False
    return all(one.passed_over or case.hit_by(one.trunk, f"{one.trunk} refuses") for one in tried)


def was_ended_by_us(case: Case, used_ms: int, *, by_itself: Iterable[str] = ()) -> bool:
    """Whether a talk was ended by neither phone, nor the API, nor the minutes, nor its longest time. `used_ms`: of the
    minutes, or of its longest time. `by_itself`: reasons for which a call of this type ends in good order."""
    asked, by = case.asked, str(case.shown.get("hung_up_by"))
    if by in ("caller", "callee"):
        return not any(ring.hung_up_by == "phone" for role in case.rings if called_as(role) == by
                       for ring in case.rings[role])  # fmt: skip
    if by == "api":
        return asked is not None and case.hung_up_at_ms is None
    match case.reason:
        case "balance_empty":
            return asked is not None and asked.who.has_s is None
        case "max_duration":
            return asked is not None and used_ms < 1000 * case.longest_s - NEAR_ITS_END_MS
        case "media_lost":
            return all(case.phone(role) != MUTE for role in case.legs)
        case "interrupted":
            return not (ran_out_unattended(case, used_ms) or (by_itself and ended_unsaved(case)))
    return case.reason not in by_itself


def ended_unsaved(case: Case) -> bool:
    """In good order, while its owner could write nothing down, and another process had the PBX before he could again:
    that one sees channels that the platform has hung up, and not why."""
    away = [blow for blow in case.blows if blow.targets & {"store", "redis"}]
    ends = [leg.hangup_ms for leg in case.cel.values()]
    if any(ring.hung_up_by != "platform" for rings in case.rings.values() for ring in rings):
        return False
    return bool(ends) and all(end is not None and any(blow.touches(end, end) for blow in away) for end in ends)


def ran_out_unattended(case: Case, used_ms: int) -> bool:
    """The PBX cut the talk at the last minutes, when nobody could ask the ledger for more: as the laws want it."""
    has_s = case.asked.who.has_s if case.asked is not None else None
    return has_s is not None and used_ms >= 1000 * has_s and case.hit_by(*OURS)


def is_hung_up(case: Case, roles: Sequence[str]) -> bool:
    """By all of these phones, or they never answered."""
    rings = [ring for role in roles for ring in case.rings.get(role, ())]
    return all(ring.hung_up_by == "phone" or ring.answered_at_ms is None for ring in rings)
