"""The ear for speech: it must read the code that was played, and must not read one that was not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.heard_digits import heard_digits, heard_prompts, speech, speech_ms
from tests.who_heard import RATE, Samples
from tests.wire import on_the_wire


def voice(seed: int, ms: int = 500) -> Samples:
    """A word of its own for each seed: harmonics of a pitch that glides, in syllables, as loud as a prompt."""
    rng = np.random.default_rng(seed)
    at_s = np.arange(ms * 8) / RATE
    pitch = 120 + 60 * rng.random() + 40 * np.sin(2 * np.pi * rng.uniform(0.5, 3) * at_s + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    strength = rng.uniform(0.2, 1, 12)
    sound = sum((a * np.sin(h * phase + rng.uniform(0, 6)) for h, a in enumerate(strength, 1)), np.zeros(ms * 8))
    syllables = 0.15 + np.sin(np.pi * at_s / at_s[-1] * rng.integers(1, 4)) ** 2
    word: Samples = sound * syllables * 9000 / np.abs(sound * syllables).max()
    return word


PROMPTS = {str(digit): voice(digit, 420 + 30 * digit) for digit in range(10)}


def silence(ms: int) -> Samples:
    return np.zeros(ms * 8)


def tone(*hz: float, ms: int = 1000) -> Samples:
    return sum((7000 * np.sin(2 * np.pi * f * np.arange(ms * 8) / RATE) for f in hz), np.zeros(ms * 8))


def played(code: str, pause_ms: int = 150, gain: float = 1.0) -> Samples:
    parts = [silence(400)]
    for digit in code:
        parts += [gain * PROMPTS[digit], silence(pause_ms)]
    return on_the_wire(np.concatenate(parts))


@pytest.mark.parametrize("code", ["481516", "000000", "112233", "987650"])
@pytest.mark.parametrize(("pause_ms", "gain"), [(0, 1.0), (150, 0.7), (600, 1.3)])
def test_a_code_is_read_as_it_was_played(code: str, pause_ms: int, gain: float) -> None:
    assert heard_digits(played(code, pause_ms, gain), PROMPTS) == code


def test_a_code_that_is_read_out_twice_is_heard_twice() -> None:
    twice = np.concatenate([played("2342"), silence(1000), played("2342")])
    assert heard_digits(twice, PROMPTS) == "23422342"


def test_each_digit_has_its_place() -> None:
    [four, two] = heard_prompts(played("42", pause_ms=250), PROMPTS)
    assert (four.name, two.name) == ("4", "2")
    assert four.from_ms == pytest.approx(400, abs=60)
    assert two.from_ms == pytest.approx(400 + 540 + 250, abs=60)
    assert min(four.score, two.score) > 0.95


def test_a_stretch_is_read_without_what_is_before_and_after() -> None:
    sound = np.concatenate([played("11"), played("77"), played("22")])
    part_ms = len(played("11")) * 1000 // RATE
    middle = heard_prompts(sound, PROMPTS, part_ms, part_ms + len(played("77")) * 1000 // RATE)
    assert [found.name for found in middle] == ["7", "7"]
    assert middle[0].from_ms == pytest.approx(part_ms + 400, abs=60)


@pytest.mark.parametrize("what", ["silence", "a tone", "noise", "other words", "a digit cut in half", "another voice"])
def test_what_is_no_digit_is_not_read_as_one(what: str) -> None:
    sounds = {
        "silence": silence(3000),
        "a tone": tone(450, ms=3000),
        "noise": np.random.default_rng(1).normal(0, 4000, 24000),
        "other words": np.concatenate([voice(seed) for seed in range(50, 56)]),
        "a digit cut in half": np.concatenate([PROMPTS["5"][:2000], silence(1000)]),
        "another voice": np.interp(np.arange(0, len(PROMPTS["7"]), 1.1), np.arange(len(PROMPTS["7"])), PROMPTS["7"]),
    }
    assert heard_digits(on_the_wire(sounds[what]), PROMPTS) == ""


def test_swapped_and_missing_digits_are_noticed() -> None:
    """The tooth: what was heard is the code, and no other of its digits."""
    assert heard_digits(played("418516"), PROMPTS) != "481516"
    assert heard_digits(played("48151"), PROMPTS) != "481516"


def test_speech_is_found_where_it_is() -> None:
    sound = np.concatenate([silence(1000), voice(1, 900), silence(200), voice(2, 900), silence(1500), voice(3, 700)])
    [first, second] = speech(on_the_wire(sound))
    assert first == pytest.approx((1000, 3000), abs=100), "a short pause is a part of it"
    assert second == pytest.approx((4500, 5200), abs=100)
    assert speech_ms(on_the_wire(sound), 0, 3500) == pytest.approx(2000, abs=200)


@pytest.mark.parametrize(
    "hz", [(450,), (697, 1209), tuple(range(350, 750, 50))], ids=["a tone", "a key", "eight tones"]
)
def test_tones_are_no_speech(hz: tuple[float, ...]) -> None:
    """Nor is a ringback."""
    cadence = np.concatenate([tone(*hz), silence(1000), tone(*hz, ms=2000)])
    assert speech(on_the_wire(cadence / len(hz))) == []
    assert speech(silence(2000)) == []
