"""The table of prompts: every line can be said in both languages, and the page shows what is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.config import Mistakes, Settings, load
from ari_app.config.prompts import PROMPTS, SAY, Prompt
from ari_app.ground import prompts_soon
from ari_app.ports.speech import fitted
from ari_app.stack import Stack, StackOptions
from tests.ground import skipping

PAGE = Path(__file__).parents[3] / "docs/prompts.md"
each = pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)


@each
def test_the_page_shows_what_is_said(prompt: Prompt) -> None:
    shown = {line.split("|")[1].strip(" `"): line for line in PAGE.read_text("utf-8").splitlines() if "|" in line}
    said = (prompt.help, prompt.spoken or " ".join(prompt.english), prompt.mandarin)
    assert all(words in shown[prompt.name] for words in said), shown.get(prompt.name)


@each
def test_what_is_spoken_can_be_spoken(prompt: Prompt) -> None:
    for words in filter(None, (prompt.spoken, prompt.mandarin)):
        assert fitted(words) == words
    assert prompt.english, "what is heard where there is no voice"


def test_every_recording_comes_with_asterisk() -> None:
    with skipping():
        sounds = Stack(StackOptions()).prepare().data_dir / "sounds/en"
    names = {one for prompt in PROMPTS for one in prompt.english if ":" not in one}
    assert [name for name in sorted(names) if not list(sounds.glob(f"{name}.*"))] == []


def test_no_prompt_says_the_same_in_another_s_place() -> None:
    names = [prompt.name for prompt in PROMPTS]
    assert len(set(names)) == len(names)
    said = [prompt.mandarin for prompt in PROMPTS if prompt.mandarin]
    assert len(set(said)) == len(said)


def test_every_prompt_is_two_settings() -> None:
    settings = Settings()
    for prompt in PROMPTS:
        assert getattr(settings, f"sound_{prompt.name}") == prompt.default
        assert getattr(settings, f"sound_{prompt.name}_zh") == ()
        assert settings.sounds[prompt.name].zh == prompt.default_zh


def test_tones_stay_around_the_words() -> None:
    assert Settings().sounds["minutes_ending"].zh[0] == "beep"
    assert Settings().sounds["recorded"].en == ("say:This call is recorded.", "beep")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (["my greeting"], "not so is 'my greeting'"),
        (["tone:1400"], "not so is 'tone:1400'"),
        (["say:"], "there is nothing in the text that could be spoken"),
        (["say:a\u0007b"], "a sign in it that cannot be spoken: U+0007"),
        ([], "sound_confirm: [] will not do"),
    ],
)
def test_what_cannot_be_said_is_a_mistake(value: list[str], told: str) -> None:
    with pytest.raises(Mistakes) as found:
        load(None, env={}, overrides={"sound_confirm": value})
    assert told in str(found.value)


def test_ones_own_words_are_taken_as_they_will_be_spoken(tmp_path: Path) -> None:
    file = tmp_path / "ringbridge.toml"
    file.write_text('sound_goodbye = ["my/bye", "say:  Goodbye,\\tand thank you. "]\n')
    assert load(str(file), env={}).settings.sounds["goodbye"].en == ("my/bye", SAY + "Goodbye, and thank you.")


def test_where_mandarin_is_the_rule_its_prompts_are_made_ready() -> None:
    assert prompts_soon(Settings()) == []
    own = Settings(language="zh", **{"sound_goodbye": ("my/bye",), "sound_busy_zh": ("say:占线。", "beep")})
    soon = [text for text, _ in prompts_soon(own)]
    assert {"占线。", "0", "9"} < set(soon)
    assert len(soon) == len({*soon})
    assert "再见。" not in soon
    assert not [text for text in soon if "{n}" in text or text.startswith(SAY)]
