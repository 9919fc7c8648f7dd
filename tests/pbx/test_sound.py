"""What the two phones hear, proved by tones: each phone plays its own, and records what reaches it.

Phone NN plays 300 + 50 * NN Hz; ringback is 450 Hz, 1 s on and 4 s off. Two phones are the tests' own:
37 has early media for 4 s, then answers; 39 answers, presses 1 after 3 s, and records from the answer on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ari_app.stack.carrier import CarrierCall
from tests.conftest import nothing_is_left
from tests.ear import Ear
from tests.ground import ROUNDS, SOAK, Ground, number
from tests.ringbridge import Ringbridge
from tests.stories import Board, Shown, tell

pytestmark = pytest.mark.timeout(1800 if SOAK else 120)  # the full counts take minutes

RINGBACK_HZ = 450
AT_ONCE_MS = 200
TALK_S = 2
EARLY_HZ = 1400

OWN_PHONES = {
    "37": (
        "Progress()", "CELGenUserEvent(EARLY_MEDIA)", f"PlayTones({EARLY_HZ})", "Wait(4)", "StopPlayTones()",
        "Goto(recording-phone,s,1)",
    ),
    # what a phone sends is MixMonitor's clock: silence before the key, the tone after it
    "39": (
        "Answer(,i)", "MixMonitor(,r(${RECORD_DIR}/${UNIQUEID}.sln))", "PlayTones(0)", "Wait(3)", "StopPlayTones()",
        "SendDTMF(1,250,250)", "PlayTones(${TONE_HZ})", "Goto(recording-phone,s,stay)",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Talk:
    """Two phones, and what is asked for. `api`: hung up by the API after some talk; else the phones end it."""

    caller: int
    callee: int
    asks: dict[str, Any] = field(default_factory=dict)
    api: bool = True


@dataclass(frozen=True)
class Heard:
    shown: Shown
    caller: CarrierCall
    callee: CarrierCall

    @property
    def answered_ms(self) -> int:
        assert self.callee.answered_at_ms is not None
        return self.callee.answered_at_ms

    @property
    def failed_ms(self) -> int:
        assert self.callee.ended_at_ms is not None
        return self.callee.ended_at_ms


TALKS = {
    "plain": Talk(4, 5),
    "ringback": Talk(4, 21),
    "music": Talk(5, 21, {"waiting": "music"}),
    "early": Talk(6, 27, {"early_media": "all"}, api=False),
    "no early": Talk(7, 27, {"early_media": "none"}, api=False),
    "no early, answer": Talk(8, 21, {"early_media": "none"}),
    "no early, music": Talk(9, 21, {"early_media": "none", "waiting": "music"}),
    "early, answer": Talk(4, 37, {"early_media": "all"}),
    "early unheard, answer": Talk(5, 37, {"early_media": "none"}),
    "pressed": Talk(39, 21, {"confirm_caller": True}),
}
PROMPTED = {"at once": Talk(4, 5), "rings": Talk(6, 21), "music": Talk(7, 21, {"waiting": "music"})}


def hear(app: Ringbridge, ground: Ground, talks: dict[str, Talk]) -> list[dict[str, Heard]]:
    """Every talk at the same time; as many rounds of it as are asked for."""
    return [_round(app, ground, talks) for _ in range(ROUNDS)]


def _round(app: Ringbridge, ground: Ground, talks: dict[str, Talk]) -> dict[str, Heard]:
    numbers = {name: (number(talk.caller), number(talk.callee)) for name, talk in talks.items()}

    def story(name: str, talk: Talk) -> Callable[[Board], Shown]:
        def go(board: Board) -> Shown:
            mine, theirs = numbers[name]
            call = app.call(app.user(f"u{mine[1:]}", mine, bonus_s=600), theirs, **talk.asks)
            return board.hang_up(call, after_s=TALK_S) if talk.api else board.until_ended(call)

        return go

    shown = tell(app, {name: story(name, talk) for name, talk in talks.items()})
    return {name: Heard(shown[name], *map(ground.hung_up, numbers[name])) for name in talks}


@pytest.fixture(scope="module")
def heard(ringbridge: Ringbridge, ground: Ground) -> list[dict[str, Heard]]:
    for last_digits, does in OWN_PHONES.items():
        ground.add_phone(last_digits, *does)
    return hear(ringbridge, ground, TALKS)


@pytest.fixture(scope="module")
def prompted(paying: Ringbridge, paying_ground: Ground) -> list[dict[str, Heard]]:
    """By an app that has a prompt."""
    return hear(paying, paying_ground, PROMPTED)


TALKED = [name for name, talk in TALKS.items() if talk.api]


@pytest.mark.parametrize("name", TALKED)
def test_the_caller_hears_the_callee_at_once_and_without_a_gap(heard: list[dict[str, Heard]], name: str) -> None:
    for one in heard:
        hears_at_once(one[name].caller, 300 + 50 * TALKS[name].callee, one[name].answered_ms)


@pytest.mark.parametrize("name", TALKED)
def test_the_callee_hears_the_caller_at_once_and_without_a_gap(heard: list[dict[str, Heard]], name: str) -> None:
    for one in heard:
        hears_at_once(one[name].callee, 300 + 50 * TALKS[name].caller, one[name].answered_ms)


def hears_at_once(phone: CarrierCall, hz: float, answered_ms: int) -> None:
    ear = Ear(phone)
    delay_ms = ear.delay_ms(hz, answered_ms)
    assert delay_ms <= AT_ONCE_MS
    assert ear.gaps(hz, answered_ms + delay_ms, ear.ends_ms - 100) == []


@pytest.mark.parametrize("name", ["ringback", "no early, answer", "early unheard, answer"])
def test_the_caller_hears_ringback_until_the_callee_answers(heard: list[dict[str, Heard]], name: str) -> None:
    for one in heard:
        talk, ear = one[name], Ear(one[name].caller)
        assert ear.heard_ms(RINGBACK_HZ, ear.begins_ms, talk.answered_ms) >= 800
        assert ear.first(RINGBACK_HZ, talk.answered_ms + AT_ONCE_MS) is None
        rings_ms = talk.callee.rang_at_ms or talk.callee.early_media_at_ms or 0
        assert ear.delay_ms(RINGBACK_HZ, rings_ms) <= AT_ONCE_MS


@pytest.mark.parametrize("name", ["music", "no early, music"])
def test_the_caller_hears_music_until_the_callee_answers(heard: list[dict[str, Heard]], name: str) -> None:
    for one in heard:
        talk, ear = one[name], Ear(one[name].caller)
        assert ear.other_ms(ear.begins_ms, talk.answered_ms) >= 1500
        assert ear.first(RINGBACK_HZ) is None
        # a frame that came late on a loaded machine is heard as a click; music would be heard for seconds
        assert ear.other_ms(talk.answered_ms + AT_ONCE_MS, ear.ends_ms - 100, 1350) < 300


def test_the_callees_network_is_heard_before_the_answer_from_its_first_sound_to_its_last(
    heard: list[dict[str, Heard]],
) -> None:
    for one in heard:
        talk, ear = one["early"], Ear(one["early"].caller)
        assert talk.callee.early_media_at_ms is not None
        delay_ms = ear.delay_ms(EARLY_HZ, talk.callee.early_media_at_ms)
        assert delay_ms <= AT_ONCE_MS
        assert ear.gaps(EARLY_HZ, talk.callee.early_media_at_ms + delay_ms, talk.failed_ms - 100) == []
        assert ear.first(RINGBACK_HZ) is None


def test_the_callees_network_is_heard_until_the_very_answer(heard: list[dict[str, Heard]]) -> None:
    for one in heard:
        talk, ear = one["early, answer"], Ear(one["early, answer"].caller)
        assert talk.callee.early_media_at_ms is not None
        delay_ms = ear.delay_ms(EARLY_HZ, talk.callee.early_media_at_ms)
        assert delay_ms <= AT_ONCE_MS
        assert ear.gaps(EARLY_HZ, talk.callee.early_media_at_ms + delay_ms, talk.answered_ms - 100) == []
        assert ear.first(EARLY_HZ, talk.answered_ms + AT_ONCE_MS) is None
        assert ear.first(RINGBACK_HZ) is None


def test_a_callees_network_that_is_not_wanted_is_not_heard_though_he_answers(heard: list[dict[str, Heard]]) -> None:
    for one in heard:
        ear = Ear(one["early unheard, answer"].caller)
        assert ear.first(EARLY_HZ) is None
        assert ear.heard_ms(EARLY_HZ, ear.begins_ms, ear.ends_ms) == 0


def test_after_the_callees_network_has_said_why_nothing_more_is_said(heard: list[dict[str, Heard]]) -> None:
    for one in heard:
        ear = Ear(one["early"].caller)
        assert ear.other_ms(one["early"].failed_ms + 100, ear.ends_ms) < 200
        assert ear.ends_ms - one["early"].failed_ms < 500


def test_a_callees_network_that_is_not_wanted_is_not_heard_but_ringback_and_our_own_announcement(
    heard: list[dict[str, Heard]],
) -> None:
    for one in heard:
        talk, ear = one["no early"], Ear(one["no early"].caller)
        assert ear.first(EARLY_HZ) is None
        assert ear.heard_ms(RINGBACK_HZ, ear.begins_ms, talk.failed_ms) >= 800
        assert ear.other_ms(talk.failed_ms, ear.ends_ms, RINGBACK_HZ) > 500
        assert one["no early"].shown["reason"] == "callee_unreachable"


def test_nobody_is_rung_before_the_caller_has_pressed_1(heard: list[dict[str, Heard]]) -> None:
    for one in heard:
        talk = one["pressed"]
        assert talk.caller.answered_at_ms is not None
        assert talk.callee.invited_at_ms - talk.caller.answered_at_ms >= 3000


def test_the_caller_is_asked_to_press_1_and_hears_no_more_of_it_afterwards(heard: list[dict[str, Heard]]) -> None:
    for one in heard:
        talk, ear = one["pressed"], Ear(one["pressed"].caller)
        assert talk.caller.recorded_ms == pytest.approx(talk.caller.talked_ms, abs=100), "its times can be believed"
        assert ear.other_ms(ear.begins_ms, ear.begins_ms + 3000, RINGBACK_HZ) >= 1000
        assert ear.heard_ms(RINGBACK_HZ, talk.callee.invited_at_ms, talk.answered_ms) >= 800
        # a frame that came late on a loaded machine is heard as a click
        assert ear.other_ms(talk.answered_ms + AT_ONCE_MS, ear.ends_ms - 100, 1350) < 300


# --- the prompt -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", list(PROMPTED))
def test_the_callee_is_rung_while_the_caller_hears_the_prompt(prompted: list[dict[str, Heard]], name: str) -> None:
    for one in prompted:
        talk, ear = one[name], Ear(one[name].caller)
        assert talk.callee.invited_at_ms - ear.begins_ms <= 300
        if name != "at once":
            assert ear.other_ms(ear.begins_ms, talk.answered_ms, RINGBACK_HZ) >= 700


@pytest.mark.parametrize("name", list(PROMPTED))
def test_the_prompt_is_cut_when_the_callee_answers(prompted: list[dict[str, Heard]], name: str) -> None:
    for one in prompted:
        talk = one[name]
        hears_at_once(talk.caller, 300 + 50 * PROMPTED[name].callee, talk.answered_ms)
        hears_at_once(talk.callee, 300 + 50 * PROMPTED[name].caller, talk.answered_ms)


def test_ringback_follows_the_prompt(prompted: list[dict[str, Heard]]) -> None:
    for one in prompted:
        talk, ear = one["rings"], Ear(one["rings"].caller)
        assert ear.heard_ms(RINGBACK_HZ, ear.begins_ms, talk.answered_ms) >= 500


def test_nothing_is_left_behind(heard: list[dict[str, Heard]], ground: Ground, ringbridge: Ringbridge) -> None:
    assert heard
    nothing_is_left(ground, ringbridge)
