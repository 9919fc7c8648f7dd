"""A PBX, a ledger and phones in a few lines, for the story of one conference in its own time: every wish is carried out
at once, and nothing fails. The laws' world (tests/laws) is where things go wrong."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import Call, Leg, Route, Terms
from ari_app.domain.step import step
from ari_app.domain.units import Increment, affordable_s
from ari_app.flows import conference

BEGIN_MS = 1_000_000
ROUTE = Route("t", "+861", "+864", "x")


@dataclass(frozen=True)
class Phone:
    """`answers_s`: after its dial; None: it rings for ever. `busy`: it refuses. `stays_s`: then it hangs up."""

    answers_s: float | None = 0.0
    stays_s: float | None = None
    busy: bool = False
    on_net: bool = False


@dataclass
class Room:
    phones: dict[str, Phone]
    balance_s: int = 100_000
    terms: dict[str, Any] = field(default_factory=dict)
    wishes: list[tuple[float, w.Wish]] = field(default_factory=list)

    def __post_init__(self) -> None:
        plain = {"increment": "1/1", "slice_s": 10, "warning_s": 6, "margin_s": 2, "alone_timeout_ms": 20_000}
        terms = Terms(**{**plain, **self.terms})
        legs = tuple(self.leg(role) for role in self.phones)
        self.call = Call("c" + "0" * 26, "conference", BEGIN_MS, "alice", legs, terms, now_ms=BEGIN_MS)
        self.now_ms = BEGIN_MS
        self._due: list[tuple[int, int, Any]] = []
        self._count = itertools.count()
        self._asks = itertools.count()
        self._wakes: set[int] = set()
        self.timers_ms: dict[str, int] = {}
        self._take(ev.Tick(BEGIN_MS))

    def leg(self, role: str) -> Leg:
        device = "dev" if self.phones[role].on_net else ""
        route = Route("", "", "", "", device=device) if device else ROUTE
        return Leg(role, f"+86139{len(role):06d}{role}", (route,), 30_000)

    # ---- what tests do and see ----------------------------------------------------------------------------------

    def after(self, seconds: float) -> Room:
        """Everything that happens up to so long after the beginning."""
        until_ms = BEGIN_MS + round(1000 * seconds)
        while self._due and self._due[0][0] <= until_ms:
            at_ms, _, event = heapq.heappop(self._due)
            self.now_ms = max(self.now_ms, at_ms)
            if isinstance(event, w.Cutoff):
                self._cut(event)
            else:
                self._take(event)
        self.now_ms = max(self.now_ms, until_ms)
        return self

    def add(self, role: str, phone: Phone, came_in: bool = False) -> None:
        self.phones[role] = phone
        self._take(ev.LegAdded(self.leg(role), f"ask{next(self._asks)}", self.now_ms))

    def tell(self, role: str, word: str) -> None:
        self._take(ev.Told(role, word, f"ask{next(self._asks)}", self.now_ms))

    def press(self, role: str, digit: str) -> None:
        self._take(ev.Digit(role, 0, digit, self.now_ms))

    def top_up(self, seconds: int) -> None:
        self.balance_s += seconds

    def hang_up(self, role: str) -> None:
        self._take(ev.HangupSeen(role, 0, self.now_ms, remote=True, cause=16))
        self._gone(role, 16)

    def cut(self, role: str) -> None:
        """By the PBX, and nobody knows why."""
        self._gone(role, 16)

    def cancel(self) -> None:
        self._take(ev.Cancel(self.now_ms))

    def asked(self, kind: type[Any]) -> Iterator[tuple[float, Any]]:
        """When, in seconds from the beginning, and what was asked for."""
        return ((at_s, wish) for at_s, wish in self.wishes if isinstance(wish, kind))

    def rung(self) -> dict[str, float]:
        return {wish.leg: at_s for at_s, wish in self.asked(w.Dial)}

    @property
    def ended(self) -> tuple[str, str, float]:
        assert self.call.end is not None, self.call
        return str(self.call.end.reason), str(self.call.end.by), (self.call.end.at_ms - BEGIN_MS) / 1000

    @property
    def charged(self) -> tuple[int, dict[str, int]]:
        assert self.call.settled is not None, self.call
        return self.call.settled.charged_s, dict(self.call.settled.legs)

    def up(self) -> set[str]:
        return {leg.role for leg in self.call.legs if leg.is_up}

    # ---- the world ----------------------------------------------------------------------------------------------

    def _take(self, event: Any) -> None:
        queue = [event]
        while queue:
            self.call, wishes, wake_ms = step(self.call, [queue.pop(0)], conference.plan)
            if wake_ms is not None and wake_ms not in self._wakes:
                self._wakes.add(wake_ms)
                self._at(wake_ms, ev.Tick(wake_ms))
            for wish in wishes:
                self.wishes.append(((self.now_ms - BEGIN_MS) / 1000, wish))
                queue += self._carry_out(wish)

    def _at(self, at_ms: int, event: Any) -> None:
        heapq.heappush(self._due, (at_ms, next(self._count), event))

    def _carry_out(self, wish: w.Wish) -> list[ev.Event]:
        now_ms = self.now_ms
        match wish:
            case w.Hold():
                if self.balance_s <= 0:
                    return [ev.HoldRefused(wish.n, "empty", now_ms)]
                increment = Increment.parse(self.call.terms.increment)
                more_s = affordable_s(wish.want_s, increment, self.call.held_s, self.balance_s)
                self.balance_s -= more_s
                return [ev.Held(wish.n, self.call.held_s + more_s, now_ms)]
            case w.Dial():
                self._ring(wish)
                return [ev.Dialled(wish.leg, wish.n, now_ms), ev.Done(wish.key, now_ms)]
            case w.HangUp():
                self._at(now_ms, ev.Gone(wish.leg, wish.n, now_ms, cause=16))
            case w.Cutoff():
                self.timers_ms[wish.leg] = wish.until_ms
                self._at(wish.until_ms, wish)
            case w.Settle():
                charged_s = min(wish.rounded_s, self.call.held_s)
                over_s = max(0, wish.used_s - self.call.held_s)
                return [ev.Settled(charged_s, over_s, wish.used_s, wish.rounded_s, now_ms, wish.legs)]
            case w.Play() | w.PlayAll() | w.Whisper():
                self._at(now_ms + 500, ev.Played(wish.name, now_ms + 500, is_whole=True))
        return [ev.Done(wish.key, now_ms)]

    def _ring(self, wish: w.Dial) -> None:
        phone, n = self.phones[wish.leg], wish.n
        at_ms = self.now_ms + 10
        if phone.busy:
            self._at(at_ms, ev.Gone(wish.leg, n, at_ms, cause=17, sip_status=486))
            return
        self._at(at_ms, ev.Rang(wish.leg, n, at_ms))
        if phone.answers_s is not None:
            at_ms = self.now_ms + round(1000 * phone.answers_s)
            self._at(at_ms, ev.Answered(wish.leg, n, at_ms))
            if phone.stays_s is not None:
                at_ms += round(1000 * phone.stays_s)
                self._at(at_ms, ev.HangupSeen(wish.leg, n, at_ms, remote=True, cause=16))
                self._at(at_ms, ev.Gone(wish.leg, n, at_ms, cause=16))

    def _gone(self, role: str, cause: int) -> None:
        self._take(ev.Gone(role, self.call.leg(role).n, self.now_ms, cause=cause))

    def _cut(self, wish: w.Cutoff) -> None:
        """The PBX's own timer, where it was not set anew since."""
        if self.timers_ms[wish.leg] == wish.until_ms and self.call.leg(wish.leg).is_live:
            self._gone(wish.leg, 16)
