"""What sounds in a raw recording: which tones, from when to when, and whether anything sounds beside them.

Recordings are signed 16-bit mono samples, 8000 a second, no header (Asterisk's "sln"). Levels are dB below a sine
wave of full scale. Pure Python: sixty seconds take well under one. Knows nothing of calls or of Asterisk.

Every tone of the phones is a multiple of 50 Hz, and so is China's ringback (450 Hz, 1 s on, 4 s off), which is
therefore the tone of phone 03 too: where ringback may be heard, call another phone."""

import cmath
import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from operator import mul
from pathlib import Path
from typing import NamedTuple

RATE = 8000
# A Hann window of 40 ms has its first zeros 50 Hz beside its centre: a neighbouring phone's tone falls on one.
WINDOW_MS = 40
STEP_MS = 10
# Asterisk's tones come at -13 dB; this is half their amplitude, so an edge is where half a window is filled. Speech
# passes it too: in 20 minutes of prompts harmonics did for up to 0.24 s, but none kept its phase for 0.2 s.
PRESENT_DB = -19.0
SILENT_DB = -50.0
CANDIDATES_HZ = (*range(350, 800, 50), 1000, 1350, 1400)

_FULL_SCALE = 32768.0
_FLOOR_DB = -120.0
_COHERENT = 0.85  # of 1: how well a tone keeps its phase; a voice glides
_PEAK_RANGE_DB = 25.0  # a weaker peak is a side effect of the strongest, or of no interest
_FFT_SIZE = 512


class Slice(NamedTuple):
    """One window of sound. `other_db` is the level of all that is none of the tones looked for: speech, for one.
    Where a tone begins or ends inside the window, its edge counts as "other"."""

    at_ms: int
    levels_db: dict[float, float]
    other_db: float

    def has(self, hz: float) -> bool:
        return self.levels_db[hz] > PRESENT_DB


def read(path: Path) -> "array[int]":
    """All samples of a raw recording; half a sample at the end (still being written) is left out."""
    raw = path.read_bytes()
    samples = array("h")
    samples.frombytes(raw[: len(raw) & ~1])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def duration_ms(path: Path) -> int:
    return path.stat().st_size // 2 * 1000 // RATE


def timeline(path: Path, window_ms: int = 50, candidates: Iterable[float] = CANDIDATES_HZ) -> list[Slice]:
    """The level of each candidate, window after window; `at_ms` is where the window begins."""
    samples, tones_hz, size = read(path), tuple(candidates), RATE * window_ms // 1000
    return [
        _slice(samples[at : at + size], at * 1000 // RATE, tones_hz) for at in range(0, len(samples) - size + 1, size)
    ]


def stretches(path: Path, hz: float, from_ms: int = 0, to_ms: int | None = None) -> list[tuple[int, int]]:
    """Where there is as much of this frequency as a phone's tone has, (from, to) each, to about 10 ms."""
    return _runs(_frames(read(path), hz, from_ms, to_ms))


def heard(path: Path, hz: float, from_ms: int, to_ms: int) -> float:
    """Which share of this stretch has the tone: 1.0 is all of it without a gap. Beyond the recording is silence."""
    return sum(end - begin for begin, end in stretches(path, hz, from_ms, to_ms)) / (to_ms - from_ms)


def first_heard(path: Path, hz: float, after_ms: int = 0, at_least_ms: int = 200) -> int | None:
    """When a tone begins that lasts and keeps its phase, as speech does not; to about 10 ms. None if none does."""
    frames, most = list(_frames(read(path), hz, after_ms)), at_least_ms // STEP_MS
    for begin_ms, end_ms in _runs(frames):
        first = (begin_ms - after_ms) // STEP_MS
        for at in range(first, first + (end_ms - begin_ms) // STEP_MS - most + 1):
            if _coherence([phasor for _, phasor in frames[at : at + most]]) > _COHERENT:
                return frames[at][0]
    return None


def gaps(path: Path, hz: float, from_ms: int, to_ms: int, at_least_ms: int = 80) -> list[tuple[int, int]]:
    """Where in this stretch the tone is missing, (from, to) each; what follows the end of the recording is a gap.
    Loud speech beside the tone can hide it for 60 ms, so shorter gaps prove nothing."""
    missing, at_ms = [], from_ms
    for begin, end in [*stretches(path, hz, from_ms, to_ms), (to_ms, to_ms)]:
        if begin - at_ms >= at_least_ms:
            missing.append((at_ms, begin))
        at_ms = end
    return missing


def strongest(samples: Sequence[int], rate: int = RATE, window_ms: int = 1000, most: int = 3) -> list[list[float]]:
    """For each window the strongest frequencies, loudest first, in whole Hz; silence is an empty list. A last window
    that is shorter than half is left out."""
    size = rate * window_ms // 1000
    return [_peaks(samples[at : at + size], rate, most) for at in range(0, len(samples) - size // 2, size)]


# the mathematics


@lru_cache(maxsize=16)
def _hann(size: int) -> tuple[float, ...]:
    return tuple(0.5 - 0.5 * math.cos(2 * math.pi * (n + 0.5) / size) for n in range(size))


@lru_cache(maxsize=512)
def _waves(hz: float, size: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Cosine and sine under a Hann window, scaled so that a sine wave of full scale gives 1."""
    scale = 2 / sum(_hann(size)) / _FULL_SCALE
    turns = [2 * math.pi * hz * n / RATE for n in range(size)]
    window = _hann(size)
    return (
        tuple(scale * w * math.cos(turn) for w, turn in zip(window, turns, strict=True)),
        tuple(scale * w * math.sin(turn) for w, turn in zip(window, turns, strict=True)),
    )


def _phasor(samples: Sequence[int], hz: float) -> complex:
    """Amplitude (1 at full scale) and phase of one frequency."""
    cosine, sine = _waves(hz, len(samples))
    return complex(sum(map(mul, samples, cosine)), -sum(map(mul, samples, sine)))


def _power(samples: Sequence[int], hz: float) -> float:
    return abs(_phasor(samples, hz)) ** 2


def _db(power: float) -> float:
    return max(_FLOOR_DB, 10 * math.log10(power)) if power > 0 else _FLOOR_DB


def _slice(samples: Sequence[int], at_ms: int, tones_hz: Sequence[float]) -> Slice:
    powers = {hz: _power(samples, hz) for hz in tones_hz}
    window = _hann(len(samples))
    windowed = list(map(mul, samples, window))
    total = 2 * sum(map(mul, windowed, windowed)) / sum(map(mul, window, window)) / _FULL_SCALE**2
    # A weak candidate is the skirt of something else: only what is really there is taken away.
    tones = sum(power for power in powers.values() if _db(power) > PRESENT_DB)
    return Slice(at_ms, {hz: _db(power) for hz, power in powers.items()}, _db(total - tones))


def _frames(samples: "array[int]", hz: float, from_ms: int, to_ms: int | None = None) -> Iterator[tuple[int, complex]]:
    """(at_ms, phasor) for each step of 10 ms, by a window centred on it. A steady tone has the same phasor in all."""
    size, step = RATE * WINDOW_MS // 1000, RATE * STEP_MS // 1000
    end = len(samples) if to_ms is None else min(len(samples), to_ms * RATE // 1000)
    edge = array("h", bytes(2 * size))  # outside of the recording is silence
    padded = edge + samples + edge
    for at in range(from_ms * RATE // 1000, end, step):
        begin = size + at + step // 2 - size // 2
        turned = cmath.exp(-2j * math.pi * (hz * begin / RATE % 1))
        yield at * 1000 // RATE, turned * _phasor(padded[begin : begin + size], hz)


def _runs(frames: Iterable[tuple[int, complex]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for at_ms, phasor in frames:
        if _db(abs(phasor) ** 2) < PRESENT_DB:
            continue
        begin_ms = found.pop()[0] if found and found[-1][1] == at_ms else at_ms
        found.append((begin_ms, at_ms + STEP_MS))
    return found


def _coherence(phasors: Sequence[complex]) -> float:
    return abs(sum(phasors)) / (sum(map(abs, phasors)) or 1.0)


def _peaks(samples: Sequence[int], rate: int, most: int) -> list[float]:
    spectrum = _spectrum(samples)
    level = max(spectrum, default=0.0)
    if _db(level) < SILENT_DB:
        return []
    least = level / 10 ** (_PEAK_RANGE_DB / 10)
    tops = [
        n
        for n in range(2, len(spectrum) - 1)
        if spectrum[n] >= least and spectrum[n - 1] < spectrum[n] >= spectrum[n + 1]
    ]
    tops.sort(key=lambda n: -spectrum[n])
    return [float(round(_between(spectrum, n) * rate / _FFT_SIZE)) for n in tops[:most]]


def _between(spectrum: Sequence[float], n: int) -> float:
    """The true top beside bin n: a Hann window's amplitudes at two neighbours tell it."""
    left, here, right = (math.sqrt(spectrum[n + d]) for d in (-1, 0, 1))
    if right >= left:
        return n + (2 * right - here) / (here + right)
    return n - (2 * left - here) / (here + left)


def _spectrum(samples: Sequence[int]) -> list[float]:
    """Power by frequency (1 at full scale), the mean over pieces of 64 ms; two pieces share one FFT."""
    window = _hann(_FFT_SIZE)
    scale = 2 / sum(window) / _FULL_SCALE
    whole = max(1, len(samples) // _FFT_SIZE)
    padded = [*samples[: whole * _FFT_SIZE], *(0 for _ in range(2 * _FFT_SIZE))]
    total = [0.0] * (_FFT_SIZE // 2)
    for at in range(0, whole * _FFT_SIZE, 2 * _FFT_SIZE):
        middle = at + _FFT_SIZE
        first = map(mul, padded[at:middle], window)
        second = map(mul, padded[middle : middle + _FFT_SIZE] if middle < whole * _FFT_SIZE else repeat(0), window)
        mixed = _fft(list(map(complex, first, second)))
        # Both pieces are real, so the powers of the two add up to those of the mirrored bins of their mixture.
        for n in range(1, _FFT_SIZE // 2):
            one, two = mixed[n], mixed[-n]
            total[n] += (one.real**2 + one.imag**2 + two.real**2 + two.imag**2) / 2
    return [power * scale * scale / whole for power in total]


@lru_cache(maxsize=16)
def _turns(size: int) -> tuple[complex, ...]:
    return tuple(complex(math.cos(a), -math.sin(a)) for a in (2 * math.pi * n / size for n in range(size // 2)))


def _fft(values: list[complex]) -> list[complex]:
    if len(values) == 1:
        return values
    even, odd = _fft(values[0::2]), list(map(mul, _fft(values[1::2]), _turns(len(values))))
    return [e + o for e, o in zip(even, odd, strict=True)] + [e - o for e, o in zip(even, odd, strict=True)]
