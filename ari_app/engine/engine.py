"""All live calls of one process and one PBX: routes facts to mailboxes, recovers after gaps, keeps the lease.

Knows ports only. The life: `open` (lease, load) → `run` (facts) → `drain`/`close`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Answered, Cancel, EarlyMedia, Event, Gone, Rang, Tick
from ari_app.domain.wishes import Wish
from ari_app.engine import records
from ari_app.engine.admission import Admission
from ari_app.engine.adoption import Adopted, Adoption
from ari_app.engine.beginnings import Beginnings
from ari_app.engine.exposure import Exposure, exposure
from ari_app.engine.forgetting import EraseAt, Forgetting, Over
from ari_app.engine.inquiry import Inquiry
from ari_app.engine.keeping import Keeping
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.perform import Performer
from ari_app.engine.sight import Sight
from ari_app.engine.strangers import Strangers
from ari_app.engine.trunk_gate import TrunkGate
from ari_app.flows import flows
from ari_app.ports.calls import Calls, Fenced, Saved, StoredCall
from ari_app.ports.costs import Costs
from ari_app.ports.ledger import Ledger
from ari_app.ports.telephony import (
    Asked,
    CallEvent,
    Entered,
    LinkDown,
    LinkLost,
    LinkUp,
    NoSuchChannel,
    PbxError,
    Replaced,
    Telephony,
)  # fmt: skip

log = structlog.get_logger()

CANCEL_WITHIN_S = 4.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What an outsider may want to know of the engine: told, not asked. Used for metrics."""

    call_told: Callable[[Call, str], None] = lambda _call, _state: None
    link: Callable[[bool], None] = lambda _up: None
    stranger: Callable[[str], None] = lambda _channel_or_bridge: None
    unanswered: Callable[[str], None] = lambda _channel: None
    adopted: Callable[[Adopted], None] = lambda _adopted: None


class Engine:
    def __init__(
        self,
        *,
        node: str,
        telephony: Telephony,
        calls: Calls,
        ledger: Ledger,
        costs: Costs,
        performer: Performer,
        now_ms: Callable[[], int],
        alive_mark_s: float,
        keeping: Keeping,
        watch: Watch | None = None,
        asked: Callable[[Asked], None] | None = None,
        admission: Admission | None = None,
        over: Over | None = None,
        gate: TrunkGate | None = None,
        erase_at: EraseAt | None = None,
    ) -> None:
        """`over`, `erase_at`: see Forgetting."""
        self.node = node
        self.admission = admission
        """Whether a new call may begin here now; None: always."""
        self.calls = calls
        self.performer = performer
        self.now_ms = now_ms
        self.fence = 0
        self.stood_down: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sight = Sight(self, telephony, Inquiry(telephony, lambda channel: self._watch.unanswered(channel)))
        self.beginnings = Beginnings(self)
        self._telephony = telephony
        self._ledger = ledger
        self.forgetting = Forgetting(
            node=node, calls=calls, ledger=ledger, costs=costs, performer=performer, keeping=keeping, now_ms=now_ms,
            over=over, erase_at=erase_at,
        )  # fmt: skip
        self._gate = gate
        self._alive_mark_s = alive_mark_s
        self._keeping = keeping
        self._watch = watch or Watch()
        self.adoption = Adoption(self._watch.adopted)
        self.strangers = Strangers(self._stranger_gone)
        self._asked = asked
        self._boxes: dict[str, Mailbox] = {}
        self._ended: dict[str, Mailbox] = {}  # told, and not known to be on disk: nobody may take them up again
        self._unreadable: set[str] = set()  # left as they are, with their channels
        self._coming: dict[str, list[Event]] = {}  # somebody calls us; what he does while we look for his call
        self._minds_others = False  # some are of a newer version: nobody watches them now, and no mark may say so
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._others: set[asyncio.Task[None]] = set()

    # ---- for the doors ------------------------------------------------------------------------------------------

    @property
    def sees_pbx(self) -> bool:
        return self.sight.is_clear

    @property
    def epoch(self) -> int:
        """Grows whenever the PBX comes into sight."""
        return self.sight.epoch

    @property
    def live(self) -> int:
        return len(self._boxes)

    @property
    def is_empty(self) -> bool:
        """No call lives, and none has ended whose end is not safely written down."""
        return not self._boxes and not self._ended

    def mailbox(self, call_id: str) -> Mailbox | None:
        """Of a call that lives, or has just ended."""
        return self._boxes.get(call_id) or self._ended.get(call_id)

    def exposure(self) -> Exposure:
        """What would be lost if this process died now."""
        return exposure(self._boxes.values(), self._ended.values(), self.now_ms())

    def live_calls(self) -> list[Call]:
        return [box.call for box in self._boxes.values()]

    def unnoted_calls(self) -> list[Call]:
        """Those that live, and those that have ended of which the store does not know yet what they cost."""
        return [box.call for box in (*self._boxes.values(), *self._ended.values()) if not box.is_noted]

    def _calls_of_ours(self) -> list[Call]:
        return [] if self.stood_down.done() else self.live_calls()

    async def start(self, call: Call, user_ids: tuple[str, ...]) -> Call | Mailbox:
        """See Beginnings.start."""
        return await self.beginnings.start(call, user_ids)

    async def is_resolved(self, payer: str, call_id: str) -> bool:
        return await self._ledger.is_resolved(payer=payer, call=call_id)

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

    async def carried_out(self, call_of: Callable[[], Call], wish: Wish, goes_out: Callable[[], bool]) -> list[Event]:
        """What comes of a wish; for a dial, its trunk is asked first. `call_of`: the call as it is now. `goes_out`:
        whether a dial that waited may still be sent."""
        if self._gate is None:
            return await self.performer.perform(call_of(), wish)
        return await self._gate.through(call_of, wish, self.performer.perform, goes_out)

    def folded(self, before: Call, after: Call) -> None:
        """Never raises, as above."""
        if self._gate is not None:
            try:
                self._gate.folded(before, after)
            except Exception:
                log.exception("trunks not told of a call", call=after.id)

    def lost_ownership(self, why: str) -> None:
        """Somebody else owns what we thought ours: stop at once, touch nothing more."""
        if not self.stood_down.done():
            log.error("standing down", node=self.node, why=why)
        self.give_up(why)

    def give_up(self, why: str) -> None:
        """Act no more; whoever owns the node next goes on with its calls."""
        self.sight.lost()
        if not self.stood_down.done():
            self.stood_down.set_result(why)

    def hang_up_stranger(self, channel: str) -> None:
        """A channel with our ids that no living call wants: a dial that was on its way while its link died, say."""
        self.background(self.strangers.clear(channel, self._telephony.hang_up))

    def _stranger_gone(self, what: str) -> None:
        log.warning("stranger cleared away", what=what)
        self._watch.stranger(what)

    def unanswered(self, channel: str) -> None:
        self._watch.unanswered(channel)

    # ---- for what helps it --------------------------------------------------------------------------------------

    def boxes(self) -> list[Mailbox]:
        return list(self._boxes.values())

    def ended(self, call_id: str) -> Mailbox | None:
        return self._ended.get(call_id)

    def tends(self, call_id: str) -> bool:
        return call_id in self._boxes

    def known(self) -> set[str]:
        """Calls whose channels are wanted, or not to be judged here."""
        return self._boxes.keys() | self._unreadable | self._coming.keys()

    async def untended(self) -> set[str]:
        """Ids in the node's live set that nothing here is about. Raises Unavailable."""
        return set(await self.calls.live(self.node)) - self.known() - self._ended.keys()

    def may_say_that_all_was_seen(self) -> bool:
        """Up to now: no call has news that are not written down, and none is left to nobody."""
        return not self._minds_others and not any(b.has_news_of_a_gap for b in self._boxes.values())

    def turn(self, call_id: str) -> asyncio.Lock:
        """Whoever takes up a call waits for others who do: each save of theirs would look like another owner's."""
        return self._turns.setdefault(call_id, asyncio.Lock())

    def background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    # ---- life ---------------------------------------------------------------------------------------------------

    async def load(self, fence: int) -> int:
        """Take up the live calls of this node from the store. They move once the PBX has been seen. Raises Unavailable;
        asked again, it goes on with those that are left."""
        self.fence = fence
        self.adoption.loads()
        self.sight.seen_ms = await self.calls.alive(self.node) or 0
        ids = sorted(await self.untended())
        found = await self.calls.load_many(ids)
        outcomes = await asyncio.gather(*map(self._take_up_in_turn, ids, found), return_exceptions=True)
        for outcome in outcomes:  # raised when none of them is under way any more
            if isinstance(outcome, BaseException):
                raise outcome
            if outcome is not None:
                self.beginnings.end_if_late(outcome)
        return len(self._boxes)

    async def _take_up_in_turn(self, call_id: str, found: StoredCall | None) -> Mailbox | None:
        async with self.turn(call_id):
            return None if self.mailbox(call_id) is not None else await self.take_up(call_id, found)

    async def take_up(self, call_id: str, found: StoredCall | None) -> Mailbox | None:
        """With our fence on it from the start, an owner before us who wakes up again can save nothing more: it is he
        who stands down. In the call's turn."""
        while found is not None:
            try:
                call = records.call_of(found)
            except records.UnreadableRecord as e:
                self._leave_alone(call_id, str(e), is_newer=e.is_newer)
                return None
            match await self.calls.save(call_id, found.version, found.record, [], self.fence):
                case Saved(version=version):
                    is_ours = not self.stood_down.done()
                    return self.adopt(call, version, is_from_store=True) if is_ours else None
                case Fenced() as fenced:
                    self.lost_ownership(f"call {call_id} is owned by somebody else: {fenced}")
                    return None
            before, found = found, await self.calls.load(call_id)  # saved in between
            if found == before:
                self._leave_alone(call_id, "its record cannot be written")
                return None
        await self.calls.close(call_id, self.node, self._keeping.call_s)  # an index entry without a record
        return None

    def _leave_alone(self, call_id: str, why: str, *, is_newer: bool = False) -> None:
        """As it is, with its channels."""
        self._unreadable.add(call_id)
        self._minds_others |= is_newer
        log.error("call left alone", call=call_id, why=why)

    async def run(self) -> None:
        """Fold in what the PBX says, until it says no more (closed) or we are replaced."""
        beside = [asyncio.create_task(self.sight.mark_alive(self._alive_mark_s))]
        if self._gate is not None:
            beside.append(asyncio.create_task(self._gate.keep(self._calls_of_ours)))
        try:
            async for said in self._telephony.events():
                match said:
                    case CallEvent(call=call_id, event=event):
                        self._route(call_id, event)
                    case Entered(call=call_id, leg=role, n=n, came_in=came_in):
                        self._entered(call_id, role, n, came_in=came_in)
                    case LinkUp(snapshot=snapshot):
                        if await self.sight.recover(snapshot):
                            self._watch.link(True)
                    case LinkDown(why=why, heard_ms=heard_ms):
                        self.sight.lost(heard_ms)
                        self._watch.link(False)
                        log.warning("PBX out of sight", why=why, live_calls=self.live)
                    case Asked():
                        if self._asked is not None:
                            self._asked(said)
                    case Replaced():
                        self.lost_ownership("another process took over this PBX")
        finally:
            for task in beside:
                task.cancel()

    def _route(self, call_id: str, event: Event) -> None:
        box = self._boxes.get(call_id)
        if box is not None:
            box.post(event)
        elif call_id in self._coming:
            self._coming[call_id].append(event)
        elif isinstance(event, Rang | EarlyMedia | Answered) and call_id not in self._unreadable:
            self.hang_up_stranger(f"{call_id}.{event.leg}.{event.n}")

    def _entered(self, call_id: str, role: str, n: int, *, came_in: bool) -> None:
        """The last request of an owner before us, who did not know yet that it was not one any more; or one who calls
        us, and of whom only another process knows yet."""
        box = self._boxes.get(call_id)
        if box is None and came_in and call_id not in self._unreadable:
            self._coming[call_id] = []  # now: its ringing is told in the same breath
            self.background(self._comes_in(call_id, role, n))
            return
        is_wanted = call_id in self._unreadable if box is None else box.call.wants(role, n)
        if not is_wanted:
            self.hang_up_stranger(f"{call_id}.{role}.{n}")

    async def _comes_in(self, call_id: str, role: str, n: int) -> None:
        with suppress(Unavailable):
            await self.beginnings.tend(call_id)
        told = self._coming.pop(call_id, [])
        box = self._boxes.get(call_id)
        if box is None or not box.call.wants(role, n):
            self.hang_up_stranger(f"{call_id}.{role}.{n}")
        else:
            box.post(Rang(role, n, self.now_ms()), *told)

    async def expect(self, foreign: str, call_id: str, role: str) -> None:
        """A channel of the PBX's own is about to come in as this leg of a call of ours. One that has gone meanwhile
        never will, and its call is told."""
        try:
            await self._telephony.expect(foreign, f"{call_id}.{role}.0")
        except NoSuchChannel:
            self._route(call_id, Gone(role, 0, self.now_ms(), how="remote"))
        except (PbxError, LinkLost) as e:
            log.info("channel that comes in not watched yet", call=call_id, why=str(e))

    async def until_recovered(self) -> None:
        await self.sight.recovered.wait()

    async def close(self) -> None:
        """Leave: live calls stay on the PBX and in the store for the next process."""
        boxes = self.boxes() + list(self._ended.values())
        tasks = [*self._tasks.values(), *self._others]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for box in boxes:
            box.let_go()
        if self._gate is not None:
            self._gate.close()

    # ---- inner --------------------------------------------------------------------------------------------------

    def adopt(self, call: Call, version: int, *, is_from_store: bool = False) -> Mailbox:
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
            if self.admission is not None:
                self.admission.dialled(box.call.id)  # it may have ended before anybody was rung
            del self._boxes[box.call.id]  # a channel of it that still turns up is a stranger from here on
            self._ended[box.call.id] = box
            await self.forgetting.safely(box, may_be_lost)
        finally:
            for kept in (self._boxes, self._ended, self._tasks):
                kept.pop(box.call.id, None)


def _why(call: Call) -> dict[str, object]:
    if call.end is None:
        return {}
    charged = {} if call.settled is None else {"charged_s": call.settled.charged_s}
    return {"reason": str(call.end.reason), "by": str(call.end.by), **charged}
