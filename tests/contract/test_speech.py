"""What everybody who speaks may rely on, of the real voice and of the one in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.adapters.memory_speech import MemorySpeech
from ari_app.ports.speech import Refused, Speech, Spoken
from tests.unit.speech.voices import real
from tests.unit.speech.wavs import tone, wav


@pytest.fixture(params=["memory", "espeak"])
def speech(request: pytest.FixtureRequest, tmp_path: Path) -> Speech:
    if request.param == "memory":
        return MemorySpeech(text_max=40, audio_bytes_max=50_000, lasts_max_ms=1500)
    return real(tmp_path, text_max=40, audio_bytes_max=50_000, audio_lasts_max_ms=1500)


async def sound(made: Spoken | Refused) -> Spoken:
    assert isinstance(made, Spoken), made
    return made


async def test_the_same_text_is_the_same_sound(speech: Speech) -> None:
    first = await sound(await speech.say("Hello there", "en"))
    assert await speech.say("  Hello\tthere\n", "en") == first
    assert await speech.say("Hello\u200b there", "") == first, "what nobody hears and who asks for no language"
    assert first.ms > 0
    assert (await speech.find(first.id) or "").endswith(first.id)


async def test_another_text_and_another_language_are_other_sounds(speech: Speech) -> None:
    made = [
        await sound(await speech.say(*said)) for said in (("42", "en"), ("42", "zh"), ("43", "en"), ("43, 44", "en"))
    ]
    assert len({one.id for one in made}) == 4
    assert made[3].ms > made[2].ms


async def test_chinese_signs_are_mandarin_whatever_is_asked_for(speech: Speech) -> None:
    assert await speech.say("您好", "en") == await speech.say("您好", "zh") == await speech.say("您好")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is nothing in the text that could be spoken"),
        (" \n\t", "there is nothing in the text that could be spoken"),
        ("... !?", "there is nothing in the text that could be spoken"),
        ("\u200b\ufeff", "there is nothing in the text that could be spoken"),
        ("Hello\x07", "the text has a sign in it that cannot be spoken: U+0007"),
        ("Hello\ud800", "the text has a sign in it that cannot be spoken: U+D800"),
        ("Hello " * 8, "the text has 47 characters, and 40 are spoken at most"),
    ],
)
async def test_what_cannot_be_spoken_is_refused_in_a_sentence(speech: Speech, text: str, why: str) -> None:
    assert await speech.say(text, "en") == Refused(why)


async def test_an_audio_file_is_a_sound_of_its_length(speech: Speech) -> None:
    audio = wav(tone(600, 1200, 16_000), 16_000)
    taken = await sound(await speech.take(audio))
    assert abs(taken.ms - 1200) <= 1
    assert await speech.take(audio) == taken
    assert await sound(await speech.take(wav(tone(650, 1200, 16_000), 16_000))) != taken
    assert (await speech.find(taken.id) or "").endswith(taken.id)


@pytest.mark.parametrize(
    ("audio", "why"),
    [
        (
            b"ID3\x04" + bytes(2000),
            "this is an MP3 file: a WAV file with 8, 16, 24 or 32 bits, A-law or u-law is wanted",
        ),
        (wav(tone(600, 2000)), "the audio lasts 2.0 s, and 1.5 s are taken at most"),
        (bytes(50_001), "the audio file has 50001 bytes, and 50000 are taken at most"),
    ],
)
async def test_what_is_no_audio_is_refused_in_a_sentence(speech: Speech, audio: bytes, why: str) -> None:
    assert await speech.take(audio) == Refused(why)


async def test_what_was_never_made_is_not_found(speech: Speech) -> None:
    assert await speech.find("t" + "0" * 40) is None
    assert await speech.find("../../etc/passwd") is None
