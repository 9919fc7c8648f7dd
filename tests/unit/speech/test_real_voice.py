"""espeak-ng itself: what it speaks can be heard, lasts as long as its text, and is of its language."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.adapters.speech import VoiceSpeech
from ari_app.config.prompts import PROMPTS
from ari_app.ports.speech import Language, Spoken
from ari_app.stack import tones
from tests.ground import SOAK
from tests.unit.speech.voices import real
from tests.unit.speech.wavs import samples_of

SHORT, LONG = "Hello.", "Hello. This is your telephone company, and there is something that you ought to know."
MANDARIN = "您还有四十二分钟。"


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> VoiceSpeech:
    return real(tmp_path_factory.mktemp("sounds"))


async def spoken(speech: VoiceSpeech, text: str, language: str = "") -> Spoken:
    said = await speech.say(text, language)
    assert isinstance(said, Spoken), said
    return said


async def heard(speech: VoiceSpeech, text: str, language: str = "") -> list[list[float]]:
    """The loudest frequencies of each half second."""
    found = await speech.find((await spoken(speech, text, language)).id)
    return tones.strongest(samples_of(read(f"{found}.wav")), window_ms=500)


def read(path: str) -> bytes:
    return Path(path).read_bytes()


async def test_a_text_can_be_heard_from_its_begin_to_its_end(speech: VoiceSpeech) -> None:
    for text in (LONG, MANDARIN):
        sound = await heard(speech, text)
        assert all(sound[:-1]), sound  # an empty list is silence; the last one may be the pause at the end


async def test_a_text_lasts_as_long_as_one_would_take_to_read_it(speech: VoiceSpeech) -> None:
    short, long = await spoken(speech, SHORT), await spoken(speech, LONG)
    assert 300 <= short.ms <= 1500
    assert 4000 <= long.ms <= 9000, "sixteen words at 170 a minute"
    assert 1500 <= (await spoken(speech, MANDARIN)).ms <= 4000, "nine syllables"
    assert (await spoken(speech, MANDARIN * 3)).ms > 2 * (await spoken(speech, MANDARIN)).ms


async def test_the_same_signs_are_other_words_in_mandarin(speech: VoiceSpeech) -> None:
    english, mandarin = await spoken(speech, "42", "en"), await spoken(speech, "42", "zh")
    assert english.id != mandarin.id
    assert await heard(speech, "42", "en") != await heard(speech, "42", "zh")


async def test_a_chinese_sign_is_read_in_mandarin_whatever_was_asked_for(speech: VoiceSpeech) -> None:
    assert await spoken(speech, MANDARIN, "en") == await spoken(speech, MANDARIN, "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
async def test_every_prompt_can_be_spoken(speech: VoiceSpeech, language: Language) -> None:
    said = [prompt.mandarin if language == "zh" else prompt.spoken for prompt in PROMPTS]
    for words in sorted(filter(None, said), key=len)[:: 1 if SOAK else 10]:
        assert 400 <= (await spoken(speech, words.replace("{n}", "42"), language)).ms <= 9000, words
