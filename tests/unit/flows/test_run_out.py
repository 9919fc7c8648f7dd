"""A try that nobody answered, and that ended when its time to ring was over: the PBX's own dial time-out looks like a
480 of the carrier's, and is told apart by how long it took."""

from __future__ import annotations

import pytest

from ari_app.domain.call import CALLEE, How, Leg, LegState, Route, Try
from ari_app.domain.causes import Outcome

RING_MS = 24_000
T_MS = 1_000_000


def leg(lived_ms: int, how: How | None, *, rang: bool = False, sip_status: int | None = 480) -> Leg:
    gone = Try(
        state=LegState.GONE, dialled_at_ms=T_MS, rang_at_ms=T_MS + 100 if rang else None,
        ended_at_ms=T_MS + lived_ms, cause=19, sip_status=sip_status, how=how,
    )  # fmt: skip
    return Leg(CALLEE, "+861", (Route("t", "+861", "+864", "x"),), RING_MS, tries=(gone,))


@pytest.mark.parametrize(
    ("one", "came_to"),
    [
        (leg(26_000, "remote"), Outcome.TRUNK_FAILED),  # every event was heard, late: it never rang
        (leg(26_000, None, sip_status=None), Outcome.NO_ANSWER),  # by the PBX's record alone: it may have rung
        (leg(26_000, "remote", rang=True), Outcome.NO_ANSWER),
        (leg(500, "remote"), Outcome.UNREACHABLE),  # the carrier's own 480
        (leg(500, None, sip_status=None), Outcome.UNREACHABLE),
    ],
)
def test_how_long_it_took_tells_what_it_was(one: Leg, came_to: Outcome) -> None:
    assert one.outcome is came_to
