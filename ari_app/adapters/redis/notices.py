"""The Notices port on Redis: a notice, its recipients and its events under `{o:<notice>}`; the queue of all under one
tag of its own. No script across both: an entry of the queue only says "look".

Knows keys, arguments, answers.
"""

from __future__ import annotations

import builtins
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import check_ids
from ari_app.domain.notices import Notice, Now, Recipient
from ari_app.domain.tenants import OPERATOR, tenant_of
from ari_app.ports.feed import Outbox, Source
from ari_app.ports.notices import Due, Happened, NoticePage, is_live

DUE, UNDER_WAY, OPEN = "{notices}:due", "{notices}:under_way", "{notices}:open"
ALL = "notices:all"
LISTED_MS = 400 * 86_400_000
"""What is so much older than it is kept is out of the lists: it may have been reminded of for some time."""
ALL_AGAIN_S = 300.0
NOW = ("open", "round", "round_at", "cancelled", "held_up", "held_up_until")

_encode = msgspec.json.encode
_notice = msgspec.json.Decoder(Notice).decode
_recipient = msgspec.json.Decoder(Recipient).decode
_event = msgspec.json.Decoder(Happened).decode


class RedisNotices:
    """`outbox` hears of every notice with new events; of those that are open now and then in any case: whoever had put
    something down may have died before he could say so."""

    def __init__(self, link: Link, outbox: Outbox | None = None) -> None:
        self._link = link
        self._outbox = outbox
        self._said_s = -ALL_AGAIN_S

    async def create(self, notice: Notice, recipients: Sequence[Recipient], event: Happened) -> Notice:
        """Its places in the lists come first, so that no crash leaves a notice that nobody finds."""
        first: list[tuple[Arg, ...]] = [
            ("ZADD", index, notice.created_at_ms, notice.id) for index in (OPEN, *_lists_of(notice))
        ]
        for command in first:
            await self._link.command(*command)
        stored = await self._link.script(
            "notice", *_keys(notice.id), _encode(notice), _encode(event), *(_stored(r) for r in recipients)
        )
        self._have_news([notice.id])
        return _notice(stored)

    async def find(self, notice: str) -> tuple[Notice, Now] | None:
        raw, *told = await self._link.command("HMGET", _keys(notice)[0], "notice", *NOW)
        if raw is None:
            return None
        left, round, round_at_ms, cancelled, held_up, held_up_until_ms = (one and one.decode() for one in told)
        now = Now(
            open=int(left or 0), round=int(round or 0), round_at_ms=int(round_at_ms or 0),
            cancelled_at_ms=None if cancelled is None else int(cancelled), held_up=held_up or "",
            held_up_until_ms=int(held_up_until_ms or 0),
        )  # fmt: skip
        return _notice(raw), now

    async def recipient(self, notice: str, n: int) -> Recipient | None:
        raw = await self._link.command("HGET", _keys(notice)[1], n)
        return None if raw is None else _read(raw)

    async def recipients(self, notice: str, first: int = 0, count: int = 500) -> builtins.list[Recipient]:
        found = await self._link.command("HMGET", _keys(notice)[1], *range(first, first + count)) if count > 0 else []
        return [_read(raw) for raw in found if raw is not None]

    async def put(self, notice: str, r: Recipient, events: Sequence[Happened], done: Happened) -> int | None:
        new = _stored(replace(r, rev=r.rev + 1))
        told = (_encode(event) for event in (done, *events))
        left = await self._link.script("recipient", *_keys(notice), r.n, r.rev, new, *told)
        self._have_news([notice])
        return None if left < 0 else int(left)

    async def cancel(self, notice: str, at_ms: int, event: Happened) -> bool:
        record, _, events = _keys(notice)
        is_new = bool(await self._link.script("cancel", record, events, at_ms, _encode(event)) == 1)
        self._have_news([notice])
        return is_new

    async def remind(self, notice: str, ask: str, at_ms: int, most: int, event: Happened) -> int | None:
        await self._link.command("ZADD", OPEN, at_ms, notice)
        round = await self._link.script("remind", *_keys(notice), f"ask:{ask}", at_ms, most, _encode(event))
        self._have_news([notice])
        return None if round < 0 else int(round)

    async def hold_up(self, notice: str, why: str, until_ms: int) -> None:
        await self._link.command("HSET", _keys(notice)[0], "held_up", why, "held_up_until", until_ms)

    async def events(self, notice: str, after: int = 0) -> builtins.list[tuple[int, Happened]]:
        start = max(0, min(after, 2**53))
        found = await self._link.command("LRANGE", _keys(notice)[2], start, -1)
        return [(seq, _event(raw)) for seq, raw in enumerate(found, start=start + 1)]

    async def list(
        self, *, sender: str | None = None, tenant: str = OPERATOR, cursor: str | None = None, limit: int = 50
    ) -> NoticePage:
        before = None if cursor is None else _parse_cursor(cursor)
        of_all = _of_tenant(tenant) if tenant else ALL
        index, most = of_all if sender is None else _of_sender(sender), "+inf" if before is None else before[0]
        found: builtins.list[tuple[int, str]] = []
        offset, is_more = 0, True
        while len(found) <= limit and is_more:
            raw = await self._link.command(
                "ZREVRANGEBYSCORE", index, most, "-inf", "WITHSCORES", "LIMIT", offset, limit + 1
            )
            chunk = [(int(float(at_ms)), id.decode()) for id, at_ms in zip(raw[::2], raw[1::2], strict=True)]
            found += [one for one in chunk if before is None or one < before]  # others of the same ms come first
            offset, is_more = offset + len(chunk), len(chunk) > limit
        page = found[:limit]
        next_cursor = f"{page[-1][0]}.{page[-1][1]}" if len(found) > limit and page else None
        return NoticePage(tuple(id for _, id in page), next_cursor)

    async def open_ids(self) -> builtins.list[str]:
        found = [id.decode() for id in await self._link.command("ZRANGE", OPEN, 0, -1)]
        if (now_s := time.monotonic()) - self._said_s > ALL_AGAIN_S:
            self._said_s = now_s
            self._have_news(found)
        return found

    async def close(self, notice: str, keep_s: int) -> None:
        if (found := await self.find(notice)) is not None:
            oldest_ms = found[0].created_at_ms - 1000 * keep_s - LISTED_MS
            for index in _lists_of(found[0]):
                await self._link.command("ZREMRANGEBYSCORE", index, "-inf", oldest_ms)
        if self._outbox is not None:  # while it still is among those that are open
            await self._outbox.hint([Source("notice", notice)])
        for key in _keys(notice):
            await self._link.command("EXPIRE", key, keep_s)
        await self._link.command("ZREM", OPEN, notice)

    def _have_news(self, notices: Sequence[str]) -> None:
        if self._outbox is not None:
            for notice in notices:
                self._outbox.soon(Source("notice", notice))

    # ---- the queue ----------------------------------------------------------------------------------------------

    async def due(self, now_ms: int, *, parallel: int, at_once: int, look_ms: int) -> builtins.list[Due]:
        found = await self._link.script("due", DUE, UNDER_WAY, now_ms, parallel, at_once, look_ms)
        return [_due(raw) for raw in found]

    async def under_way(self) -> int:
        return int(await self._link.command("ZCARD", UNDER_WAY))

    async def put_back(self, one: Due, at_ms: int) -> None:
        await self._link.command("ZADD", DUE, at_ms, _entry(one))
        await self._link.command("ZREM", UNDER_WAY, _entry(one))

    async def look_again(self, one: Due, at_ms: int) -> None:
        await self._link.command("ZADD", UNDER_WAY, "XX", at_ms, _entry(one))

    async def take_out(self, one: Due) -> None:
        await self._link.command("ZREM", DUE, _entry(one))
        await self._link.command("ZREM", UNDER_WAY, _entry(one))

    async def fill(self, notice: str, due_ms: Mapping[int, int]) -> int:
        if not due_ms:
            return 0
        entries = {_entry(Due(notice, n)): at_ms for n, at_ms in due_ms.items()}
        told = [await self._link.command("ZMSCORE", queue, *entries) for queue in (DUE, UNDER_WAY)]
        missing = [one for one, *scores in zip(entries, *told, strict=True) if scores == [None, None]]
        if missing:
            scored = [part for one in missing for part in (entries[one], one)]
            await self._link.command("ZADD", DUE, "NX", *scored)
        return len(missing)


def _keys(notice: str) -> tuple[str, str, str]:
    """Notice, recipients, events."""
    check_ids(notice=notice)
    return f"{{o:{notice}}}:n", f"{{o:{notice}}}:r", f"{{o:{notice}}}:e"


def _of_sender(user: str) -> str:
    check_ids(user=user)
    return f"{{u:{user}}}:notices"


def _of_tenant(tenant: str) -> str:
    return f"{{t:{tenant}}}:notices"


def _lists_of(notice: Notice) -> tuple[str, ...]:
    tenant = tenant_of(notice.sender)
    return (ALL, _of_sender(notice.sender), *([_of_tenant(tenant)] if tenant else []))


def _stored(r: Recipient) -> bytes:
    return b"%d %d %b" % (r.rev, is_live(r), _encode(r))


def _read(raw: bytes) -> Recipient:
    return _recipient(raw.split(b" ", 2)[2])


def _entry(one: Due) -> str:
    return f"{one.notice}/{one.n}"


def _due(raw: bytes) -> Due:
    notice, _, n = raw.decode().rpartition("/")
    return Due(notice, int(n))


def _parse_cursor(cursor: str) -> tuple[int, str]:
    at_ms, dot, id = cursor.partition(".")
    if not at_ms.isdecimal() or len(at_ms) > 16 or not dot or not id:
        raise CallerError(f"cursor: not one that was given out: {cursor!r}")
    return int(at_ms), id
