"""Callbacks for the laws; some of those who are called have devices, which ring before their phones do."""

from __future__ import annotations

import random
from dataclasses import replace

from ari_app.domain.call import Call, Leg, Route
from tests.laws.maker import Maker
from tests.laws.world import callback_call


def make(call_id: str, rng: random.Random, now_ms: int) -> Call:
    call = callback_call(call_id, rng, now_ms)
    if rng.random() < 0.6:
        return call
    return replace(call, legs=tuple(_with_devices(leg, rng) for leg in call.legs))


def _with_devices(leg: Leg, rng: random.Random) -> Leg:
    device = Route("", "", "+864", "x", device="dev", ring_ms=rng.choice((0, 4_000)), pdd_ms=rng.choice((0, 2_000)))
    return replace(leg, routes=(device,) * rng.choice((0, 1, 1, 2)) + leg.routes)


MAKER = Maker(make, runs=25)
