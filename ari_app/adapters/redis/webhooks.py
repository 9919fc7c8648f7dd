"""The Webhooks port on Redis: all records under one tag, what waits for each webhook under its own. Knows keys,
arguments, answers.

What waits is one sorted set whose members are in the order of the alphabet: the entries of one lane stand together, in
the order of their numbers (see lua/lane_put.inc.lua).
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import lru_cache

import msgspec

from ari_app.adapters.redis.feed import place_of
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_types import check_ids
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

ALL, COUNTS, REVISION = "{webhooks}:all", "{webhooks}:counts", "{webhooks}:revision"
PARTS = ("place", "lanes", "queue", "heads", "tries", "log", "dead", "dead_at")
CHUNK = 200
KEYS_KNOWN = 4_096

_encode = msgspec.json.Encoder().encode
_webhook = msgspec.json.Decoder(Webhook).decode
_attempt = msgspec.json.Decoder(Attempt).decode


class RedisWebhooks:
    """`waiting_max`: events that may wait for one webhook, and as many that were given up. `log_max`: attempts of each
    that are kept, about."""

    def __init__(self, link: Link, waiting_max: int = 1_000_000, log_max: int = 1_000) -> None:
        self._link = link
        self._waiting_max = waiting_max
        self._log_max = log_max

    async def add(self, webhook: Webhook, from_place: str, most: int = WEBHOOKS_MAX) -> bool:
        """Its place comes first: no crash leaves a webhook without one."""
        place_of(from_place)
        await self._link.command("SET", _key(webhook.id, "place"), from_place, "NX")
        args = (webhook.id, _encode(webhook), webhook.tenant, most)
        if await self._link.script("hook_add", ALL, COUNTS, REVISION, *args) == 1:
            return True
        await self._link.command("DEL", _key(webhook.id, "place"))
        return False

    async def change(self, webhook: Webhook, was: Webhook | None = None) -> bool:
        there = b""
        if was is not None:  # as it is kept: a record of an older version has other bytes than it would have now
            there = await self._link.command("HGET", ALL, webhook.id)
            if there is None or _webhook(there) != was:
                return False
        return bool(await self._link.script("hook_change", ALL, REVISION, webhook.id, _encode(webhook), there) == 1)

    async def find(self, id: str) -> Webhook | None:
        raw = await self._link.command("HGET", ALL, id)
        return None if raw is None else _webhook(raw)

    async def all(self) -> builtins.list[Webhook]:
        found = map(_webhook, await self._link.command("HVALS", ALL))
        return sorted(found, key=lambda one: (one.created_at_ms, one.id))

    async def delete(self, id: str) -> Webhook | None:
        """What waits goes first, as long as whoever dies in between can be asked again: nothing much is left without a
        record. And once more, for what came meanwhile."""
        there = await self.find(id)
        await self._link.command("UNLINK", *(_key(id, part) for part in PARTS if part != "place"))
        gone = await self._link.script("hook_drop", ALL, COUNTS, REVISION, id, there.tenant) if there else None
        await self._link.command("UNLINK", *(_key(id, part) for part in PARTS))
        return None if gone is None else _webhook(gone)

    async def revision(self) -> int:
        return int(await self._link.command("GET", REVISION) or 0)

    # ---- from the feed into the lanes ---------------------------------------------------------------------------

    async def place(self, id: str) -> str | None:
        raw = await self._link.get(_key(id, "place"))
        return None if raw is None else raw.decode()

    async def take_in(self, id: str, after: str, upto: str, news: Sequence[News], at_ms: int) -> bool:
        each: builtins.list[Arg] = []
        for one in news:
            too_many = _encode(Attempt(one, at_ms, "dead", 0, why=TOO_MANY))
            each += [str(one.source), _name(one), _rest(one, at_ms), one.id, too_many]
        keys = _keys(id, "lanes", "queue", "heads", "tries", "place", "dead", "dead_at")
        return bool(await self._link.script("take_in", *keys, after, upto, at_ms, self._waiting_max, *each) == 1)

    # ---- out of the lanes ---------------------------------------------------------------------------------------

    async def due(self, id: str, now_ms: int, most: int, but: Sequence[Source] = ()) -> Due:
        keys = _keys(id, "lanes", "queue", "heads", "tries")
        next_ms, *found = await self._link.script("heads", *keys, now_ms, most, *map(str, but))
        heads = [_waiting(raw, int(tries)) for raw, tries in zip(found[::2], found[1::2], strict=True)]
        return Due(heads, int(float(next_ms)) if next_ms else None)

    async def attempted(self, id: str, attempt: Attempt) -> bool:
        return bool(await self._link.script("attempted", *self._told(id, attempt)) != 2)

    async def give_up(self, id: str, before_ms: int, at_ms: int, most: int = 100) -> int:
        queue, heads, tries = _keys(id, "queue", "heads", "tries")
        found = await self._link.command("ZRANGEBYSCORE", heads, "-inf", f"({before_ms}", "LIMIT", 0, most)
        if not found:
            return 0
        asked: builtins.list[tuple[Arg, ...]] = [
            ("ZRANGEBYLEX", queue, b"[" + one + b" ", b"(" + one + b"!", "LIMIT", 0, 1) for one in found
        ]
        firsts = await self._link.commands(asked)
        counts = await self._link.command("HMGET", tries, *found)
        waits = [_waiting(first[0], int(n or 0)) for first, n in zip(firsts, counts, strict=True) if first]
        dead = [Attempt(one.news, at_ms, "dead", one.tries, why=TOO_LONG) for one in waits]
        await self._link.scripts("attempted", [self._told(id, one) for one in dead])
        return len(dead)

    async def hurry(self, id: str, at_ms: int) -> None:
        await self._link.script("hurry", _key(id, "lanes"), at_ms)
        await self._link.command("INCR", REVISION)

    async def standing(self, id: str) -> Standing:
        queue, heads, dead = _keys(id, "queue", "heads", "dead")
        waiting, oldest, given_up = await self._link.commands(
            [("ZCARD", queue), ("ZRANGE", heads, 0, 0, "WITHSCORES"), ("HLEN", dead)]
        )  # fmt: skip
        return Standing(waiting, int(float(oldest[1])) if oldest else None, given_up)

    async def deliveries(
        self, id: str, *, outcome: Outcome | None = None, cursor: str | None = None, limit: int = 50
    ) -> AttemptPage:
        if outcome == "dead":
            return await self._dead(id, cursor, limit)
        before = "+"
        if cursor is not None:
            place = place_of(cursor)
            if place == (0, 0):  # before it is nothing, which Redis calls an error
                return AttemptPage([], None)
            before = "({}-{}".format(*place)
        found: builtins.list[tuple[str, Attempt]] = []
        while len(found) <= limit:
            chunk = await self._link.command("XREVRANGE", _key(id, "log"), before, "-", "COUNT", CHUNK)
            told = [(place.decode(), _attempt(fields[1])) for place, fields in chunk]
            found += [one for one in told if outcome in (None, one[1].outcome)]
            if len(chunk) < CHUNK:
                break
            before = f"({told[-1][0]}"
        page = found[:limit]
        return AttemptPage([one for _, one in page], page[-1][0] if len(found) > limit and page else None)

    async def replay(self, id: str, news: Sequence[News], at_ms: int) -> int:
        each: builtins.list[Arg] = []
        for one in news:
            each += [str(one.source), _name(one), _rest(one, at_ms), one.id]
        keys = _keys(id, "lanes", "queue", "heads", "tries", "dead", "dead_at")
        if not each or await self._link.command("HEXISTS", ALL, id) == 0:
            return 0
        count = int(await self._link.script("replay", *keys, at_ms, self._waiting_max, *each))
        await self._link.command("INCR", REVISION)
        return count

    async def _dead(self, id: str, cursor: str | None, limit: int) -> AttemptPage:
        before = None if cursor is None else _parse_cursor(cursor)
        most: Arg = "+inf" if before is None else before[0]
        found: builtins.list[tuple[int, str]] = []
        offset, is_more = 0, True
        while len(found) <= limit and is_more:
            raw = await self._link.command(
                "ZREVRANGEBYSCORE", _key(id, "dead_at"), most, "-inf", "WITHSCORES", "LIMIT", offset, limit + 1
            )
            chunk = [(int(float(at_ms)), one.decode()) for one, at_ms in zip(raw[::2], raw[1::2], strict=True)]
            found += [one for one in chunk if before is None or one < before]  # others of the same ms come first
            offset, is_more = offset + len(chunk), len(chunk) > limit
        page = found[:limit]
        told = await self._link.command("HMGET", _key(id, "dead"), *(one for _, one in page)) if page else []
        next_cursor = "{}.{}".format(*page[-1]) if len(found) > limit and page else None
        return AttemptPage([_attempt(raw) for raw in told if raw is not None], next_cursor)

    def _told(self, id: str, attempt: Attempt) -> builtins.list[Arg]:
        """Of a script's call: keys and arguments."""
        keys = _keys(id, "lanes", "queue", "heads", "tries", "log", "dead", "dead_at")
        news, at_ms = attempt.news, attempt.at_ms
        again_ms = at_ms if attempt.again_ms is None else attempt.again_ms
        return [
            *keys, str(news.source), _name(news), attempt.outcome, at_ms, again_ms, attempt.n, news.id,
            _encode(attempt), self._log_max, at_ms - DEAD_KEPT_MS, self._waiting_max,
        ]  # fmt: skip


def _key(id: str, part: str) -> str:
    return _keys(id, part)[0]


@lru_cache(KEYS_KNOWN)
def _keys(id: str, *parts: str) -> tuple[str, ...]:
    check_ids(webhook=id)
    return tuple(f"{{w:{id}}}:{part}" for part in parts)


def _name(news: News) -> str:
    """By which it is found in the queue, and ordered there."""
    return f"{news.source} {news.seq:010d} {news.mark}"


def _rest(news: News, since_ms: int) -> str:
    return f"{since_ms} {news.at_ms} {news.type} {news.tenant}"


def _waiting(raw: bytes, tries: int) -> Waiting:
    source, seq, _, since_ms, at_ms, type, tenant = raw.decode().split(" ")
    kind, _, id = source.partition(":")
    whose = Source("notice" if kind == "notice" else "call", id)
    return Waiting(News(whose, int(seq), tenant, type, int(at_ms)), tries, int(since_ms))


def _parse_cursor(cursor: str) -> tuple[int, str]:
    at_ms, dot, id = cursor.partition(".")
    if not (at_ms.isdecimal() and at_ms.isascii() and len(at_ms) <= 16) or not dot or not id:
        raise CallerError(f"cursor: not one that was given out: {cursor!r}")
    return int(at_ms), id
