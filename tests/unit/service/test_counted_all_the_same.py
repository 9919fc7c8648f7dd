"""Who is counted as one who is called: also a user who calls, as if he were another, a number that he says is his."""

from __future__ import annotations

import asyncio

from ari_app.adapters.memory_limits import MemoryLimits
from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route
from ari_app.domain.limits import Limit
from ari_app.engine.attempts import AttemptRules, Attempts
from ari_app.ports.limits import of_number, of_pair

CLAIMED, HIS = "+8613900000077", "+8613900000001"
ROUTES = (Route("t", CLAIMED, "+864001234567", "x"),)


def call(n: int, type: str, *legs: Leg) -> Call:
    return Call(f"c{n:026}", type, 1_000 + n, "eve", legs, now_ms=1_000 + n)


def test_a_notice_to_a_number_that_the_sender_claims_is_counted_as_any_ring() -> None:
    """To be the sender's it need not be proved: so it may be a stranger's phone that is rung over and over."""

    async def story() -> None:
        attempts = Attempts(MemoryLimits(), AttemptRules(pair=(Limit(2, 300),), number=(Limit(3, 3600),)))
        phone = Leg(CALLEE, CLAIMED, ROUTES, 20_000, user="eve")
        answers = [await attempts.refused(call(n, "notice", phone)) for n in range(3)]

        assert [answer and answer.rule for answer in answers] == [None, None, "pair-2-in-300s"]

    asyncio.run(story())


def test_who_is_rung_first_as_himself_is_not_counted() -> None:
    async def story() -> None:
        limits = MemoryLimits()
        attempts = Attempts(limits, AttemptRules(pair=(Limit(1, 300),), number=(Limit(1, 3600),)))
        for role in (CALLER, "host"):
            assert await attempts.refused(call(1, "conference", Leg(role, HIS, ROUTES, 20_000, user="eve"))) is None

        assert not await limits.marks(of_number(HIS))
        assert not await limits.marks(of_pair("eve", HIS))

    asyncio.run(story())
