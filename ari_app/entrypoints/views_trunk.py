"""What people and programs see of trunks: whether calls go out over them, how good they are today, and how a test went.
Pure. Never a password, nor what may hold one: raw endpoint options are named and not shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ari_app.domain.call import CALLEE, Call, Leg, LegState, Try
from ari_app.domain.costing import leg_costs, owed
from ari_app.domain.quality import Quality, quality_of
from ari_app.domain.trunks import Trunk, Window
from ari_app.engine.trunk_book import TrunkBook
from ari_app.entrypoints.http.doors import TrunkNow
from ari_app.entrypoints.views import NOT_TRIED, Cost, Time, rfc3339
from ari_app.flows import flows

State = Literal["up", "down", "rested", "probing", "closed", "stopped", "unknown"]
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MICRO = "micro:"
Share = Annotated[float | None, Meta(description="0 to 1; null: nothing was dialled.")]


class TodayView(msgspec.Struct):
    """Of legs whose calls ended today, by the operator's clock, over all processes. `pdd_p50_ms` and `pdd_p95_ms` are
    rounded up to a step."""

    legs: int
    answered: int
    asr: Share
    ner: Share
    acd_s: int | None
    pdd_ms: int | None
    pdd_p50_ms: int | None
    pdd_p95_ms: int | None
    outcomes: dict[str, int]
    failures: Annotated[dict[str, int], Meta(description="Of trunk_failed: SIP status, cause, or silence.")]
    talk_s: int
    billed_s: int
    cost: list[Cost]


class TrunkView(msgspec.Struct):
    """`why`: of every state but up and unknown. `channels_in_use`: null where they could not be counted."""

    name: str
    state: Annotated[State, Meta(description="Whether calls go out over it now.")]
    why: str
    registers: bool
    registration: Annotated[str | None, Meta(description="registered, unregistered, rejected, stopped; null: unknown.")]
    roundtrip_ms: float | None
    rested_until: Time | None
    priority: int
    weight: int
    channels_in_use: int | None
    max_channels: int
    max_cps: int
    today: TodayView
    spend_alarm: Cost | None
    spend_max: Cost | None


class TrunkDetail(TrunkView):
    """What is set of it, too, but no secret. `endpoint`: names of raw options."""

    host: str
    port: int
    transport: str
    srtp: str
    codecs: list[str]
    username: str
    has_password: bool
    expires_s: int
    from_user: str
    from_domain: str
    outbound_proxy: str
    match: list[str]
    number_format: str
    prepend: str
    caller_id: str
    caller_id_numbers: list[str]
    caller_id_format: str
    identity: str
    privacy: bool
    diversion: bool
    stir_shaken: str
    prefixes: list[str]
    hours: list[str]
    causes: dict[str, str]
    price: Cost
    increment: str
    rates: Annotated[int, Meta(description="Lines of its price deck.")]
    endpoint: list[str]


class TrunkTestView(msgspec.Struct):
    """One phone, rung over one trunk. `sign_ms`: from the dial to the first sign of the far network. `outcome`: null
    while it goes on. `passed_over`: why it was never dialled."""

    call: str
    trunk: str
    number: str
    dialled: str
    shown: str
    why: str
    state: str
    outcome: Annotated[str | None, Meta(description="answered, busy, no_answer, rejected, unreachable, trunk_failed…")]
    reached: Annotated[bool, Meta(description="It rang or was answered.")]
    passed_over: str
    reason: str | None
    hung_up_by: str | None
    sign_ms: int | None
    rang_at: Time | None
    early_at: Time | None
    dialled_at: Time | None
    answered_at: Time | None
    ended_at: Time | None
    talk_ms: int
    cause: int | None
    sip_status: int | None
    price: Annotated[Cost, Meta(description="A minute.")]
    increment: str
    cost: Cost


# ---- trunks ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the trunks at one moment."""

    book: TrunkBook
    states: Mapping[str, TrunkNow]
    lines: Mapping[str, int]
    at_ms: int


def trunk_view(trunk: Trunk, seen: Seen, sums: Mapping[str, int]) -> TrunkView:
    """`sums`: of its day (ports/costs.py)."""
    now = seen.states.get(trunk.name, TrunkNow(trunk.name))
    health = seen.book.health(trunk.name)
    state, why = _state(trunk, now, seen)
    return TrunkView(
        name=trunk.name, state=state, why=why, registers=trunk.register,
        registration=now.registration.lower() or None,
        roundtrip_ms=round(now.roundtrip_us / 1000, 1) if now.roundtrip_us else None,
        rested_until=None if health.until_ms is None else rfc3339(health.until_ms),
        priority=trunk.priority, weight=trunk.weight, channels_in_use=seen.lines.get(trunk.name),
        max_channels=trunk.max_channels, max_cps=trunk.max_cps, today=today(sums),
        spend_alarm=_limit(trunk.spend_alarm_micro, trunk), spend_max=_limit(trunk.spend_max_micro, trunk),
    )  # fmt: skip


def trunk_detail(trunk: Trunk, seen: Seen, sums: Mapping[str, int]) -> TrunkDetail:
    return TrunkDetail(
        **msgspec.structs.asdict(trunk_view(trunk, seen, sums)),
        host=trunk.host, port=trunk.port, transport=trunk.transport, srtp=trunk.srtp,
        codecs=list(trunk.codecs), username=trunk.username, has_password=bool(trunk.password),
        expires_s=trunk.expires_s, from_user=trunk.from_user, from_domain=trunk.from_domain,
        outbound_proxy=trunk.outbound_proxy, match=list(trunk.match), number_format=trunk.number_format,
        prepend=trunk.prepend, caller_id=trunk.caller_id.policy, caller_id_numbers=list(trunk.caller_id.numbers),
        caller_id_format=trunk.caller_id_format, identity=trunk.identity, privacy=trunk.privacy,
        diversion=trunk.diversion, stir_shaken=trunk.stir_shaken, prefixes=list(trunk.prefixes),
        hours=[hours(one) for one in trunk.hours], causes={str(code): means for code, means in trunk.causes},
        price=Cost(trunk.price_micro_per_min, trunk.currency), increment=trunk.price_increment,
        rates=len(trunk.rates), endpoint=[name for name, _ in trunk.endpoint],
    )  # fmt: skip


def _state(trunk: Trunk, now: TrunkNow, seen: Seen) -> tuple[State, str]:
    """What keeps calls from it, the gravest first."""
    health = seen.book.health(trunk.name)
    if now.state == "down":
        return "down", now.why
    if seen.book.is_spent(trunk.name):
        return "stopped", "it has cost as much today as it may"
    if (until_ms := seen.book.closed_until_ms(trunk, seen.at_ms)) is not None:
        return "closed", f"outside its hours, until {rfc3339(until_ms)}"
    if health.state in ("rested", "probing"):
        return health.state, health.why
    return now.state, ""


def _limit(micro: int, trunk: Trunk) -> Cost | None:
    return Cost(micro, trunk.currency) if micro else None


def today(sums: Mapping[str, int]) -> TodayView:
    q: Quality = quality_of(sums)
    return TodayView(
        legs=q.legs, answered=q.answered, asr=q.asr, ner=q.ner, acd_s=q.acd_s, pdd_ms=q.pdd_ms,
        pdd_p50_ms=q.pdd_p50_ms, pdd_p95_ms=q.pdd_p95_ms, outcomes=dict(q.outcomes), failures=dict(q.failures),
        talk_s=sums.get("talk_s", 0), billed_s=sums.get("billed_s", 0),
        cost=[Cost(micro, n.removeprefix(MICRO)) for n, micro in sorted(sums.items()) if n.startswith(MICRO)],
    )  # fmt: skip


def hours(window: Window) -> str:
    """As it may stand in sip_trunks.conf: mon-fri 08:00-20:00."""
    days = sorted(window.days)
    if len(days) > 2 and days == list(range(days[0], days[-1] + 1)):
        named = f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
    else:
        named = " ".join(DAYS[day] for day in days)
    return f"{named} {_clock(window.from_min)}-{_clock(window.until_min)}"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


# ---- a test ---------------------------------------------------------------------------------------------------------


def trunk_test_view(call: Call) -> TrunkTestView:
    phone = call.leg(CALLEE)
    route, t = phone.routes[0], phone.last or NOT_TRIED
    is_over = call.settled is not None
    signs = [at for at in (t.rang_at_ms, t.early_at_ms, t.answered_at_ms) if at is not None]
    was_dialled = phone.last is not None and t.reached_trunk
    return TrunkTestView(
        call=call.id, trunk=route.trunk, number=phone.number, dialled=route.dialled,
        shown=route.shown_as or route.shown, why=route.why, state=flows()[call.type].state(call),
        outcome=_outcome(call, phone, t), reached=t.rang_at_ms is not None or t.answered_at_ms is not None,
        passed_over=t.why, reason=str(call.end.reason) if is_over and call.end else None,
        hung_up_by=str(call.end.by) if is_over and call.end else None,
        sign_ms=max(0, min(signs) - t.dialled_at_ms) if signs else None, rang_at=_time(t.rang_at_ms),
        early_at=_time(t.early_at_ms), dialled_at=rfc3339(t.dialled_at_ms) if was_dialled else None,
        answered_at=_time(t.answered_at_ms), ended_at=_time(t.ended_at_ms), talk_ms=_talk_ms(call, t), cause=t.cause,
        sip_status=t.sip_status, price=Cost(route.price_micro_per_min, route.currency),
        increment=route.price_increment, cost=Cost(*owed(call, phone)),
    )  # fmt: skip


def _outcome(call: Call, phone: Leg, t: Try) -> str | None:
    """As it is noted of the leg; of one that never reached the trunk, what kept it."""
    if t.state is not LegState.GONE:
        return None
    noted = next(iter(leg_costs(call)), None)
    return noted.outcome if noted is not None else str(phone.outcome or "unknown")


def _talk_ms(call: Call, t: Try) -> int:
    if t.answered_at_ms is None:
        return 0
    return max(0, (call.now_ms if t.ended_at_ms is None else t.ended_at_ms) - t.answered_at_ms)


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)
