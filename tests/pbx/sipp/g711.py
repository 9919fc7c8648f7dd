"""A-law (ITU-T G.711) for the test caller: bytes to samples and back, and a tone as 20 ms frames."""

import math
from collections.abc import Callable, Iterable

FRAME_SAMPLES = 160


def _to_sample(code: int) -> int:
    code ^= 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    size = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return size if code & 0x80 else -size


_SAMPLES = [_to_sample(code) for code in range(256)]
_BY_SIZE = sorted(range(256), key=lambda code: _SAMPLES[code])


def _to_code(sample: int) -> int:
    return min(range(256), key=lambda code: abs(_SAMPLES[code] - sample))


_CODES: dict[int, int] = {}


def decode(payload: bytes) -> list[int]:
    return [_SAMPLES[code] for code in payload]


def encode(samples: Iterable[int]) -> bytes:
    return bytes(_CODES[s] if s in _CODES else _CODES.setdefault(s, _to_code(s)) for s in samples)


SILENCE = encode([0] * FRAME_SAMPLES)


def tone(hz: int, amplitude: int = 8000) -> Callable[[int], bytes]:
    """A steady tone. It repeats exactly after one second, so fifty frames are all of it."""
    wave = encode(round(amplitude * math.sin(2 * math.pi * hz * n / 8000)) for n in range(8000))
    frames = [wave[at : at + FRAME_SAMPLES] for at in range(0, 8000, FRAME_SAMPLES)]
    return lambda frame: frames[frame % 50]
