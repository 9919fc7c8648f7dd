"""What people and programs see of a conference: the call, and each phone as one who takes part. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_app.domain.call import Call, Leg
from ari_app.domain.costing import charged_s, owed
from ari_app.domain.tenants import OPERATOR
from ari_app.engine.pins import Pin
from ari_app.entrypoints import views
from ari_app.entrypoints.words import Language, how_reached
from ari_app.flows import conference
from ari_app.flows.funding import charge, is_ringing
from ari_app.flows.joining import is_awaited, is_in

if TYPE_CHECKING:
    from ari_app.engine.capacity import Left

NOT_REACHED = "not_reached"


class ParticipantView(msgspec.Struct):
    """One phone. `leg` is its name in the path. `state`: waiting (to be rung), ringing, joining (answered, not let in
    yet), in, left, or not_reached: then `outcome` says why."""

    leg: str
    who: Annotated[str, Meta(description="User id where there is a user, else the number.")]
    number: str
    state: str
    outcome: str | None
    dialled_in: Annotated[bool, Meta(description="Came by a PIN: costs nothing.")]
    muted: bool
    talking: bool
    answered_at: views.Time | None
    ended_at: views.Time | None
    charged_s: Annotated[int, Meta(description="So far, of the host's minutes.")]
    cost: views.Cost
    message: Annotated[str | UnsetType, Meta(description="The outcome, for the user.")] = UNSET


class PinView(msgspec.Struct):
    """With it one person may dial in, once: he calls `number` and keys `pin`."""

    number: str
    pin: str
    expires_at: views.Time


class ConferenceView(views.CallView, rename={"type_": "type"}):
    """A call of the type conference: `caller` is the host. `dial_in`: of the request that asked for it alone."""

    participants: list[ParticipantView] = msgspec.field(default_factory=list)
    dial_in: PinView | UnsetType = UNSET


def conference_view(
    call: Call, now_ms: int, dial_in: PinView | UnsetType = UNSET, *, tenant: str = OPERATOR,
    language: Language = "en", left: Left | None = None,
) -> ConferenceView:  # fmt: skip
    """As this tenant sees it. `now_ms`: up to when those who are there are charged."""
    burnt_s = {leg.role: leg.rounded_s for leg in charge(replace(call, now_ms=max(now_ms, call.now_ms))).legs}
    participants = [_participant(call, leg, burnt_s.get(leg.role, 0), tenant, language) for leg in call.legs]
    shown = msgspec.structs.asdict(views.call_view(call, tenant, language, left))
    return ConferenceView(**shown, participants=participants, dial_in=dial_in)


def pin_view(number: str, pin: Pin) -> PinView:
    return PinView(number, pin.pin, views.rfc3339(pin.expires_at_ms))


def _participant(call: Call, leg: Leg, burnt_s: int, tenant: str, language: Language) -> ParticipantView:
    state, last = _state(call, leg), leg.last
    outcome = leg.outcome if state == NOT_REACHED and not call.is_forgotten else None
    return ParticipantView(
        leg=leg.role, who=views.who(leg, tenant), number=leg.number, state=state,
        outcome=None if outcome is None else str(outcome),
        dialled_in=leg.came_in, muted=leg.is_muted, talking=leg.is_talking and state == "in" and not leg.is_muted,
        answered_at=views.time(leg.answered_at_ms), ended_at=views.time(last.ended_at_ms if last else None),
        charged_s=burnt_s if call.settled is None else charged_s(call, leg), cost=views.Cost(*owed(call, leg)),
        message=UNSET if outcome is None else how_reached(outcome, language),
    )  # fmt: skip


def _state(call: Call, leg: Leg) -> str:
    if leg.is_up:
        return "in" if is_in(call, leg) and not conference.is_kept_out(call, leg) else "joining"
    if leg.answered_at_ms is not None:
        return "left"
    if is_ringing(call, leg):
        return "ringing"
    return "waiting" if is_awaited(leg) and not call.is_over else NOT_REACHED
