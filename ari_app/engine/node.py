"""One node's life in this process: wait for its lease, own it, give it up, wait again.

What exists only while the node is ours is made anew each time, so that nothing that was known before is believed after.
Knows ports only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.engine.engine import Engine
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.orders import Orders
from ari_app.lasting import DiedError, must_not_end
from ari_app.ports.leases import HeldBy
from ari_app.ports.nodes import Board, NodeState
from ari_app.ports.telephony import Telephony
from ari_app.stopping import first_of

log = structlog.get_logger()

TELL_S = 1.0
TOLD_FOR_MS = 3_000
"""What an owner told of its node is believed so long."""
AGAIN_S = 0.5
GIVEN_BACK = "given back to the process that is at home here"
FIGHTS_MAX, FIGHT_S = 3, 60.0


class PbxLink(Telephony, Protocol):
    """A PBX and the link to it."""

    @property
    def fault(self) -> str:
        """Why no call can be placed over it now; "" where nothing is known to be wrong."""

    async def run(self) -> None:
        """Until closed or replaced."""

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reign:
    """What there is of a node while it is ours."""

    engine: Engine
    telephony: PbxLink


class Node:
    """`is_only`: this process knows no other node. `is_home`: another process gives it back to this one when it asks.
    `has_trunk`: whether any trunk of this PBX may take a call."""

    def __init__(
        self,
        name: str,
        *,
        lease: LeaseKeeper,
        board: Board,
        make: Callable[[], Reign],
        calls_max: int,
        is_home: bool = True,
        is_only: bool = True,
        has_trunk: Callable[[], bool] = lambda: True,
        stood_down: Callable[[str, str], None] = lambda _node, _why: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.calls_max = calls_max
        self.reign: Reign | None = None
        self.others: HeldBy | None = None
        """Who has it, as told when it was last asked for; None: we do, or it was not asked for yet."""
        self._lease = lease
        self._board = board
        self._make = make
        self._is_home = is_home
        self._is_only = is_only
        self._has_trunk = has_trunk
        self._stood_down = stood_down
        self._changed = changed
        self._fights: list[float] = []
        self._trouble = ""

    @property
    def engine(self) -> Engine | None:
        return None if self.reign is None else self.reign.engine

    @property
    def live(self) -> int:
        return 0 if self.reign is None else self.reign.engine.live

    def why_closed(self) -> str:
        """Why it takes no new call here; "" where it does."""
        if self.reign is None:
            return self._trouble or ("owned by another process" if self.others is not None else "not owned yet")
        if not self._lease.is_ours():
            return "its lease has run out: Redis does not renew it"
        if self.reign.telephony.fault:
            return self.reign.telephony.fault
        if not self.reign.engine.sees_pbx:
            return "it is being looked at"
        return "" if self._has_trunk() else "no trunk can be reached"

    async def run(self) -> None:
        """For as long as the process lives. Raises what nothing can be done about here."""
        while True:
            await self._own()
            why = await self.rule_once()
            if why == GIVEN_BACK:
                await self.leave()
            else:
                self._stood_down(self.name, why)
                await self._must_be_theirs()

    async def take(self) -> bool:
        """Its lease, without waiting. False: somebody else has it. Raises Unavailable."""
        return await self._lease.take() is None

    async def rule_once(self) -> str:
        """With the lease taken: until it is ours no more, and why."""
        self.reign = self._make()
        try:
            why = await self._rule(self.reign)
        finally:
            ended, self.reign = self.reign, None
            await _closed(ended)
        log.warning("stood down", node=self.name, why=why)
        return why

    async def leave(self) -> None:
        """Give it up, where it is ours: for the next process, at once. Where the store does not answer, it runs out."""
        with suppress(Unavailable):
            await self._lease.release()

    # ---- ownership ----------------------------------------------------------------------------------------------

    async def _own(self) -> None:
        while True:
            try:
                if self._is_home or not await self._is_wanted_at_home():
                    await self._lease.acquire(self._waits)
                    self.others = None
                    return
            except Unavailable as e:
                log.warning("node not acquired, trying again", node=self.name, why=str(e))
            await asyncio.sleep(AGAIN_S)

    async def _waits(self, held: HeldBy) -> None:
        self.others = held
        self._changed()
        if self._is_home:
            await self._board.want(self.name, self._lease.owner, TOLD_FOR_MS)

    async def _is_wanted_at_home(self) -> bool:
        return await self._board.wanted_by(self.name) not in (None, self._lease.owner)

    async def _must_be_theirs(self) -> None:
        """Whoever replaced us has the lease. If nobody has, somebody uses the application who does not share our Redis:
        two would take it away from each other for ever."""
        while True:
            try:
                is_lost = await self._lease.is_lost()
                break
            except Unavailable:
                await asyncio.sleep(AGAIN_S)
        now = time.monotonic()
        self._fights = [at for at in self._fights if now - at < FIGHT_S] + ([] if is_lost else [now])
        if len(self._fights) > FIGHTS_MAX:
            await self._cannot_be_had()
        elif not is_lost:
            await asyncio.sleep(AGAIN_S)

    async def _cannot_be_had(self) -> None:
        """With no other node the process is of no use, and whoever looks after it must hear of it. Else the others go
        on, and it is tried again after a while."""
        why = "a process that does not share this Redis takes this PBX's application"
        if self._is_only:
            raise DiedError(f"{self.name}: {why}")
        log.error("node left alone for a while", node=self.name, why=why)
        self._trouble = why
        await self.leave()
        await asyncio.sleep(FIGHT_S)
        self._trouble = ""
        self._fights.clear()

    # ---- while it is ours ---------------------------------------------------------------------------------------

    async def _rule(self, reign: Reign) -> str:
        """Until we own it no more; why."""
        engine = reign.engine
        began = time.monotonic()
        async with asyncio.TaskGroup() as side:
            keeping = self._lease.keep(engine.lost_ownership)
            tasks = [side.create_task(self._unless_down(engine, keeping, "the lease"))]
            await self._load(engine)
            if not engine.stood_down.done():
                log.info("calls taken up", node=self.name, lease=engine.fence, live_calls=engine.live)
                lasting = self._lasting(reign)
                tasks += [side.create_task(self._unless_down(engine, task, what)) for task, what in lasting]
                side.create_task(self._told_when_seen(engine, began))
            await asyncio.wait({engine.stood_down})
            await reign.telephony.close()  # nothing more of ours reaches the PBX
            for task in tasks:
                task.cancel()
        return engine.stood_down.result()

    def _lasting(self, reign: Reign) -> list[tuple[Coroutine[Any, Any, None], str]]:
        engine = reign.engine
        return [
            (reign.telephony.run(), "the link to the PBX"),
            (engine.run(), "the engine"),
            (Orders(self._board, self._lease, engine).run(), "the orders of other processes"),
            (engine.beginnings.sweep(), "the look for calls that nobody tends"),
            (self._tell(reign), "the word about this node"),
        ]

    async def _unless_down(self, engine: Engine, task: Coroutine[Any, Any, None], what: str) -> None:
        """What ends because we stood down has not died."""
        try:
            await must_not_end(task, what)
        except DiedError:
            if not engine.stood_down.done():
                raise

    async def _load(self, engine: Engine) -> None:
        """Redis may go away again in the midst of it."""
        fence = self._lease.number
        while not engine.stood_down.done():
            try:
                await engine.load(fence)
                return
            except Unavailable as e:
                log.warning("calls not taken up, trying again", node=self.name, why=str(e))
                await asyncio.sleep(AGAIN_S)

    async def _told_when_seen(self, engine: Engine, began: float) -> None:
        await first_of(engine.until_recovered(), asyncio.wait({engine.stood_down}))
        if engine.sees_pbx:
            took_ms = round(1000 * (time.monotonic() - began))
            log.info("node taken over", node=self.name, live_calls=engine.live, ms=took_ms)
            self._changed()
            await self._tell_once(engine)

    async def _tell(self, reign: Reign) -> None:
        while True:
            await self._tell_once(reign.engine)
            try:
                if not self._is_home and await self._is_wanted_at_home():
                    reign.engine.give_up(GIVEN_BACK)
            except Unavailable as e:
                log.warning("node not looked after", node=self.name, why=str(e))
            await asyncio.sleep(TELL_S)

    async def _tell_once(self, engine: Engine) -> None:
        why = self.why_closed()
        now_ms = engine.now_ms()
        state = NodeState(
            self.name, self._lease.owner, self._lease.number, not why, why, engine.live, self.calls_max, now_ms
        )
        try:
            await self._board.tell(state, TOLD_FOR_MS)
        except Unavailable as e:
            log.warning("node not told of", node=self.name, why=str(e))


async def _closed(reign: Reign) -> None:
    await reign.engine.close()
    await reign.telephony.close()
