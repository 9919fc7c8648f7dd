"""Random conferences: phones are added, rung again, muted and taken out, and some dial in themselves."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace

from ari_app.domain import charging
from ari_app.domain import events as ev
from ari_app.domain.call import Call, Leg, LegState, Route, Terms, Try
from ari_app.engine.telling import Word
from ari_app.flows import conference
from tests.laws.maker import Maker
from tests.laws.world import PAYER


def make(call_id: str, rng: random.Random, now_ms: int) -> Call:
    terms = Terms(
        increment=rng.choice(("1/1", "6/6", "60/60")),
        slice_s=rng.choice((30, 60, 120)),
        max_duration_s=rng.choice((100, 1500)),
        max_live_calls=rng.choice((2, 9)),
        media_timeout_ms=60_000,
        pdd_timeout_ms=3_000,
        trunk_wait_ms=2_000,
        confirm_timeout_ms=5_000,
        phones_max=rng.choice((3, 9)),
        ends_with_host=rng.random() < 0.6,
        confirm_joining=rng.random() < 0.2,
        alone_timeout_ms=rng.choice((2_000, 20_000)),
        tones=rng.random() < 0.8,
    )
    roles = [conference.HOST, *(f"p{n}" for n in range(1, rng.choice((2, 3, 4, 6))))]
    legs = tuple(_leg(role, rng) for role in roles)
    return Call(call_id, conference.TYPE, now_ms, PAYER, legs, terms, now_ms=now_ms)


def _leg(role: str, rng: random.Random) -> Leg:
    routes = tuple(Route(f"t{i}", "+861", "+864", "x", 60_000, "6/6") for i in range(rng.choice((1, 1, 2))))
    if rng.random() < 0.1:
        routes = (Route("", "", "", "", device="dev"), *routes)
    return Leg(role, "+861", routes, ring_timeout_ms=15_000)


def words(call: Call, rng: random.Random) -> Word | None:
    match rng.choices(("add", "dial in", "mute", "unmute", "leave"), (4, 2, 3, 2, 2))[0]:
        case "add":
            return ev.LegAdded(_leg("p", rng), "", 0, stem=conference.STEM)
        case "dial in":
            role = f"d{len(call.legs)}"
            leg = replace(_leg(role, rng), came_in=True, routes=(Route("", "", "", ""),))
            return ev.LegAdded(replace(leg, tries=(Try(state=LegState.RINGING, dialled_at_ms=call.now_ms),)), "", 0)
        case word:
            others = [leg.role for leg in call.legs if leg.role != conference.HOST]
            return ev.Told(rng.choice(others), word, "", 0) if others else None


def together(call: Call) -> Collection[str]:
    """All who are not kept out, by the operator or for want of a key."""
    return [leg.role for leg in call.legs if "leave" not in leg.words and not conference.is_kept_out(call, leg)]


MAKER = Maker(
    make, words=words, keys="12", rule=charging.each_leg, together=together,
    callers=lambda _call: [conference.HOST], speaks=True, runs=15,
)  # fmt: skip
