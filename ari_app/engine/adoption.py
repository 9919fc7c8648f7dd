"""How the calls came through a gap: what was found of each, and when all of them are tended again.

A call is adopted when what was found of it is folded in and saved: from then on a second death loses nothing of the
first. Counts and tells; decides nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import structlog

from ari_app.domain import events as ev

log = structlog.get_logger()

Found = Literal["live", "gone", "unknown"]


@dataclass(frozen=True, slots=True)
class Adopted:
    """All calls of one gap. `sight_ms`: since the PBX came into sight; `load_ms`: since the calls began to be loaded,
    which is once the lease was had; of a lost link, where nothing is loaded, the same."""

    live: int
    gone: int
    unknown: int
    sight_ms: int
    load_ms: int


class Adoption:
    def __init__(self, told: Callable[[Adopted], None]) -> None:
        self._told = told
        self._load_at_ms: int | None = None
        self._sight_at_ms: int | None = None
        self._begun_at_ms = 0
        self._found: Counter[Found] = Counter()
        self._waiting: set[str] = set()

    def loads(self) -> None:
        self._load_at_ms = _now_ms()

    def looks(self) -> None:
        """The PBX is in sight, and is being asked."""
        self._sight_at_ms = _now_ms()
        self._begun_at_ms, self._load_at_ms = self._load_at_ms or self._sight_at_ms, None
        self._found.clear()
        self._waiting.clear()

    def found(self, call_id: str, facts: Iterable[ev.Event]) -> None:
        if self._sight_at_ms is None:  # of one call alone
            self.looks()
        self._found[found(facts)] += 1
        self._waiting.add(call_id)

    def saved(self, call_id: str) -> None:
        if call_id in self._waiting:
            self._waiting.discard(call_id)
            if not self._waiting:
                self._tell()

    def _tell(self) -> None:
        now_ms, n = _now_ms(), self._found
        sight_ms = now_ms - (self._sight_at_ms or self._begun_at_ms)
        done = Adopted(n["live"], n["gone"], n["unknown"], sight_ms, now_ms - self._begun_at_ms)
        self._sight_at_ms = None
        log.info(
            "calls adopted", live=done.live, gone=done.gone, unknown=done.unknown, sight_ms=done.sight_ms,
            load_ms=done.load_ms,
        )  # fmt: skip
        self._told(done)


def found(facts: Iterable[ev.Event]) -> Found:
    """Of a call: one phone whose end nobody knows makes it unknown, else one that is gone makes it gone."""
    ends = {e.how for e in facts if isinstance(e, ev.Gone)}
    return "unknown" if "unknown" in ends else "gone" if ends else "live"


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
