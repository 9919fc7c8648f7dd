"""What is spoken is heard: a phone of the carrier records it, and it is as long as we were told it would be."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ari_app.adapters.ari.sounds import Sounds
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.adapters.speech import VoiceSpeech
from ari_app.config import Settings
from ari_app.domain import events as ev
from ari_app.ports.speech import Spoken
from ari_app.ports.telephony import CallEvent, DialRequest, PbxEvent
from ari_app.stack import tones
from ari_app.stack.carrier import CarrierCall
from tests.ear import LOUD_DB, SLICE_MS, Ear
from tests.ground import Ground, number
from tests.ringbridge import now_ms
from tests.support import until, until_sync
from tests.unit.speech.voices import real
from tests.unit.speech.wavs import tone, wav

NOTICE = "Our office is closed tomorrow."
SILENCE_MS = 400
"""Between two sounds, by which they are told apart: the recording's clock is not the PBX's."""
NEAR_MS = 250
"""The recording is cut into slices of 50 ms, and the way to the phone takes its time."""


@dataclass
class Line:
    """One phone that was rung and has answered; `said`: what the PBX tells meanwhile."""

    pbx: AriTelephony
    call: str
    said: list[PbxEvent] = field(default_factory=list)
    plays: int = 0

    @property
    def leg(self) -> str:
        return f"{self.call}.callee.0"

    def facts(self, kind: type[ev.Event]) -> list[ev.Event]:
        return [one.event for one in self.said if isinstance(one, CallEvent) and isinstance(one.event, kind)]

    async def hear(self, sound: str, language: str) -> tuple[int, int]:
        """Play it to its end; from when to when it was played."""
        self.plays += 1
        began_ms = now_ms()
        await self.pbx.play(self.leg, f"{self.call}.p{self.plays}", sound, language)
        await until(lambda: len(self.facts(ev.Played)) == self.plays, within_s=15, what=f"{sound} was played")
        last = self.facts(ev.Played)[-1]
        assert isinstance(last, ev.Played)
        assert last.is_whole, sound
        ended_ms = now_ms()
        await asyncio.sleep(SILENCE_MS / 1000)
        return began_ms - SILENCE_MS // 2, ended_ms + SILENCE_MS // 2


@asynccontextmanager
async def line(ground: Ground, speech: VoiceSpeech, phone: str) -> AsyncIterator[Line]:
    info = ground.info
    sounds = Sounds(Settings().sounds, speech, voice_within_s=20)  # the machine of the tests may be slow
    pbx = AriTelephony(
        info.ari_url, info.ari_user, info.ari_password, f"ari-{os.getpid()}-spoken", cel_path=None, sounds=sounds
    )
    one = Line(pbx, f"c{os.getpid():0>25}s")

    async def listen() -> None:
        async for said in pbx.events():
            one.said.append(said)

    async with asyncio.TaskGroup() as group:
        group.create_task(pbx.run())
        group.create_task(listen())
        await until(lambda: pbx.is_up, within_s=5)
        await pbx.dial(DialRequest(one.leg, one.call, "carrier", phone, "+864001234567", 20_000, 60_000))
        try:
            await until(lambda: one.facts(ev.Answered), within_s=5)
            yield one
        finally:
            await pbx.hang_up(one.leg)
            await until(lambda: one.facts(ev.Gone), within_s=5)
            await pbx.close()


def span_ms(loud: list[int], stretch: tuple[int, int]) -> int:
    """From the first loud moment to the last one."""
    within = [at for at in loud if stretch[0] <= at < stretch[1]]
    return within[-1] + SLICE_MS - within[0] if within else 0


def loud_moments(phone: CarrierCall) -> list[int]:
    assert phone.recording is not None
    assert phone.recorded_from_ms is not None
    slices = tones.timeline(Path(phone.recording), SLICE_MS, candidates=())
    return [phone.recorded_from_ms + one.at_ms for one in slices if one.other_db > LOUD_DB]


@pytest.mark.soak("test_notices_rung.py hears spoken texts, too")
async def test_a_phone_hears_what_is_spoken_for_as_long_as_it_was_told_to_last(ground: Ground) -> None:
    speech = real(ground.home / "sounds")
    phone = number(4)
    text, audio = await speech.say(NOTICE), await speech.take(wav(tone(1000, 600, 44_100), 44_100))
    mandarin = await speech.say("您还有42分钟。", "zh")
    assert isinstance(text, Spoken)
    assert isinstance(audio, Spoken)
    assert isinstance(mandarin, Spoken)
    async with line(ground, speech, phone) as one:
        heard = [
            (await one.hear(f"text:{text.id}", "en"), text.ms),
            (await one.hear(f"text:{audio.id}", "en"), audio.ms),
            (await one.hear("minutes_left:42", "zh"), mandarin.ms),
        ]
        english = await one.hear("digits:42", "en")
    written = until_sync(lambda: recorded(ground, phone), 5, "the carrier has written it down")
    loud = loud_moments(written)
    for stretch, told_ms in heard:
        assert told_ms - 600 <= span_ms(loud, stretch) <= told_ms + NEAR_MS, "espeak-ng ends with a pause"
    assert Ear(written).heard_ms(1000, *heard[1][0]) > 500
    assert 1000 <= span_ms(loud, english) <= 2500


def recorded(ground: Ground, phone: str) -> CarrierCall | None:
    [call] = ground.rings(phone)
    return call if call.ended_at_ms is not None and call.recorded_ms else None
