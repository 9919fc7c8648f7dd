"""A conference: ring the host; when he has answered, ring the participants, all at once; whoever answers is joined to
those who are there; each phone that the platform called is charged from its own answer. Pure; knows nothing of
Asterisk, Redis or time but the facts of the call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ari_app.domain.call import CALLER, Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.step import NOT_SAVED
from ari_app.domain.wanted import Party, Wants
from ari_app.domain.wishes import OpenBridge, Wake, Yielded
from ari_app.flows.funding import (
    charge,
    end_by_clock,
    first_s,
    is_cut_unasked,
    is_more_to_come,
    is_ringing,
    keep_legs_funded,
    watch_the_clock,
)  # fmt: skip
from ari_app.flows.hearing import CONFIRM_DIGIT
from ari_app.flows.joining import (
    alone_since_ms,
    first_met_ms,
    hang_up,
    is_awaited,
    is_in,
    is_removed,
    is_spoken_to,
    ring,
    ring_all,
    take_part,
    tell_who_comes_and_goes,
)  # fmt: skip
from ari_app.flows.moves import end_unanswered, gave_up, hold_more, wind_down
from ari_app.flows.parting import who_left, why_alone, why_left
from ari_app.flows.recording import from_start, record

TYPE = "conference"
CAN_BE_RECORDED = True
TELLS_LEGS = True
HOST, STEM = "host", "p"
STATES = ("queued", "ringing_caller", "caller_answered", "talking", "ended")


@dataclass(frozen=True, slots=True)
class Request:
    """The host is a user, by id or number, and pays; participants are user ids, or numbers as written."""

    host: str
    participants: tuple[str, ...] = ()
    max_duration_s: int | None = None
    ends_with_host: bool | None = None
    confirm_joining: bool | None = None
    record: Literal["mixed", "legs"] | None = None
    dial_in: bool = False
    """Asks for a PIN, too: that is the API's business."""


def wants(r: Request) -> Wants:
    host = Party(HOST, r.host, "host", is_himself=True)
    others = (
        Party(f"{STEM}{n + 1}", who, f"participants.{n}", shows_payer=True) for n, who in enumerate(r.participants)
    )
    terms = {name: getattr(r, name) for name in ("max_duration_s", "ends_with_host", "confirm_joining")}
    return Wants(
        (host, *others), payer=r.host, payer_at="host", terms=terms, given=from_start(r.record), talks_together=True
    )


def plan(c: Call) -> Iterator[Yielded]:
    host, others = c.leg(HOST), [leg for leg in c.legs if leg.role != HOST]
    verdict = ended(c)
    if verdict is not None:
        yield verdict
    if c.is_over:
        yield from wind_down(c, charge(c))
        return
    if (left := who_left(c, host)) is not None and is_cut_unasked(c, left, cap_ms(c)):
        for leg in c.legs:
            yield from hang_up(c, leg)
        yield from hold_more(c, 1)
        return
    yield from keep_legs_funded(c, [leg for leg in c.legs if is_awaited(leg)], cap_ms(c))
    if host.answered_at_ms is None:
        if can_begin(c):
            yield from ring(c, host, c.held_s)  # nobody else burns it before we ring him
    else:
        yield from ring_all(c, [leg for leg in others if is_awaited(leg)])
    if not any(leg.is_live for leg in c.legs):
        return  # a phone that rings: trunks that are passed over need no bridge
    if host.answered_at_ms is not None:
        yield from watch_the_clock(c, cap_ms(c), host, [leg for leg in c.legs if not is_spoken_to(c, leg)])
    yield OpenBridge()
    for leg in c.legs:
        if is_removed(leg):
            yield from hang_up(c, leg)
        elif leg.is_up and "bridge" in c.done:
            yield from take_part(c, leg, is_kept_out=is_kept_out(c, leg))
    if talk_began_ms(c) is not None:
        yield from record(c, [leg for leg in c.legs if is_in(c, leg)])
    yield from tell_who_comes_and_goes(c, others)
    if host.answered_at_ms is not None and (since_ms := alone_since_ms(c)) is not None:
        yield Wake(since_ms + c.terms.alone_timeout_ms)


def state(c: Call) -> str:
    """Where the call stands, for people. Only moves right along STATES."""
    host = c.leg(HOST)
    if c.settled is not None:
        return "ended"
    if talk_began_ms(c) is not None:
        return "talking"
    if host.answered_at_ms is not None:
        return "caller_answered"
    return "ringing_caller" if host.tries or is_ringing(c, host) else "queued"


def talk_began_ms(c: Call) -> int | None:
    """From when two were there at the same time; None if never. An answer behind the end counts for nothing."""
    began_ms = first_met_ms([leg for leg in c.legs if not is_kept_out(c, leg)])
    return None if began_ms is not None and c.end is not None and c.end.at_ms < began_ms else began_ms


def is_kept_out(c: Call, leg: Leg) -> bool:
    """Until it has pressed the key that no answering machine presses."""
    is_called_in = leg.role != HOST and not leg.came_in
    return c.terms.confirm_joining and is_called_in and CONFIRM_DIGIT not in leg.digits


def cap_ms(c: Call) -> int:
    """The longest that it may last."""
    return (c.leg(HOST).answered_at_ms or c.now_ms) + 1000 * c.terms.max_duration_s


def can_begin(c: Call) -> bool:
    """The host is rung when his first increment is held, and that of one other, if any is to be rung."""
    host, others = c.leg(HOST), [first_s(c, leg) for leg in c.legs if leg.role != HOST and is_awaited(leg)]
    return c.holds > 0 and c.held_s >= first_s(c, host) + min(others, default=0)


# ---- how it ends ----------------------------------------------------------------------------------------------------


def ended(c: Call) -> End | None:
    """The verdict on the facts; None while the call goes on."""
    if c.is_over:
        return None
    host, has_talked = c.leg(HOST), talk_began_ms(c) is not None
    if c.cancelled_at_ms is not None or (is_removed(host) and (c.terms.ends_with_host or not has_talked)):
        return End(Reason.COMPLETED if has_talked else Reason.CANCELLED, HungUpBy.API)
    if gave_up(c, "bridge", "hold", f"join:{HOST}:{host.n}") or (gave_up(c, NOT_SAVED) and not has_talked):
        return End(Reason.INTERRUPTED, HungUpBy.SYSTEM)
    if host.answered_at_ms is None:
        is_short = c.refused_at_ms is not None and not can_begin(c) and not is_ringing(c, host)
        why = Reason.BALANCE_EMPTY if c.refused_why == "empty" else Reason.REFUSED
        return End(why, HungUpBy.SYSTEM) if is_short else end_unanswered(c, host, CALLER)
    if (left := who_left(c, host)) is not None:
        if is_cut_unasked(c, left, cap_ms(c)):
            return None
        return why_left(c, left, cap_ms(c), is_host=left is host, has_talked=has_talked)
    if c.now_ms < cap_ms(c) and is_more_to_come(c):
        return None
    at_end = end_by_clock(c, c.now_ms, cap_ms(c))
    alone_ms = c.now_ms - (alone_since_ms(c) or c.now_ms)
    if at_end is None and alone_ms >= c.terms.alone_timeout_ms:
        return why_alone(c, host, cap_ms(c), has_talked=has_talked)
    return at_end
