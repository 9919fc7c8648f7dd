"""The Speech port on a voice that is a program: espeak-ng, or the operator's own. Text and audio become files that
the PBX plays; what takes time runs in processes and threads of its own. Knows no call."""

from __future__ import annotations

import asyncio
import hashlib
import shlex
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from ari_app.adapters.speech import phone_audio
from ari_app.adapters.speech.child import TooMuch, run
from ari_app.adapters.speech.shelf import Shelf
from ari_app.domain.errors import Unavailable
from ari_app.domain.tenants import OPERATOR, sealed
from ari_app.ports.speech import TEXT_MAX, Language, Refused, Spoken, fitted, voice_of

log = structlog.get_logger()

Command = tuple[str, ...]
Make = Callable[[], Awaitable[bytes | Refused]]

VOICES = {"en": "en-us", "zh": "cmn"}
NICE = ("nice", "-n", "10")
"""A voice waits for calls, not they for it."""
TEXT_LASTS_MAX_MS = 600_000
CHILD_CPU_S = 60
CHILD_MEMORY = 1 << 30
PURGE_EVERY_S = 3600.0
QUEUE_MAX = 200
"""Texts and files that wait to be made; above it there is none to be had now."""


@dataclass(frozen=True, slots=True)
class SpeechRules:
    """`command`: the operator's own voice, `{language}` and `{voice}` in it filled in; it reads the text from its
    standard input and writes a WAV file to its standard output. Empty: espeak-ng. `folder` None: the PBX could not read
    what is made, so nothing is."""

    folder: Path | None
    command: str = ""
    voices: dict[str, str] = field(default_factory=lambda: dict(VOICES))
    words_per_minute: int = 170
    text_max: int = TEXT_MAX
    timeout_s: float = 30.0
    at_once: int = 2
    audio_bytes_max: int = 10_000_000
    audio_lasts_max_ms: int = 180_000
    audio_timeout_s: float = 60.0
    days: int = 30
    bytes_max: int = 500_000_000


class VoiceSpeech:
    def __init__(
        self, rules: SpeechRules, espeak: Callable[[], Command | None], prompts: Sequence[tuple[str, Language]] = ()
    ) -> None:
        """`espeak`: how it is called here, asked when it is first needed; None: it is not there. `prompts`: texts that
        are wanted soon, and are made ready by `keep`."""
        self._prompts = prompts
        self.rules = rules
        self._espeak = espeak
        self._shelf = None if rules.folder is None else Shelf(rules.folder.absolute(), rules.days, rules.bytes_max)
        self._at_once = asyncio.Semaphore(rules.at_once)
        self._making: dict[str, asyncio.Task[Spoken | Refused]] = {}

    async def say(self, text: str, language: str = "") -> Spoken | Refused:
        words = fitted(text, self.rules.text_max)
        if isinstance(words, Refused):
            return words
        spoken_in = voice_of(words, language)
        return await self._once(
            self._id_of(words, spoken_in), lambda: self._speak(words, spoken_in), self.rules.timeout_s
        )

    async def take(self, audio: bytes, tenant: str = OPERATOR) -> Spoken | Refused:
        most = self.rules.audio_bytes_max
        if len(audio) > most:
            return Refused(f"the audio file has {len(audio)} bytes, and {most} are taken at most")
        id = "a" + sealed(tenant, hashlib.sha256(audio).hexdigest()[:40])
        return await self._once(id, lambda: self._taken(audio), self.rules.audio_timeout_s)

    async def find(self, id: str) -> str | None:
        try:
            return None if self._shelf is None else await asyncio.to_thread(self._shelf.path, id)
        except OSError as why:
            log.error("a sound cannot be read", id=id, why=str(why))
            return None

    async def keep(self) -> None:
        """Makes the prompts ready, and throws away what is kept no longer; as long as the process lives."""
        await self._prepare()
        while True:
            if self._shelf is not None:
                await self._purge(self._shelf)
            await asyncio.sleep(PURGE_EVERY_S)

    async def _prepare(self) -> None:
        """One after the other: whoever calls meanwhile has a voice of his own. What is there already costs nothing."""
        try:
            for text, language in self._prompts:
                await self.say(text, language)
        except Unavailable as why:
            log.warning("prompts not made ready", why=str(why))

    async def _purge(self, shelf: Shelf) -> None:
        try:
            thrown = await asyncio.to_thread(shelf.purge)
        except OSError as why:
            log.warning("sounds not looked through", folder=str(shelf.folder), why=str(why))
            return
        if thrown:
            log.info("sounds thrown away", files=thrown)

    # ---- made once ----------------------------------------------------------------------------------------------

    def _id_of(self, words: str, language: Language) -> str:
        """Of all that makes it sound as it does."""
        r = self.rules
        content = "\0".join((language, r.voices[language], r.command, str(r.words_per_minute), words))
        return "t" + hashlib.sha256(content.encode()).hexdigest()[:40]

    async def _once(self, id: str, make: Make, within_s: float) -> Spoken | Refused:
        shelf = self._there()
        try:
            found = await asyncio.to_thread(shelf.find, id)
        except OSError as why:
            raise Unavailable(f"the folder of sounds cannot be read: {why}") from None
        if found is not None:
            return found
        task = self._making.get(id)
        if task is None:
            if len(self._making) >= QUEUE_MAX:
                raise Unavailable(f"{QUEUE_MAX} texts and audio files wait to be made into sounds")
            task = self._making[id] = asyncio.create_task(self._made(id, make, within_s))
            task.add_done_callback(lambda done: self._forget(id, done))
        return await asyncio.shield(task)  # who waits may go; others may wait for the same

    def _there(self) -> Shelf:
        if self._shelf is None:
            raise Unavailable("nothing can be spoken: sounds_dir does not say where your Asterisk could read it")
        if "," in str(self._shelf.folder):  # at which ARI would take the path apart
            raise Unavailable(f"nothing can be spoken: {self._shelf.folder} has a comma in its name; set sounds_dir")
        return self._shelf

    def _forget(self, id: str, done: asyncio.Task[Spoken | Refused]) -> None:
        self._making.pop(id, None)
        if not done.cancelled():
            done.exception()  # told to whoever waits; nobody may

    async def _made(self, id: str, make: Make, within_s: float) -> Spoken | Refused:
        shelf = self._there()
        async with self._at_once:
            try:
                async with asyncio.timeout(within_s):
                    wav = await make()
            except TimeoutError:
                raise Unavailable(f"no sound was made within {within_s:g} s") from None
            except OSError as why:
                raise Unavailable(f"the voice cannot be started: {why}") from None
            if isinstance(wav, Refused):
                return wav
            return await asyncio.to_thread(_put, shelf, id, wav)

    # ---- how ----------------------------------------------------------------------------------------------------

    async def _speak(self, words: str, language: Language) -> bytes | Refused:
        argv = self._command(language)
        try:
            ran = await run((*NICE, *argv), words.encode() + b"\n", out_max=100_000 * (TEXT_LASTS_MAX_MS // 1000))
        except TooMuch:
            raise Unavailable(f"the voice speaks for more than {TEXT_LASTS_MAX_MS // 60_000} minutes") from None
        if ran.code != 0:
            raise Unavailable(f"the voice has failed ({ran.told or f'exit code {ran.code}'})")
        made = await self._convert(ran.out, TEXT_LASTS_MAX_MS)
        if isinstance(made, Refused):
            raise Unavailable(f"what the voice has written is of no use: {made.why}")
        return made

    def _command(self, language: Language) -> Command:
        r = self.rules
        if r.command:
            names = {"language": language, "voice": r.voices[language]}
            return tuple(_filled(word, names) for word in shlex.split(r.command))
        espeak = self._espeak()
        if espeak is None:
            raise Unavailable("nothing can be spoken: espeak-ng is not there; install it, or set speech_command")
        return (*espeak, "-v", r.voices[language], "-s", str(r.words_per_minute), "-b", "1", "--stdin", "--stdout")

    async def _taken(self, audio: bytes) -> bytes | Refused:
        return await self._convert(audio, self.rules.audio_lasts_max_ms)

    async def _convert(self, audio: bytes, most_ms: int) -> bytes | Refused:
        """In a process of its own: what is in the file was written by anybody."""
        limits = map(str, (most_ms, CHILD_CPU_S, CHILD_MEMORY))
        argv = (*NICE, sys.executable, "-I", "-S", phone_audio.__file__, *limits)
        ran = await run(argv, audio, out_max=64 + 16 * (most_ms + 1000))
        if ran.code == phone_audio.REFUSED:
            return Refused(ran.told)
        if ran.code != 0:
            log.error("audio not read", code=ran.code, told=ran.told, size=len(audio))
            return Refused(f"the audio cannot be read: {phone_audio.WANTED}")
        return ran.out


def _filled(word: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        word = word.replace("{" + name + "}", value)
    return word


def _put(shelf: Shelf, id: str, wav: bytes) -> Spoken:
    try:
        if shelf.room() < len(wav):
            raise Unavailable("the folder of sounds is full of what is played now: raise sounds_mb_max")
        return shelf.put(id, wav)
    except OSError as why:
        raise Unavailable(f"the sound cannot be kept: {why}") from None
