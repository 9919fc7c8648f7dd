"""Random calls to the platform: users in the menu, missed ones, strangers who return a call, and users called back.
They key at random; for some of what they key somebody is found."""

from __future__ import annotations

import random
from collections.abc import Collection

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route, Terms, Try
from ari_app.flows import inbound
from tests.laws.maker import Maker
from tests.laws.world import PAYER


def make(call_id: str, rng: random.Random, now_ms: int) -> Call:
    mode = rng.choices(("menu", "back", "returned", "missed"), (4, 3, 8, 1))[0]
    terms = Terms(
        increment=rng.choice(("1/1", "6/6", "60/60")),
        slice_s=rng.choice((10, 30, 60, 120)),
        margin_s=rng.choice((1, 15)),
        warning_s=rng.choice((5, 60)),
        max_duration_s=rng.choice((10, 100, 1500)),
        max_live_calls=rng.choice((2, 9)),
        media_timeout_ms=60_000,
        pdd_timeout_ms=3_000,
        trunk_wait_ms=2_000,
        confirm_timeout_ms=rng.choice((500, 5_000)),
        waiting=rng.choice(("ringback", "music")),
        early_media=rng.choice(("all", "none")),
    )
    given = {"mode": mode, "minutes": rng.choice(("0", "7")), "connect": rng.choice(("0", "1", "1"))}
    if rng.random() < 0.5:
        given["wait_ms"] = "2000"
    legs = [_phone(CALLER, rng) if mode == "back" else _came_in(rng, now_ms)]
    if mode == "returned":
        legs.append(_phone(CALLEE, rng))
    return Call(call_id, inbound.TYPE, now_ms, PAYER, tuple(legs), terms, given=given, now_ms=now_ms)


def _came_in(rng: random.Random, now_ms: int) -> Leg:
    route = Route("", "+864001234567", "", "came_in")  # it counts among the lines of no trunk
    ring_ms = rng.choice((3_000, 30_000, 30_000))
    return Leg(CALLER, "+861", (route,), ring_ms, user=PAYER, came_in=True, tries=(Try(dialled_at_ms=now_ms),))


def _phone(role: str, rng: random.Random) -> Leg:
    routes = tuple(Route(f"t{n}", "+862", "+864", "x", 60_000, "6/6") for n in range(rng.choice((1, 2, 3))))
    return Leg(role, "+862", routes, ring_timeout_ms=15_000)


def seek(call: Call, wish: w.Seek, rng: random.Random) -> ev.LegAdded | ev.NotFound:
    if rng.random() < 0.3:
        return ev.NotFound(wish.digits, rng.choice(("invalid-number", "pin", "no-capacity")), call.now_ms)
    return ev.LegAdded(_phone(CALLEE, rng), wish.key, call.now_ms)


def together(call: Call) -> Collection[str]:
    """Those who talk; in the menu he is alone."""
    return [leg.role for leg in call.legs] if call.has_leg(CALLEE) else ()


MAKER = Maker(make, seek=seek, keys="2##11", together=together, runs=60)
