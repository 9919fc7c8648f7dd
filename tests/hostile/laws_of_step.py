"""One call through `step`, event by event, and the laws that no event may break, whatever it says.

Knows calls, wishes and a ledger that answers honestly; must not know where the events come from.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import CALLER, Call, Leg
from ari_app.domain.step import step
from ari_app.engine import records
from ari_app.flows import callback, flows
from tests.laws.world import callback_call

CALL_ID = "c" + "0" * 26
BEGAN_MS = 1_795_697_494_000
ROUNDS_TO_THE_END = 60
"""Steps in which a call that was told to end must have been settled, by a PBX and a ledger that answer."""

WRITTEN_ONCE = ("rang_at_ms", "early_at_ms", "answered_at_ms", "hangup_at_ms", "ended_at_ms", "how")


class LawBroken(AssertionError):
    pass


def law(holds: bool, said: object) -> None:
    if not holds:
        raise LawBroken(said)


class Watched:
    """`tell` folds events in, as a mailbox does; every law is checked after each."""

    def __init__(self, seed: int) -> None:
        self.call: Call = callback_call(CALL_ID, random.Random(seed), BEGAN_MS)
        self.open: dict[str, w.Wish] = {}
        """Wishes that went out and were not answered yet, by key."""
        self.dialled: set[str] = set()
        self.settle: w.Settle | None = None
        self.tell([ev.Tick(BEGAN_MS)])

    def tell(self, events: Sequence[ev.Event]) -> None:
        before = self.call
        self.call, wishes, wake = step(before, events, callback.plan)
        law(wake is None or wake > self.call.now_ms, f"woken at {wake}, which has passed")
        check_monotone(before, self.call)
        self._check_wishes(before, wishes, events)
        again, more, _ = step(self.call, [], callback.plan)
        law(not more and again == self.call, f"read twice, the plan wants more: {more}")
        check_numbers(self.call)
        law(records.decode(records.encode(self.call)) == self.call, "the record reads as another call")
        for wish in wishes:
            self.open[wish.key] = wish

    def _check_wishes(self, before: Call, wishes: Sequence[w.Wish], events: Sequence[ev.Event]) -> None:
        for event in events:
            if isinstance(event, ev.NeverSent) and f"dial:{event.leg}:{event.n}" in before.asked:
                self.dialled.discard(f"dial:{event.leg}:{event.n}")
        for wish in wishes:
            match wish:
                case w.Dial(leg=role, n=n):
                    law(wish.key not in self.dialled, f"a second dial for one try: {wish}")
                    self.dialled.add(wish.key)
                    law(self.call.held_s > 0, "dialled before minutes were held")
                    law(self.call.end is None, f"dialled after the end: {wish}")
                    law(n == len(self.call.leg(role).tries) and n < len(self.call.leg(role).routes), f"{wish}")
                    law(role == CALLER or self.call.leg(CALLER).is_up, "the callee is rung for no caller")
                case w.Settle():
                    self._check_settle(wish)
                case w.Hold(want_s=want_s):
                    law(want_s > 0, wish)

    def _check_settle(self, wish: w.Settle) -> None:
        law(self.settle in (None, wish), f"settled as {self.settle}, and then as {wish}")
        self.settle = wish
        alive = [leg.role for leg in self.call.legs if leg.is_live or self.call.dial_pending(leg) is not None]
        law(not alive, f"settled while {alive} may live")
        law(0 <= wish.used_s <= wish.rounded_s, wish)
        talked = all(leg.answered_at_ms is not None for leg in self.call.legs)
        law(talked or wish.used_s == 0, f"nobody talked, yet {wish}")

    # ---- those who answer honestly ------------------------------------------------------------------------------

    def settled(self, wish: w.Settle) -> ev.Settled:
        """What the ledger says to it: never more than is held."""
        charged_s = min(wish.rounded_s, self.call.held_s)
        overrun_s = max(0, wish.used_s - self.call.held_s)
        return ev.Settled(charged_s, overrun_s, wish.used_s, wish.rounded_s, self.call.now_ms)

    def answers(self, wish: w.Wish) -> list[ev.Event]:
        """Of a PBX and a ledger in good order."""
        at_ms = self.call.now_ms
        done = ev.Done(wish.key, at_ms)
        match wish:
            case w.Hold(n=n, want_s=want_s):
                return [ev.Held(n, self.call.held_s + want_s, at_ms)]
            case w.Settle():
                return [self.settled(wish)]
            case w.Dial(leg=leg, n=n):
                return [ev.Dialled(leg, n, at_ms), done]
            case w.HangUp(leg=leg, n=n):
                return [done, ev.Gone(leg, n, at_ms, cause=16)]
            case w.Play(name=name) | w.Stop(name=name):
                return [done, ev.Played(name, at_ms)]
        return [done]

    def go_on(self) -> None:
        """What was asked is answered, and who is rung picks up and presses 1: a few times, and they talk."""
        answered, self.open = list(self.open.values()), {}
        self.tell([event for wish in answered for event in self.answers(wish)])
        for leg in self.call.legs:
            if leg.is_live and not leg.is_up:
                at_ms = self.call.now_ms + 1_000
                self.tell([ev.Answered(leg.role, leg.n, at_ms), ev.Digit(leg.role, leg.n, "1", at_ms)])

    def end(self) -> None:
        """Told to end, and answered: then it is settled, once, and with no more than was held."""
        self.tell([ev.Cancel(self.call.now_ms)])
        for _ in range(ROUNDS_TO_THE_END):
            if self.call.settled is not None:
                break
            answered, self.open = list(self.open.values()), {}
            gone = [ev.Gone(leg.role, leg.n, self.call.now_ms, cause=16) for leg in self.call.legs if leg.is_live]
            told = [event for wish in answered for event in self.answers(wish)]
            later_ms = self.call.now_ms + 20_000
            self.tell([*told, *gone, ev.Recovered(self.call.now_ms), ev.Tick(later_ms)])
        law(self.call.settled is not None, f"over and never settled: {self.call}")
        assert self.call.settled is not None
        law(self.call.settled.charged_s <= self.call.held_s, f"charged beyond what was held: {self.call.settled}")
        law(callback.state(self.call) == "ended", callback.state(self.call))
        self._check_that_it_stays_ended()

    def _check_that_it_stays_ended(self) -> None:
        """Whatever is told of it afterwards."""
        settled, wished = self.call.settled, len(self.dialled)
        late: list[ev.Event] = [ev.Settled(10**6, 10**6, 10**6, 10**6, self.call.now_ms + 1)]
        for leg in self.call.legs:
            at_ms = self.call.now_ms + 1
            late += [kind(leg.role, n, at_ms) for kind in (ev.Dialled, ev.Answered, ev.Gone) for n in range(4)]
        for event in late:
            self.tell([event])
        law(self.call.settled == settled, f"settled twice: {settled}, {self.call.settled}")
        law(len(self.dialled) == wished, "somebody is rung after the end")


def check_numbers(call: Call) -> None:
    state = flows()[call.type].state(call)
    law(state in callback.STATES, state)
    charge = callback.charge(call)
    law(0 <= charge.used_s <= charge.rounded_s, charge)
    if state in ("queued", "ringing_caller"):
        law(charge.used_s == 0, f"charged while {state}")


def check_monotone(before: Call, after: Call) -> None:
    law(after.now_ms >= before.now_ms, "time went back")
    law(after.held_s >= before.held_s and after.holds >= before.holds, "minutes that were held are held no more")
    law(before.played <= after.played, "a sound was unplayed")
    law(before.cancelled_at_ms in (None, after.cancelled_at_ms), "cancelled twice")
    law(before.end in (None, after.end), f"two verdicts: {before.end}, {after.end}")
    law(before.settled in (None, after.settled), f"settled twice: {before.settled}, {after.settled}")
    for old, new in zip(before.legs, after.legs, strict=True):
        check_leg(old, new)


def check_leg(old: Leg, new: Leg) -> None:
    law(len(new.tries) >= len(old.tries), f"a try of the {old.role} is forgotten")
    law(len(new.tries) <= len(new.routes), f"more tries than routes: {new}")
    for was, now in zip(old.tries, new.tries[: len(old.tries)], strict=True):
        law(now.state >= was.state, f"a leg moved left: {was} -> {now}")
        for name in WRITTEN_ONCE:
            law(getattr(was, name) in (None, getattr(now, name)), f"{name}: {was} -> {now}")
