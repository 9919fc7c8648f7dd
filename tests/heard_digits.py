"""What was said in a recording: where there is speech, and which of some known prompts were played (digits of a code).

A prompt that is played comes through unchanged but for the codec, so its waveform is looked for: another word, another
voice, or the same word said anew does not match. It knows sound and Asterisk's prompt files, nothing of the product."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ari_app.stack import Stack
from tests.who_heard import RATE, Samples, read

ALIKE = 0.75
"""How well a prompt must match, of 1. One that was played does by 0.9 and more; `two` and `three` are the most alike of
all, by 0.63."""
SPEECH_DB, QUIET_DB = -38.0, -50.0
FRAME_MS, PAUSE_MS, WORD_MS = 50, 400, 200
VARIES_DB = 2.0  # a voice does by more, also over half a second; steady tones, however many, do not at all
ENGLISH = "sounds/en_US_f_Allison"
Sound = Path | Samples


@dataclass(frozen=True)
class Found:
    """A prompt that was played. Times are ms since the beginning of the recording."""

    name: str
    from_ms: int
    to_ms: int
    score: float


def heard_digits(sound: Sound, prompts: Mapping[str, Samples], from_ms: int = 0, to_ms: int | None = None) -> str:
    """The names of the prompts that were played in this stretch, in their order, joined: "481516"."""
    return "".join(found.name for found in heard_prompts(sound, prompts, from_ms, to_ms))


def heard_prompts(
    sound: Sound, prompts: Mapping[str, Samples], from_ms: int = 0, to_ms: int | None = None
) -> list[Found]:
    """Which prompts were played in this stretch, and when, in their order."""
    samples = _stretch(sound, from_ms, to_ms)
    candidates = (found for name, prompt in prompts.items() for found in _matches(name, samples, prompt))
    chosen: list[Found] = []
    for found in sorted(candidates, key=lambda one: -one.score):
        if not any(found.from_ms < other.to_ms and other.from_ms < found.to_ms for other in chosen):
            chosen.append(found)
    chosen.sort(key=lambda one: one.from_ms)
    return [Found(one.name, one.from_ms + from_ms, one.to_ms + from_ms, one.score) for one in chosen]


def times_said(sound: Sound, prompt: Samples) -> int:
    """How often it was played, also where the machine stood still in the midst of it: either half of it tells."""
    samples, word = _stretch(sound, 0, None), _trimmed(prompt)
    half, half_ms = len(word) // 2, len(word) * 500 // RATE
    begins = sorted(
        [one.from_ms for one in _matches("", samples, word[:half])]
        + [one.from_ms - half_ms for one in _matches("", samples, word[half:])]
    )
    return sum(n == 0 or at - begins[n - 1] > half_ms for n, at in enumerate(begins))


def speech(sound: Sound, from_ms: int = 0, to_ms: int | None = None) -> list[tuple[int, int]]:
    """From when to when somebody speaks, pauses of 0.4 s included. Tones that stay as loud as they are do not count."""
    samples = _stretch(sound, from_ms, to_ms)
    levels = _levels_db(samples)
    found = []
    for begin, end in _runs(levels > SPEECH_DB, PAUSE_MS // FRAME_MS):
        inside = levels[begin + 1 : end - 1]  # without the edges, which are no whole frames
        if end - begin >= WORD_MS // FRAME_MS and len(inside) > 1 and inside.std() > VARIES_DB:
            found.append((from_ms + begin * FRAME_MS, from_ms + end * FRAME_MS))
    return found


def speech_ms(sound: Sound, from_ms: int = 0, to_ms: int | None = None) -> int:
    return sum(end - begin for begin, end in speech(sound, from_ms, to_ms))


# the prompts


def digit_prompts(stack: Stack) -> dict[str, Samples]:
    """Of Asterisk's English prompts, by the digit."""
    found = core_prompts(stack, *(f"digits/{digit}" for digit in range(10)))
    return {name.removeprefix("digits/"): sound for name, sound in found.items()}


def core_prompts(stack: Stack, *names: str) -> dict[str, Samples]:
    """Asterisk's English prompts by their names (`digits/7`, `vm-intro`), made samples by the carrier, which runs."""
    found = {}
    into = stack.info().carrier_dir
    assert into is not None
    for name in names:
        wanted = into / "prompts" / f"{name.replace('/', '-')}.sln"
        if not wanted.exists():
            wanted.parent.mkdir(exist_ok=True)
            source = stack.prepare().data_dir / ENGLISH / f"{name}.gsm"
            said = stack.asterisk_rx("carrier", f"file convert {source} {wanted}")
            assert wanted.exists(), said
        found[name] = read(wanted)
    return found


# the mathematics


def _stretch(sound: Sound, from_ms: int, to_ms: int | None) -> Samples:
    samples = read(sound) if isinstance(sound, Path) else sound
    return samples[from_ms * RATE // 1000 : None if to_ms is None else to_ms * RATE // 1000]


def _matches(name: str, sound: Samples, prompt: Samples) -> Iterator[Found]:
    """Where the waveform of this prompt is, at any loudness: the tops of the correlation, each with its neighbourhood
    taken out."""
    word = _trimmed(prompt)
    score = _correlation(sound, word)
    while len(score) and score.max() >= ALIKE:
        at = int(score.argmax())
        yield Found(name, at * 1000 // RATE, (at + len(word)) * 1000 // RATE, float(score[at]))
        score[max(0, at - len(word)) : at + len(word)] = 0


def _correlation(sound: Samples, word: Samples) -> Samples:
    """For each place in the sound how alike what is there is to the word: 1 the same, 0 not at all."""
    if len(sound) < len(word):
        return np.zeros(0)
    size = 1 << (len(sound) + len(word)).bit_length()
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(word, size)), size)
    places = len(sound) - len(word) + 1
    power = np.concatenate(([0.0], np.cumsum(sound**2)))
    there = power[len(word) :] - power[:places]
    least = len(word) * _amplitude(QUIET_DB) ** 2  # silence is like nothing
    alike: Samples = product[:places] / np.sqrt(np.maximum(there, least) * (word**2).sum())
    return alike


def _trimmed(prompt: Samples) -> Samples:
    """Without the silence before and after."""
    loud = np.flatnonzero(_levels_db(prompt) > QUIET_DB)
    assert len(loud), "a prompt without sound"
    size = RATE * FRAME_MS // 1000
    return prompt[loud[0] * size : (loud[-1] + 1) * size]


def _levels_db(sound: Samples) -> Samples:
    size = RATE * FRAME_MS // 1000
    frames = sound[: len(sound) // size * size].reshape(-1, size)
    level: Samples = 10 * np.log10((frames**2).mean(axis=1) / 32768**2 + 1e-12)
    return level


def _amplitude(db: float) -> float:
    return float(32768 * 10 ** (db / 20))


def _runs(is_loud: Iterable[bool], joined: int) -> list[tuple[int, int]]:
    """(begin, end) of what is loud, in frames; gaps of up to `joined` frames are part of it."""
    found: list[tuple[int, int]] = []
    for at in np.flatnonzero(np.asarray(list(is_loud))):
        begin = found.pop()[0] if found and at - found[-1][1] <= joined else int(at)
        found.append((begin, int(at) + 1))
    return found
