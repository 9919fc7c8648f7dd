"""A notice to many: what is known of it and of each recipient, and what follows for a recipient from what happened.

Pure: no clock, no store, no call. Each try of a recipient is one call of type `notice`; what came of it comes in here
as a `Try`. A recipient's record is changed by whoever is told of something, in any process: every function gives the
same for the same, and told twice it changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ari_app.domain.quiet import Quiet, after_quiet

RECIPIENTS_MAX = 500
TRIES_MAX = 10
REMINDS_MAX = 20
LASTS_MS = 7 * 86_400_000
"""A notice is given up so long after it was to begin, or was last reminded of: what was put off all that time, for want
of minutes say, will be no news any more."""
CONFIRM_DIGITS = "01456789"
"""2 and 3 have a meaning already."""

State = Literal[
    "pending", "calling", "waiting", "confirmed", "heard", "not_answered", "gave_up", "refused", "cancelled"
]
OPEN: tuple[State, ...] = ("pending", "calling", "waiting")
"""`pending`: not rung yet; `waiting`: rung, and to be rung again. The others are final, until somebody reminds."""
STATES: tuple[State, ...] = (*OPEN, "confirmed", "heard", "not_answered", "gave_up", "refused", "cancelled")

Outcome = Literal[
    "confirmed", "connect", "heard", "unheard", "busy", "no_answer", "rejected", "unreachable", "trunk_failed",
    "media_lost", "interrupted", "cancelled", "balance_empty", "no_room",
]  # fmt: skip
CONFIRMING: tuple[Outcome, ...] = ("confirmed", "connect")
"""Who wants to be connected to the sender knows of the notice: he is not rung for it again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """`quiet`: the notice's own quiet hours, beside the operator's."""

    tries: int = 3
    gap_ms: int = 300_000
    quiet: Quiet | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """`confirm`: the key; "": none is asked for. `said`: the id of the sound. `at_ms`: not before that."""

    id: str
    sender: str
    created_at_ms: int
    at_ms: int
    text: str
    said: str
    said_ms: int
    language: str
    confirm: str
    retry: Retry
    count: int
    metadata: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    v: int = 1


@dataclass(frozen=True, slots=True)
class Now:
    """What changes of a notice as a whole. `round`: how often somebody reminded. `open`: recipients that are not final;
    `connecting`: those who are still to be called back. `held_up`: why nobody is rung before `held_up_until_ms`."""

    open: int
    round: int = 0
    round_at_ms: int = 0
    cancelled_at_ms: int | None = None
    held_up: str = ""
    held_up_until_ms: int = 0


@dataclass(frozen=True, slots=True)
class Try:
    """One call that rang him, or tried to. `key`: the one that decided."""

    call: str
    began_at_ms: int
    outcome: Outcome
    rang_at_ms: int | None = None
    answered_at_ms: int | None = None
    ended_at_ms: int | None = None
    is_heard: bool = False
    key: str = ""
    key_at_ms: int | None = None
    was_sent: bool = True
    """Else nobody was rung: it is put off, and counts for nothing."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """`serial`: of the call that is under way or comes next. `tried`: tries of this round. `recall`: "": he asked for
    no call back; `due`: he is to be called back; else the call's id, or `!` and why there is none."""

    n: int
    who: str
    number: str
    user: str = ""
    language: str = ""
    state: State = "pending"
    due_ms: int = 0
    serial: int = 0
    call: str = ""
    call_at_ms: int = 0
    round: int = 0
    tried: int = 0
    tries: tuple[Try, ...] = ()
    put_off: str = ""
    recall: str = ""
    rev: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def key_of(notice: str, n: int, serial: int) -> str:
    """From which the call's id is derived: so no two processes, and none after a restart, ring one try twice."""
    return f"{notice} {n} {serial}"


# ---- when -----------------------------------------------------------------------------------------------------------


def first_due_ms(notice: Notice, now: Now, r: Recipient, quiet: Sequence[Quiet], timezone: str) -> int:
    """When he may be rung next: not before the notice's time, nor sooner than the gap after he was rung last, nor in
    quiet hours."""
    last_ms = max((t.ended_at_ms or t.began_at_ms for t in r.tries), default=None)
    soonest_ms = max(notice.at_ms, now.round_at_ms, 0 if last_ms is None else last_ms + notice.retry.gap_ms)
    return after_quiet(soonest_ms, all_quiet(notice, quiet), timezone)


def all_quiet(notice: Notice, quiet: Sequence[Quiet]) -> list[Quiet]:
    own = notice.retry.quiet
    return [*quiet, *([] if own is None else [own])]


def gives_up_at_ms(notice: Notice, now: Now) -> int:
    return max(notice.at_ms, now.round_at_ms) + LASTS_MS


# ---- what follows ---------------------------------------------------------------------------------------------------


def calling(r: Recipient, call: str, at_ms: int) -> Recipient:
    return replace(r, state="calling", call=call, call_at_ms=at_ms, put_off="")


def tried(notice: Notice, r: Recipient, this: Try) -> Recipient:
    """The call that was under way is over; what it was is on record for good. `due_ms` is the caller's to set."""
    if r.call != this.call:
        return r  # told again, or of one that was given up
    r = replace(r, call="", call_at_ms=0, serial=r.serial + 1, state="waiting" if r.tries else "pending")
    if not this.was_sent:
        return replace(r, put_off=this.outcome)
    r = replace(r, tries=(*r.tries, this), tried=r.tried + 1, put_off="", state="waiting")
    if this.outcome in CONFIRMING:
        wants_recall = this.outcome == "connect" and not r.recall
        return replace(r, state="confirmed", recall="due" if wants_recall else r.recall)
    if this.is_heard and not notice.confirm:
        return replace(r, state="heard")
    return final(r) if r.tried >= notice.retry.tries else r


def final(r: Recipient) -> Recipient:
    """Rung as often as was asked for."""
    return replace(r, state="heard" if any(t.is_heard for t in r.tries) else "not_answered")


def put_off(r: Recipient, why: str) -> Recipient:
    """It came to no call."""
    return replace(r, state="waiting" if r.tries else "pending", call="", call_at_ms=0, put_off=why)


def given_up(r: Recipient) -> Recipient:
    return final(r) if r.tries else replace(r, state="gave_up")


def reopened(notice: Notice, r: Recipient, round: int) -> Recipient:
    """Somebody reminds: whoever has not confirmed is rung again, as often as at first."""
    if r.round >= round or is_reached(notice, r):
        return r
    r = replace(r, round=round, tried=0)
    is_again = r.state in ("heard", "not_answered", "gave_up", "refused")
    return replace(r, state="waiting" if r.tries else "pending", put_off="") if is_again else r


def is_reached(notice: Notice, r: Recipient) -> bool:
    """Of a final one: whether it may be left at that. Else somebody may want to reach him in another way."""
    return r.state == "confirmed" or (r.state == "heard" and not notice.confirm)


def state_of(notice: Notice, now: Now, at_ms: int) -> str:
    if now.cancelled_at_ms is not None:
        return "cancelled"
    if not now.open:
        return "done"
    return "scheduled" if at_ms < notice.at_ms else "running"
