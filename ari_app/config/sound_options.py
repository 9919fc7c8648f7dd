"""The settings `sound_<name>` and `sound_<name>_zh`, made of the table of prompts. Reads no file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeVar

from ari_app.config.kinds import Kind, Unfit, option, several
from ari_app.config.prompts import PROMPTS, SAY, Prompt
from ari_app.ports.speech import Refused, Wording, fitted

T = TypeVar("T")
SOUND, ZH = "sound_", "_zh"
RECORDED = re.compile(r"[A-Za-z0-9_./-]+|(number|digits):\{n\}")


def part() -> Kind:
    def parse(raw: Any) -> str:
        line = raw.strip() if isinstance(raw, str) else ""
        if line.startswith(SAY):
            words = fitted(line.removeprefix(SAY))
            if isinstance(words, Refused):
                raise Unfit(f": {words.why}")
            return SAY + words
        if not RECORDED.fullmatch(line):
            raise Unfit
        return line

    return Kind("the name of a sound that Asterisk has, or say: and words", parse)


def _with_prompts(cls: type[T]) -> type[T]:
    """Two fields for each prompt: what every line of them would repeat stands in the table of prompts alone."""
    made: dict[str, Any] = {}
    for prompt in PROMPTS:
        made[SOUND + prompt.name] = option(prompt.default, several(part(), prompt.least), prompt.help, section="sounds")
        made[SOUND + prompt.name + ZH] = option((), several(part()), _help_zh(prompt), section="sounds")
    cls.__annotations__ = dict.fromkeys(made, tuple[str, ...])
    for name, field in made.items():
        setattr(cls, name, field)
    return cls


def _help_zh(prompt: Prompt) -> str:
    own = ", ".join(prompt.default_zh)
    return f"Likewise in Mandarin. Empty: {own}; or {SOUND}{prompt.name}, where that was changed."


@dataclass(frozen=True)
@_with_prompts
class SoundOptions:
    """The fields are not to be seen here; `sounds` is how to read them."""

    @property
    def sounds(self) -> dict[str, Wording]:
        """Name → what is heard."""
        return {prompt.name: self._wording(prompt) for prompt in PROMPTS}

    def _wording(self, prompt: Prompt) -> Wording:
        """One's own words in one language alone are meant for both: they are no worse than a robot's in the other."""
        own, own_zh = getattr(self, SOUND + prompt.name), getattr(self, SOUND + prompt.name + ZH)
        mandarin = prompt.default_zh if own == prompt.default else own
        return Wording(own, own_zh or mandarin, prompt.english)
