"""The Limits port in this process's memory: the pure functions of domain/limits.py behind it, for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ari_app.domain import limits as rules
from ari_app.domain.ledger_types import check_ids
from ari_app.ports.limits import Counted, Limit, Over


class MemoryLimits:
    def __init__(self) -> None:
        self._marks: dict[Counted, dict[str, int]] = {}

    async def mark(
        self, what: Counted, call: str, limits: Sequence[Limit], *, at_ms: int, keep_s: int
    ) -> Over | None:  # fmt: skip
        marks = self._of(what)
        if call in marks:
            return None
        hit = rules.over(marks.values(), limits, at_ms)
        if hit is None:
            kept = {one: since_ms for one, since_ms in marks.items() if since_ms > at_ms - 1000 * keep_s}
            self._marks[what] = kept | {call: at_ms}
        return hit

    async def take_back(self, what: Counted, call: str) -> None:
        self._of(what).pop(call, None)

    async def marks(self, what: Counted) -> Mapping[str, int]:
        return dict(sorted(self._of(what).items(), key=lambda one: (one[1], one[0])))

    async def lift(self, what: Counted) -> int:
        return len(self._marks.pop(what, {}))

    def _of(self, what: Counted) -> dict[str, int]:
        check_ids(**what.ids)
        return self._marks.setdefault(what, {})
