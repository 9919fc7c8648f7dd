"""The Calls port on Redis: a record and its events under `{c:<call>}`, found by node, user and time.

Record: "version fence node created_at_ms\\n" and the bytes given. Knows nothing of what they say. Of a closed call
whose details go before it, the record is what is left then, and the whole one stands beside it (`:d`) until it expires.
"""

import builtins
import re
import time
from collections.abc import Sequence

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import check_ids
from ari_app.domain.tenants import OPERATOR
from ari_app.ports.calls import RETENTION_S, CallPage, Created, Exists, Fenced, Rest, Saved, Stale, StoredCall
from ari_app.ports.feed import Outbox, Source

ALL = "calls:all"
HEAD_BYTES = 256  # the head of a record is shorter
HEAD = re.compile(rb"(\d{1,16}) (\d{1,16}) ([!-~]{1,150}) (\d{1,16})\n")
"""As the scripts read it, too."""
DANGLING_MS = 3_600_000
"""A place in a list whose record is missing is cleared away when older: a younger one may just be being written."""
MOST = 2**53  # events of a call; Redis refuses to look behind 2**63
TRIM_EVERY = 64  # calls closed between two trimmings of the list of all


class RedisCalls:
    """`outbox` hears of every call with new events, and of every one that has a new owner: whoever had it before may
    have died before he could say so."""

    def __init__(self, link: Link, retention_s: int = RETENTION_S, outbox: Outbox | None = None) -> None:
        self._link = link
        self._outbox = outbox
        self._listed_s = retention_s + 86_400
        self._closed = 0

    async def create(
        self, call_id: str, record: bytes, *, node: str, user_ids: Sequence[str], created_at_ms: int,
        events: Sequence[bytes], fence: int = 0, tenant: str = OPERATOR,
    ) -> Created | Exists:  # fmt: skip
        check_ids(call_id=call_id, node=node, **{f"user_ids[{at}]": user for at, user in enumerate(user_ids)})
        first: list[tuple[Arg, ...]] = [("SADD", _live(node), call_id), ("ZADD", ALL, created_at_ms, call_id)]
        for index in (*map(_of_user, user_ids), *([_of_tenant(tenant)] if tenant else [])):
            first.append(("ZADD", index, created_at_ms, call_id))
            first.append(("ZREMRANGEBYSCORE", index, "-inf", created_at_ms - 1000 * self._listed_s))
            first.append(("EXPIRE", index, self._listed_s))
        head = f"1 {fence} {node} {created_at_ms}\n"
        stored = await self._link.script(
            "create", *_keys(call_id), head, record, *events, first=first, write=self._write(call_id)
        )
        self._has_news(call_id)  # also where it was there: the answer to whoever made it may be lost
        if stored == 0:
            return Created(1)
        exists = _stored(call_id, stored)
        if exists.node not in (node, ""):  # it is theirs, and was never ours
            await self._link.command("SREM", _live(node), call_id)
        return Exists(exists)

    async def save(
        self, call_id: str, expect_version: int, record: bytes, events: Sequence[bytes], fence: int
    ) -> Saved | Stale | Fenced:
        outcome, number, *again = await self._link.script(
            "save", *_keys(call_id), expect_version, fence, record, *events, write=self._write(call_id)
        )
        if outcome == b"saved":
            if events or again[0]:
                self._has_news(call_id)
            return Saved(number)
        return Stale(number) if outcome == b"stale" else Fenced(number)

    async def load(self, call_id: str) -> StoredCall | None:
        return _whole(call_id, await self._link.command("MGET", *_records(call_id)))

    async def load_many(self, call_ids: Sequence[str]) -> builtins.list[StoredCall | None]:
        found = await self._link.commands([("MGET", *_records(call_id)) for call_id in call_ids], in_order=False)
        return [_whole(call_id, raws) for call_id, raws in zip(call_ids, found, strict=True)]

    async def live(self, node: str) -> builtins.list[str]:
        call_ids = [raw.decode() for raw in await self._link.command("SMEMBERS", _live(node))]
        asked = [("GETRANGE", _keys(one)[0], 0, HEAD_BYTES - 1) for one in call_ids]
        heads = await self._link.commands(asked, in_order=False)
        return [
            one for one, head in zip(call_ids, heads, strict=True) if not head or _stored(one, head).node in (node, "")
        ]

    async def close(self, call_id: str, node: str, retention_s: int = RETENTION_S, rest: Rest | None = None) -> None:
        record, events = _keys(call_id)
        write = self._write(call_id)
        if write:  # no server knows what is on another's disk: first how the call ended
            await self._link.disk.wait(write)
        if self._outbox is not None:  # while somebody still takes it up again
            await self._outbox.hint([Source("call", call_id)])
        commands: list[tuple[Arg, ...]] = [  # in this order: a crash in between leaves a call to be closed again
            ("EXPIRE", record, retention_s), ("EXPIRE", events, retention_s), ("SREM", _live(node), call_id),
        ]  # fmt: skip
        if rest is not None:
            after_s = min(rest.after_s, retention_s)
            await self._link.script(
                "shut", record, events, _details(call_id), retention_s, after_s, rest.record,
                min(max(after_s, rest.events_s), retention_s), write=write,
            )  # fmt: skip
            if write:  # and first, that its details have an end
                await self._link.disk.wait(write)
            commands = commands[2:]
        self._closed += 1
        if self._closed % TRIM_EVERY == 0:
            oldest_ms = int(time.time() - self._listed_s) * 1000
            commands.append(("ZREMRANGEBYSCORE", ALL, "-inf", oldest_ms))
        await self._link.commands(commands)

    async def unlist(
        self, call_id: str, *, user_ids: Sequence[str], node: str | None = None, tenant: str = OPERATOR
    ) -> None:
        check_ids(call_id=call_id)
        commands: builtins.list[tuple[Arg, ...]] = [("ZREM", _of_user(user), call_id) for user in user_ids]
        if tenant:
            commands.append(("ZREM", _of_tenant(tenant), call_id))
        if node is not None:
            commands.append(("SREM", _live(node), call_id))
        if commands:
            await self._link.commands(commands)

    async def list(
        self, *, user: str | None = None, tenant: str = OPERATOR, since_ms: int | None = None,
        until_ms: int | None = None, cursor: str | None = None, limit: int = 50,
    ) -> CallPage:  # fmt: skip
        of_all = _of_tenant(tenant) if tenant else ALL
        index = of_all if user is None else _of_user(user)
        found = await self._read_index(index, since_ms, until_ms, cursor, limit + 1)
        page = found[:limit]
        exist = await self._link.commands([("EXISTS", _keys(call_id)[0]) for _, call_id in page], in_order=False)
        long_ago_ms = int(time.time() * 1000) - DANGLING_MS
        gone = [one for one, there in zip(page, exist, strict=True) if not there]
        dangling = [call_id for at_ms, call_id in gone if at_ms < long_ago_ms]
        if dangling:
            await self._link.command("ZREM", index, *dangling)
        next_cursor = f"{page[-1][0]}.{page[-1][1]}" if len(found) > limit and page else None
        return CallPage(tuple(call_id for at_ms, call_id in page if (at_ms, call_id) not in gone), next_cursor)

    async def events(self, call_id: str, after: int = 0) -> Sequence[tuple[int, bytes]]:
        start = min(max(0, after), MOST)
        return [*enumerate(await self._link.command("LRANGE", _keys(call_id)[1], start, -1), start=start + 1)]

    async def events_of(self, each: Sequence[tuple[str, int, int]]) -> Sequence[Sequence[bytes]]:
        asked = [("LRANGE", _keys(call)[1], min(max(0, at), MOST), min(at + most, MOST) - 1) for call, at, most in each]
        return await self._link.commands(asked, in_order=False)

    async def mark_alive(self, node: str, at_ms: int) -> None:
        await self._link.command("SET", _alive(node), at_ms)

    async def alive(self, node: str) -> int | None:
        raw = await self._link.get(_alive(node))
        return int(raw) if raw is not None and raw.isdigit() else None

    def _has_news(self, call_id: str) -> None:
        if self._outbox is not None:
            self._outbox.soon(Source("call", call_id))

    def _write(self, call_id: str) -> str | None:
        """Not needed where all is in one log on disk: there the end of a call is before its going from the live set."""
        return None if self._link.is_one else f"call {call_id} "

    async def _read_index(
        self, index: str, since_ms: int | None, until_ms: int | None, cursor: str | None, count: int
    ) -> builtins.list[tuple[int, str]]:
        """(created_at_ms, call), newest first, from behind the cursor on. Its call's rank is where that is: of however
        many share one ms none is read to be passed over, unless the call went meanwhile."""
        before = None if cursor is None else _parse_cursor(cursor)
        newest: Arg = "+inf" if until_ms is None else f"({until_ms}"
        if before is not None and (until_ms is None or before[0] < until_ms):
            raw = await self._link.script("behind", index, before[1], before[0], count)
            if raw is not None:
                return [one for one in _pairs(raw) if since_ms is None or one[0] >= since_ms]
            newest = before[0]
        found: builtins.list[tuple[int, str]] = []
        least: Arg = "-inf" if since_ms is None else since_ms
        offset = 0
        while len(found) < count:
            raw = await self._link.command(
                "ZREVRANGEBYSCORE", index, newest, least, "WITHSCORES", "LIMIT", offset, count
            )
            chunk = _pairs(raw)
            found += [one for one in chunk if before is None or one < before]  # others of the same ms come first
            offset += len(chunk)
            if len(chunk) < count:
                break
        return found[:count]


def _pairs(raw: Sequence[bytes]) -> builtins.list[tuple[int, str]]:
    return [(int(at_ms), call.decode()) for call, at_ms in zip(raw[::2], raw[1::2], strict=True)]


def _keys(call_id: str) -> tuple[str, str]:
    """Record, events."""
    check_ids(call_id=call_id)
    return f"{{c:{call_id}}}:r", f"{{c:{call_id}}}:e"


def _details(call_id: str) -> str:
    return f"{{c:{call_id}}}:d"


def _records(call_id: str) -> tuple[str, str]:
    return _keys(call_id)[0], _details(call_id)


def _live(node: str) -> str:
    return f"{{n:{node}}}:live"


def _alive(node: str) -> str:
    return f"{{n:{node}}}:alive"


def _of_user(user: str) -> str:
    return f"{{u:{user}}}:calls"


def _of_tenant(tenant: str) -> str:
    return f"{{t:{tenant}}}:calls"


def _stored(call_id: str, raw: bytes) -> StoredCall:
    """Of a head that is damaged, a record that cannot be read either: it must not hide the others."""
    head = HEAD.match(raw)
    if head is None:
        return StoredCall(call_id, 0, 0, "", 0, b"")
    version, fence, node, created_at_ms = head.groups()
    return StoredCall(call_id, int(version), int(fence), node.decode(), int(created_at_ms), raw[head.end() :])


def _whole(call_id: str, raws: Sequence[bytes | None]) -> StoredCall | None:
    """Of what is left of a call and the whole of it, the whole, unless somebody saved the call after that."""
    found = [_stored(call_id, raw) for raw in reversed(raws) if raw is not None]
    return max(found, key=lambda one: one.version, default=None)


def _parse_cursor(cursor: str) -> tuple[int, str]:
    at_ms, dot, call = cursor.partition(".")
    if not at_ms.isdecimal() or not dot or not call:
        raise CallerError(f"cursor: not one that was given out: {cursor!r}")
    return int(at_ms), call
