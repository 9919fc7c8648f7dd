"""The ears of the tests on real sound: what the PBX plays and mixes, as phones of the simulated carrier heard it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ari_app.adapters.ari import Client, PlaybackFinished, StasisStart
from ari_app.stack import StackInfo
from ari_app.stack.carrier import CarrierCall
from tests.ground import Ground, number
from tests.heard_digits import digit_prompts, heard_digits, speech, speech_ms
from tests.ringbridge import now_ms
from tests.support import until, until_sync
from tests.who_heard import everybody, heard_table

pytestmark = pytest.mark.soak("a code and a conference of nine are heard in every run")

CODE = "480262"
MUTED = "p5"


class Room:
    """Phones that are called by an ARI application of the test's own, and what it is told of them."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.here: set[str] = set()
        self.played: set[str] = set()

    async def listen(self) -> None:
        async for event in self.client.stream():
            if isinstance(event, StasisStart):
                self.here.add(event.channel.id)
            elif isinstance(event, PlaybackFinished):
                self.played.add(event.playback.id)

    def id(self, name: str) -> str:
        return f"{self.client.app}.{name}"

    async def call(self, name: str, to: str) -> None:
        await self.client.channels.originateWithId(
            self.id(name), f"PJSIP/{to}@carrier", app=self.client.app, callerId="+864001234567", timeout=20
        )
        await until(lambda: self.id(name) in self.here, 10, f"{name} has answered")

    async def play(self, name: str, *sounds: str) -> None:
        media = [f"sound:{sound}" for sound in sounds]
        await self.client.channels.playWithId(self.id(name), self.id("playback"), media=media)
        await until(lambda: self.id("playback") in self.played, 20, "all is played")


@asynccontextmanager
async def room(stack: StackInfo) -> AsyncIterator[Room]:
    async with Client(stack.ari_url, stack.ari_user, stack.ari_password, f"ears-{os.getpid()}") as client:
        room = Room(client)
        listening = asyncio.create_task(room.listen())
        try:
            yield room
        finally:
            for id in room.here:
                await client.channels.hangup(id)
    await listening


def phone(ground: Ground, to: str) -> CarrierCall:
    """What it wrote down, when it is over."""
    until_sync(lambda: all(one.ended_at_ms for one in ground.rings(to)), 5, f"{to} is over")
    return ground.phone(to)


async def test_a_code_that_is_played_is_read_from_what_the_phone_heard(ground: Ground, stack: StackInfo) -> None:
    to = number(1)
    async with room(stack) as here:
        await here.call("a", to)
        await here.play("a", *(f"digits/{digit}" for digit in CODE))
    heard = phone(ground, to)
    assert heard.recording is not None
    sound = Path(heard.recording)
    assert heard_digits(sound, digit_prompts(ground.stack)) == CODE
    assert speech(sound)[0][0] < 500, "it begins at once"
    assert speech_ms(sound) > 400 * len(CODE)


async def test_nine_phones_in_a_bridge_hear_each_other_but_for_the_muted_one(ground: Ground, stack: StackInfo) -> None:
    numbers = {f"p{nn}": number(nn) for nn in range(1, 10)}
    async with room(stack) as here:
        await asyncio.gather(*(here.call(name, to) for name, to in numbers.items()))
        await here.client.channels.mute(here.id(MUTED), direction="in")
        # without proxy_media the first phone is deaf in a third of the runs: its stream changes as the third one joins
        await here.client.bridges.createWithId(here.id("bridge"), type="mixing,proxy_media")
        for name in numbers:
            await here.client.bridges.addChannel(here.id("bridge"), channel=here.id(name))
        all_in_ms = now_ms() + 500
        await until(lambda: now_ms() > all_in_ms + 2500, 5, "two seconds of all of them are recorded")
        await here.client.bridges.destroy(here.id("bridge"))
    calls = {name: phone(ground, to) for name, to in numbers.items()}
    table = heard_table(calls, all_in_ms, all_in_ms + 2000)
    table.must_be(everybody(*numbers, muted=[MUTED]))
    with pytest.raises(AssertionError):
        table.must_be(everybody(*numbers))
    [in_one_second] = [hz for second, hz in with_tones(ground, numbers["p1"]).heard if second == 2]
    assert set(in_one_second[:7]) == {300.0 + 50 * nn for nn in (2, 3, 4, 6, 7, 8, 9)}


def with_tones(ground: Ground, to: str) -> CarrierCall:
    [one] = ground.rings(to, with_tones=True)
    return one
