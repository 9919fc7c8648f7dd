"""One blow hits calls at every step: the app is killed, its link to the PBX is cut, or it stalls. For a moment, or
until all phones have done what they do by themselves. Nobody is rung twice, the talks go on, and what was talked is
charged.
"""

from __future__ import annotations

import time

import pytest

from tests.acceptance.blows import BLOWS
from tests.acceptance.drive import Drive
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import phone_of
from tests.acceptance.scene import LINES, Scene
from tests.ground import SOAK

STALL_S = 3.0
CASES = [("killed", "short")]
CASES += [("link stalled", "3 s"), ("killed", "long"), ("link cut", "short"), ("link cut", "long")] if SOAK else []


@pytest.mark.parametrize(("blow_name", "lasts"), CASES, ids=[" ".join(case) for case in CASES])
def test_calls_at_every_step_outlive_it(house: House, blow_name: str, lasts: str) -> None:
    house.have()
    drive, blow = Drive(house, talk_ms=7_000), BLOWS[blow_name]()
    scene = Scene(house, drive)
    scene.until_at_every_step()
    talking = scene.calls["talking"]
    house.app.until_state(talking.id, "talking")
    before = _phones(house, talking)

    blow.strike(house)
    struck_at = time.monotonic()
    if lasts == "long":
        scene.until_the_phones_have_acted()
    elif lasts != "short":
        house.until(lambda: time.monotonic() - struck_at > STALL_S, STALL_S + 1, "the stall has lasted")
    blow.end(house)
    assert _phones(house, talking) == before, "the talk went on on the same two calls"

    verdicts = drive.verdicts(scene.calls.values())
    for name, call in scene.calls.items():
        verdict, line = verdicts[call.id], LINES[name]
        assert (verdict.reason, verdict.by) in (line.long if lasts == "long" else line.short), (name, verdict)
    assert verdicts[scene.calls["talking on the last minutes"].id].charged_s == 6
    assert drive.deaths == 0
    _heard_each_other(house, talking)


def _phones(house: House, call: Placed) -> list[tuple[str, bool]]:
    """The carrier's ids of the two calls, and whether they live."""
    phones = [phone_of(house.ground, number) for number in (call.caller, call.callee)]
    return [(phone.id, phone.ended_at_ms is None) for phone in phones if phone is not None]


def _heard_each_other(house: House, call: Placed) -> None:
    """Phones 01 and 02 play 350 and 400 Hz: each hears the other in every whole second of the talk."""
    for listener, tone_hz in ((call.caller, 400), (call.callee, 350)):
        [phone] = house.ground.rings(listener, with_tones=True)
        silent = [second for second, heard in phone.heard[2:-1] if not any(abs(hz - tone_hz) < 15 for hz in heard)]
        assert not silent, (listener, phone.heard)
