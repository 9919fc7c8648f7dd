"""Which ends of a call fit what its phones do, what was asked over the API, and what befell the house meanwhile.

Knows the carrier's table of phones (docs/carrier.md), and must not know how the product comes to its verdict.
"""

from __future__ import annotations

from ari_app.domain.causes import REASONS
from tests.chaos.evidence import Case

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
SILENT = 33
OURS = ("app", "link", "store", "redis", "clock")


def fitting(case: Case) -> set[str]:
    """Every reason that is possible and true."""
    found = {_by_the_phones(case)}
    asked = case.asked
    if case.phone("caller") in HANGS_UP:
        found |= {"caller_gave_up", AS_CALLEE.get(case.phone("callee"), "completed")}
    if asked is None or asked.hung_up_at_ms is not None:
        found |= {"cancelled", "completed"}
    if asked is None or asked.who.has_s is not None:
        found.add("balance_empty")
    if asked is None or case.talk_ms() >= 1000 * asked.longest_s - 1000:
        found.add("max_duration")
    if asked is not None and asked.confirms and (case.phone("caller") != PRESSES_1 or case.blows):
        found.add("caller_not_confirmed")
    return found | _by_the_faults(case)


def _by_the_phones(case: Case) -> str:
    caller, callee = case.phone("caller"), case.phone("callee")
    return AS_CALLER.get(caller) or AS_CALLEE.get(callee, "completed")


def _by_the_faults(case: Case) -> set[str]:
    """What may truly be said of a call that a fault of ours, or of the carrier, took."""
    found: set[str] = set()
    if case.hit_by("pbx", *OURS):
        found |= {"interrupted", "trunk_failed"}
        # A phone may have rung while nobody watched: then it is not taken for a dead trunk, and is not answered.
        found |= {f"{who}_no_answer" for who in ("caller", "callee") if case.phone(who) == SILENT}
        # A channel that was made and never dialled, and that its own timer ended while nobody watched: the PBX's record
        # of it is that of a phone which rejects.
        found |= {f"{who}_rejected" for who in case.cel if not case.rings.get(who)}
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


def ended_by_us(case: Case) -> bool:
    """Whether a talk was ended by neither phone, nor the API, nor the minutes, nor its longest time."""
    asked, by = case.asked, str(case.shown.get("hung_up_by"))
    if by in ("caller", "callee"):
        return not any(ring.hung_up_by == "phone" for ring in case.rings[by])
    if by == "api":
        return asked is not None and asked.hung_up_at_ms is None
    match case.reason:
        case "balance_empty":
            return asked is not None and asked.who.has_s is None
        case "max_duration":
            return asked is not None and case.talk_ms() < 1000 * asked.longest_s - 1000
        case "media_lost":
            return 34 not in (case.phone("caller"), case.phone("callee"))
        case "interrupted":
            return not ran_out_unattended(case)
    return True


def ran_out_unattended(case: Case) -> bool:
    """The PBX cut the talk at the last minutes, when nobody could ask the ledger for more: as the laws want it."""
    has_s = case.asked.who.has_s if case.asked is not None else None
    return has_s is not None and case.talk_ms() >= 1000 * has_s and case.hit_by(*OURS)
