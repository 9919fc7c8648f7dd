"""A WAV file made into what a phone hears: 8000 samples a second, 16 bits, one channel. Pure Python.

Run by itself it reads one from its standard input and writes the other to its standard output: what strangers upload is
taken apart in a process of its own that can be ended at any moment. Hence it imports the standard library alone.
"""

import math
import resource
import struct
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import mul
from typing import NamedTuple

RATE = 8000
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 96000)
LEAST_MS = 100
SILENT = 64
"""Of 32767, -54 dB: a file whose loudest sample is below this is one that nobody hears."""
REFUSED = 3
"""Exit code of the process where the file is refused; the sentence is on its standard error."""

EDGE_HZ = 3700
"""Half of the amplitude is left here. What is above 4 kHz would be heard as a whistle below it."""
ZEROS = 8
"""Of the sinc on each side: 3.2 kHz pass as they are; 45 dB are gone at 4.4 kHz, which would be heard as 3.6."""

PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
OF_WAVE = b"\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
"""How the identifier of an extensible format ends where its first two bytes are one of the numbers above."""
OTHERS = {
    b"ID3": "an MP3",
    b"OggS": "an Ogg",
    b"fLaC": "a FLAC",
    b"FORM": "an AIFF",
    b"#!AMR": "an AMR",
    b"RF64": "an RF64",
}
WANTED = "a WAV file with 8, 16, 24 or 32 bits, A-law or u-law is wanted"


class NotAudio(ValueError):
    """Its text is a sentence for whoever sent the file."""


class Form(NamedTuple):
    tag: int
    channels: int
    rate: int
    bits: int


def to_phone(audio: bytes, most_ms: int) -> bytes:
    """A WAV file. Raises NotAudio."""
    form, data = _opened(audio)
    frames = len(data) // (form.channels * form.bits // 8)
    lasts_ms = frames * 1000 // form.rate
    if lasts_ms > most_ms:
        raise NotAudio(f"the audio lasts {lasts_ms / 1000:.1f} s, and {most_ms / 1000:g} s are taken at most")
    if lasts_ms < LEAST_MS:
        raise NotAudio(f"the audio lasts {lasts_ms} ms: there is nothing to be heard in it")
    mono = _mixed(_samples(form, data[: frames * form.channels * form.bits // 8]), form.channels)
    if max(max(mono), -min(mono)) < SILENT:
        raise NotAudio("there is nothing to be heard in the audio: all of it is silence")
    return wav(down(mono, form.rate))


def wav(samples: "array[int]") -> bytes:
    """As Asterisk plays it."""
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    data = samples.tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, PCM, 1, RATE, RATE * 2, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE") + form + struct.pack("<4sI", b"data", len(data)) + data
    )


# what is in the file


def _opened(audio: bytes) -> tuple[Form, bytes]:
    if audio[:4] != b"RIFF" or audio[8:12] != b"WAVE":
        kind = next((words for magic, words in OTHERS.items() if audio.startswith(magic)), "")
        raise NotAudio(f"this is {kind} file: {WANTED}" if kind else f"this is no WAV file: {WANTED}")
    form = None
    for name, chunk in _chunks(audio):
        if name == b"fmt ":
            form = _form(chunk)
        elif name == b"data":
            if form is None:
                raise NotAudio("this WAV file does not say of which form its samples are")
            return form, chunk
    raise NotAudio("there are no samples in this WAV file")


def _chunks(audio: bytes) -> Iterator[tuple[bytes, bytes]]:
    """One that claims to be longer than the file ends with it: who writes to a pipe does not know how long it gets."""
    at = 12
    while at + 8 <= len(audio):
        name, size = audio[at : at + 4], int.from_bytes(audio[at + 4 : at + 8], "little")
        yield name, audio[at + 8 : at + 8 + size]
        at += 8 + size + (size & 1)


def _form(chunk: bytes) -> Form:
    if len(chunk) < 16:
        raise NotAudio("this WAV file does not say of which form its samples are")
    tag, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16])
    if tag == EXTENSIBLE and len(chunk) >= 40 and chunk[28:40] == OF_WAVE:
        tag = int.from_bytes(chunk[24:26], "little")
    if (tag, bits) not in DECODERS:
        raise NotAudio(f"the samples of this WAV file are of a form that is not read ({tag}, {bits} bits): {WANTED}")
    if channels not in (1, 2):
        raise NotAudio(f"this WAV file has {channels} channels: one or two are wanted")
    if rate not in RATES:
        rates = ", ".join(map(str, RATES))
        raise NotAudio(f"this WAV file has {rate} samples a second: one of {rates} is wanted")
    return Form(tag, channels, rate, bits)


# samples


def _samples(form: Form, data: bytes) -> "array[int]":
    return DECODERS[form.tag, form.bits](data)


def _of_two_bytes(data: bytes) -> "array[int]":
    samples = array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


def _upper_two(data: bytes, size: int) -> "array[int]":
    """The first 16 bits of longer samples."""
    upper = bytearray(len(data) // size * 2)
    upper[0::2], upper[1::2] = data[size - 2 :: size], data[size - 1 :: size]
    return _of_two_bytes(bytes(upper))


def _by_table(table: Sequence[int]) -> Callable[[bytes], "array[int]"]:
    return lambda data: array("h", map(table.__getitem__, data))


def _of_floats(data: bytes) -> "array[int]":
    floats = array("f", data)
    if sys.byteorder == "big":
        floats.byteswap()
    # what is no number compares as nothing, and is silence
    return array(
        "h", (round(32767 * x) if -1 <= x <= 1 else 32767 if x > 1 else -32767 if x < -1 else 0 for x in floats)
    )


def _a_law(code: int) -> int:
    """G.711: sign, three bits of the step, four of the place on it; every other bit turned round."""
    code ^= 0x55
    step, place = code >> 4 & 7, code & 15
    size = (place << 4) + 8 if step == 0 else ((place << 4) + 0x108) << (step - 1)
    return size if code & 0x80 else -size


def _mu_law(code: int) -> int:
    code = ~code
    size = (((code & 15) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -size if code & 0x80 else size


DECODERS: dict[tuple[int, int], Callable[[bytes], "array[int]"]] = {
    (PCM, 8): _by_table([(level - 128) << 8 for level in range(256)]),
    (PCM, 16): _of_two_bytes,
    (PCM, 24): lambda data: _upper_two(data, 3),
    (PCM, 32): lambda data: _upper_two(data, 4),
    (FLOAT, 32): _of_floats,
    (A_LAW, 8): _by_table([_a_law(code) for code in range(256)]),
    (MU_LAW, 8): _by_table([_mu_law(code) for code in range(256)]),
}  # fmt: skip


def _mixed(samples: "array[int]", channels: int) -> "array[int]":
    if channels == 1:
        return samples
    return array("h", ((left + right) >> 1 for left, right in zip(samples[0::2], samples[1::2], strict=True)))


# fewer samples a second


def down(samples: "array[int]", rate: int) -> "array[int]":
    """To 8000 a second, without what a phone cannot tell from lower sounds: a sinc under a Kaiser window, one set of
    weights for each place that a new sample has between two old ones."""
    if rate == RATE:
        return samples
    up, by = RATE // math.gcd(RATE, rate), rate // math.gcd(RATE, rate)
    half = ZEROS * rate // (2 * EDGE_HZ)
    weights = _all_weights(rate, half, up)
    edge = array("h", bytes(2 * half))
    padded, width = edge + samples + edge + array("h", [0]), 2 * half + 1
    total = getattr(math, "sumprod", lambda a, b: sum(map(mul, a, b)))  # of Python 3.12
    made = array("h")
    for n in range(len(samples) * up // by):
        at, phase = divmod(n * by, up)
        level = round(total(padded[at : at + width], weights[phase]))
        made.append(-32768 if level < -32768 else 32767 if level > 32767 else level)
    return made


@lru_cache(maxsize=len(RATES))
def _all_weights(rate: int, half: int, up: int) -> list[list[float]]:
    return [_weights(rate, half, phase / up) for phase in range(up)]


def _weights(rate: int, half: int, shift: float) -> list[float]:
    cutoff = 2 * EDGE_HZ / rate
    weights = []
    for k in range(-half, half + 1):
        x = k - shift
        under = 1 - (x / (half + 1)) ** 2
        weights.append(_sinc(cutoff * x) * _bessel(5.0 * math.sqrt(max(under, 0.0))))
    whole = sum(weights)
    return [weight / whole for weight in weights]


def _sinc(x: float) -> float:
    return 1.0 if x == 0 else math.sin(math.pi * x) / (math.pi * x)


def _bessel(x: float) -> float:
    """The modified Bessel function of the first kind and order zero, by its series."""
    total = term = 1.0
    for n in range(1, 25):
        term *= (x / (2 * n)) ** 2
        total += term
    return total


def main(argv: Sequence[str]) -> int:
    """`most_ms cpu_s memory_bytes`: how long the audio may last, and what this process may use."""
    most_ms, cpu_s, memory = map(int, argv)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        made = to_phone(sys.stdin.buffer.read(), most_ms)
    except NotAudio as why:
        sys.stderr.write(str(why))
        return REFUSED
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
