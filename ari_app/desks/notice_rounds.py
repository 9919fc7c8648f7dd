"""Who is rung for which notice now: works the queue of recipients; what is done about each is notice_people.py's.

Every process does so; none needs to know of another. A recipient's call has an id that follows from the notice, from
him and from the number of the try: whoever begins it, and however often, it is begun once. The queue says only whom to
look at; what is done follows from his record and from his call's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from ari_app.desks.notice_desk import NoticeRules
from ari_app.desks.notice_people import LiveCalls, NoticeWatch, Recipients, Service
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.notices import Notice, Now, Recipient, is_reached
from ari_app.engine.notice_pace import Pace
from ari_app.ports.notices import Due, Notices, is_live
from ari_app.ports.speech import Speech

log = structlog.get_logger()

TURN_S = 0.25
LOOK_MS = 20_000
"""Who is under way and of whom nothing is heard for so long is looked at: his call may have ended while nobody could
write that down, or never have begun."""
LOOKS_MAX = 50
MEND_S = 60.0
FAR_MS = 3_600_000
"""Of one that begins only after that nothing is to be mended yet."""


class NoticeRounds:
    def __init__(
        self, notices: Notices, speech: Speech, rules: NoticeRules, *, service: Service, live: LiveCalls, pace: Pace,
        now_ms: Callable[[], int], watch: NoticeWatch | None = None,
    ) -> None:  # fmt: skip
        self._notices = notices
        self._speech = speech
        self._rules = rules
        self._service = service
        self._pace = pace
        self._now_ms = now_ms
        self._watch = watch or NoticeWatch()
        self._recipients = Recipients(
            notices, speech, rules, service=service, live=live, now_ms=now_ms, watch=self._watch
        )  # fmt: skip
        self._at_work: dict[Due, asyncio.Task[None]] = {}
        self._looks: set[asyncio.Task[None]] = set()
        self._mended_s, self._has_begun = float("-inf"), False

    # ---- the queue ----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever."""
        try:
            while True:
                try:
                    await self.turn()
                except Unavailable as e:
                    log.debug("notices not looked at", why=str(e))
                await asyncio.sleep(TURN_S)
        finally:
            for task in (*self._at_work.values(), *self._looks):
                task.cancel()

    async def turn(self) -> None:
        """Raises Unavailable."""
        if self._service.is_draining or not self._pace.is_open():
            return
        clock_s = asyncio.get_running_loop().time()
        if clock_s - self._mended_s > MEND_S:
            await self.mend(has_just_begun=not self._has_begun)
            self._mended_s, self._has_begun = clock_s, True
        room = self._pace.room()
        found = await self._notices.due(
            self._now_ms(), parallel=self._rules.parallel if room else 0, at_once=room or LOOKS_MAX, look_ms=LOOK_MS
        )
        self._pace.took(len(found))
        for one in found:
            if one not in self._at_work:
                self._at_work[one] = asyncio.create_task(self._work_out(one), name=f"notice {one.notice} {one.n}")

    async def mend(self, *, has_just_begun: bool = False) -> None:
        """Whoever is still to be looked at is in the queue, whatever was lost on the way there. Raises Unavailable.
        `has_just_begun`: calls may have ended, or not have begun, as the process before us died."""
        for id in await self._notices.open_ids():
            await self.look_over(id, with_calls=has_just_begun)
        self._watch.counted(len(await self._notices.open_ids()), await self._notices.under_way())

    def soon(self, id: str) -> None:
        """What was just said of a notice reaches its recipients now, rather than in its turn."""
        task = asyncio.create_task(self._look_over_now(id), name=f"notice {id}")
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    async def _look_over_now(self, id: str) -> None:
        try:
            await self.look_over(id)
        except Unavailable as e:
            log.warning("notice not looked over, again later", notice=id, why=str(e))

    async def look_over(self, id: str, *, with_calls: bool = False) -> None:
        """One notice: as after a reminder, or its end. Raises Unavailable."""
        found = await self._notices.find(id)
        if found is None:
            return
        told, now = found
        if not told.text:
            await self._speech.find(told.said)  # so that an audio file is kept until it is played
        if told.at_ms > self._now_ms() + FAR_MS and now.cancelled_at_ms is None:
            return
        recipients = await self._notices.recipients(id, 0, told.count)
        await self._notices.fill(id, {r.n: r.due_ms for r in recipients if is_live(r)})
        stale = [r.n for r in recipients if _is_stale(told, now, r) or (with_calls and r.call)]
        for at in range(0, len(stale), LOOKS_MAX):
            await asyncio.gather(*(self._work(Due(id, n)) for n in stale[at : at + LOOKS_MAX]))
        if not now.open and not stale:
            await self._notices.close(id, self._rules.keep_s)

    async def _work_out(self, one: Due) -> None:
        try:
            await self._work(one)
        finally:
            del self._at_work[one]

    async def _work(self, one: Due) -> None:
        try:
            await self._recipients.look_at(one)
        except Unavailable as e:
            log.warning("recipient not looked after, again later", notice=one.notice, n=one.n, why=str(e))
        except Exception:  # a fault in one keeps no other from being rung; he is looked at again
            log.exception("recipient not looked after for a fault", notice=one.notice, n=one.n)

    async def over(self, call: Call) -> None:
        """See Recipients.over."""
        await self._recipients.over(call)


def _is_stale(told: Notice, now: Now, r: Recipient) -> bool:
    """He does not know yet of the last reminder, or that all is cancelled."""
    if now.cancelled_at_ms is not None:
        return is_live(r)
    return r.round < now.round and not is_reached(told, r)
