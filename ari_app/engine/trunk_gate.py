"""Before a dial: may this trunk take a call now? After it: the trunk's lines are given back, and its health is noted.

It stands at the dial and not where a call is accepted, because only there it is known which trunk is asked, and when:
a callee is dialled seconds after the call was accepted, a second trunk after the first one has failed. What is asked
for here is never waited for by any other call, and whatever of it fails keeps no phone from ringing, but for one thing:
over a trunk with a limit nothing is dialled that has not been counted. Its carrier cuts us off otherwise.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

import structlog

from ari_app.domain.call import Call, Leg
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Done, Event, Gone, NeverSent
from ari_app.domain.trunks import Trunk
from ari_app.domain.wishes import Dial, Wish
from ari_app.engine.lines_of import lines_of, promised
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_health import TrunkHealth
from ari_app.engine.trunk_signs import signs
from ari_app.ports.lines import Full, Lines

log = structlog.get_logger()

SEEN_EVERY_S = 2.0
LOOK_UP_S = 0.1
"""Who waits for a line looks up so often, whether the call still wants it."""
UNCOUNTED_AGAIN_MS = 200
LINE_AGAIN_MS = 200
"""Of a trunk whose lines are all taken: one may be given back any moment."""
UNCOUNTED, CPS = "uncounted", "cps"
"""`uncounted`: the store does not say whether there is a line."""

T = TypeVar("T")
Perform = Callable[[Call, Wish], Awaitable[list[Event]]]


class TrunkGate:
    """Of one node. `is_down`: see TrunkHealth; by this node's PBX. `waits`: a call waits for its trunk, and is no sign
    that the PBX is slow."""

    def __init__(
        self, lines: Lines, trunks: TrunkBook, health: TrunkHealth, now_ms: Callable[[], int], *,
        is_down: Callable[[str], str] | None = None, waits: Callable[[str], None] = lambda _call: None,
        kept_back: Callable[[str, str], None] = lambda _trunk, _why: None,
    ) -> None:  # fmt: skip
        self._lines = lines
        self._trunks = trunks
        self._health = health
        self._now_ms = now_ms
        self._is_down = is_down
        self._waits = waits
        self._told_kept_back = kept_back
        self._tasks: set[asyncio.Task[None]] = set()
        self._taking: dict[str, asyncio.Future[Any]] = {}  # channel → its line is being taken
        self._seeing: dict[str, asyncio.Future[Any]] = {}  # trunk → its lines were told of last

    # ---- before and after a dial --------------------------------------------------------------------------------

    async def through(
        self, call_of: Callable[[], Call], wish: Wish, perform: Perform, goes_out: Callable[[], bool] = lambda: True
    ) -> list[Event]:
        """A dial is carried out if its trunk may take it; every other wish at once. `call_of`: the call as it is now.
        `goes_out`: False where the PBX is out of sight, or was meanwhile: nothing is sent, and recovery tells."""
        if not isinstance(wish, Dial):
            return await perform(call_of(), wish)
        call = call_of()
        leg = call.leg(wish.leg)
        if leg.routes[wish.n].device:  # no trunk's line, nor anything else that is counted
            return await perform(call, wish) if goes_out() else []
        name, channel = leg.routes[wish.n].trunk, f"{call.id}.{wish.leg}.{wish.n}"
        trunk = self._trunks.find(name) or Trunk(name, "")  # configured no more: it has no limits

        def is_wanted() -> bool:
            return not call_of().is_over and goes_out()

        why = await self._why_not(call_of, leg, wish.n, trunk, channel, is_wanted)
        if why is None or not is_wanted():
            if why == "":
                self._not_sent(trunk, channel)
            return [NeverSent(wish.leg, wish.n, self._now_ms())] if call_of().is_over else []
        if why:
            log.info("trunk passed over", call=call.id, leg=wish.leg, trunk=name, why=why)
            self._told_kept_back(name, why)
            now_ms = self._now_ms()
            return [Gone(wish.leg, wish.n, now_ms, how="failed", why=why), Done(wish.key, now_ms)]
        try:
            return await perform(call_of(), wish)
        finally:
            if trunk.max_cps:
                self._background(self._lines.begun(name, channel))

    def _not_sent(self, trunk: Trunk, channel: str) -> None:
        """It had its line, and nobody wants it any more: it probes nothing, and its start is not under way."""
        self._health.not_dialled(trunk.name, channel)
        if trunk.max_cps:
            self._background(self._lines.begun(trunk.name, channel))

    async def _why_not(
        self, call_of: Callable[[], Call], leg: Leg, n: int, trunk: Trunk, channel: str, is_wanted: Callable[[], bool]
    ) -> str | None:
        """ "": it may be dialled. None: nobody wants it any more."""
        has_other = any(self._unfit(route.trunk) is None for route in leg.routes[n + 1 :])
        if has_other and (unfit := self._unfit(trunk.name)):
            return unfit
        self._health.dials(trunk.name, channel)
        why = await self._line(call_of, trunk, channel, is_wanted, has_other=has_other)
        if why != "":
            self._health.not_dialled(trunk.name, channel)
        return why

    def _unfit(self, trunk: str) -> str | None:
        return self._health.unfit(trunk, self._is_down)

    async def _line(
        self, call_of: Callable[[], Call], trunk: Trunk, channel: str, is_wanted: Callable[[], bool], *, has_other: bool
    ) -> str | None:
        if not (trunk.max_channels or trunk.max_cps):  # nothing to wait for: it is counted, and that is all
            self._count(trunk.name, channel)
            return ""
        until_ms = self._now_ms() + call_of().terms.trunk_wait_ms
        while True:
            full = await self._asked(trunk, channel, promised(call_of(), trunk.name) if trunk.max_channels else ())
            if full is None:
                return ""
            left_ms = until_ms - self._now_ms()
            if has_other or left_ms <= 0:
                return UNCOUNTED if full is _UNCOUNTED else full.why
            self._waits(channel.partition(".")[0])
            if not await _still(is_wanted, min(full.again_ms or LINE_AGAIN_MS, left_ms)):
                return None

    async def _asked(self, trunk: Trunk, channel: str, also: tuple[str, ...]) -> Full | None:
        asking = self._lines.take(
            trunk.name, channel, max_channels=trunk.max_channels, max_cps=trunk.max_cps, also=also
        )
        try:
            return await self._taking_for((channel, *also), asyncio.ensure_future(asking))
        except Unavailable as e:
            log.warning("lines not counted", trunk=trunk.name, channel=channel, why=str(e))
        except Exception:  # a fault of ours: no call waits for ever for it
            log.exception("lines not counted", trunk=trunk.name, channel=channel)
        return _UNCOUNTED

    def _count(self, trunk: str, channel: str) -> None:
        self._taking_for((channel,), self._background(self._take(trunk, channel)))

    def _taking_for(self, channels: tuple[str, ...], taking: asyncio.Future[T]) -> asyncio.Future[T]:
        def taken(_: object) -> None:
            for channel in channels:
                if self._taking.get(channel) is taking:
                    del self._taking[channel]

        self._taking |= dict.fromkeys(channels, taking)
        taking.add_done_callback(taken)
        return taking

    async def _take(self, trunk: str, channel: str) -> None:
        await self._lines.take(trunk, channel, max_channels=0, max_cps=0)

    async def _free(self, trunk: str, channel: str) -> None:
        """Never before it is taken, or what was said of it before arrives: it would be in use again."""
        for under_way in (self._taking.get(channel), self._seeing.get(trunk)):
            if under_way is not None:
                await asyncio.wait({under_way})
        await self._lines.free(trunk, channel)

    # ---- while a call lives -------------------------------------------------------------------------------------

    def folded(self, before: Call, after: Call) -> None:
        """What has become of the call: lines are given back at once, in the background. Should that fail, they go
        stale, as nobody sees them any more."""
        if before.legs is after.legs and before.asked is after.asked and before.end is after.end:
            return
        self._health.saw(signs(before, after))
        kept = lines_of(after, self._is_limited)
        for channel, trunk in lines_of(before, self._is_limited).items():
            if kept.get(channel) != trunk:
                self._background(self._free(trunk, channel))

    def _is_limited(self, name: str) -> bool:
        trunk = self._trunks.find(name)
        return trunk is not None and trunk.max_channels > 0

    async def keep(self, live_calls: Callable[[], Iterable[Call]]) -> None:
        """For as long as the node is ours: the lines of its calls are seen, also those that we took over, and those
        that the store has lost."""
        while True:
            by_trunk: dict[str, list[str]] = defaultdict(list)
            for call in live_calls():
                for channel, trunk in lines_of(call, self._is_limited, with_pending=False).items():
                    by_trunk[trunk].append(channel)
            for trunk, channels in by_trunk.items():
                self._seeing[trunk] = self._background(self._lines.seen(trunk, channels))
            await asyncio.sleep(SEEN_EVERY_S)

    def _background(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(_harmless(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # of one that was cancelled before it had begun
        return task

    def close(self) -> None:
        """What is under way is nobody's any more."""
        for task in self._tasks:
            task.cancel()


_UNCOUNTED = Full("cps", UNCOUNTED_AGAIN_MS)


async def _still(is_wanted: Callable[[], bool], in_ms: int) -> bool:
    """After so long; sooner, if not."""
    until_s = asyncio.get_running_loop().time() + in_ms / 1000
    while is_wanted():
        left_s = until_s - asyncio.get_running_loop().time()
        if left_s <= 0:
            return True
        await asyncio.sleep(min(left_s, LOOK_UP_S))
    return False


async def _harmless(work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except Unavailable as e:
        log.info("lines not told of", why=str(e))
    except Exception:
        log.exception("lines not told of")
