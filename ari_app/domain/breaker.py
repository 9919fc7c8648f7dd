"""When a trunk that fails is left alone for a while: a circuit breaker, as data and what changes it.

    works ──(N failures in a row, or more than half of many)──> rests ──(its time is over)──> is on probation
      ^──────────────────────── a success ─────────────────────┴──────────────────────────────┘ │
                                                  ^────────── a failure: longer, up to a limit ──┘

Knows no trunk, no call and no clock. What counts as a failure is told by domain.causes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

RECENT_MS = 60_000
RECENT_MIN = 20
"""So many tries of the last minute, and more than half of them failed: it rests, though some work."""
RECENT_MAX = 100

Standing = Literal["works", "rests", "probation"]


@dataclass(frozen=True, slots=True)
class Rule:
    after: int = 5
    """Failures in a row."""
    rest_ms: int = 30_000
    rest_max_ms: int = 600_000


@dataclass(frozen=True, slots=True)
class Breaker:
    in_a_row: int = 0
    recent: tuple[tuple[int, bool], ...] = ()
    """(at_ms, whether it worked), the oldest first."""
    rests: int = 0
    """In a row, without a success in between."""
    since_ms: int = 0
    """When it last began to rest, or came back."""
    until_ms: int | None = None
    """None: it does not rest."""
    why: str = ""

    def standing(self, at_ms: int) -> Standing:
        if self.until_ms is None:
            return "works"
        return "rests" if at_ms < self.until_ms else "probation"


def failed(b: Breaker, at_ms: int, why: str, rule: Rule) -> Breaker:
    match b.standing(at_ms):
        case "rests":  # of a call that was on its way before, or had no other trunk: nothing new
            return b
        case "probation":
            return _rested(b, at_ms, why, rule)
    recent = _with(b.recent, at_ms, worked=False)
    b = replace(b, in_a_row=b.in_a_row + 1, recent=recent)
    faults = sum(not worked for _, worked in recent)
    is_bad = len(recent) >= RECENT_MIN and 2 * faults > len(recent)
    return _rested(b, at_ms, why, rule) if b.in_a_row >= rule.after or is_bad else b


def worked(b: Breaker, at_ms: int) -> Breaker:
    """Also while it rests: where it is the only one that takes a number, it is tried all the same."""
    if b.until_ms is not None:
        return Breaker(since_ms=at_ms)
    return replace(b, in_a_row=0, recent=_with(b.recent, at_ms, worked=True))


def _rested(b: Breaker, at_ms: int, why: str, rule: Rule) -> Breaker:
    longest = rule.rest_ms
    for _ in range(b.rests):  # not by a power: it would grow without end
        longest = min(2 * longest, rule.rest_max_ms)
    rest_ms = min(longest, rule.rest_max_ms)
    return Breaker(rests=b.rests + 1, since_ms=at_ms, until_ms=at_ms + rest_ms, why=why)


def _with(recent: tuple[tuple[int, bool], ...], at_ms: int, *, worked: bool) -> tuple[tuple[int, bool], ...]:
    fresh = tuple(one for one in recent[-RECENT_MAX + 1 :] if one[0] > at_ms - RECENT_MS)
    return (*fresh, (at_ms, worked))
