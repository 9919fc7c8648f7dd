"""WAV files of every form, made by hand: a tone as PCM, floats, A-law or u-law, of one channel or two."""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Callable, Sequence

RATE = 8000


def tone(hz: float, ms: int = 1000, rate: int = RATE, level: float = 0.5) -> list[float]:
    return [level * math.sin(2 * math.pi * hz * n / rate) for n in range(rate * ms // 1000)]


def wav(
    samples: Sequence[float], rate: int = RATE, *, tag: int = 1, bits: int = 16, channels: int = 1,
    before: bytes = b"", claims: int | None = None, is_extensible: bool = False,
) -> bytes:  # fmt: skip
    """`before`: chunks before the samples. `claims`: how many bytes of samples the file says it has."""
    data = b"".join(coded(one, tag, bits) * channels for one in samples)
    size = bits // 8 * channels
    form = struct.pack("<HHIIHH", 0xFFFE if is_extensible else tag, channels, rate, rate * size, size, bits)
    if is_extensible:
        form += struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    chunks = chunk(b"fmt ", form) + before + b"data" + struct.pack("<I", len(data) if claims is None else claims) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) & 1)


def coded(x: float, tag: int, bits: int) -> bytes:
    if tag == 3:
        return struct.pack("<f", x)
    if tag == 6:
        return bytes([nearest(x, A_LAW)])
    if tag == 7:
        return bytes([nearest(x, MU_LAW)])
    if bits == 8:
        return bytes([round(127 * x) + 128])
    return round(x * (2 ** (bits - 1) - 1)).to_bytes(bits // 8, "little", signed=True)


def nearest(x: float, codes: Sequence[int]) -> int:
    """The code whose level is next to this one's."""
    return min(range(256), key=lambda code: abs(codes[code] - 32768 * x))


def _levels(size_of: Callable[[int, int], float], turned: int, biggest: float) -> list[int]:
    """By the formula of the law, which is where its table comes from: eight steps, each twice as wide as the last."""
    whole = size_of(7, 15)
    return [
        round(size_of((code ^ turned) >> 4 & 7, (code ^ turned) & 15) / whole * biggest) * (1 if code & 0x80 else -1)
        for code in range(256)
    ]


A_LAW = _levels(lambda step, place: place + 0.5 if step == 0 else (place + 16.5) * 2 ** (step - 1), 0x55, 32256)
MU_LAW = _levels(lambda step, place: (place + 16.5) * 2**step - 16.5, 0x7F, 32124)


def samples_of(made: bytes) -> array[int]:
    """Of a file as phones hear it."""
    assert struct.unpack("<HHIIHH", made[20:36]) == (1, 1, 8000, 16000, 2, 16)
    assert made[36:40] == b"data"
    return array("h", made[44:])
