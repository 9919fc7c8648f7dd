"""Calls and leases in this process's memory: the twins of adapters/redis, for tests and laws. Closed calls stay; their
details go, where they are to."""

import builtins
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ari_app.domain.errors import CallerError
from ari_app.domain.tenants import OPERATOR
from ari_app.ports.calls import RETENTION_S, CallPage, Created, Exists, Fenced, Rest, Saved, Stale, StoredCall
from ari_app.ports.feed import Outbox, Source
from ari_app.ports.leases import HeldBy, Lease, Lost, boot_ms


class MemoryCalls:
    def __init__(self, clock: Callable[[], float] = time.monotonic, outbox: Outbox | None = None) -> None:
        """`clock`: by which details go; seconds. `outbox` hears of calls that have news."""
        self._clock = clock
        self._outbox = outbox
        self._details: dict[str, tuple[StoredCall | None, float]] = {}  # the whole of what was closed, and until when
        self._events_until_s: dict[str, float] = {}
        self._calls: dict[str, StoredCall] = {}
        self._events: dict[str, list[bytes]] = {}
        self._live: dict[str, set[str]] = {}
        self._of_user: dict[str, dict[str, int]] = {}
        self._of_tenant: dict[str, dict[str, int]] = {}
        self._all: dict[str, int] = {}
        self._alive: dict[str, int] = {}

    async def create(
        self, call_id: str, record: bytes, *, node: str, user_ids: Sequence[str], created_at_ms: int,
        events: Sequence[bytes], fence: int = 0, tenant: str = OPERATOR,
    ) -> Created | Exists:  # fmt: skip
        if (stored := self._calls.get(call_id)) is not None:
            return Exists(stored)
        self._live.setdefault(node, set()).add(call_id)
        self._all[call_id] = created_at_ms
        for user in user_ids:
            self._of_user.setdefault(user, {})[call_id] = created_at_ms
        if tenant:
            self._of_tenant.setdefault(tenant, {})[call_id] = created_at_ms
        self._calls[call_id] = StoredCall(call_id, 1, fence, node, created_at_ms, record)
        self._events[call_id] = list(events)
        self.has_news(call_id)
        return Created(1)

    async def save(
        self, call_id: str, expect_version: int, record: bytes, events: Sequence[bytes], fence: int
    ) -> Saved | Stale | Fenced:
        stored = self._calls.get(call_id)
        if stored is None:
            return Stale(0)
        if stored.fence > fence:
            return Fenced(stored.fence)
        if stored.version == expect_version + 1 and (stored.fence, stored.record) == (fence, record):
            self.has_news(call_id)
            return Saved(stored.version)
        if stored.version != expect_version:
            return Stale(stored.version)
        self._calls[call_id] = replace(stored, version=expect_version + 1, fence=fence, record=record)
        self._events.setdefault(call_id, []).extend(events)
        if events or fence > stored.fence:
            self.has_news(call_id)
        return Saved(expect_version + 1)

    def has_news(self, call_id: str) -> None:
        if self._outbox is not None:
            self._outbox.soon(Source("call", call_id))

    async def load(self, call_id: str) -> StoredCall | None:
        self._let_go(call_id)
        found = [self._details.get(call_id, (None, 0))[0], self._calls.get(call_id)]
        return max((one for one in found if one is not None), key=lambda one: one.version, default=None)

    async def load_many(self, call_ids: Sequence[str]) -> builtins.list[StoredCall | None]:
        return [await self.load(call_id) for call_id in call_ids]

    async def live(self, node: str) -> builtins.list[str]:
        return list(self._live.get(node, ()))

    async def close(self, call_id: str, node: str, retention_s: int = RETENTION_S, rest: Rest | None = None) -> None:
        if rest is not None and (stored := self._calls.get(call_id)) is not None:
            whole = self._details.get(call_id, (None, 0))[0] if stored.record == rest.record else stored
            self._details[call_id] = whole, self._clock() + rest.after_s
            self._events_until_s[call_id] = self._clock() + max(rest.after_s, rest.events_s)
            self._calls[call_id] = replace(stored, record=rest.record)
        self.has_news(call_id)
        self._live.get(node, set()).discard(call_id)

    def _let_go(self, call_id: str) -> None:
        if self._clock() >= self._details.get(call_id, (None, float("inf")))[1]:
            del self._details[call_id]
        if self._clock() >= self._events_until_s.get(call_id, float("inf")):
            del self._events_until_s[call_id]
            self._events.pop(call_id, None)

    async def unlist(
        self, call_id: str, *, user_ids: Sequence[str], node: str | None = None, tenant: str = OPERATOR
    ) -> None:
        for user in user_ids:
            self._of_user.get(user, {}).pop(call_id, None)
        self._of_tenant.get(tenant, {}).pop(call_id, None)
        if node is not None:
            self._live.get(node, set()).discard(call_id)

    async def list(
        self, *, user: str | None = None, tenant: str = OPERATOR, since_ms: int | None = None,
        until_ms: int | None = None, cursor: str | None = None, limit: int = 50,
    ) -> CallPage:  # fmt: skip
        of_all = self._of_tenant.get(tenant, {}) if tenant else self._all
        index = of_all if user is None else self._of_user.get(user, {})
        newest_first = sorted(((at_ms, call) for call, at_ms in index.items()), reverse=True)
        if cursor is not None:
            before = parse_cursor(cursor)
            newest_first = [one for one in newest_first if one < before]
        if until_ms is not None:
            newest_first = [one for one in newest_first if one[0] < until_ms]
        found = [one for one in newest_first if since_ms is None or one[0] >= since_ms]
        page = found[:limit]
        more = len(found) > len(page) and bool(page)
        return CallPage(tuple(call for _, call in page), f"{page[-1][0]}.{page[-1][1]}" if more else None)

    async def events(self, call_id: str, after: int = 0) -> Sequence[tuple[int, bytes]]:
        self._let_go(call_id)
        return list(enumerate(self._events.get(call_id, []), start=1))[max(0, after) :]

    async def events_of(self, each: Sequence[tuple[str, int, int]]) -> Sequence[Sequence[bytes]]:
        return [[one for _, one in (await self.events(call_id, after))[:most]] for call_id, after, most in each]

    async def mark_alive(self, node: str, at_ms: int) -> None:
        self._alive[node] = at_ms

    async def alive(self, node: str) -> int | None:
        return self._alive.get(node)


def parse_cursor(cursor: str) -> tuple[int, str]:
    at_ms, dot, call = cursor.partition(".")
    if not at_ms.isdecimal() or not dot or not call:
        raise CallerError(f"cursor: not one that was given out: {cursor!r}")
    return int(at_ms), call


class MemoryLeases:
    """`is_dead` tells of an owner whether it was a process of this host that is gone."""

    def __init__(
        self,
        is_dead: Callable[[str], bool] = lambda _owner: False,
        monotonic_ms: Callable[[], int] = boot_ms,
    ) -> None:
        self._is_dead = is_dead
        self._now_ms = monotonic_ms
        self._held: dict[str, Lease] = {}
        self._last: dict[str, Lease] = {}

    async def acquire(self, node: str, owner: str, ttl_ms: int) -> Lease | HeldBy:
        now_ms = self._now_ms()
        held = self.held(node)
        if held is not None and held.owner != owner and not self._is_dead(held.owner):
            return HeldBy(held.owner, held.number, held.deadline_ms - now_ms)
        last = self._last.get(node, Lease(node, "", 0, 0))
        number = last.number + 1
        previous = last.previous if last.owner == owner else last.number
        self._held[node] = self._last[node] = Lease(node, owner, number, now_ms + ttl_ms, previous)
        return self._last[node]

    async def renew(self, lease: Lease, ttl_ms: int) -> Lease | Lost:
        if not self._is_ours(lease):
            return Lost()
        self._held[lease.node] = replace(lease, deadline_ms=self._now_ms() + ttl_ms)
        return self._held[lease.node]

    async def release(self, lease: Lease) -> None:
        if self._is_ours(lease):
            del self._held[lease.node]

    def held(self, node: str) -> Lease | None:
        """The lease that holds now, whoever has it."""
        lease = self._held.get(node)
        return lease if lease is not None and lease.deadline_ms > self._now_ms() else None

    def _is_ours(self, lease: Lease) -> bool:
        held = self.held(lease.node)
        return held is not None and (held.owner, held.number) == (lease.owner, lease.number)
