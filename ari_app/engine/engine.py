"""All live calls of one process and one PBX: routes facts to mailboxes, recovers after gaps, keeps the lease.

Knows ports only. The life: `open` (lease, load) → `run` (facts) → `drain`/`close`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass

import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Answered, Cancel, EarlyMedia, Event, Rang, Tick
from ari_app.engine import records, recover
from ari_app.engine.inquiry import Inquiry
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.perform import Performer
from ari_app.flows import flows
from ari_app.ports.calls import Calls, Exists, Fenced, Saved, StoredCall
from ari_app.ports.ledger import Ledger
from ari_app.ports.telephony import (
    Asked,
    CallEvent,
    LinkDown,
    LinkLost,
    LinkUp,
    PbxError,
    Replaced,
    Snapshot,
    Telephony,
)  # fmt: skip

log = structlog.get_logger()

DOUBTFUL_S = 20.0
"""How long one who was told "not available" has to ask again with the same key, before the call is ended."""

LOOK_AGAIN_S = 2.0

CANCEL_WITHIN_S = 4.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What an outsider may want to know of the engine: told, not asked. Used for metrics."""

    call_told: Callable[[Call, str], None] = lambda _call, _state: None
    link: Callable[[bool], None] = lambda _up: None
    stranger: Callable[[str], None] = lambda _channel: None


class Engine:
    def __init__(
        self,
        *,
        node: str,
        telephony: Telephony,
        calls: Calls,
        ledger: Ledger,
        performer: Performer,
        now_ms: Callable[[], int],
        alive_mark_s: float,
        retention_s: int,
        watch: Watch | None = None,
        asked: Callable[[Asked], None] | None = None,
    ) -> None:
        self.node = node
        self.calls = calls
        self.performer = performer
        self.now_ms = now_ms
        self.fence = 0
        self.sees_pbx = False
        self._seen_ms = 0  # when the PBX was last seen alive, by us or the process before us
        self.epoch = 0  # grows whenever the PBX comes into sight
        self.stood_down: asyncio.Future[str] | None = None
        self._telephony = telephony
        self._inquiry = Inquiry(telephony)
        self._ledger = ledger
        self._alive_mark_s = alive_mark_s
        self._retention_s = retention_s
        self._watch = watch or Watch()
        self._asked = asked
        self._boxes: dict[str, Mailbox] = {}
        self._ended: dict[str, Mailbox] = {}  # told, and not known to be on disk: nobody may take them up again
        self._unreadable: set[str] = set()  # left as they are, with their channels
        self._minds_others = False  # some are of a newer version: nobody watches them now, and no mark may say so
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._recovered = asyncio.Event()

    # ---- for the doors ------------------------------------------------------------------------------------------

    @property
    def live(self) -> int:
        return len(self._boxes)

    def mailbox(self, call_id: str) -> Mailbox | None:
        """Of a call that lives, or has just ended."""
        return self._boxes.get(call_id) or self._ended.get(call_id)

    def live_calls(self) -> list[Call]:
        return [box.call for box in self._boxes.values()]

    async def start(self, call: Call, user_ids: tuple[str, ...]) -> Call | Mailbox:
        """Create the call and set it going. Returns the call of the same id, if there is one already.

        Raises Unavailable if the store does not answer; then nothing was begun, or the next process will find it.
        """
        if (ended := self._ended.get(call.id)) is not None:
            return ended.call
        flow = flows()[call.type]
        record, queued = records.encode(call), records.event(call, flow.STATES[0])
        try:
            made = await self.calls.create(
                call.id, record, node=self.node, user_ids=user_ids, created_at_ms=call.created_at_ms, events=[queued],
                fence=self.fence,
            )  # fmt: skip
        except Unavailable:
            self._background(self._end_doubtful(call.id))
            raise
        if isinstance(made, Exists):
            there = self._go_on(made.stored)
            self._background(self._unlist(there if isinstance(there, Call) else there.call, user_ids))
            return there
        box = self._adopt(call, made.version)
        box.post(Tick(self.now_ms()))
        self.told(call, flow.STATES[0])
        return box

    def _go_on(self, stored: StoredCall) -> Call:
        """The call as it is; one that lives and that nobody tends (its creation was answered to nobody) is tended."""
        box = self.mailbox(stored.call_id)
        if box is None:
            call = records.decode(stored.record)
            if call.settled is not None or stored.node != self.node:
                return call
            box = self._adopt(call, stored.version)
            box.post(Tick(self.now_ms()))
        return box.call

    async def _unlist(self, there: Call, user_ids: tuple[str, ...]) -> None:
        """A creation takes its places in the lists before it can know that the call is there already, another's
        perhaps, or over."""
        strangers = set(user_ids) - set(records.users_of(there))
        is_over = there.settled is not None and there.id not in self._boxes
        with suppress(Unavailable):
            await self.calls.unlist(there.id, user_ids=sorted(strangers), node=self.node if is_over else None)

    async def is_resolved(self, payer: str, call_id: str) -> bool:
        return await self._ledger.is_resolved(payer=payer, call=call_id)

    async def _end_doubtful(self, call_id: str) -> None:
        """The answer to a creation was lost, and whoever asked was told that it failed. If he did not ask again by
        now, and the call is there after all, it must not hang about."""
        await asyncio.sleep(DOUBTFUL_S)
        while self.mailbox(call_id) is None:
            try:
                stored = await self.calls.load(call_id)
            except Unavailable:
                await asyncio.sleep(1)
                continue
            if stored is not None and not self._go_on(stored).is_over:
                self.cancel(call_id)
            return

    async def create_again(self, call: Call) -> int:
        """A call that the store has lost altogether, without its events. Its version now, also where it was there after
        all."""
        made = await self.calls.create(
            call.id, records.encode(call), node=self.node, user_ids=records.users_of(call),
            created_at_ms=call.created_at_ms, events=[], fence=self.fence,
        )  # fmt: skip
        return made.version

    def cancel(self, call_id: str) -> bool:
        """Ask a live call to end; False if it is not live here."""
        box = self._boxes.get(call_id)
        if box is not None:
            box.post(Cancel(self.now_ms()))
        return box is not None

    async def cancel_for_good(self, call_id: str) -> bool:
        """The same, and back when no crash can undo it any more. Raises Unavailable where the store does not take it;
        the call is ended all the same, unless this process dies before."""
        box = self._boxes.get(call_id)
        if box is None:
            return False
        box.post(Cancel(self.now_ms()))
        try:
            async with asyncio.timeout(CANCEL_WITHIN_S):
                await box.cancel_saved.wait()
        except TimeoutError:
            raise Unavailable("the end of the call was asked for and could not be written down") from None
        return True

    # ---- for mailboxes ------------------------------------------------------------------------------------------

    def told(self, call: Call, state: str) -> None:
        """Never raises: what is told must not keep anything from being done."""
        log.info("call " + state, call=call.id, **_why(call))
        try:
            self._watch.call_told(call, state)
        except Exception:
            log.exception("call not counted", call=call.id)

    def lost_ownership(self, why: str) -> None:
        """Somebody else owns what we thought ours: stop at once, touch nothing more."""
        log.error("standing down", why=why)
        self.sees_pbx = False
        if self.stood_down is not None and not self.stood_down.done():
            self.stood_down.set_result(why)

    def hang_up_stranger(self, channel: str) -> None:
        """A channel with our ids that no living call wants: a dial that was on its way while its link died, say."""
        self._background(self._hang_up(channel))

    # ---- life ---------------------------------------------------------------------------------------------------

    async def load(self, fence: int) -> int:
        """Take up the live calls of this node from the store. They move once the PBX has been seen. Raises Unavailable;
        asked again, it goes on with those that are left."""
        self.fence = fence
        self.stood_down = asyncio.get_running_loop().create_future()
        self._seen_ms = await self.calls.alive(self.node) or 0
        ids = sorted(set(await self.calls.live(self.node)) - self._boxes.keys() - self._ended.keys())
        found = await self.calls.load_many(ids)
        outcomes = await asyncio.gather(*map(self._take_up, ids, found), return_exceptions=True)
        for fault in filter(None, outcomes):  # raised when none of them is under way any more
            raise fault
        return len(self._boxes)

    async def _take_up(self, call_id: str, found: StoredCall | None) -> None:
        """With our fence on it from the start, an owner before us who wakes up again can save nothing more: it is he
        who stands down."""
        while found is not None:
            try:
                call = records.decode(found.record)
            except records.UnreadableRecord as e:
                self._unreadable.add(call_id)
                self._minds_others |= e.is_newer
                log.error("call left alone", call=call_id, why=str(e))
                return
            match await self.calls.save(call_id, found.version, found.record, [], self.fence):
                case Saved(version=version):
                    self._adopt(call, version, is_from_store=True)
                    return
                case Fenced() as fenced:
                    self.lost_ownership(f"call {call_id} is owned by somebody else: {fenced}")
                    return
            found = await self.calls.load(call_id)  # saved in between
        await self.calls.close(call_id, self.node, self._retention_s)  # an index entry without a record

    async def run(self) -> None:
        """Fold in what the PBX says, until it says no more (closed) or we are replaced."""
        marks = asyncio.create_task(self._mark_alive())
        try:
            async for said in self._telephony.events():
                match said:
                    case CallEvent(call=call_id, event=event):
                        self._route(call_id, event)
                    case LinkUp(snapshot=snapshot):
                        await self._recover(snapshot)
                    case LinkDown(why=why):
                        self.sees_pbx = False
                        self._recovered.clear()
                        self._watch.link(False)
                        log.warning("PBX out of sight", why=why, live_calls=self.live)
                    case Asked():
                        if self._asked is not None:
                            self._asked(said)
                    case Replaced():
                        self.sees_pbx = False
                        self.lost_ownership("another process took over this PBX")
        finally:
            marks.cancel()

    def _route(self, call_id: str, event: Event) -> None:
        box = self._boxes.get(call_id)
        if box is not None:
            box.post(event)
        elif isinstance(event, Rang | EarlyMedia | Answered) and call_id not in self._unreadable:
            self.hang_up_stranger(f"{call_id}.{event.leg}.{event.n}")

    async def until_recovered(self) -> None:
        await self._recovered.wait()

    async def close(self) -> None:
        """Leave: live calls stay on the PBX and in the store for the next process."""
        tasks = [*self._tasks.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ---- inner --------------------------------------------------------------------------------------------------

    def _adopt(self, call: Call, version: int, *, is_from_store: bool = False) -> Mailbox:
        if (there := self._boxes.get(call.id)) is not None:
            return there  # two requests with one key, and the second one's answer came first
        box = Mailbox(self, call, version, flows()[call.type])
        self._boxes[call.id] = box
        # Settled by the process before us: nobody knows whether that is on disk.
        may_be_lost = is_from_store and call.settled is not None
        self._tasks[call.id] = asyncio.create_task(self._live(box, may_be_lost), name=f"call {call.id}")
        return box

    async def _live(self, box: Mailbox, may_be_lost: bool) -> None:
        try:
            while not box.is_finished:
                try:
                    await box.run()
                except Exception:  # the last net: a call whose phones are still up is never let go of
                    log.exception("call stumbled over a fault", call=box.call.id)
                    await asyncio.sleep(1)
                    box.post(Tick(self.now_ms()))
            del self._boxes[box.call.id]  # a channel of it that still turns up is a stranger from here on
            self._ended[box.call.id] = box
            await self._forget_safely(box, may_be_lost)
        finally:
            for kept in (self._boxes, self._ended, self._tasks):
                kept.pop(box.call.id, None)

    async def _forget_safely(self, box: Mailbox, may_be_lost: bool) -> None:
        """Out of the live set only when its settlement is on disk; if it was lost, settle again (same operation), and
        save again how it ended."""
        call = box.call
        while True:
            try:
                if may_be_lost:
                    await self.performer.settle_again(call)
                    await box.save_if_lost()
                await self._ledger.durable()
                await self.calls.close(call.id, self.node, self._retention_s)
                return
            except Unavailable as e:
                log.warning("settled call not closed yet", call=call.id, why=str(e))
            except Exception:
                log.exception("settled call not closed yet", call=call.id)
            may_be_lost = True
            await asyncio.sleep(1)

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    async def _recover(self, snapshot: Snapshot) -> None:
        try:
            found = await self._inquiry.ask(self.live_calls, snapshot)
            for box in self._boxes.values():  # those that came while we asked, too
                box.recovered(recover.facts(box.call, snapshot, found, self._seen_ms, frozenset(box.unsent)))
            self.sees_pbx = True
            self.epoch += 1
            await self._hang_up_strangers(snapshot)
        except LinkLost as e:  # half a sight is none: the next one is on its way
            log.info("PBX lost again while recovering", why=str(e))
            return
        self._watch.link(True)
        self._recovered.set()
        log.info("PBX in sight", live_calls=self.live, channels=len(snapshot.channels))
        self._background(self._look_again(self.epoch))

    async def _look_again(self, epoch: int) -> None:
        """What was asked over the lost link may be carried out after the new link's first sight."""
        snapshot = None
        while snapshot is None:
            await asyncio.sleep(LOOK_AGAIN_S)
            if epoch != self.epoch or not self.sees_pbx:
                return  # a new sight has come, or will
            with suppress(PbxError, LinkLost):
                snapshot = await self._telephony.look()
        for box in self._boxes.values():
            box.post(*recover.risen(box.call, snapshot))
        await self._hang_up_strangers(snapshot)

    async def _hang_up_strangers(self, snapshot: Snapshot) -> None:
        channels, bridges = recover.strangers(self._boxes.keys() | self._unreadable, snapshot)
        for channel in channels:
            self.hang_up_stranger(channel)
        for bridge in bridges:
            await self.performer.quietly(self._telephony.close_bridge(bridge))

    async def _hang_up(self, channel: str) -> None:
        if await self.performer.quietly(self._telephony.hang_up(channel)):
            log.warning("stranger hung up", channel=channel)
            self._watch.stranger(channel)

    async def _mark_alive(self) -> None:
        """So that after a death it is known until when the PBX was seen alive."""
        while True:
            is_seen = self.sees_pbx and self._telephony.is_up and not self._minds_others
            if is_seen and not any(b.has_news_of_a_gap for b in self._boxes.values()):
                self._seen_ms = max(self._seen_ms, self._telephony.heard_ms)  # a link may be dead and not known to be
                try:
                    await self.calls.mark_alive(self.node, self._seen_ms)
                except Unavailable as e:
                    log.warning("alive mark not written", why=str(e))
                except Exception:
                    log.exception("alive mark not written")
            await asyncio.sleep(self._alive_mark_s)


def _why(call: Call) -> dict[str, object]:
    if call.end is None:
        return {}
    charged = {} if call.settled is None else {"charged_s": call.settled.charged_s}
    return {"reason": str(call.end.reason), "by": str(call.end.by), **charged}
