"""Random calls of a notice: one phone, that presses something or nothing while it is spoken to."""

from __future__ import annotations

import random

from ari_app.domain import charging
from ari_app.domain.call import CALLEE, Call, Leg, Route, Terms
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.flows import notice, notice_script
from tests.laws.maker import Maker, nobody
from tests.laws.world import PAYER, World


def make(call_id: str, rng: random.Random, now_ms: int) -> Call:
    terms = Terms(
        increment=rng.choice(("1/1", "6/6", "60/60")),
        slice_s=rng.choice((10, 30, 60)),
        warning_s=0,
        max_duration_s=rng.choice((10, 60, 180)),
        max_live_calls=rng.choice((2, 9)),
        media_timeout_ms=60_000,
        pdd_timeout_ms=3_000,
        trunk_wait_ms=2_000,
    )
    routes = tuple(Route(f"t{n}", "+861", "+864", "verified", 60_000, "6/6") for n in range(rng.choice((1, 2, 3))))
    if rng.random() < 0.1:
        routes = (Route("", "", "", "", device="dev"), *routes)
    leg = Leg(CALLEE, "+861", routes, ring_timeout_ms=15_000, language=rng.choice(("", "en", "zh")))
    given = {
        "said": "text:t0", "confirm": rng.choice(("", "1", "4")), "rounds": rng.choice("123"), "notice": "n1", "n": "0",
    }  # fmt: skip
    return Call(call_id, notice.TYPE, now_ms, PAYER, (leg,), terms, given=given, now_ms=now_ms)


def check(_world: World, call: Call) -> str:
    """Who has not pressed the key has not confirmed; and who has is let go, and not by a fault of ours."""
    key = notice_script.key(call)
    if key and key not in call.leg(CALLEE).digits:
        return f"confirmed by {key}, which nobody pressed"
    assert call.end is not None
    was_let_go = (call.end.reason, call.end.by) == (Reason.COMPLETED, HungUpBy.SYSTEM)
    return "let go before all was said" if was_let_go and not (key or notice_script.is_all_said(call)) else ""


MAKER = Maker(make, keys="1234", rule=charging.each_leg, together=nobody, check=check, runs=25)
