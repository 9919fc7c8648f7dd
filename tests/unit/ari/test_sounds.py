"""What a flow calls a sound, as Asterisk is asked to play it, in both languages and where something is missing."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from ari_app.adapters.ari.sounds import Media, Sounds
from ari_app.adapters.memory_speech import MemorySpeech
from ari_app.config import Settings
from ari_app.config.prompts import PROMPTS, Prompt
from ari_app.ports.speech import Refused, Spoken, Wording

TABLE = Settings().sounds


@pytest.fixture
def speech() -> MemorySpeech:
    return MemorySpeech()


async def heard(speech: MemorySpeech, sound: str, language: str = "", sounds: Sounds | None = None) -> list[str]:
    """As `heard`: what was spoken stands there in its words, with its language."""
    media = await (sounds or Sounds(TABLE, speech)).media(sound, language)
    return [in_words(speech, uri) for uri in media.uris]


def in_words(speech: MemorySpeech, uri: str) -> str:
    id = uri.rpartition("/")[2]
    return ": ".join(speech.said[id]) if uri.startswith("sound:/sounds/") and id in speech.said else uri


@pytest.mark.parametrize(
    ("sound", "english", "mandarin"),
    [
        ("goodbye", ["sound:vm-goodbye"], ["zh: 再见。"]),
        ("minutes_left:42", ["sound:vm-youhave", "number:42", "sound:minutes"], ["zh: 您还有42分钟。"]),
        ("minutes_left:2", ["sound:vm-youhave", "number:2", "sound:minutes"], ["zh: 您还有两分钟。"]),
        ("minutes_left:1", ["sound:vm-youhave", "sound:digits/1", "sound:minute"], ["zh: 您还有一分钟。"]),
        ("number:42", ["number:42"], ["zh: 42"]),
        ("digits:137", ["digits:137"], ["zh: 1", "zh: 3", "zh: 7"]),
        ("your_code_is&digits:12", ["en: Your code is.", "digits:12"], ["zh: 您的验证码是。", "zh: 1", "zh: 2"]),
        ("recorded", ["en: This call is recorded.", "sound:beep"], ["zh: 本次通话将被录音。", "sound:beep"]),
        ("conference_entry", ["sound:confbridge-join"], ["sound:confbridge-join"]),
        ("beep&ringback", ["sound:beep", "tone:ring"], ["sound:beep", "tone:ring"]),
    ],
)
async def test_a_sound_in_both_languages(
    speech: MemorySpeech, sound: str, english: list[str], mandarin: list[str]
) -> None:
    assert await heard(speech, sound, "en") == english
    assert await heard(speech, sound, "zh") == mandarin


async def test_who_has_no_language_that_we_speak_hears_the_operators(speech: MemorySpeech) -> None:
    in_mandarin = Sounds(TABLE, speech, "zh")
    for language in ("", "fr", "de-DE"):
        assert await heard(speech, "goodbye", language) == ["sound:vm-goodbye"]
        assert await heard(speech, "goodbye", language, in_mandarin) == ["zh: 再见。"]
    for language in ("zh", "zh-CN", "ZH_TW"):
        assert await heard(speech, "goodbye", language) == ["zh: 再见。"]
    assert await heard(speech, "goodbye", "en-GB", in_mandarin) == ["sound:vm-goodbye"]


async def test_the_pbx_looks_for_recordings_in_the_language_that_was_asked_for(speech: MemorySpeech) -> None:
    """For who asks for none, in the channel's own: an operator may have given his PBX prompts of a third language."""
    own = Sounds({"hi": Wording(("my/hi",), ("my/hi",), ("my/hi",))}, speech)
    assert await own.media("hi", "zh-CN") == Media(("sound:my/hi",), "zh")
    assert await own.media("hi", "en") == Media(("sound:my/hi",), "en")
    assert await own.media("hi", "") == Media(("sound:my/hi",), "")


async def test_a_text_is_played_from_its_file(speech: MemorySpeech) -> None:
    text = await speech.say("Come to the meeting.")
    assert isinstance(text, Spoken)
    assert await heard(speech, f"notice_from&text:{text.id}", "en") == [
        "en: Here is a notice for you.",
        "en: Come to the meeting.",
    ]


# ---- never silence ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
async def test_without_a_voice_everything_is_said_in_recordings(speech: MemorySpeech, prompt: Prompt) -> None:
    speech.is_away = True
    for sounds in (Sounds(TABLE, speech), Sounds(TABLE)):
        for language in ("en", "zh"):
            uris = await heard(speech, f"{prompt.name}:42", language, sounds)
            assert uris
            assert all(uri.startswith(("sound:", "number:", "digits:")) for uri in uris)
            assert not any("/sounds/" in uri for uri in uris)


async def test_that_there_is_no_voice_is_told_once(speech: MemorySpeech) -> None:
    speech.is_away = True
    sounds = Sounds(TABLE, speech)
    with capture_logs() as logs:
        for sound in ("goodbye", "busy", "recorded"):
            await sounds.media(sound, "zh")
    warnings = [log for log in logs if log["log_level"] == "warning"]
    assert [(log["event"], log["sound"], log["why"]) for log in warnings] == [
        ("said in English", "goodbye", "nothing can be spoken now")
    ]


async def test_what_cannot_be_said_wholly_in_mandarin_is_said_wholly_in_english(speech: MemorySpeech) -> None:
    await speech.say("1", "zh")

    class Half(MemorySpeech):
        async def say(self, text: str, language: str = "") -> Spoken | Refused:
            self.is_away = text != "1"
            return await super().say(text, language)

    media = await Sounds(TABLE, Half()).media("your_code_is&digits:12", "zh")
    assert media == Media(("sound:your", "sound:vm-password", "sound:is", "digits:12"), "en")


async def test_a_voice_that_does_not_come_in_time_is_not_waited_for_and_is_there_the_next_time() -> None:
    class Slow(MemorySpeech):
        async def say(self, text: str, language: str = "") -> Spoken | Refused:
            self.later = asyncio.create_task(super().say(text, language))
            if not self.said:
                await asyncio.sleep(60)
            return await self.later

    speech = Slow()
    sounds = Sounds(TABLE, speech, voice_within_s=0.02)
    assert (await sounds.media("goodbye", "zh")).uris == ("sound:vm-goodbye",)
    assert await heard(speech, "goodbye", "zh", sounds) == ["zh: 再见。"]


async def test_a_text_that_was_thrown_away_is_a_word_that_something_is_wrong(speech: MemorySpeech) -> None:
    text = await speech.say("Come to the meeting.")
    assert isinstance(text, Spoken)
    speech.forget(text.id)
    with capture_logs() as logs:
        assert await heard(speech, f"text:{text.id}", "en") == ["sound:please-try-call-later"]
    assert [(log["log_level"], log["id"]) for log in logs] == [("error", text.id)]


async def test_a_name_that_is_none_is_a_word_that_something_is_wrong(speech: MemorySpeech) -> None:
    with capture_logs() as logs:
        assert await heard(speech, "no_such_name", "zh") == ["sound:please-try-call-later"]
    assert logs[0]["log_level"] == "error"


# ---- the operator's own -----------------------------------------------------------------------------------------


async def test_ones_own_recordings_and_words(speech: MemorySpeech) -> None:
    own = Settings(
        **{
            "sound_goodbye": ("my/bye", "say:Call again, {n} times."),
            "sound_busy_zh": ("my/busy-zh",),
            "sound_prompt": (),
        }
    ).sounds  # fmt: skip
    sounds = Sounds(own, speech)
    assert await heard(speech, "goodbye:3", "en", sounds) == ["sound:my/bye", "en: Call again, 3 times."]
    assert await heard(speech, "busy", "zh", sounds) == ["sound:my/busy-zh"]
    assert await heard(speech, "busy", "en", sounds) == ["sound:vm-theperson", "sound:vm-isonphone"]
    assert await heard(speech, "prompt", "zh", sounds) == [], "nothing at all, in both languages"


async def test_ones_own_words_for_one_language_alone_are_for_both(speech: MemorySpeech) -> None:
    sounds = Sounds(Settings(**{"sound_goodbye": ("my/bye",)}).sounds, speech)
    assert await heard(speech, "goodbye", "zh", sounds) == ["sound:my/bye"]
