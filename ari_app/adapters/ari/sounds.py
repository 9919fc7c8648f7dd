"""What a flow calls a sound, made into what Asterisk plays. Knows the table of wordings and the voice; no channel.

A sound is parts joined by `&`: a name of the table (with a number where it takes one: `minutes_left:42`), `number:42`,
`digits:1234`, `text:<id>`, `beep` or `ringback`. English is recorded; Mandarin is spoken, once, and kept. Nobody ever
hears silence for want of a sound: what cannot be had in Mandarin is said in English, what cannot be spoken is played
from Asterisk's own recordings, and what is lost altogether is replaced by a word that something is wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.ports.speech import LANGUAGES, Language, Refused, Speech, Wording

log = structlog.get_logger()

RINGBACK, MUSIC = "ringback", "music"
TONES = {RINGBACK: "tone:ring", "beep": "sound:beep"}
SAY = "say:"
RAW = ("number:", "digits:", "tone:")
OUT_OF_ORDER = "out_of_order"
LAST_RESORT = ("please-try-call-later",)
VOICE_WITHIN_S = 2.0
"""Who listens does not wait longer; the voice goes on, so that it is there the next time."""
REASONS_MAX = 20
ONE = {"minutes_left": "minute_left"}
"""What is said of one of them."""


@dataclass(frozen=True, slots=True)
class Media:
    """`language`: in which folder the PBX looks for recordings first; "": as the channel has it."""

    uris: tuple[str, ...]
    language: str = ""


class NotSpoken(Exception):
    """No voice now."""


class Sounds:
    def __init__(
        self, table: Mapping[str, Wording], speech: Speech | None = None, language: Language = "en",
        voice_within_s: float = VOICE_WITHIN_S,
    ) -> None:  # fmt: skip
        """`language`: of those who have none that we speak."""
        self._table = table
        self._speech = speech
        self._language: Language = language
        self._within_s = voice_within_s
        self._told: set[str] = set()

    async def media(self, sound: str, language: str = "") -> Media:
        """No URI at all where the operator wants nothing to be said there."""
        spoken = self._spoken_in(language)
        try:
            uris = [uri for part in sound.split("&") for uri in await self._part(part, spoken)]
            return Media(tuple(uris), "zh" if spoken == "zh" else self._said_of(language))
        except NotSpoken as why:  # half of it in Mandarin helps nobody
            self._tell("said in English", sound.partition(":")[0], why)
        uris = [uri for part in sound.split("&") for uri in await self._part(part, "en")]
        return Media(tuple(uris), self._said_of(language) if spoken == "en" else "en")

    def _spoken_in(self, language: str) -> Language:
        return next((one for one in LANGUAGES if language.lower().startswith(one)), self._language)

    def _said_of(self, language: str) -> str:
        """English for who asked for nothing is the PBX's own language: its operator may have recordings of another."""
        return "en" if language.lower().startswith("en") else ""

    def _tell(self, what: str, sound: str, why: NotSpoken) -> None:
        """A warning the first time: where there is no voice at all, that is one line, and not one for each prompt."""
        is_news = str(why) not in self._told and len(self._told) < REASONS_MAX
        if is_news:
            self._told.add(str(why))
        (log.warning if is_news else log.debug)(what, sound=sound, why=str(why))

    # ---- one part -----------------------------------------------------------------------------------------------

    async def _part(self, part: str, language: Language) -> Sequence[str]:
        """Raises NotSpoken; never for English."""
        name, _, more = part.partition(":")
        if part in TONES:
            return (TONES[part],)
        match name:
            case "text":
                return await self._text(more)
            case "number":
                return (part,) if language == "en" else (await self._say(more, language),)
            case "digits":
                return (part,) if language == "en" else [await self._say(digit, language) for digit in more]
        return await self._worded(ONE.get(name, name) if more == "1" else name, more, language)

    async def _text(self, id: str) -> Sequence[str]:
        found = await self._speech.find(id) if self._speech is not None else None
        if found is not None:
            return (f"sound:{found}",)
        log.error("a spoken text is there no more", id=id)
        return await self._worded(OUT_OF_ORDER, "", "en")

    async def _worded(self, name: str, more: str, language: Language) -> Sequence[str]:
        wording = self._table.get(name)
        if wording is None:
            log.error("there is no such sound", sound=name)
            return [f"sound:{one}" for one in LAST_RESORT]
        if language == "zh":
            return await self._all_of(wording.zh, more, "zh")
        try:
            return await self._all_of(wording.en, more, "en")
        except NotSpoken as why:
            self._tell("said by recordings", name, why)
            return [_recorded(one) for one in _filled(wording.last, more)]

    async def _all_of(self, parts: Sequence[str], more: str, language: Language) -> Sequence[str]:
        filled = _filled(parts, "两" if language == "zh" and more == "2" else more)
        return [
            await self._say(one.removeprefix(SAY), language) if one.startswith(SAY) else _recorded(one)
            for one in filled
        ]

    async def _say(self, text: str, language: Language) -> str:
        if self._speech is None:
            raise NotSpoken("there is no voice")
        try:
            async with asyncio.timeout(self._within_s):
                spoken = await self._speech.say(text, language)
                found = None if isinstance(spoken, Refused) else await self._speech.find(spoken.id)
        except TimeoutError:
            raise NotSpoken(f"the voice has taken more than {self._within_s:g} s") from None
        except Unavailable as why:
            raise NotSpoken(str(why)) from None
        if found is None:
            raise NotSpoken(spoken.why if isinstance(spoken, Refused) else "what was spoken is there no more")
        return f"sound:{found}"


def _filled(parts: Sequence[str], more: str) -> Iterator[str]:
    return (part.replace("{n}", more) for part in parts)


def _recorded(part: str) -> str:
    return part if part.startswith(RAW) else f"sound:{part}"
