"""Two installations, each with an application name of its own, on one real Asterisk: neither sees the other's calls."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ari_app.adapters.ari import LinkSettings
from ari_app.adapters.ari.sounds import Sounds
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.domain import events as ev
from ari_app.engine import recover
from ari_app.ports.speech import Wording
from ari_app.ports.telephony import CallEvent, DialRequest, LinkUp, PbxEvent, Snapshot
from tests.ground import Ground, number
from tests.support import until

_names = (f"ari-{os.getpid()}-house-{n}" for n in itertools.count())
BRISK = LinkSettings(retry_first_ms=10, retry_max_ms=100)
SOUNDS = Sounds({"warning": Wording(("tone:1400/500",), (), ())})


@dataclass
class House:
    telephony: AriTelephony
    said: list[PbxEvent] = field(default_factory=list)

    def sights(self) -> list[Snapshot]:
        return [one.snapshot for one in self.said if isinstance(one, LinkUp)]

    def facts(self) -> list[ev.Event]:
        return [one.event for one in self.said if isinstance(one, CallEvent)]


@asynccontextmanager
async def living(stack: Any) -> AsyncIterator[House]:
    house = House(
        AriTelephony(
            stack.ari_url, stack.ari_user, stack.ari_password, next(_names), cel_path=None, settings=BRISK,
            sounds=SOUNDS,
        )
    )  # fmt: skip

    async def listen() -> None:
        async for one in house.telephony.events():
            house.said.append(one)

    async with asyncio.TaskGroup() as group:
        group.create_task(house.telephony.run())
        group.create_task(listen())
        await until(lambda: house.telephony.is_up, within_s=5)
        try:
            yield house
        finally:
            await house.telephony.close()


async def test_the_calls_of_one_are_no_strangers_to_the_other(ground: Ground) -> None:
    call = f"c{os.getpid():0>26}"
    leg, warning = f"{call}.caller.0", f"{call}.warning"
    async with living(ground.info) as mine:
        pbx = mine.telephony
        await pbx.open_bridge(call)
        await pbx.dial(DialRequest(leg, call, "carrier", number(10), "+864001234567", 20_000, 60_000, bridge=call))
        try:
            await until(lambda: any(isinstance(one, ev.Answered) for one in mine.facts()), within_s=5)
            await pbx.whisper(leg, warning, "warning")
            async with living(ground.info) as theirs:
                for sight in (*theirs.sights(), await theirs.telephony.look()):
                    assert recover.strangers([], sight) == ([], [])
                    assert (dict(sight.channels), dict(sight.bridges)) == ({}, {})
            pbx.client.drop("to see everything anew")
            await until(lambda: len(mine.sights()) == 2, within_s=5)
            for sight in (mine.sights()[-1], await pbx.look()):
                assert sight.channels.keys() == {leg, warning}
                assert sight.bridges == {call: {leg}}
        finally:
            await pbx.hang_up(leg)
            await pbx.close_bridge(call)
        await until(lambda: any(isinstance(one, ev.Gone) for one in mine.facts()), within_s=5)
        await until(lambda: not any(one.startswith(call) for one in ground.on_the_pbx()), within_s=5)
