"""What turns words and audio files into sounds that a PBX can play. An id is made of the content: the same text is the
same sound, in every process and after every restart. Knows no voice and no file."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal, Protocol

from ari_app.domain.tenants import OPERATOR

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

TEXT_MAX = 500
"""Characters: a minute and a half of English, two minutes of Mandarin."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sound of ours: `text:<id>` plays it, and it takes so long."""

    id: str
    ms: int


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be made into a sound, and never will be: `why` is a sentence for whoever asked."""

    why: str


@dataclass(frozen=True, slots=True)
class Wording:
    """What one name of the table of sounds means: parts, each a recording of the PBX, `say:` and words, `number:{n}`,
    `digits:{n}` or `tone:` and its frequencies; `{n}` is what comes with the name. `last`: where nothing is spoken."""

    en: tuple[str, ...]
    zh: tuple[str, ...]
    last: tuple[str, ...]


class Speech(Protocol):
    async def say(self, text: str, language: str = "") -> Spoken | Refused:
        """The text, spoken: made once, kept from then on. `language`: see `voice_of`. Raises Unavailable where no voice
        is to be had now."""

    async def take(self, audio: bytes, tenant: str = OPERATOR) -> Spoken | Refused:
        """An audio file, as phones can hear it: this tenant's, under an id with its seal (see domain/tenants.py).
        Raises Unavailable where it cannot be kept now."""

    async def find(self, id: str) -> str | None:
        """Where the PBX finds it: a path without its ending. None: it is kept no more, or never was. Who asks wants to
        play it, so it is kept from now on as long as a new one."""


def fitted(text: str, most: int = TEXT_MAX) -> str | Refused:
    """The text as a voice reads it: signs that nobody hears left out, blanks and line ends made one blank each."""
    text = unicodedata.normalize("NFC", text)
    heard = "".join(" " if sign.isspace() else sign for sign in text if unicodedata.category(sign) != "Cf")
    for sign in heard:
        if unicodedata.category(sign).startswith("C"):
            return Refused(f"the text has a sign in it that cannot be spoken: U+{ord(sign):04X}")
    words = " ".join(heard.split())
    if not any(sign.isalnum() for sign in words):
        return Refused("there is nothing in the text that could be spoken")
    if len(words) > most:
        return Refused(f"the text has {len(words)} characters, and {most} are spoken at most")
    return words


def voice_of(text: str, language: str = "") -> Language:
    """Which voice reads it. A Chinese sign is read by the Mandarin voice, whatever was asked for, as the English one
    only names it; Latin words among them the Mandarin voice reads as English."""
    if any(_is_chinese(sign) for sign in text):
        return "zh"
    return "zh" if language == "zh" else "en"


def _is_chinese(sign: str) -> bool:
    return "\u3400" <= sign <= "\u9fff" or "\U00020000" <= sign <= "\U0003ffff"
