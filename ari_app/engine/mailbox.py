"""One queue per call, and the only place where a call changes: facts in, step, save, perform.

Crash order: what must not happen twice (a dial), what must not be decided twice (the settlement) and what would go on
for ever unknown to the next process (an endless sound) is saved before it is performed. Everything else is harmless to
ask again, so it goes out at once and the save follows.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import Done, Event, Failed, NeverSent, Played, Tick
from ari_app.domain.step import FAILURES_MAX, NOT_SAVED, Plan, is_given_up, step
from ari_app.domain.wishes import Dial, HangUp, Hold, Play, Record, Settle, Stop, StopRecording, Wish
from ari_app.engine import records, rescue
from ari_app.engine.leg_news import LegNews
from ari_app.engine.signs import early_media, gist, is_unwanted
from ari_app.engine.telling import Tellers
from ari_app.flows import Flow
from ari_app.ports.calls import Saved, Stale

if TYPE_CHECKING:
    from ari_app.engine.engine import Engine

log = structlog.get_logger()

SAVE_AGAIN_S = 0.5
SAVE_SOON_S = 0.05
SAVE_PATIENCE_MS = 10_000
CANCEL_PATIENCE_S = 0.3
SAVES_MAX = 4
FAULT_AGAIN_S = 1.0
STOOD_STILL_S = 1.0
"""A timer is later than that: the process stood still. And so long it then reads before it judges by the clock."""
BACKLOG_MAX = 1_000  # events waiting for one call; more is a flood, and the oldest ticks are worthless


@dataclass(frozen=True, slots=True)
class _Sending:
    """A save as it was sent: resent, it is the very same."""

    call: Call
    state: str
    record: bytes
    news: list[bytes]


class Mailbox:
    """A live call. `post` never blocks; everything else happens in `run`, one batch of facts at a time."""

    def __init__(self, engine: Engine, call: Call, version: int, flow: Flow) -> None:
        self.engine = engine
        self.call = call
        self.flow = flow
        self._plan: Plan = flow.plan
        self.version = version
        self.changed = asyncio.Event()
        """Set at every change of state and replaced, for those who follow the call."""
        self.unsent: set[str] = set()
        """Dials that were asked for while the PBX was out of sight: known never to have left us."""
        self.tellers = Tellers(call)
        self.cancel_saved = asyncio.Event()
        if call.cancelled_at_ms is not None:
            self.cancel_saved.set()
        self.has_news_of_a_gap = False
        """What recovery found is not saved yet: until it is, nobody may say that the PBX was seen later than that."""
        self.is_noted = False
        """The store knows what the call has cost."""
        self._queue: deque[Event] = deque()
        self._wakeup = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._save_soon: asyncio.TimerHandle | None = None
        self._state = rescue.state_of(flow, call)
        self._news: list[bytes] = []
        self._legs = LegNews(flow, call)
        self._speech: list[bytes] = []  # goes with the next save, and hurries none
        self._unsaved = False
        self._unsaved_since_ms: int | None = None
        self._sending: _Sending | None = None  # the save under way, or sent and its answer lost
        self._stored: Call | None = None  # as saved last
        self._is_lost = False  # the store has less than it said it had
        self._told = self._state
        self._waiting: list[tuple[Wish, int]] = []  # performed once the record is saved
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: dict[str, asyncio.Task[None]] = {}  # key of a dial or an endless sound → its task

    @property
    def state(self) -> str:
        return self._state

    @property
    def unsaved_since_ms(self) -> int | None:
        """Since when the store has not taken what is known here; None: it takes it."""
        return self._unsaved_since_ms

    def post(self, *events: Event) -> None:
        if len(self._queue) + len(events) > BACKLOG_MAX:
            self._queue = deque(e for e in self._queue if not isinstance(e, Tick))
        self._queue.extend(events)
        self._wakeup.set()

    def recovered(self, facts: list[Event]) -> None:
        """What a snapshot told of this call."""
        self.unsent.clear()
        self.has_news_of_a_gap = True
        self.post(*facts)

    async def run(self) -> None:
        """Live until the call is settled, told and closed."""
        while not self.is_finished:
            await self._wakeup.wait()
            self._wakeup.clear()
            epoch, before = self.engine.epoch, self.call
            wishes = self._fold()
            self._waiting += [(w, epoch) for w in wishes if _is_saved_first(w)]
            at_once = [w for w in wishes if not _is_saved_first(w)]
            if self.call.cancelled_at_ms != before.cancelled_at_ms:
                await self._save_cancel(at_once, epoch)
                continue
            self._send_out(at_once, epoch)
            if self._is_urgent(before) or self._unsaved or self._waiting or self.has_news_of_a_gap:
                await self._save()
            elif (self._speech or gist(self.call) != gist(before)) and self._save_soon is None:
                self._save_later(SAVE_SOON_S)
        self._stop_timer()

    def let_go(self) -> None:
        """Another owner goes on with it: nothing of it is asked, saved or waited for here any more."""
        self._stop_timer()
        self._stop_save_timer()
        for task in self._tasks:
            task.cancel()
        self.tellers.left()

    @property
    def is_finished(self) -> bool:
        c = self.call
        if c.settled is None or self._unsaved or self._queue:
            return False
        whispers = (k.removeprefix("whisper:") for k in c.asked if k.startswith("whisper:"))
        closing = [f"unwhisper:{name}" for name in whispers]
        closing += [k for k in c.asked if k.startswith("record:")]
        closing += [f"unrecord:{one.name}" for one in c.recordings if one.is_running]
        if "bridge" in c.done:
            closing.append("unbridge")
        elif "bridge" in c.asked:
            closing.append("bridge")  # the answer, or recovery, will tell whether there is one
        return all(key in c.done or is_given_up(c, key) for key in closing)

    def _fold(self) -> list[Wish]:
        batch, self._queue = self._queue, deque()
        if not batch:
            return []
        was = self.call
        try:
            self.call, wishes, wake_ms = step(self.call, batch, self._plan)
        except Exception:  # a fault of ours in one call: it is ended decently, and the others never notice
            log.exception("call ended by a fault", call=self.call.id)
            self._plan = rescue.plan_of(self.flow)
            self.call, wishes, wake_ms = rescue.step(self.call, batch, self._plan)
        self.engine.folded(was, self.call)
        self.tellers.folded(self.call, batch)
        for event in batch:
            if is_unwanted(event, was, self.call):
                self.engine.hang_up_stranger(f"{self.call.id}.{event.leg}.{event.n}")
        states, before = self.flow.STATES, self._state
        self._state = max(before, rescue.state_of(self.flow, self.call), key=states.index)  # it never moves back
        self._news += self._legs.news(was, self.call, before)
        self._news += records.news(self.flow, before, self._state, self.call)
        self._speech += self._legs.speech(self.call, self._state)
        self._set_timer(self._legs.wake_ms(wake_ms))
        return wishes

    def _is_urgent(self, before: Call) -> bool:
        """Whether somebody would miss the change at once: its state; what it was told; or early media, which no later
        look at the channel shows."""
        is_told = self.call.asks != before.asks
        return bool(self._news) or is_told or early_media(self.call) != early_media(before)

    # ---- saving and performing ----------------------------------------------------------------------------------

    async def _save_cancel(self, at_once: list[Wish], epoch: int) -> None:
        """Saved before anybody is hung up: no record of the PBX tells afterwards on whose behalf we did. But a store
        that hangs keeps nobody waiting who is to be hung up: he would be charged for it."""
        saving = asyncio.create_task(self._save_all())
        try:
            await asyncio.wait({saving}, timeout=CANCEL_PATIENCE_S)
            self._send_out(at_once, epoch)
            await saving
        finally:
            saving.cancel()

    async def _save_all(self) -> None:
        """Until what is known now is saved: one that was resent comes before it, or the store had lost a second. Given
        up where the store does not answer."""
        for _ in range(SAVES_MAX):
            await self._save()
            if self._sending is not None or self._is_lost or self._stored is self.call:
                return

    async def _save(self) -> None:
        """A save whose answer was lost is asked again as it was, before anything newer is said."""
        self._unsaved = True
        self._stop_save_timer()
        if self._is_lost and not await self._put_back():
            return
        is_resent = self._sending is not None
        waiting: list[tuple[Wish, int]] = []
        if self._sending is None:
            news = self._speech + self._news
            self._sending = _Sending(self.call, self._state, records.encode(self.call), news)
            self._news, self._speech, self._waiting, waiting = [], [], [], self._waiting
        this = self._sending
        try:
            outcome = await self.engine.calls.save(
                self.call.id, self.version, this.record, this.news, self.engine.fence
            )
        except Exception as e:  # noqa: BLE001 - whatever it is, nothing more is done before the record is saved
            self._waiting = waiting + self._waiting
            self._not_saved(e)
            return
        if isinstance(outcome, Stale) and outcome.version < self.version:
            self._waiting = waiting + self._waiting
            log.error("the store lost a saved call, saving it again", call=self.call.id, stored=outcome.version)
            await self._put_back()
            return
        if not isinstance(outcome, Saved):
            self.engine.lost_ownership(f"call {self.call.id} is owned by somebody else: {outcome}")
            return
        self._saved(this, outcome.version, is_resent=is_resent)
        for wish, epoch in waiting:
            self._send_out([wish], epoch)
        if this.news:  # last of all: whatever becomes of it, what was waited for is on its way
            self.changed.set()
            self.changed = asyncio.Event()
            self._tell(this.state)
        if self._unsaved:
            self._wakeup.set()

    def _saved(self, this: _Sending, version: int, *, is_resent: bool) -> None:
        if self._unsaved_since_ms is not None:
            log.warning("call saved again", call=self.call.id)
            self._unsaved_since_ms = None
        self.version = version
        self._sending, self._stored = None, this.call
        if this.call.cancelled_at_ms is not None:
            self.cancel_saved.set()
        self.tellers.saved(this.call)
        if is_resent:  # as it was then; what is new since goes with the next one
            self._unsaved = True
        else:
            self.has_news_of_a_gap = bool(self._queue) and self.has_news_of_a_gap
            if not self.has_news_of_a_gap:
                self.engine.adoption.saved(self.call.id)
            self._unsaved = bool(self._news or self._waiting)

    def _tell(self, state: str) -> None:
        """Once for each state, also where the store had lost it and was told again."""
        if state != self._told:
            self._told = state
            self.engine.told(self.call, state)

    def _not_saved(self, why: Exception) -> None:
        """Told once. A phone that waits for another to be rung does not wait for ever: the dial cannot go out."""
        self._save_later(SAVE_AGAIN_S)
        now_ms = self.engine.now_ms()
        if self._unsaved_since_ms is None:
            self._unsaved_since_ms = now_ms
            tell = log.warning if isinstance(why, Unavailable) else log.error
            tell("call not saved, trying again", call=self.call.id, why=f"{type(why).__name__}: {why}")
        waited_ms = now_ms - self._unsaved_since_ms
        is_stuck = not self.call.is_over and any(isinstance(w, Dial) for w, _ in self._waiting)
        if waited_ms > SAVE_PATIENCE_MS and is_stuck:
            self.post(*[Failed(NOT_SAVED, now_ms, str(why))] * FAILURES_MAX)

    async def save_if_lost(self) -> None:
        """For a call that has ended: the store may have lost the last that it was told. Raises Unavailable where it
        cannot say, or does not take it again."""
        stored = await self.engine.calls.load(self.call.id)
        if stored is not None and stored.version >= self.version:
            return
        log.error("the store lost the end of a call, saving it again", call=self.call.id)
        self._is_lost = True
        await self._save_all()
        self._stop_save_timer()
        if self._stored is not self.call:
            raise Unavailable("the end of a call was lost and could not be saved again")

    async def _put_back(self) -> bool:
        """The store lost what it had saved last (a crash of its machine): the call goes on from what is known here, and
        the states that nobody can read there any more are told again. False: not yet, it does not answer."""
        self._is_lost = True
        self._save_later(SAVE_AGAIN_S)
        try:
            stored = await self.engine.calls.load(self.call.id)
            is_whole = stored is not None and stored.node != ""
            version = stored.version if stored and is_whole else await self.engine.create_again(self.call)
            told = await self.engine.calls.events(self.call.id)
        except Unavailable as e:
            log.warning("call not saved, trying again", call=self.call.id, why=str(e))
            return False
        self._is_lost, self.version = False, version
        self._sending = self._stored = None
        last = records.state_of(told[-1][1]) if told else None
        self._news = self._legs.again((one for _, one in told), self.call, last or self.flow.STATES[0])
        self._news += records.news(self.flow, last, self._state, self.call)
        return True

    def _save_later(self, in_s: float) -> None:
        self._stop_save_timer()
        self._save_soon = asyncio.get_running_loop().call_later(in_s, self._save_now)

    def _stop_save_timer(self) -> None:
        if self._save_soon is not None:
            self._save_soon.cancel()
            self._save_soon = None

    def _save_now(self) -> None:
        self._save_soon = None
        self._unsaved = True
        self._wakeup.set()

    def _send_out(self, wishes: list[Wish], epoch: int) -> None:
        """`epoch`: the sight of the PBX on which the wishes were decided. What was decided on an older one is not sent:
        recovery has told, or will tell, how things stand, and the plan then asks anew."""
        for wish in wishes:
            if not isinstance(wish, Hold | Settle) and not (self.engine.sees_pbx and epoch == self.engine.epoch):
                if isinstance(wish, Dial):
                    self.unsent.add(wish.key)
                continue
            if isinstance(wish, Dial) and self.call.is_over:
                self.post(NeverSent(wish.leg, wish.n, self.engine.now_ms()))  # the end came before it went out
                continue
            if isinstance(wish, Play) and f"stop:{wish.name}" in self.call.asked:
                self.post(Done(wish.key, self.engine.now_ms()), Played(wish.name, self.engine.now_ms()))  # likewise
                continue
            if isinstance(wish, HangUp) and self._is_taken_back(wish):
                continue
            task = asyncio.create_task(self._perform(wish, epoch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            if _is_saved_first(wish):
                self._under_way[wish.key] = task
                self.unsent.discard(wish.key)

    def _is_taken_back(self, wish: HangUp) -> bool:
        """The dial that it would end still waits for its save: it does not go out at all, and nobody is rung."""
        kept = [(w, epoch) for w, epoch in self._waiting if w.key != _begun_by(wish)]
        if len(kept) == len(self._waiting):
            return False
        self._waiting = kept
        self.post(NeverSent(wish.leg, wish.n, self.engine.now_ms()))
        return True

    def _still_goes_out(self, wish: Wish, epoch: int) -> bool:
        """Of a dial that waited for its trunk. As in _send_out: decided on an older sight, it was asked for anew, or
        will be."""
        if epoch != self.engine.epoch:
            return False
        if not self.engine.sees_pbx:
            self.unsent.add(wish.key)
        return self.engine.sees_pbx

    async def _perform(self, wish: Wish, epoch: int) -> None:
        begun = self._under_way.get(_begun_by(wish))
        if begun is not None and not begun.done():  # without losing a turn: wishes go out in the order of the plan
            await asyncio.wait({begun})  # never overtake it: there would be nothing to end yet
        try:
            facts = await self.engine.carried_out(lambda: self.call, wish, lambda: self._still_goes_out(wish, epoch))
        except Exception as e:  # no key is ever left asked and unanswered
            log.exception("wish failed by a fault", call=self.call.id, wish=wish.key)
            await asyncio.sleep(FAULT_AGAIN_S)
            facts = [Failed(wish.key, self.engine.now_ms(), str(e))]
        self.post(*facts)

    # ---- time ---------------------------------------------------------------------------------------------------

    def _set_timer(self, wake_ms: int | None) -> None:
        self._stop_timer()
        if wake_ms is not None:
            loop, delay_s = asyncio.get_running_loop(), (wake_ms - self.engine.now_ms()) / 1000
            self._timer = loop.call_later(max(0, delay_s), self._due, loop.time() + delay_s)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self, at_s: float) -> None:
        """Who was stopped (or swapped out) meanwhile first reads what was said in that time, or finds that the PBX is
        not his any more: a phone that answered long ago must not be taken for one that rang in vain."""
        loop = asyncio.get_running_loop()
        if loop.time() - at_s > STOOD_STILL_S:
            self._timer = loop.call_later(STOOD_STILL_S, self._tick)
        else:
            self._tick()

    def _tick(self) -> None:
        """Time passes only while the PBX can be seen: no verdict by the clock over facts that we may be missing."""
        self._timer = None
        if self.engine.sees_pbx:
            self.post(Tick(self.engine.now_ms()))


def _begun_by(wish: Wish) -> str:
    """The key of the wish that began what this one ends."""
    match wish:
        case HangUp(leg=leg, n=n):
            return f"dial:{leg}:{n}"
        case Stop(name=name):
            return f"play:{name}"
        case StopRecording(name=name):
            return f"record:{name}"
    return ""


def _is_saved_first(wish: Wish) -> bool:
    return isinstance(wish, Dial | Settle | Record) or (isinstance(wish, Play) and wish.is_endless)
