"""A sound that is stopped while its words are still being made never begins: it would cut two off who talk by then."""

from __future__ import annotations

import asyncio

from ari_app.adapters.ari.sounds import Media, Sounds
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.domain import events as ev
from ari_app.ports.telephony import CallEvent, PbxEvent
from tests.support import until
from tests.unit.ari.fake import BRISK
from tests.unit.ari.test_ari_telephony import CALL, LEG, Pbx

MENU = f"{CALL}.menu"


class SlowVoice(Sounds):
    def __init__(self) -> None:
        super().__init__({})
        self.may_speak = asyncio.Event()

    async def media(self, sound: str, language: str = "") -> Media:
        await self.may_speak.wait()
        return Media(("sound:beep",))


async def test_a_sound_that_is_stopped_before_it_is_spoken_never_begins() -> None:
    voice, said = SlowVoice(), list[PbxEvent]()
    async with Pbx() as pbx, asyncio.TaskGroup() as group:
        telephony = AriTelephony(pbx.url, "user", "secret", "app", cel_path=None, settings=BRISK, sounds=voice)

        async def listen() -> None:
            async for one in telephony.events():
                said.append(one)

        group.create_task(telephony.run(), name="ari-telephony")
        group.create_task(listen())
        await until(lambda: telephony.is_up, within_s=3)

        playing = asyncio.create_task(telephony.play(LEG, MENU, "greeting"))
        await asyncio.sleep(0)
        await telephony.stop(LEG, MENU, "greeting")
        voice.may_speak.set()
        await playing
        await until(lambda: any(isinstance(one, CallEvent) for one in said), 2)
        await telephony.close()

    assert [one.event.name for one in said if isinstance(one, CallEvent) and isinstance(one.event, ev.Played)] == [
        "menu"
    ]
    assert not [uri for uri in pbx.asked() if "play" in uri]
