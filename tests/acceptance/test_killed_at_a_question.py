"""The app is killed, or its link to Asterisk is cut, right before or right after it asks something of Asterisk or
Redis: at every step of a call.

A new process, or the same one over a new link, takes the call up; no phone is rung twice, and what was talked is what
is charged.
"""

from __future__ import annotations

import os

import pytest

from tests.acceptance.drive import Drive
from tests.acceptance.house import House
from tests.acceptance.points import ALL, CUT_FEW, FEW, Point
from tests.acceptance.taps import Side

WHICH = ALL if os.environ.get("SOAK") else FEW
CUTS = [(point, side) for point, side in (ALL if os.environ.get("SOAK") else CUT_FEW) if point.server == "ari"]


@pytest.mark.parametrize(("point", "side"), WHICH, ids=[f"{side} {point.name}" for point, side in WHICH])
def test_a_call_outlives_the_app(house: House, point: Point, side: Side) -> None:
    house.have()
    drive = Drive(house)
    trap = house.kill_at(point.tap(house), point.match, side, point.skip)

    call = drive.place("10", "10")
    verdict = drive.verdict(call)
    house.until(trap.sprung.is_set, 3, f"the app asked: {point.name}")
    house.until(lambda: drive.deaths or house.is_dead, 5, "it died of that")
    drive.revive()  # if the very last question was it

    assert drive.deaths == 1
    assert verdict.reason in point.reasons
    assert verdict.charged_s > 0 or verdict.reason != "completed"
    house.until(lambda: house.app.ask("GET", "/readyz").status == 200, 5, "the next one is ready")


@pytest.mark.parametrize(("point", "side"), CUTS, ids=[f"{side} {point.name}" for point, side in CUTS])
def test_a_call_outlives_its_link(house: House, point: Point, side: Side) -> None:
    """The question, or the answer to it, is lost with the link; so is what happens until there is a new one."""
    house.have()
    drive = Drive(house)
    trap = house.cut_at(house.ari, point.match, side, point.skip)

    call = drive.place("10", "10")
    verdict = drive.verdict(call)
    house.until(trap.sprung.is_set, 3, f"the app asked: {point.name}")

    assert drive.deaths == 0
    assert verdict.reason in point.reasons
    assert verdict.charged_s > 0 or verdict.reason != "completed"
    house.until(lambda: house.app.ask("GET", "/readyz").status == 200, 5, "the app is ready again")
