"""The app is killed right before, or right after, it asks something of Asterisk or Redis: at every step of a call.

A new process takes the call up; no phone is rung twice, and what was talked is what is charged.
"""

from __future__ import annotations

import os

import pytest

from tests.acceptance.drive import Drive
from tests.acceptance.house import House
from tests.acceptance.points import ALL, FEW, Point
from tests.acceptance.taps import Side

WHICH = ALL if os.environ.get("SOAK") else FEW


@pytest.mark.parametrize(("point", "side"), WHICH, ids=[f"{side} {point.name}" for point, side in WHICH])
def test_a_call_outlives_the_app(house: House, point: Point, side: Side) -> None:
    house.have()
    drive = Drive(house)
    trap = house.kill_at(point.tap(house), point.match, side, point.skip)

    call = drive.place("10", "10")
    verdict = drive.verdict(call)
    house.until(trap.sprung.is_set, 3, f"the app asked: {point.name}")
    drive.revive()  # if the very last question was it

    assert drive.deaths == 1
    assert verdict.reason in point.reasons
    assert verdict.charged_s > 0 or verdict.reason != "completed"
    assert house.app.ask("GET", "/readyz").status == 200
