"""From a notice's ended call to what it was for its recipient. Pure; knows the flow, no store."""

from __future__ import annotations

from ari_app.domain.call import CALLEE, Call
from ari_app.domain.causes import Reason
from ari_app.domain.notices import Outcome, Try
from ari_app.flows import notice_script

UNANSWERED: dict[Reason, Outcome] = {
    Reason.CALLEE_BUSY: "busy",
    Reason.CALLEE_NO_ANSWER: "no_answer",
    Reason.CALLEE_REJECTED: "rejected",
    Reason.CALLEE_UNREACHABLE: "unreachable",
    Reason.TRUNK_FAILED: "trunk_failed",
    Reason.CANCELLED: "cancelled",
    Reason.BALANCE_EMPTY: "balance_empty",
    Reason.REFUSED: "no_room",
}
CUT_SHORT: dict[Reason, Outcome] = {
    Reason.MEDIA_LOST: "media_lost", Reason.INTERRUPTED: "interrupted", Reason.BALANCE_EMPTY: "balance_empty",
}  # fmt: skip


def try_of(call: Call) -> Try:
    phone, key, is_heard = call.leg(CALLEE), notice_script.key(call), notice_script.was_heard(call)
    rang = next((t.rang_at_ms for t in phone.tries if t.rang_at_ms is not None), None)
    last = phone.last
    return Try(
        call=call.id, began_at_ms=call.created_at_ms, outcome=_outcome(call, key, is_heard=is_heard),
        rang_at_ms=rang, answered_at_ms=phone.answered_at_ms,
        ended_at_ms=call.settled_at_ms if last is None else last.ended_at_ms,
        is_heard=is_heard, key=key, key_at_ms=phone.digit_at_ms if key else None,
        was_sent=any(not t.why for t in phone.tries),  # a phone that refused at once, unseen, looks like none at all
    )  # fmt: skip


def _outcome(call: Call, key: str, *, is_heard: bool) -> Outcome:
    if key:
        return "confirmed" if key == call.given["confirm"] else "connect"
    if is_heard:
        return "heard"
    reason = Reason.INTERRUPTED if call.end is None else call.end.reason
    if call.leg(CALLEE).answered_at_ms is not None:
        return CUT_SHORT.get(reason, "unheard")
    return UNANSWERED.get(reason, "interrupted")
