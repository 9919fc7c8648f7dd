"""The laws of one call, as the world looks at it from outside: each tells what is broken, or "". Knows no call type but
by its maker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ari_app.domain import charging
from ari_app.domain.call import CALLER, Call
from ari_app.domain.causes import Reason
from ari_app.domain.costing import leg_costs
from ari_app.engine.recover import UNDIALLED_MS
from tests.laws import truth

if TYPE_CHECKING:
    from tests.laws.world import World

JOIN_WITHIN_S = 5.0


class Lasting:
    """What may be for a moment, and not for long: of each call, since when it is so."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}

    def too_long(self, call_id: str, is_so: bool, now_s: float) -> bool:
        if not is_so:
            self._since_s.pop(call_id, None)
            return False
        return now_s - self._since_s.setdefault(call_id, now_s) > JOIN_WITHIN_S


# ---- while it goes on -----------------------------------------------------------------------------------------------


def is_apart(world: World, call: Call) -> bool:
    """Two or more of those who are to hear each other are up, and not all of them are joined."""
    if not _is_calm(world, call):
        return False
    names = [f"{call.id}.{role}.{call.leg(role).n}" for role in world.maker.together(call)]
    up = {c for c in names if c in world.pbx.channels and world.pbx.channels[c].answered_ms is not None}
    return len(up) > 1 and not up <= world.pbx.bridges.get(call.id, set())


def is_drowned(world: World, call: Call) -> bool:
    """Who is joined with another one hears ringback or music for all that."""
    members = world.pbx.bridges.get(call.id, set()) if _is_calm(world, call) else set()
    up = [c for c in members if c in world.pbx.channels and world.pbx.channels[c].answered_ms is not None]
    return len(up) > 1 and any(world.pbx.endless(c) for c in up)


def _is_calm(world: World, call: Call) -> bool:
    assert world.engine is not None
    return world.engine.sees_pbx and world.pbx.is_up and not call.is_over


def why_not_held(world: World, call: Call) -> str:
    """Nothing is said that is not held: the PBX itself ends the talk, whoever is away, and for how long."""
    burning = truth.burning(world, call)
    if not burning:
        return ""
    used_s = sum(ms for _, ms in truth.used(world, call)) / 1000
    account = world.account()
    held_s = account.call_held_s(call.id)
    if call.id in account.settlements:  # and still up: nothing is held for what is said now
        roles = {channel.split(".")[1] for channel in burning}
        used_s = sum(ms for role, ms in truth.used(world, call) if role in roles) / 1000
    if used_s > held_s + overrun_allowed_s(world, call, held_s):
        return f"law 5: {used_s} s are talked, {held_s} s are held, and the PBX does nothing: {burning}"
    return ""


def overrun_allowed_s(world: World, call: Call, held_s: int) -> int:
    """2 s a leg. Where we were cut off between a leg's answer and the setting of its timer, the one that it was born
    with strikes: its ring time-out, less what was held, if nobody else burns that."""
    if world.maker.allowed_s is not None:
        return world.maker.allowed_s(world, call, held_s)
    is_alone = world.maker.rule is charging.conversation
    return sum(_leg_allowed_s(world, channel, leg.ring_timeout_ms, held_s if is_alone else 0)
               for leg, channel in truth.charged_channels(world, call)) or 2  # fmt: skip


def _leg_allowed_s(world: World, channel: str, ring_timeout_ms: int, held_s: int) -> int:
    if not world.was_away or channel in world.pbx.timed:
        return 2
    return 2 + max(0, ring_timeout_ms // 1000 - held_s)


# ---- at its end -----------------------------------------------------------------------------------------------------


def why_charged_wrongly(world: World, call: Call) -> str:
    """Charged is the talk that the PBX itself saw, within a second a leg; less only if the end was seen by nobody."""
    assert call.settled is not None
    true = truth.used(world, call) if call.payer else []
    used_s, true_s, within_s = call.settled.used_s, sum(ms for _, ms in true) / 1000, max(1, len(true))
    if used_s > true_s + within_s:
        return f"charged for what was not said: {used_s} s of {true}, {call.end}"
    if world.weather.cel and used_s < true_s - within_s:
        return f"talk not charged: {used_s} s of {true}, {call.end}"
    allowed_s = overrun_allowed_s(world, call, call.held_s)
    if call.settled.overrun_s > allowed_s:
        return f"law 5: overrun of {call.settled.overrun_s} s, {allowed_s} s at most"
    parts = call.settled.legs
    is_told = bool(parts) or not world.has_old_records
    if is_told and call.settled.charged_s and sum(parts.values()) != call.settled.charged_s:
        return f"the legs' parts are not the whole: {parts}, {call.settled}"
    strangers = parts.keys() - {role for role, _ in true}
    if any(parts[role] for role in strangers) and used_s > within_s:
        return f"charged to a leg that did not talk: {parts}, {true}"
    return ""


def why_a_wrong_end(world: World, call: Call) -> str:
    """Nobody is said to have hung up, or to have rejected, who by the PBX's own record did not; and that the balance is
    empty only where the ledger said so."""
    assert call.end is not None
    if call.end.reason is Reason.BALANCE_EMPTY and call.id not in world.refused:
        return "balance_empty, though the ledger never said so"
    if call.end.by not in ("caller", "callee"):
        return ""
    callers = set(world.maker.callers(call))
    meant = [leg for leg in call.legs if (leg.role in callers) == (call.end.by == CALLER)]
    ends = [trace for leg in meant for _, _, trace in truth.traces(world, call, leg)]
    return "" if any(t.remote for t in ends) else f"{call.end.reason} by {call.end.by}, who did nothing: {ends}"


def why_too_long(world: World, call: Call) -> str:
    """Of phones for which nobody pays: each is hung up after its time; where we died at its answer, when the timer that
    it was born with strikes."""
    if call.payer:
        return ""
    for leg in call.legs:
        allowed_ms = 1000 * call.terms.max_duration_s + 2_000 + (leg.ring_timeout_ms if world.was_away else 0)
        for _, channel, t in truth.traces(world, call, leg):
            up_ms = (t.ended_at_ms or world.loop.now_ms()) - t.answered_at_ms if t.answered_at_ms else 0
            if up_ms > allowed_ms and (channel in world.pbx.timed or not leg.came_in):
                return f"up for {up_ms} ms, {allowed_ms} ms at most: {channel}"
    return ""


def why_told_wrongly(world: World, call: Call) -> str:
    """What was said from outside, and answered, is in the record; and took effect once, however often it was told."""
    if missing := world.words.taken.get(call.id, set()) - call.asks:
        return f"told and taken, and not in the record: {sorted(missing)}"
    took = sum(len(leg.words) for leg in call.legs) + len(call.words) + sum(bool(leg.ask) for leg in call.legs)
    return f"{len(call.asks)} commands took effect {took} times" if took != len(call.asks) else ""


def why_costs_are_wrong(world: World, ids: list[str]) -> str:
    """What the carriers take is noted once for each phone that rang, and is what is told of its call."""
    noted = {leg.leg: leg for leg in world.costs.all()}
    owed = {leg.leg: leg for call_id in ids for leg in leg_costs(world._call(call_id))}
    if len(noted) < len(world.costs.all()) or noted.keys() != owed.keys():
        return f"noted {sorted(leg.leg for leg in world.costs.all())}, owed {sorted(owed)}"
    if missing := world.pbx.rung.keys() - noted.keys() - taken_for_undialled(world, ids) - on_net(world, ids):
        return f"rung, and not noted: {sorted(missing)}"
    sums = [sum(leg.cost_micro for leg in legs.values()) for legs in (noted, owed)]
    if sums[0] != sums[1] or any(leg.cost_micro < 0 for leg in noted.values()):
        return f"costs of {sums[0]} noted, {sums[1]} owed"
    return ""


def on_net(world: World, ids: list[str]) -> set[str]:
    """Phones that are registered here, to which no carrier leads."""
    return {
        f"{call_id}.{leg.role}.{n}"
        for call_id in ids
        for leg in world._call(call_id).legs
        for n, route in enumerate(leg.routes)
        if route.device
    }


def taken_for_undialled(world: World, ids: list[str]) -> set[str]:
    """Phones that refused within a few ms, while nobody watched: the PBX's record has no word to tell them from
    channels that were made and never dialled. They cost nothing."""
    legs = [(call_id, leg) for call_id in ids for leg in world._call(call_id).legs]
    return {
        f"{call_id}.{leg.role}.{n}"
        for call_id, leg in legs
        for n, t in enumerate(leg.tries)
        if t.how == "failed" and not t.why and (t.ended_at_ms or 0) - t.dialled_at_ms < UNDIALLED_MS
    }
