"""The Speech port in memory: a text lasts as long as it would about be spoken, an audio file as long as it lasts."""

from __future__ import annotations

import hashlib

from ari_app.adapters.speech import phone_audio
from ari_app.domain.errors import Unavailable
from ari_app.domain.tenants import OPERATOR, sealed
from ari_app.ports.speech import TEXT_MAX, Refused, Spoken, fitted, voice_of

MS_A_SIGN = {"en": 70, "zh": 220}


class MemorySpeech:
    def __init__(
        self, text_max: int = TEXT_MAX, audio_bytes_max: int = 10_000_000, lasts_max_ms: int = 180_000
    ) -> None:
        self.said: dict[str, tuple[str, str]] = {}
        """Id → language and text, of what was spoken."""
        self.is_away = False
        self._made: dict[str, Spoken] = {}
        self._text_max = text_max
        self._audio_bytes_max = audio_bytes_max
        self._lasts_max_ms = lasts_max_ms

    async def say(self, text: str, language: str = "") -> Spoken | Refused:
        words = fitted(text, self._text_max)
        if isinstance(words, Refused):
            return words
        self._check()
        spoken_in = voice_of(words, language)
        id = _id("t", f"{spoken_in}\0{words}".encode())
        self.said[id] = (spoken_in, words)
        return self._made.setdefault(id, Spoken(id, 300 + MS_A_SIGN[spoken_in] * len(words)))

    async def take(self, audio: bytes, tenant: str = OPERATOR) -> Spoken | Refused:
        if len(audio) > self._audio_bytes_max:
            return Refused(f"the audio file has {len(audio)} bytes, and {self._audio_bytes_max} are taken at most")
        self._check()
        try:
            made = phone_audio.to_phone(audio, self._lasts_max_ms)
        except phone_audio.NotAudio as why:
            return Refused(str(why))
        id = "a" + sealed(tenant, _id("", audio))
        return self._made.setdefault(id, Spoken(id, (len(made) - 44) // 16))

    async def find(self, id: str) -> str | None:
        return f"/sounds/{id}" if id in self._made else None

    def forget(self, id: str) -> None:
        """As a purge does."""
        self._made.pop(id, None)

    def _check(self) -> None:
        if self.is_away:
            raise Unavailable("nothing can be spoken now")


def _id(kind: str, content: bytes) -> str:
    return kind + hashlib.sha256(content).hexdigest()[:40]
