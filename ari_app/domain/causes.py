"""What the end of a leg means: Q.850 cause, SIP status and what was heard before → a closed outcome.

Data first, one function over it. Knows no channel, no clock and no trunk; a trunk's own table is passed in.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Literal


class Reason(StrEnum):
    """Why a call ended. The closed list of the API: never rename, never remove."""

    COMPLETED = "completed"
    CALLER_BUSY = "caller_busy"
    CALLER_NO_ANSWER = "caller_no_answer"
    CALLER_REJECTED = "caller_rejected"
    CALLER_UNREACHABLE = "caller_unreachable"
    CALLER_NOT_CONFIRMED = "caller_not_confirmed"
    CALLER_GAVE_UP = "caller_gave_up"
    CALLEE_BUSY = "callee_busy"
    CALLEE_NO_ANSWER = "callee_no_answer"
    CALLEE_REJECTED = "callee_rejected"
    CALLEE_UNREACHABLE = "callee_unreachable"
    BALANCE_EMPTY = "balance_empty"
    MAX_DURATION = "max_duration"
    CANCELLED = "cancelled"
    TRUNK_FAILED = "trunk_failed"
    REFUSED = "refused"
    MEDIA_LOST = "media_lost"
    INTERRUPTED = "interrupted"


REASONS = tuple(Reason)


class HungUpBy(StrEnum):
    CALLER = "caller"
    CALLEE = "callee"
    SYSTEM = "system"
    API = "api"


class Outcome(StrEnum):
    """How one try of one leg ended."""

    ANSWERED = "answered"  # it was up, then somebody hung up
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    TRUNK_FAILED = "trunk_failed"  # the called person did not cause it: the next trunk
    MEDIA_LOST = "media_lost"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  # it ended while nobody watched, and no record tells how


Ours = Literal["ring_timeout", "pdd_timeout", "cancel"]
"""What we ourselves did to the leg before it ended; on the wire it looks like the far end's doing."""

# SIP says more than the cause that Asterisk makes of it (404 and 604 are both cause 1; 480 and a time-out both 19),
# so the status is asked first. RFC 3261 section 21; RFC 3398 for the causes.
BY_SIP: Mapping[int, Outcome] = {
    400: Outcome.TRUNK_FAILED,
    401: Outcome.TRUNK_FAILED,
    402: Outcome.TRUNK_FAILED,  # the carrier wants money from us
    403: Outcome.TRUNK_FAILED,  # the carrier does not let us; another may
    404: Outcome.UNREACHABLE,
    407: Outcome.TRUNK_FAILED,
    408: Outcome.TRUNK_FAILED,  # nobody answered the INVITE itself
    410: Outcome.UNREACHABLE,
    480: Outcome.UNREACHABLE,
    484: Outcome.UNREACHABLE,
    485: Outcome.UNREACHABLE,
    486: Outcome.BUSY,
    488: Outcome.TRUNK_FAILED,  # codecs: the trunk's, not the person's
    600: Outcome.BUSY,
    603: Outcome.REJECTED,
    604: Outcome.UNREACHABLE,
    606: Outcome.TRUNK_FAILED,
}
BY_SIP_CLASS: Mapping[int, Outcome] = {
    3: Outcome.TRUNK_FAILED,
    4: Outcome.TRUNK_FAILED,
    5: Outcome.TRUNK_FAILED,
    6: Outcome.UNREACHABLE,
}

# A Reason header (RFC 3326) tells more than a bare 480 does. Asterisk's own cause for a 480 is 19.
BY_CAUSE_OF_480: Mapping[int, Outcome] = {
    17: Outcome.BUSY,
    18: Outcome.NO_ANSWER,
    21: Outcome.REJECTED,
}

# ITU-T Q.850, asked only where no SIP status is known. What is not named here is the network's fault; so is
# 20 (absent), which without a status is Asterisk's word for a trunk with no contact.
BY_CAUSE: Mapping[int, Outcome] = {
    1: Outcome.UNREACHABLE,  # unallocated number
    16: Outcome.REJECTED,  # normal clearing, but never answered: sent away
    17: Outcome.BUSY,
    19: Outcome.UNREACHABLE,  # Asterisk's word for 480
    21: Outcome.REJECTED,
    22: Outcome.UNREACHABLE,  # number changed
    26: Outcome.NO_ANSWER,  # answered elsewhere
    28: Outcome.UNREACHABLE,  # incomplete number
}

# Of those that are not reached: there is no such number, or not in this form. The others are away for now.
NO_SUCH_NUMBER_SIP = frozenset({404, 410, 484, 485, 604})
NO_SUCH_NUMBER_CAUSE = frozenset({1, 28})

# After a 180 these say that the phone's time ran out, and no longer that nobody was there or that the trunk failed.
RUN_OUT_SIP = frozenset({408, 480, 487, 504})
RUN_OUT_CAUSE = frozenset({18, 19, 102})
MEDIA_CAUSE = 44  # what Asterisk gives when rtp_timeout ended an answered leg


def outcome(
    cause: int | None,
    sip_status: int | None,
    *,
    rang: bool = False,
    early_media: bool = False,
    answered: bool = False,
    ours: Ours | None = None,
    overrides: Sequence[tuple[int, str]] = (),
) -> Outcome:
    """How a try ended.

    `rang`: a 180 came; `early_media`: a 183 came. `overrides` is the trunk's own table, (SIP status or cause, outcome):
    a key of 300 or more is a status, one below 128 a cause; the status goes first.
    """
    if answered:
        return Outcome.MEDIA_LOST if cause == MEDIA_CAUSE else Outcome.ANSWERED
    if ours == "cancel":
        return Outcome.CANCELLED
    if ours == "pdd_timeout":
        return Outcome.TRUNK_FAILED
    if ours == "ring_timeout":
        return Outcome.NO_ANSWER if rang or early_media else Outcome.TRUNK_FAILED
    own_table = dict(overrides)
    for key in (sip_status, cause):
        if key is not None and key in own_table:
            return Outcome(own_table[key])
    if sip_status == 480 and (told := BY_CAUSE_OF_480.get(cause or 0)):
        return told
    if rang and (sip_status in RUN_OUT_SIP if sip_status else cause in RUN_OUT_CAUSE):
        return Outcome.NO_ANSWER
    if sip_status is not None and sip_status >= 300:
        return BY_SIP.get(sip_status) or BY_SIP_CLASS.get(sip_status // 100, Outcome.TRUNK_FAILED)
    return Outcome.TRUNK_FAILED if cause is None else BY_CAUSE.get(cause, Outcome.TRUNK_FAILED)


def is_no_number(cause: int | None, sip_status: int | None) -> bool:
    """Whether who could not be reached never can be, by this number; else he cannot be reached now."""
    return sip_status in NO_SUCH_NUMBER_SIP or cause in NO_SUCH_NUMBER_CAUSE


def is_carrier_fault(ended: Outcome) -> bool:
    """Whether the next trunk may be tried: the called person had no part in it."""
    return ended is Outcome.TRUNK_FAILED


BY_ROLE: Mapping[tuple[str, Outcome], Reason] = {
    ("caller", Outcome.BUSY): Reason.CALLER_BUSY,
    ("caller", Outcome.NO_ANSWER): Reason.CALLER_NO_ANSWER,
    ("caller", Outcome.REJECTED): Reason.CALLER_REJECTED,
    ("caller", Outcome.UNREACHABLE): Reason.CALLER_UNREACHABLE,
    ("callee", Outcome.BUSY): Reason.CALLEE_BUSY,
    ("callee", Outcome.NO_ANSWER): Reason.CALLEE_NO_ANSWER,
    ("callee", Outcome.REJECTED): Reason.CALLEE_REJECTED,
    ("callee", Outcome.UNREACHABLE): Reason.CALLEE_UNREACHABLE,
}


def reason(role: str, ended: Outcome) -> Reason:
    """Why a callback ended whose leg `role` ("caller" or "callee") came to `ended` with nobody left to try.

    For ANSWERED the flow knows more (did the callee answer, too?); it is no business of this table.
    """
    match ended:
        case Outcome.TRUNK_FAILED:
            return Reason.TRUNK_FAILED
        case Outcome.MEDIA_LOST:
            return Reason.MEDIA_LOST
        case Outcome.CANCELLED:
            return Reason.CANCELLED
        case Outcome.ANSWERED:
            return Reason.COMPLETED
        case Outcome.UNKNOWN:
            return Reason.INTERRUPTED
    return BY_ROLE[role, ended]
