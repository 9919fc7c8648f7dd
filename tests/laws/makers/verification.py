"""Random calls that read a code out."""

from __future__ import annotations

import random

from ari_app.domain import charging
from ari_app.domain.call import Call, Leg, Route, Terms
from ari_app.flows import verification
from tests.laws.maker import Maker


def make(call_id: str, rng: random.Random, now_ms: int) -> Call:
    terms = Terms(max_duration_s=rng.choice((2, 20, 60)), pdd_timeout_ms=3_000, trunk_wait_ms=2_000)
    routes = tuple(Route(f"t{n}", "+861", "+864", "to_caller", 60_000, "6/6") for n in range(rng.choice((1, 2))))
    leg = Leg("callee", "+861", routes, ring_timeout_ms=15_000, user="alice", language=rng.choice(("", "en", "zh")))
    given = {verification.CODE: f"{rng.randrange(10**6):06}"}
    return Call(call_id, verification.TYPE, now_ms, "", (leg,), terms, given=given, now_ms=now_ms)


MAKER = Maker(make, rule=charging.nothing, runs=20)
