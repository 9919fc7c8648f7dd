"""The Webhooks port in this process's memory: the twin of adapters/redis/webhooks.py, for tests and laws."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ari_app.domain.errors import CallerError
from ari_app.ports.feed import News, Source
from ari_app.ports.webhooks import (
    DEAD_KEPT_MS,
    TOO_LONG,
    TOO_MANY,
    WEBHOOKS_MAX,
    Attempt,
    AttemptPage,
    Due,
    Outcome,
    Standing,
    Waiting,
    Webhook,
)


@dataclass
class _Kept:
    webhook: Webhook
    place: str
    lanes: dict[Source, list[Waiting]] = field(default_factory=dict)
    due: dict[Source, int] = field(default_factory=dict)
    log: list[tuple[int, Attempt]] = field(default_factory=list)  # (serial number, it)
    dead: dict[str, Attempt] = field(default_factory=dict)
    serial: int = 0


class MemoryWebhooks:
    def __init__(self, waiting_max: int = 1_000_000, log_max: int = 1_000) -> None:
        self._waiting_max = waiting_max
        self._log_max = log_max
        self._kept: dict[str, _Kept] = {}
        self._revision = 0

    async def add(self, webhook: Webhook, from_place: str, most: int = WEBHOOKS_MAX) -> bool:
        if webhook.id in self._kept:
            return True
        if sum(one.webhook.tenant == webhook.tenant for one in self._kept.values()) >= most:
            return False
        self._kept[webhook.id] = _Kept(webhook, from_place)
        self._revision += 1
        return True

    async def change(self, webhook: Webhook, was: Webhook | None = None) -> bool:
        kept = self._kept.get(webhook.id)
        if kept is None or was not in (None, kept.webhook):
            return False
        kept.webhook = webhook
        self._revision += 1
        return True

    async def find(self, id: str) -> Webhook | None:
        kept = self._kept.get(id)
        return None if kept is None else kept.webhook

    async def all(self) -> builtins.list[Webhook]:
        return sorted((one.webhook for one in self._kept.values()), key=lambda one: (one.created_at_ms, one.id))

    async def delete(self, id: str) -> Webhook | None:
        kept = self._kept.pop(id, None)
        self._revision += kept is not None
        return None if kept is None else kept.webhook

    async def revision(self) -> int:
        return self._revision

    # ---- from the feed into the lanes ---------------------------------------------------------------------------

    async def place(self, id: str) -> str | None:
        kept = self._kept.get(id)
        return None if kept is None else kept.place

    async def take_in(self, id: str, after: str, upto: str, news: Sequence[News], at_ms: int) -> bool:
        kept = self._kept.get(id)
        if kept is None or kept.place != after:
            return False
        for one in news:
            self._put(kept, one, at_ms)
        kept.place = upto
        return True

    def _put(self, kept: _Kept, news: News, at_ms: int) -> bool:
        lane = kept.lanes.get(news.source, [])
        if any(one.news.id == news.id for one in lane):
            return False
        if sum(map(len, kept.lanes.values())) >= self._waiting_max:
            self._dead(kept, Attempt(news, at_ms, "dead", 0, why=TOO_MANY))
            return False
        waits = Waiting(news, 0, at_ms)
        head = lane[0] if lane else None
        lane = sorted([*lane, waits], key=lambda one: (one.news.seq, one.news.mark))
        if head is not None and lane[0] is waits:  # it goes before one that was tried: those tries are the other's
            lane[1] = replace(lane[1], tries=0)
        kept.lanes[news.source] = lane
        if head is None:
            kept.due[news.source] = at_ms
        return True

    # ---- out of the lanes ---------------------------------------------------------------------------------------

    async def due(self, id: str, now_ms: int, most: int, but: Sequence[Source] = ()) -> Due:
        kept = self._kept.get(id)
        if kept is None:
            return Due((), None)
        come = sorted((at, str(source), source) for source, at in kept.due.items() if at <= now_ms)
        heads = [kept.lanes[source][0] for _, _, source in come if source not in but]
        later = [at for source, at in kept.due.items() if at > now_ms]
        return Due(heads[:most], min(later, default=None))

    async def attempted(self, id: str, attempt: Attempt) -> bool:
        kept = self._kept.get(id)
        lane = [] if kept is None else kept.lanes.get(attempt.news.source, [])
        at = next((n for n, one in enumerate(lane) if one.news.id == attempt.news.id), None)
        if kept is None or at is None:
            return True
        source = attempt.news.source
        if attempt.outcome == "failed":
            if lane[at].tries == attempt.n:  # said before
                return True
            lane[at] = replace(lane[at], tries=attempt.n)
            kept.due[source] = attempt.again_ms or attempt.at_ms
            self._log(kept, attempt)
            return True
        del lane[at]
        if lane:
            kept.due[source] = attempt.at_ms
        else:
            del kept.lanes[source], kept.due[source]
        if attempt.outcome == "dead":
            self._dead(kept, attempt)
        else:
            self._log(kept, attempt)
        return bool(lane)

    async def give_up(self, id: str, before_ms: int, at_ms: int, most: int = 100) -> int:
        kept = self._kept.get(id)
        lanes = [] if kept is None else list(kept.lanes.values())
        old = sorted((lane[0] for lane in lanes if lane[0].since_ms < before_ms), key=lambda one: one.since_ms)
        for one in old[:most]:
            await self.attempted(id, Attempt(one.news, at_ms, "dead", one.tries, why=TOO_LONG))
        return len(old[:most])

    async def hurry(self, id: str, at_ms: int) -> None:
        if (kept := self._kept.get(id)) is not None:
            kept.due = {source: min(at, at_ms) for source, at in kept.due.items()}
            self._revision += 1

    async def standing(self, id: str) -> Standing:
        kept = self._kept.get(id)
        if kept is None:
            return Standing()
        oldest = min((lane[0].since_ms for lane in kept.lanes.values()), default=None)
        return Standing(sum(map(len, kept.lanes.values())), oldest, len(kept.dead))

    async def deliveries(
        self, id: str, *, outcome: Outcome | None = None, cursor: str | None = None, limit: int = 50
    ) -> AttemptPage:
        if cursor is not None and not cursor.isdecimal():
            raise CallerError(f"cursor: not one that was given out: {cursor!r}")
        kept = self._kept.get(id)
        if kept is None:
            return AttemptPage((), None)
        told = list(enumerate(kept.dead.values(), 1)) if outcome == "dead" else kept.log
        found = [(n, one) for n, one in reversed(told) if outcome in (None, one.outcome)]
        if cursor is not None:
            found = [(n, one) for n, one in found if n < int(cursor)]
        page = found[:limit]
        return AttemptPage([one for _, one in page], str(page[-1][0]) if len(found) > limit and page else None)

    async def replay(self, id: str, news: Sequence[News], at_ms: int) -> int:
        kept = self._kept.get(id)
        if kept is None:
            return 0
        put = 0
        for one in news:
            is_dead = kept.dead.pop(one.id, None)
            is_put = self._put(kept, one, at_ms)
            put += is_put
            if is_dead and not is_put and not any(w.news.id == one.id for w in kept.lanes.get(one.source, [])):
                kept.dead[one.id] = is_dead
        self._revision += 1
        return put

    def _dead(self, kept: _Kept, attempt: Attempt) -> None:
        kept.dead[attempt.news.id] = attempt
        kept.dead = {id: one for id, one in kept.dead.items() if one.at_ms > attempt.at_ms - DEAD_KEPT_MS}
        for id in list(kept.dead)[: max(0, len(kept.dead) - self._waiting_max)]:
            del kept.dead[id]
        self._log(kept, attempt)

    def _log(self, kept: _Kept, attempt: Attempt) -> None:
        kept.serial += 1
        kept.log = [*kept.log[-self._log_max + 1 :], (kept.serial, attempt)]
