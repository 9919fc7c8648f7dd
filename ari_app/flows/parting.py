"""How a talk of many ends when somebody leaves, or is left alone. Pure; knows who pays (the host) and the others, and
no call type."""

from __future__ import annotations

from ari_app.domain.call import CALLEE, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Outcome, Reason, reason
from ari_app.flows.funding import end_of_cut
from ari_app.flows.joining import ended_at_ms, is_awaited, is_removed
from ari_app.flows.moves import end_unanswered


def who_left(c: Call, host: Leg) -> Leg | None:
    """With whom it ends: the host, where it ends with him; else the last of all."""
    if host.answered_at_ms is None or any(leg.is_up for leg in c.legs if leg is host or not c.terms.ends_with_host):
        return None
    return host if c.terms.ends_with_host else max((leg for leg in c.legs if leg.answered_at_ms), key=ended_at_ms)


def why_left(c: Call, leg: Leg, cap_ms: int, *, is_host: bool, has_talked: bool) -> End:
    t = leg.last
    if t is not None and t.how == "remote":
        by = HungUpBy.CALLER if is_host else HungUpBy.CALLEE
        return End(Reason.COMPLETED if has_talked else Reason.CALLER_GAVE_UP, by)
    if t is not None and t.how == "media":
        return End(Reason.MEDIA_LOST, HungUpBy.SYSTEM)
    if is_removed(leg):
        return End(Reason.COMPLETED, HungUpBy.API)
    return end_of_cut(c, leg, cap_ms)


def why_alone(c: Call, host: Leg, cap_ms: int, *, has_talked: bool) -> End:
    """Nobody came, or all others have left. Of several who did not come, the last one tells; and of those who were
    there, whether he left, or the PBX cut him while nobody of us was there to hold more."""
    if has_talked:
        gone = [leg for leg in c.legs if leg.answered_at_ms is not None and not leg.is_up]
        for leg in sorted(gone, key=ended_at_ms)[-1:]:
            if leg.last is not None and leg.last.how == "cut":
                return end_of_cut(c, leg, cap_ms)
        return End(Reason.COMPLETED, HungUpBy.SYSTEM)
    if any(is_awaited(leg) for leg in c.legs):
        return End(Reason.BALANCE_EMPTY, HungUpBy.SYSTEM)
    last = max((leg for leg in c.legs if leg is not host and leg.outcome is not None), key=ended_at_ms, default=None)
    no_answer = End(reason(CALLEE, Outcome.NO_ANSWER), HungUpBy.SYSTEM)
    return no_answer if last is None else end_unanswered(c, last, CALLEE) or no_answer
