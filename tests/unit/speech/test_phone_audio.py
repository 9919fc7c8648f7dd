"""What becomes of an audio file: of every form the same sound, nothing above what a phone carries, and of all that is
no such file a sentence."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from ari_app.adapters.speech.phone_audio import RATES, NotAudio, to_phone
from ari_app.stack import tones
from tests.ground import SOAK
from tests.unit.speech.wavs import RATE, chunk, samples_of, tone, wav

MOST_MS = 5_000
FORMS = [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (6, 8), (7, 8)]
SPOILT = 20_000 if SOAK else 300


def heard(made: bytes, tmp_path: Path, hz: float) -> float:
    """Which share of it has this tone."""
    samples = samples_of(made)
    file = tmp_path / "heard.sln"
    file.write_bytes(samples.tobytes())
    return tones.heard(file, hz, 50, len(samples) * 1000 // RATE - 50)


def refusal(audio: bytes, most_ms: int = MOST_MS) -> str:
    with pytest.raises(NotAudio) as told:
        to_phone(audio, most_ms)
    return str(told.value)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("tag", "bits"), FORMS)
def test_a_tone_of_every_form_is_heard_as_loud_and_as_long(tag: int, bits: int, channels: int, tmp_path: Path) -> None:
    made = to_phone(wav(tone(600, 400), tag=tag, bits=bits, channels=channels), MOST_MS)
    assert len(samples_of(made)) == 3200
    assert heard(made, tmp_path, 600) > 0.99
    assert 15_800 <= max(samples_of(made)) <= 16_900


def test_the_extensible_form_is_the_form_that_it_names(tmp_path: Path) -> None:
    assert heard(to_phone(wav(tone(600), is_extensible=True), MOST_MS), tmp_path, 600) > 0.99


def test_two_channels_are_one_of_their_mean() -> None:
    both = [x for left, right in zip(tone(600), tone(600), strict=True) for x in (left, -right / 2)]
    stereo = bytearray(wav(both))
    stereo[22:24], stereo[32:34] = struct.pack("<H", 2), struct.pack("<H", 4)
    assert max(samples_of(to_phone(bytes(stereo), MOST_MS))) == pytest.approx(0.125 * 32767, rel=0.01)


@pytest.mark.parametrize("rate", RATES)
def test_every_rate_is_heard_at_its_own_pitch_and_length(rate: int, tmp_path: Path) -> None:
    made = to_phone(wav(tone(1000, 600, rate), rate), MOST_MS)
    assert len(samples_of(made)) == pytest.approx(4800, abs=1)
    assert heard(made, tmp_path, 1000) > 0.95


@pytest.mark.parametrize(("rate", "hz"), [(22050, 5000), (44100, 6300), (48000, 7400), (16000, 5500)])
def test_what_no_phone_carries_is_not_heard_as_a_whistle(rate: int, hz: float) -> None:
    """5000 Hz would come back as 3000."""
    samples = samples_of(to_phone(wav([*tone(hz, 500, rate), *tone(500, 200, rate)], rate), MOST_MS))
    assert max(samples[400:3600]) < 100, "40 dB below what went in"
    assert max(samples[4200:]) > 15_000, "and what it does carry is"


def test_chunks_before_the_samples_and_a_claim_beyond_the_file_do_no_harm() -> None:
    plain = to_phone(wav(tone(600)), MOST_MS)
    odd = wav(tone(600), before=chunk(b"LIST", b"INFOodd") + chunk(b"fact", bytes(4)), claims=0xFFFFFFFF)
    assert to_phone(odd, MOST_MS) == plain


@pytest.mark.parametrize(
    ("audio", "told"),
    [
        (b"", "this is no WAV file"),
        (b"hello", "this is no WAV file"),
        (b"ID3\x04" + bytes(100), "this is an MP3 file"),
        (b"OggS" + bytes(100), "this is an Ogg file"),
        (b"fLaC" + bytes(100), "this is a FLAC file"),
        (b"RIFF\x24\0\0\0WAVE", "there are no samples in this WAV file"),
        (wav([]), "lasts 0 ms"),
        (wav(tone(600, 50)), "lasts 50 ms"),
        (wav([0.0] * 8000), "all of it is silence"),
        (wav(tone(600), tag=49, bits=16), "of a form that is not read (49, 16 bits)"),
        (wav(tone(600), channels=6), "has 6 channels"),
        (wav(tone(600), 8001), "has 8001 samples a second"),
        (wav(tone(600), 0), "has 0 samples a second"),
    ],
)
def test_what_is_no_such_file_is_told_in_a_sentence(audio: bytes, told: str) -> None:
    assert told in refusal(audio)


def test_an_audio_that_is_too_long_is_told_so_before_it_is_worked_on() -> None:
    assert refusal(wav(tone(600, 2000)), 1500) == "the audio lasts 2.0 s, and 1.5 s are taken at most"


def test_floats_that_are_none_are_silence() -> None:
    odd = [float("nan"), float("inf"), -float("inf"), 5.0, *tone(600)]
    samples = samples_of(to_phone(wav(odd, tag=3, bits=32), MOST_MS))
    assert list(samples[:4]) == [0, 32767, -32767, 32767]


@pytest.mark.timeout(600 if SOAK else 120)
def test_a_spoilt_file_is_a_sound_or_a_sentence_and_never_a_fault() -> None:
    """Bytes turned, cut out, put in: most of them where the file says what it is."""
    rng = random.Random(42)
    good = [
        wav(tone(600, 150, rate), rate, tag=tag, bits=bits, channels=channels)
        for rate, (tag, bits), channels in zip((8000, 22050, 44100) * 3, FORMS, (1, 2) * 4, strict=False)
    ]
    taken, told = 0, set[str]()
    for _ in range(SPOILT):
        audio = bytearray(rng.choice(good))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(60 if rng.random() < 0.8 else len(audio)) % max(len(audio), 1)
            match rng.randrange(4):
                case 0:
                    audio[at : at + 1] = rng.randbytes(1)
                case 1:
                    audio[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", bytes(4), b"\0\0\0\x80", b"data", b"fmt "])
                case 2:
                    del audio[at : at + rng.randint(1, 40)]
                case _:
                    audio[at:at] = rng.randbytes(rng.randint(1, 9))
        try:
            taken += len(samples_of(to_phone(bytes(audio), MOST_MS))) > 0
        except NotAudio as why:
            told.add(str(why))
    assert 0 < taken < SPOILT
    assert all(map(str.isprintable, told))
