"""What was said, by the PBX's own memory and not by the call's record: who was up, from when to when, and what that is
charged by its type's rule. The record tells only who is who."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ari_app.domain import charging
from ari_app.domain.call import CALLEE, CALLER, Call, Leg
from ari_app.domain.charging import Talk, Timed
from ari_app.ports.telephony import Trace

if TYPE_CHECKING:
    from tests.laws.world import World


def traces(world: World, call: Call, leg: Leg) -> Iterator[tuple[int, str, Trace]]:
    """Each channel of this leg that there was: its try, its id, its times."""
    for n in range(len(leg.tries) + 1):  # one more may have been dialled, and nothing heard of it
        channel = f"{call.id}.{leg.role}.{n}"
        if (trace := world.pbx.traces_kept.get(channel)) is not None:
            yield n, channel, trace


def talks(world: World, call: Call) -> list[Talk]:
    return [
        Talk(leg.role, t.answered_at_ms, t.ended_at_ms, not leg.came_in, _is_on_net(leg, n))
        for leg in call.legs
        for n, _, t in traces(world, call, leg)
        if t.answered_at_ms is not None
    ]


def _is_on_net(leg: Leg, n: int) -> bool:
    return n < len(leg.routes) and bool(leg.routes[n].device)


def used(world: World, call: Call) -> list[Timed]:
    """(role, ms) of all that was charged, up to now; without what would be charged less than nothing."""
    rule = world.maker.rule
    said = talks(world, call)
    if rule is charging.conversation and not _are_two(said):
        return []
    return [(role, ms) for role, ms in rule(said, world.loop.now_ms()) if ms > 0]


def _are_two(said: list[Talk]) -> bool:
    return {CALLER, CALLEE} <= {talk.role for talk in said}


def burning(world: World, call: Call) -> list[str]:
    """Channels that are up now, and charged."""
    if not call.payer or world.maker.rule is charging.nothing:
        return []
    up = [(leg, n, channel) for leg in call.legs for n, channel, t in traces(world, call, leg) if _is_up(t)]
    if world.maker.rule is charging.conversation:
        are_two = {CALLER, CALLEE} <= {leg.role for leg, _, _ in up} and not all(_is_on_net(leg, n) for leg, n, _ in up)
        return [channel for leg, _, channel in up if leg.role == CALLEE and are_two]
    return [channel for leg, n, channel in up if not leg.came_in and not _is_on_net(leg, n)]


def _is_up(t: Trace) -> bool:
    return t.answered_at_ms is not None and t.ended_at_ms is None


def charged_channels(world: World, call: Call) -> list[tuple[Leg, str]]:
    """Those that the talk is charged on, dead or alive."""
    roles = {role for role, _ in used(world, call)}
    return [
        (leg, channel)
        for leg in call.legs
        if leg.role in roles
        for _, channel, t in traces(world, call, leg)
        if t.answered_at_ms is not None
    ]
