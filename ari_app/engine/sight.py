"""What this process sees of its PBX: each time it comes into sight, what is there is told to the calls as ordinary
events, and what nobody wants there is hung up. Until when it was seen is written down for the next process."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Done, Event
from ari_app.engine import recover
from ari_app.engine.inquiry import Inquiry
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.recover import Findings
from ari_app.ports.telephony import LinkLost, PbxError, Snapshot, Telephony

if TYPE_CHECKING:
    from ari_app.engine.engine import Engine

log = structlog.get_logger()

LOOK_AGAIN_S = 2.0
HUSH_AGAIN_S, HUSHES_MAX = 0.5, 4


class Sight:
    def __init__(self, engine: Engine, telephony: Telephony, inquiry: Inquiry) -> None:
        self.is_clear = False
        self.epoch = 0  # grows whenever the PBX comes into sight
        self.seen_ms = 0  # when the PBX was last seen alive, by us or the process before us
        self.recovered = asyncio.Event()
        self._engine = engine
        self._telephony = telephony
        self._inquiry = inquiry

    def lost(self, heard_ms: int = 0) -> None:
        """`heard_ms`: the last sign of life, where one is known."""
        self.is_clear = False
        self.seen_ms = max(self.seen_ms, heard_ms)
        self.recovered.clear()

    async def recover(self, snapshot: Snapshot) -> bool:
        """False: lost again meanwhile. Half a sight is none: the next one is on its way."""
        engine = self._engine
        engine.adoption.looks()
        try:
            found = await self._inquiry.ask(engine.live_calls, snapshot)
            if engine.stood_down.done():
                return False
            for box in engine.boxes():  # those that came while we asked, too
                self._tell(box, snapshot, found)
            self.is_clear = True
            self.epoch += 1
            await self.hang_up_strangers(snapshot)
        except LinkLost as e:
            log.info("PBX lost again while recovering", why=str(e))
            return False
        self.recovered.set()
        log.info("PBX in sight", live_calls=engine.live, channels=len(snapshot.channels))
        engine.background(self._look_again(self.epoch))
        return True

    async def look_at(self, box: Mailbox) -> None:
        """The same for one call, of which it was not known when the PBX was looked at. Where it is out of sight, its
        coming back will tell."""
        try:
            snapshot = await self._telephony.look()
            self._tell(box, snapshot, await self._inquiry.ask(lambda: [box.call], snapshot))
        except (PbxError, LinkLost) as e:
            log.info("PBX not looked at", call=box.call.id, why=str(e))

    def _tell(self, box: Mailbox, snapshot: Snapshot, found: Findings) -> None:
        facts: list[Event]
        try:
            facts = recover.facts(box.call, snapshot, found, self.seen_ms, frozenset(box.unsent))
        except Exception:  # a fault in one call takes the sight of no other
            log.exception("what happened to a call in the gap not worked out", call=box.call.id)
            facts = recover.bare_facts(box.call, snapshot, self.seen_ms)
        self._engine.adoption.found(box.call.id, facts)
        box.recovered(facts)

    async def _look_again(self, epoch: int) -> None:
        """What was asked over the lost link may be carried out after the new link's first sight."""
        snapshot = None
        while snapshot is None:
            await asyncio.sleep(LOOK_AGAIN_S)
            if epoch != self.epoch or not self.is_clear:
                return  # a new sight has come, or will
            with suppress(PbxError, LinkLost):
                snapshot = await self._telephony.look()
        for box in self._engine.boxes():
            box.post(*recover.risen(box.call, snapshot))
        await self.hang_up_strangers(snapshot)
        with suppress(LinkLost):  # the next sight hushes what is left
            await self._hush_late(snapshot)

    async def _hush_late(self, snapshot: Snapshot) -> None:
        left = self._engine.boxes()
        for _ in range(HUSHES_MAX):
            left = [box for box in left if not await self._is_hushed(box, snapshot)]
            if not left:
                return
            await asyncio.sleep(HUSH_AGAIN_S)

    async def _is_hushed(self, box: Mailbox, snapshot: Snapshot) -> bool:
        names, is_all = await self._inquiry.hush_late(box.call, snapshot)
        if names:
            box.post(*(Done(f"stop:{name}", self._engine.now_ms()) for name in names))
        return is_all

    async def hang_up_strangers(self, snapshot: Snapshot) -> None:
        channels, bridges = recover.strangers(self._engine.known(), snapshot)
        for channel in channels:
            self._engine.hang_up_stranger(channel)
        for bridge in bridges:
            await self._engine.strangers.clear(bridge, self._telephony.close_bridge)

    async def mark_alive(self, every_s: float) -> None:
        """For ever, so that after a death it is known until when the PBX was seen alive."""
        engine = self._engine
        while True:
            if self.is_clear and self._telephony.is_up and engine.may_say_that_all_was_seen():
                self.seen_ms = max(self.seen_ms, self._telephony.heard_ms)  # a link may be dead and not known to be
                try:
                    await engine.calls.mark_alive(engine.node, self.seen_ms)
                except Unavailable as e:
                    log.warning("alive mark not written", why=str(e))
                except Exception:
                    log.exception("alive mark not written")
            await asyncio.sleep(every_s)
