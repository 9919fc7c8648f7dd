"""What people and programs see of a call, a user and an account: the API's answers, which the CLI reads too.

Pure. Times leave as RFC 3339 in UTC with milliseconds, money as integer micros; names are contracts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Try
from ari_app.domain.costing import charged_s, owed
from ari_app.domain.forgotten import ended_ms
from ari_app.domain.tenants import OPERATOR, as_seen_by, may_see, tenant_of
from ari_app.entrypoints.views_recording import RecordingView, recording_views
from ari_app.entrypoints.words import Language, why_ended
from ari_app.flows import flows
from ari_app.ports.users import User

if TYPE_CHECKING:
    from ari_app.engine.capacity import Left

Time = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-23T08:33:12.123Z"]})]


NOT_TRIED = Try()


class Cost(msgspec.Struct):
    micro: int
    currency: str


DEVICE = "device"
"""Among the trunks that were tried, what stands for a registered device."""


class LegView(msgspec.Struct):
    """One phone. `trunk` is the one that carries (or tried last); `tried` all of them in order."""

    role: str
    number: str
    shown: str
    why: Annotated[str, Meta(description="Why this number is shown.")]
    trunk: str | None
    device: Annotated[str | None, Meta(description="Rung in place of a number: the username of a device.")]
    tried: list[str]
    passed_over: Annotated[dict[str, str], Meta(description="Of these, trunks that were never asked, and why.")]
    rang_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    cause: Annotated[int | None, Meta(description="Q.850.")]
    sip_status: int | None
    charged_s: int
    cost: Annotated[Cost, Meta(description="What the operator owes the carrier for this leg, so far.")]


class CapacityView(msgspec.Struct):
    """How many more calls like this one could be placed right now; null: as many as you like. `calls_free` is the least
    of the others: the carriers' lines to these numbers, what the payer's plan lets him have at the same time, and the
    telephone exchanges' room."""

    calls_free: int | None
    lines_free: int | None
    user_calls_free: int | None


class CallView(msgspec.Struct, rename={"type_": "type"}):
    """A call. `caller` and `callee` are user ids where there is a user, else numbers. `talking_at` is there if they
    talked, `reason`, `hung_up_by` and `ended_at` once it has ended."""

    id: str
    type_: str
    state: str
    caller: str
    callee: str
    payer: str
    held_s: int
    charged_s: int
    overrun_s: int
    created_at: Time
    legs: list[LegView]
    metadata: dict[str, str]
    reason: str | UnsetType = UNSET
    hung_up_by: str | UnsetType = UNSET
    talking_at: Time | UnsetType = UNSET
    ended_at: Time | UnsetType = UNSET
    recordings: list[RecordingView] | UnsetType = UNSET
    message: Annotated[
        str | UnsetType,
        Meta(description="Why it ended, for the user, in the language of `Accept-Language`."),
    ] = UNSET
    private: Annotated[bool | UnsetType, Meta(description="Its details are kept for `private_minutes` only.")] = UNSET
    forgotten: Annotated[
        bool | UnsetType,
        Meta(description="Its details are gone: who took part, metadata, what became of each leg."),
    ] = UNSET
    capacity: Annotated[CapacityView | UnsetType, Meta(description="In the answer to the request that placed it.")] = (
        UNSET
    )
    minutes_left_s: Annotated[
        int | UnsetType, Meta(description="Likewise: what the payer has left, beside what is held for his calls.")
    ] = UNSET


LegWhat = Literal[
    "leg_added", "leg_ringing", "leg_answered", "leg_ended", "leg_muted", "leg_unmuted", "leg_talking", "leg_silent"
]
MORE_OF_EVENTS = (
    "reason", "hung_up_by", "charged_s", "overrun_s", "what", "leg", "n", "cause", "sip_status", "outcome"
)  # fmt: skip


class EventView(msgspec.Struct, rename={"type_": "type"}):
    """A change of state, or (with `what`) something that happened to one leg while the call was in that state. `seq`
    counts from 1 within the call, over both."""

    seq: int
    call: str
    type_: str
    state: str
    at: Time
    reason: str | UnsetType = UNSET
    hung_up_by: str | UnsetType = UNSET
    charged_s: int | UnsetType = UNSET
    overrun_s: int | UnsetType = UNSET
    what: LegWhat | UnsetType = UNSET
    leg: Annotated[str | UnsetType, Meta(description="Its role.")] = UNSET
    n: Annotated[int | UnsetType, Meta(description="The number of its try, from 0.")] = UNSET
    cause: Annotated[int | UnsetType, Meta(description="Q.850.")] = UNSET
    sip_status: int | UnsetType = UNSET
    outcome: Annotated[str | UnsetType, Meta(description="Of a phone that was not answered: what came of it.")] = UNSET


class UserView(msgspec.Struct):
    """`verified`: those of the numbers that are proved to be the user's."""

    id: str
    numbers: list[str]
    verified: list[str]
    name: str | UnsetType = UNSET
    locale: str | UnsetType = UNSET


def rfc3339(at_ms: int) -> str:
    """UTC with milliseconds: 2026-11-23T08:33:12.123Z."""
    seconds, ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"


def at_ms(time: str) -> int:
    """The reverse; any offset, any fraction (cut down to ms). Raises ValueError, also where there is no offset."""
    read = datetime.fromisoformat(time)
    if read.tzinfo is None:
        raise ValueError("no offset")
    since = read - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def time(at: int | None) -> str | None:
    return None if at is None else rfc3339(at)


def call_view(call: Call, tenant: str = OPERATOR, language: Language = "en", left: Left | None = None) -> CallView:
    """As this tenant sees it, with the message in this language. `left`: after it was placed."""
    caller, callee = _party(call, CALLER, tenant) or _first(call, tenant), _party(call, CALLEE, tenant)
    flow = flows()[call.type]
    state = flow.state(call)
    view = CallView(
        id=call.id, type_=call.type, state=state, caller=caller, callee=callee,
        payer=as_seen_by(tenant, call.payer), held_s=call.held_s,
        charged_s=call.settled.charged_s if call.settled else 0,
        overrun_s=call.settled.overrun_s if call.settled else 0,
        created_at=rfc3339(call.created_at_ms), legs=[leg_view(call, leg) for leg in call.legs],
        metadata=dict(call.metadata),
    )  # fmt: skip
    if call.recordings:
        view.recordings = recording_views(call, rfc3339)
    if (talking_at_ms := flow.talk_began_ms(call)) is not None:
        view.talking_at = rfc3339(talking_at_ms)
    if state == "ended" and call.end is not None:
        view.reason, view.hung_up_by = str(call.end.reason), str(call.end.by)
        view.ended_at = rfc3339(ended_at_ms(call))
        view.message = why_ended(call.end.reason, call.end.by, language)
    if call.is_private:
        view.private = True
    if call.is_forgotten:
        view.forgotten = True
    if left is not None:
        if left.minutes_s is not None:
            view.minutes_left_s = left.minutes_s
        view.capacity = CapacityView(left.calls, left.lines, left.of_user)
    return view


def ended_at_ms(call: Call) -> int:
    """When the last phone was put down, or where none was rung, when it was decided that none is."""
    return ended_ms(call)


def leg_view(call: Call, leg: Leg) -> LegView:
    route, last = leg.routes[min(leg.n, len(leg.routes) - 1)], leg.last or NOT_TRIED
    tried = [leg.routes[n].trunk or DEVICE for n in range(len(leg.tries))]
    if call.is_forgotten:
        return _what_is_left(call, leg, last)
    return LegView(
        role=leg.role, number=leg.number, shown=route.shown, why=route.why,
        trunk=(route.trunk or None) if tried else None, device=(route.device or None) if tried else None, tried=tried,
        passed_over={leg.routes[n].trunk or DEVICE: t.why for n, t in enumerate(leg.tries) if t.why},
        rang_at=time(last.rang_at_ms), answered_at=time(last.answered_at_ms),
        ended_at=time(last.ended_at_ms), cause=last.cause, sip_status=last.sip_status,
        charged_s=charged_s(call, leg), cost=Cost(*owed(call, leg)),
    )  # fmt: skip


def _what_is_left(call: Call, leg: Leg, last: Try) -> LegView:
    return LegView(
        role=leg.role, number="", shown="", why="", trunk=None, device=None, tried=[], passed_over={},
        rang_at=time(last.rang_at_ms), answered_at=time(last.answered_at_ms), ended_at=time(last.ended_at_ms),
        cause=None, sip_status=None, charged_s=charged_s(call, leg), cost=Cost(*owed(call, leg)),
    )  # fmt: skip


def who(leg: Leg, tenant: str) -> str:
    """The user, where the leg has one that this tenant may know of; else the number."""
    user = leg.user or ""
    return as_seen_by(tenant, user) if user and may_see(tenant, tenant_of(user)) else leg.number


def _party(call: Call, role: str, tenant: str) -> str:
    return who(call.leg(role), tenant) if call.has_leg(role) else ""


def _first(call: Call, tenant: str) -> str:
    """Who was rung first, where that is not the one whom it is about: a conference's host."""
    first = call.legs[0]
    return "" if first.role == CALLEE else who(first, tenant)


def event_view(seq: int, body: dict[str, Any]) -> EventView:
    """Of an event as it was stored (engine/records.py)."""
    rest = {name: body[name] for name in MORE_OF_EVENTS if name in body}
    return EventView(seq, body["call"], body["type"], body["state"], rfc3339(body["at_ms"]), **rest)


def user_view(user: User, tenant: str = OPERATOR) -> UserView:
    return UserView(
        id=as_seen_by(tenant, user.id),
        numbers=[one.number for one in user.numbers],
        verified=[one.number for one in user.numbers if one.is_verified],
        name=user.name or UNSET,
        locale=user.locale or UNSET,
    )


TrunkState = Literal["up", "down", "unknown"]
