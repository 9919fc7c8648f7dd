"""A channel that was made and never dialled gives no sign, however long it is looked at."""

from __future__ import annotations

from dataclasses import replace

from ari_app.domain.call import Call, Leg, LegState, Route, Terms, Try
from ari_app.domain.events import Recovered
from ari_app.domain.step import step
from ari_app.domain.wishes import HangUp
from ari_app.flows import callback
from ari_app.flows.moves import UNDIALLED_GRACE_MS

T0_MS = 1_800_000_000_000
RING_MS, PDD_MS, GAP_EVERY_MS = 14_000, 10_000, 5_000
ROUTE = Route("telco", "+8613900000002", "+8613900000001", "verified")


def made_and_not_dialled() -> Call:
    """Its process died between the two; the next one found the channel."""
    made = Try(LegState.RINGING, T0_MS)
    legs = [Leg(role, "+8613900000001", (ROUTE,), RING_MS) for role in ("caller", "callee")]
    legs[0] = replace(legs[0], tries=(made,))
    return Call(
        "c1", "callback", T0_MS, "u", tuple(legs), Terms(pdd_timeout_ms=PDD_MS), now_ms=T0_MS, holds=1, held_s=60,
        asked=frozenset({"hold:0:0", "dial:caller:0"}),
    )  # fmt: skip


def test_gaps_that_follow_each_other_do_not_keep_it_alive() -> None:
    """The link was lost every 5 s, and each sight began the wait for a ring anew: until the PBX's own timer ended it,
    which looked like a phone that rejects."""
    call, at_ms, asked = made_and_not_dialled(), T0_MS, list[int]()
    while at_ms < T0_MS + 40_000 and not asked:
        at_ms += GAP_EVERY_MS
        call, wishes, _ = step(call, [Recovered(at_ms)], callback.plan)
        asked = [at_ms for wish in wishes if isinstance(wish, HangUp)]
    assert asked, "nobody ever hung it up"
    assert asked[0] <= T0_MS + RING_MS + UNDIALLED_GRACE_MS + GAP_EVERY_MS


def test_it_has_its_time_after_a_gap() -> None:
    """A ring that was given while nobody looked is still to be seen."""
    _call, wishes, wake_ms = step(made_and_not_dialled(), [Recovered(T0_MS + 1_000)], callback.plan)
    assert not any(isinstance(wish, HangUp) for wish in wishes)
    assert wake_ms == T0_MS + 1_000 + PDD_MS
