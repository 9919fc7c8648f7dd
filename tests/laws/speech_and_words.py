"""What comes from outside in a random world: words to its calls, some told twice and some while the app dies; phones
that call by themselves; and who speaks. Of chances of its own: a type for which nothing is said lives as ever."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.engine.telling import Word, tell_here

if TYPE_CHECKING:
    from tests.laws.world import World

PAUSES_S = (0.01, 0.2, 1.0, 3.0, 10.0)


class Words:
    """`taken`: call → the commands of which somebody was told that they are written down."""

    def __init__(self, seed: int, world: World) -> None:
        self.taken: dict[str, set[str]] = defaultdict(set)
        self._rng = random.Random(f"words {seed}")
        self._seek_rng = random.Random(f"seek {seed}")
        self._world = world
        self._asks = 0

    async def say(self, ids: list[str]) -> None:
        """At random moments of the calls' lives."""
        for _ in range(self._rng.choice((0, 3, 10, 20))):
            await asyncio.sleep(self._rng.choice(PAUSES_S) * self._rng.random())
            call_id = self._rng.choice(ids)
            if self._world.maker.words is not None and (call := self._live(call_id)) is not None:
                await self._say_one(call)
        await asyncio.sleep(0)

    async def _say_one(self, call: Call) -> None:
        assert self._world.maker.words is not None
        word = self._world.maker.words(call, self._rng)
        if word is None:
            return
        self._asks += 1
        word = replace(word, ask=f"a{self._asks}")
        if isinstance(word, ev.LegAdded) and word.leg.came_in:
            channel = f"{call.id}.{word.leg.role}.0"
            if channel in self._world.pbx.traces_kept:
                return
            self._world.pbx.call_in(channel)
        times = 2 if self._rng.random() < 0.2 else 1
        tellings = [self._world.loop.create_task(self._tell(call.id, word), name="world teller") for _ in range(times)]
        try:
            await asyncio.gather(*tellings)
        finally:
            if isinstance(word, ev.LegAdded) and word.leg.came_in:
                self._let_in_or_not(call.id, word)

    def _let_in_or_not(self, call_id: str, word: ev.LegAdded) -> None:
        """Into the call that took him; another one he is not let into, and hears so from the dialplan."""
        channel = f"{call_id}.{word.leg.role}.0"
        if word.ask in self.taken[call_id]:
            self._world.pbx.let_in(channel)
        else:
            self._world.pbx._end(channel, 16, None, False)

    async def _tell(self, call_id: str, word: Word) -> None:
        """Until it was answered, or the call is over; whoever has it by then."""
        for _ in range(20):
            box = None if self._world.is_down else self._box(call_id)
            try:
                answer = None if box is None else await tell_here(box, word)
            except Unavailable:
                answer = None
            if isinstance(answer, Call):
                self.taken[call_id].add(word.ask)
            if answer is not None or self._world._call(call_id).settled is not None:
                if isinstance(word, ev.LegAdded) and word.leg.came_in and word.ask not in self.taken[call_id]:
                    self._world.pbx._end(f"{call_id}.{word.leg.role}.0", 16, None, False)  # whoever told it does so
                return
            await asyncio.sleep(2)

    def _box(self, call_id: str):  # type: ignore[no-untyped-def]
        engine = self._world.engine
        return engine.mailbox(call_id) if engine is not None and engine.tends(call_id) else None

    def _live(self, call_id: str) -> Call | None:
        box = None if self._world.is_down else self._box(call_id)
        return None if box is None else box.call

    async def speak(self) -> None:
        """Those who are up begin to speak and cease to."""
        while self._world.maker.speaks:
            await asyncio.sleep(self._rng.choice((0.1, 1.0, 10.0)) * self._rng.random())
            up = sorted(c.id for c in self._world.pbx.channels.values() if c.answered_ms is not None)
            if up:
                self._world.pbx.speaks(self._rng.choice(up), is_talking=self._rng.random() < 0.5)

    async def seek(self, call: Call, wish: w.Seek) -> ev.LegAdded | ev.NotFound:
        """What the engine finds for what was keyed: sometimes later, or not just now."""
        assert self._world.maker.seek is not None
        await asyncio.sleep(self._seek_rng.choice((0.0, 0.01, 1.0)) * self._seek_rng.random())
        if self._seek_rng.random() < self._world.trouble:
            raise Unavailable("away")
        return self._world.maker.seek(call, wish, self._seek_rng)
