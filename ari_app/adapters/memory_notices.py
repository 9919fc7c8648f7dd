"""The Notices port in this process's memory: the twin of adapters/redis/notices.py, for tests."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ari_app.domain.errors import CallerError
from ari_app.domain.notices import Notice, Now, Recipient
from ari_app.domain.tenants import OPERATOR, may_see, tenant_of
from ari_app.ports.feed import Outbox, Source
from ari_app.ports.notices import Due, Happened, NoticePage, is_live


class MemoryNotices:
    def __init__(self, outbox: Outbox | None = None) -> None:
        self._outbox = outbox
        self._notices: dict[str, Notice] = {}
        self._now: dict[str, Now] = {}
        self._recipients: dict[str, builtins.list[Recipient]] = {}
        self._events: dict[str, builtins.list[Happened]] = {}
        self._asks: dict[tuple[str, str], int] = {}
        self._open: set[str] = set()
        self._due: dict[Due, int] = {}
        self._under_way: dict[Due, int] = {}

    async def create(self, notice: Notice, recipients: Sequence[Recipient], event: Happened) -> Notice:
        self._open.add(notice.id)
        if notice.id not in self._notices:
            self._notices[notice.id] = notice
            self._now[notice.id] = Now(open=len(recipients))
            self._recipients[notice.id] = [*recipients]
            self._events[notice.id] = [event]
        self._has_news(notice.id)
        return self._notices[notice.id]

    async def find(self, notice: str) -> tuple[Notice, Now] | None:
        found = self._notices.get(notice)
        return None if found is None else (found, self._now[notice])

    async def recipient(self, notice: str, n: int) -> Recipient | None:
        found = self._recipients.get(notice, [])
        return found[n] if 0 <= n < len(found) else None

    async def recipients(self, notice: str, first: int = 0, count: int = 500) -> builtins.list[Recipient]:
        return self._recipients.get(notice, [])[first : first + count]

    async def put(self, notice: str, r: Recipient, events: Sequence[Happened], done: Happened) -> int | None:
        before = await self.recipient(notice, r.n)
        if before is None or before.rev != r.rev:
            return None
        self._recipients[notice][r.n] = replace(r, rev=r.rev + 1)
        left = self._now[notice].open + is_live(r) - is_live(before)
        self._now[notice] = replace(self._now[notice], open=left)
        self._events[notice] += events
        if not left and is_live(before):
            self._events[notice].append(done)
        self._has_news(notice)
        return left

    async def cancel(self, notice: str, at_ms: int, event: Happened) -> bool:
        if self._now[notice].cancelled_at_ms is not None:
            return False
        self._now[notice] = replace(self._now[notice], cancelled_at_ms=at_ms)
        self._events[notice].append(event)
        self._has_news(notice)
        return True

    async def remind(self, notice: str, ask: str, at_ms: int, most: int, event: Happened) -> int | None:
        if (notice, ask) in self._asks:
            return self._asks[notice, ask]
        now = self._now[notice]
        if now.round >= most:
            return None
        self._now[notice] = replace(now, round=now.round + 1, round_at_ms=at_ms)
        self._asks[notice, ask] = now.round + 1
        self._events[notice].append(event)
        self._has_news(notice)
        self._open.add(notice)
        return now.round + 1

    def _has_news(self, notice: str) -> None:
        if self._outbox is not None:
            self._outbox.soon(Source("notice", notice))

    async def hold_up(self, notice: str, why: str, until_ms: int) -> None:
        self._now[notice] = replace(self._now[notice], held_up=why, held_up_until_ms=until_ms)

    async def events(self, notice: str, after: int = 0) -> builtins.list[tuple[int, Happened]]:
        return [*enumerate(self._events.get(notice, []), start=1)][after:]

    async def list(
        self, *, sender: str | None = None, tenant: str = OPERATOR, cursor: str | None = None, limit: int = 50
    ) -> NoticePage:
        if cursor is not None and not cursor.partition(".")[0].isdecimal():
            raise CallerError(f"cursor: not one that was given out: {cursor!r}")
        of = [one for one in self._notices.values() if sender in (None, one.sender)]
        of = [one for one in of if may_see(tenant, tenant_of(one.sender))]
        places = sorted(((one.created_at_ms, one.id) for one in of), reverse=True)
        if cursor is not None:
            at_ms, _, id = cursor.partition(".")
            places = [place for place in places if place < (int(at_ms), id)]
        page = places[:limit]
        more = f"{page[-1][0]}.{page[-1][1]}" if len(places) > limit and page else None
        return NoticePage(tuple(id for _, id in page), more)

    async def open_ids(self) -> builtins.list[str]:
        return sorted(self._open)

    async def close(self, notice: str, keep_s: int) -> None:
        self._has_news(notice)
        self._open.discard(notice)

    # ---- the queue ----------------------------------------------------------------------------------------------

    async def due(self, now_ms: int, *, parallel: int, at_once: int, look_ms: int) -> builtins.list[Due]:
        found = _first(self._under_way, now_ms, at_once)
        room = min(parallel - len(self._under_way), at_once - len(found))
        new = _first(self._due, now_ms, max(0, room))
        for one in new:
            del self._due[one]
        self._under_way |= dict.fromkeys((*found, *new), now_ms + look_ms)
        return found + new

    async def under_way(self) -> int:
        return len(self._under_way)

    async def put_back(self, one: Due, at_ms: int) -> None:
        self._due[one] = at_ms
        self._under_way.pop(one, None)

    async def look_again(self, one: Due, at_ms: int) -> None:
        if one in self._under_way:
            self._under_way[one] = at_ms

    async def take_out(self, one: Due) -> None:
        self._due.pop(one, None)
        self._under_way.pop(one, None)

    async def fill(self, notice: str, due_ms: Mapping[int, int]) -> int:
        missing = {Due(notice, n): at_ms for n, at_ms in due_ms.items()}
        missing = {one: at for one, at in missing.items() if one not in self._due and one not in self._under_way}
        self._due |= missing
        return len(missing)


def _first(queue: Mapping[Due, int], now_ms: int, most: int) -> builtins.list[Due]:
    come = sorted((at_ms, one.notice, one.n) for one, at_ms in queue.items() if at_ms <= now_ms)
    return [Due(notice, n) for _, notice, n in come[:most]]
