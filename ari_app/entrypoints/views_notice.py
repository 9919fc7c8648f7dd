"""What people and programs see of a notice: names are contracts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_app.domain.notices import STATES, Notice, Now, Recipient, Try, state_of
from ari_app.domain.tenants import OPERATOR, as_seen_by, may_see, tenant_of
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.entrypoints.words import Language, how_reached
from ari_app.ports.notices import Happened


class ConfirmView(msgspec.Struct):
    digit: str


class RetryView(msgspec.Struct):
    tries: int
    gap_s: int


class TryView(msgspec.Struct):
    """One call that rang him. `heard`: the text was played to its end; `key`: the one that decided."""

    call: str
    outcome: str
    began_at: Time
    rang_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    heard: bool
    key: str | None
    key_at: Time | None
    message: Annotated[str, Meta(description="The outcome, for the user.")] = ""


class RecipientView(msgspec.Struct):
    """`call`: the one that is under way; `due_at`: when he is rung next; `put_off`: why he was not rung when he was
    due; `recall`: the call that connects him to the sender, or why there is none."""

    n: int
    recipient: str
    number: str
    state: str
    tries: list[TryView]
    user: str | UnsetType = UNSET
    call: str | UnsetType = UNSET
    due_at: Time | UnsetType = UNSET
    put_off: str | UnsetType = UNSET
    recall: str | UnsetType = UNSET


class HeldUp(msgspec.Struct):
    why: str
    until: Time


class NoticeView(msgspec.Struct):
    """`state`: scheduled, running, done or cancelled. `counts`: recipients by state. `held_up`: why nobody is rung just
    now. `recipients`: a page of them; `cursor` (of the next page) goes into the next question."""

    id: str
    state: str
    sender: str
    language: str
    confirm: ConfirmView | None
    retry: RetryView
    quiet_hours: str | None
    at: Time
    created_at: Time
    reminders: int
    count: int
    counts: Annotated[dict[str, int], Meta(description="By state, those that are nought left out.")]
    metadata: dict[str, str]
    recipients: list[RecipientView]
    cursor: str | None
    text: str | UnsetType = UNSET
    audio: str | UnsetType = UNSET
    held_up: HeldUp | UnsetType = UNSET


class NoticeEventView(msgspec.Struct, rename={"type_": "type"}):
    """`seq` counts from 1 within the notice. `n`: of the recipient."""

    seq: int
    notice: str
    type_: str
    at: Time
    n: int | UnsetType = UNSET
    recipient: str | UnsetType = UNSET
    number: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    outcome: str | UnsetType = UNSET
    tries: int | UnsetType = UNSET
    call: str | UnsetType = UNSET
    why: str | UnsetType = UNSET


def notice_view(
    notice: Notice,
    now: Now,
    recipients: Sequence[Recipient],
    at_ms: int,
    *,
    first: int = 0,
    limit: int = 100,
    tenant: str = OPERATOR,
    language: Language = "en",
) -> NoticeView:
    """`recipients`: all of them; a page of them is shown, from number `first` on."""
    counts = {state: sum(r.state == state for r in recipients) for state in STATES}
    view = NoticeView(
        id=notice.id, state=state_of(notice, now, at_ms), sender=as_seen_by(tenant, notice.sender),
        language=notice.language, confirm=ConfirmView(notice.confirm) if notice.confirm else None,
        retry=RetryView(notice.retry.tries, notice.retry.gap_ms // 1000),
        quiet_hours=None if notice.retry.quiet is None else str(notice.retry.quiet), at=rfc3339(notice.at_ms),
        created_at=rfc3339(notice.created_at_ms), reminders=now.round, count=notice.count,
        counts={state: count for state, count in counts.items() if count}, metadata=dict(notice.metadata),
        recipients=[recipient_view(r, tenant, language) for r in recipients[first : first + limit]],
        cursor=str(first + limit) if first + limit < len(recipients) else None,
    )  # fmt: skip
    if notice.text:
        view.text = notice.text
    else:
        view.audio = notice.said
    if now.held_up and now.held_up_until_ms > at_ms and now.open:
        view.held_up = HeldUp(now.held_up, rfc3339(now.held_up_until_ms))
    return view


def recipient_view(r: Recipient, tenant: str = OPERATOR, language: Language = "en") -> RecipientView:
    tries = [_try_view(one, language) for one in r.tries]
    view = RecipientView(r.n, as_seen_by(tenant, r.who), r.number, r.state, tries)
    if r.user and may_see(tenant, tenant_of(r.user)):
        view.user = as_seen_by(tenant, r.user)
    if r.call:
        view.call = r.call
    elif r.is_open:
        view.due_at = rfc3339(r.due_ms)
    if r.put_off:
        view.put_off = r.put_off
    if r.recall:
        view.recall = r.recall.removeprefix("!")
    return view


def _try_view(one: Try, language: Language) -> TryView:
    return TryView(
        one.call, one.outcome, rfc3339(one.began_at_ms), _time(one.rang_at_ms), _time(one.answered_at_ms),
        _time(one.ended_at_ms), one.is_heard, one.key or None, _time(one.key_at_ms),
        how_reached(one.outcome, language),
    )  # fmt: skip


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def event_view(notice: str, seq: int, event: Happened, tenant: str = OPERATOR) -> NoticeEventView:
    """As this tenant sees it."""
    facts: dict[str, Any] = {name: value for name, value in event.facts.items() if name in FACTS}
    if "recipient" in facts:
        facts["recipient"] = as_seen_by(tenant, facts["recipient"])
    return NoticeEventView(
        seq, notice, event.type, rfc3339(event.at_ms), n=UNSET if event.n is None else event.n, **facts
    )


FACTS = ("recipient", "number", "state", "outcome", "tries", "call", "why")
