"""Whether one more call may begin now. Knows a clock and how far behind the PBX and this process are; must not know
calls, requests or queues, and nothing that a live call asks for passes through here.

Beyond its capacity a PBX refuses nothing: it queues, and everybody waits, those who talk included. So the queue is kept
short by its delay, as TCP does with a router's: calls begin at a rate (a token bucket). It grows while it is used and
nothing lags, steeply until the rate of the last lag comes near, and falls by a share of itself when something lags. A
long lag closes the door at once, whatever the rate, but for one call a second: else nobody would notice its end.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Literal

from ari_app.recent import Worst

Why = Literal["lag", "rate", "placing"]

BURST_S, BURST_MIN, BURST_MAX = 0.2, 3.0, 10.0
"""At one moment as many calls may begin as in this time at this rate, within limits: they wait for one another."""
PLACING_MAX = 64
"""Requests that were let in and are not answered yet: a store that hangs must not gather more and more of them."""
STUCK_S = 1.5
"""A call that waits longer has troubles of its own (one shard of the store, say): no sign of how it goes others."""
RATE_FIRST, RATE_MIN, RATE_MAX = 30.0, 5.0, 1_000.0
LAG_FALL = 0.5
"""At this share of the lag that closes the door the rate begins to fall."""
JUDGE_S = 0.05
"""The rate is looked at so often."""
FALL_SOON_S, FALL_AGAIN_S = 0.25, 1.0
"""It falls again only when its last fall can have shown; while the same lag lasts, when that should be worked off."""
SOAR, GROW, FALL = 1.25, 1.02, 0.6
AGAIN_S_MAX = 10
PROBE_S = 1.0
"""After so long without a beginning one call may begin, however it lags."""


class Admission:
    """Of one PBX. Every method takes the same short time, however many calls there are."""

    def __init__(
        self,
        lag_s: Callable[[], float],
        lag_max_s: float,
        refused: Callable[[Why], None] = lambda _why: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`lag_s`: how far behind the PBX and this process are now. `lag_max_s`: the lag that closes the door; 0: none
        does, and every call may begin. `refused`: told of each refusal."""
        self.rate_per_s = RATE_FIRST
        self._refused = refused
        self._others_lag_s = lag_s
        self._lag_max_s = lag_max_s
        self._clock = clock
        self._tokens = BURST_MAX
        self._placing = 0
        self._waiting: OrderedDict[str, float] = OrderedDict()  # to be dialled: call → since when, the oldest first
        self._filled_s = self._judged_s = clock()
        self._begun_s = float("-inf")
        self._begun = 0  # since the rate was looked at
        self._was_short = False  # likewise
        self._steep_below = float("inf")
        self._fell_s = float("-inf")
        self._is_lagging = False
        self._worst = Worst()
        self._turned_away = 0  # since `_turned_s`
        self._turned_s = clock()

    @property
    def lag_s(self) -> float:
        """The worst: of the PBX and this process, as told, and of the calls whose first phone is not dialled yet."""
        now_s = self._clock()
        while self._waiting and now_s - next(iter(self._waiting.values())) > STUCK_S:
            self._waiting.popitem(last=False)
        return max(self._others_lag_s(), now_s - next(iter(self._waiting.values()), now_s))

    @property
    def worst_lag_s(self) -> float:
        """Of the last half minute or more, as found when calls were asked for."""
        return max(self.lag_s, self._worst.at(self._clock()))

    def admit(self, call: str, *, is_last_word: bool = True) -> bool:
        """May this call begin? Of one that was let in is told when it is `placed`, and `dialled`. `is_last_word`: else
        it is asked for again, here or elsewhere, and nobody is refused anything yet."""
        now_s, lag_s = self._clock(), self.lag_s
        self._worst.note(lag_s, now_s)
        if not self._lag_max_s:
            return True
        self._fill(now_s)
        self._judge(now_s, lag_s)
        why = self._against(now_s, lag_s)
        if why is not None:
            if is_last_word:
                self._turn_away(now_s)
                self._refused(why)
            return False
        self._tokens = max(0.0, self._tokens - 1)
        self._placing += 1
        self._waiting[call] = now_s
        self._begun += 1
        self._begun_s = now_s
        return True

    @property
    def again_s(self) -> int:
        """When one who was just turned away may begin: at this rate, behind those who were turned away with him. Whole
        seconds, for Retry-After: those of one second come back at the same moment."""
        at_once = int(min(self._burst, self.rate_per_s))
        return min(AGAIN_S_MAX, max(1, ceil(self._turned_away / at_once)))

    @property
    def _burst(self) -> float:
        return min(BURST_MAX, max(BURST_MIN, BURST_S * self.rate_per_s))

    def _turn_away(self, now_s: float) -> None:
        """Those of the last second are counted: who is told to come back later does."""
        if now_s - self._turned_s >= 1:
            self._turned_s, self._turned_away = now_s, 0
        self._turned_away += 1

    def placed(self, call: str, *, has_begun: bool) -> None:
        """The request is answered. One that was wrong costs nobody else a place."""
        self._placing = max(0, self._placing - 1)
        if not has_begun:
            self._waiting.pop(call, None)
            self._tokens += 1
            self._begun = max(0, self._begun - 1)

    def dialled(self, call: str) -> None:
        """A phone of it is being rung, or could not be, or never will: it is over. Harmless for calls that did not
        come through here."""
        self._waiting.pop(call, None)

    def _against(self, now_s: float, lag_s: float) -> Why | None:
        if self._placing >= PLACING_MAX:
            return "placing"
        if now_s - self._begun_s >= PROBE_S:
            return None
        if lag_s >= self._lag_max_s:
            return "lag"
        if self._tokens < 1:
            self._was_short = True
            return "rate"
        return None

    def _fill(self, now_s: float) -> None:
        self._tokens = min(self._burst, self._tokens + max(0.0, now_s - self._filled_s) * self.rate_per_s)
        self._filled_s = now_s

    def _judge(self, now_s: float, lag_s: float) -> None:
        past_s = now_s - self._judged_s
        if past_s < JUDGE_S:
            return
        is_used = self._was_short or self._begun >= self.rate_per_s * past_s / 2
        is_lagging = lag_s >= self._lag_max_s * LAG_FALL
        if is_lagging:
            self._fall(now_s)
        elif is_used:
            by = SOAR if self.rate_per_s < self._steep_below else GROW
            self.rate_per_s = min(RATE_MAX, self.rate_per_s * by)
        self._is_lagging = is_lagging
        self._judged_s, self._begun, self._was_short = now_s, 0, False

    def _fall(self, now_s: float) -> None:
        if now_s - self._fell_s < (FALL_AGAIN_S if self._is_lagging else FALL_SOON_S):
            return
        self._fell_s = now_s
        self.rate_per_s = max(RATE_MIN, self.rate_per_s * FALL)
        if not self._is_lagging:
            self._steep_below = self.rate_per_s
