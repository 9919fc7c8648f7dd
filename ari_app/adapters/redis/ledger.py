"""The Ledger port on Redis: each operation is one script under the payer's hash tag. Knows keys, arguments, answers.

What happens to an account is in lua/*.lua, and in domain/ledger.py, which is the same.
"""

from collections.abc import AsyncIterator
from dataclasses import astuple
from hashlib import sha1
from typing import TypeVar

from ari_app.adapters.redis import ledger_codec as codec
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg
from ari_app.domain import ledger, ledger_asks
from ari_app.domain.ledger_types import NEVER_MS, check_ids, check_month
from ari_app.ports.ledger import (
    Account,
    Balance,
    Conflict,
    Corrected,
    Granted,
    Held,
    Increment,
    Kind,
    MonthGrant,
    Old,
    Refunded,
    Refused,
    Settled,
    StatementPage,
)

SCAN_COUNT = 1_000
LEDGER = "minutes of "  # so begins the name of each write that is waited for

A = TypeVar("A", Held, Settled, Granted, Corrected, Refunded)


class RedisLedger:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def hold(
        self, *, op: str, payer: str, call: str, want_s: int, increment: Increment, month: MonthGrant,
        max_live_calls: int, now_ms: int,
    ) -> Held | Refused | Conflict[Held]:  # fmt: skip
        print_, months = ledger_asks.hold(op, call, want_s, increment), _month(month)
        return await self._ask(
            Held, "hold", payer, now_ms, op, print_, call, want_s, increment.initial_s, increment.next_s,
            max_live_calls, *months,
        )  # fmt: skip

    async def settle(
        self, *, op: str, payer: str, call: str, used_s: int, rounded_s: int, now_ms: int
    ) -> Settled | Conflict[Settled]:
        print_ = ledger_asks.settle(op, call, used_s, rounded_s)
        return await self._resolve(op, payer, now_ms, print_, call, used_s, max(rounded_s, used_s))

    async def void(self, *, op: str, payer: str, call: str, now_ms: int) -> Settled | Conflict[Settled]:
        return await self._resolve(op, payer, now_ms, ledger_asks.void(op, call), call, 0, 0)

    async def is_resolved(self, *, payer: str, call: str) -> bool:
        check_ids(call=call)
        return bool(await self._link.command("HEXISTS", keys(payer)[1], call))

    async def grant(
        self, *, op: str, payer: str, kind: Kind, seconds: int, now_ms: int, expires_at_ms: int | None = None
    ) -> Granted | Refused | Conflict[Granted]:
        print_ = ledger_asks.grant(op, kind, seconds, expires_at_ms)
        code = codec.KINDS.index(kind)
        return await self._ask(Granted, "grant", payer, now_ms, op, print_, code, seconds, expires_at_ms or NEVER_MS)

    async def correct(
        self, *, op: str, payer: str, seconds: int, reason: str, now_ms: int, month: MonthGrant
    ) -> Corrected | Refused | Conflict[Corrected]:
        print_, months = ledger_asks.correct(op, seconds, reason), _month(month)
        return await self._ask(Corrected, "correct", payer, now_ms, op, print_, seconds, reason, *months)

    async def refund(
        self, *, op: str, payer: str, call: str, seconds: int | None, now_ms: int
    ) -> Refunded | Refused | Conflict[Refunded]:
        print_ = ledger_asks.refund(op, call, seconds)
        return await self._ask(Refunded, "refund", payer, now_ms, op, print_, call, "" if seconds is None else seconds)

    async def touch(self, *, payer: str, now_ms: int, month: MonthGrant) -> Balance:
        packed = await self._link.script("touch", *keys(payer)[:3], "", "", now_ms, *_month(month))
        return ledger.balance(codec.account(packed), now_ms=now_ms)

    async def balance(self, *, payer: str, now_ms: int) -> Balance:
        return ledger.balance(codec.account(await self._link.get(keys(payer)[0])), now_ms=now_ms)

    async def statement(self, *, payer: str, cursor: str | None = None, limit: int = 50) -> StatementPage:
        account_key, _, lines_key = keys(payer)
        archived, first, raw = await self._link.script("page", account_key, lines_key, ledger.cursor_seq(cursor), limit)
        page = tuple(codec.line(seq, text) for seq, text in enumerate(raw, start=first))[::-1]
        return StatementPage(page, ledger.next_cursor(page, archived))

    async def read_account(self, payer: str) -> Account:
        account_key, settled_key, lines_key = keys(payer)[:3]
        packed, settled, lines = await self._link.transaction(
            [("GET", account_key), ("HGETALL", settled_key), ("LRANGE", lines_key, 0, -1)]
        )
        return codec.account(packed, settled, lines)

    async def payers(self, *, with_lost: bool = False) -> AsyncIterator[str]:
        seen: set[bytes] = set()  # SCAN may name a key twice, close together
        async for keys_ in self._link.scan("{p:*}:a", SCAN_COUNT):
            for key in keys_:
                if key not in seen:
                    yield key[3:-3].decode()
            seen = set(keys_)
        if with_lost:
            async for payer in self._without_account():
                yield payer

    async def _without_account(self) -> AsyncIterator[str]:
        """Who has a statement or settlements and no account: he had one, and it was lost."""
        async for keys_ in self._link.scan("{p:*}:[sc]", SCAN_COUNT):
            payers = sorted({key[3:-3].decode() for key in keys_})
            asked = [("EXISTS", keys(payer)[0]) for payer in payers]
            there = await self._link.commands(asked, in_order=False)
            for payer, is_there in zip(payers, there, strict=True):
                if not is_there:
                    yield payer

    async def now_ms(self) -> int:
        """By the store's own clock."""
        seconds, micros = await self._link.command("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    async def forget(self, *, payer: str, old: Old) -> bool:
        texts = [codec.line_text(line) for line in old.lines]
        digest = sha1("\n".join(texts).encode(), usedforsecurity=False).hexdigest()
        calls = [word for call, one in old.settlements.items() for word in (call, codec.settlement_text(one))]
        after, sums = old.opening, astuple(old.opening.totals)
        done = await self._link.script(
            "forget", *keys(payer), old.before_seq, len(texts), digest,
            after.seq, after.until_ms, after.balance_s, *sums, *calls, write=_write(payer, f"forget:{after.seq}"),
        )  # fmt: skip
        return bool(done == 1)

    async def durable(self, payer: str | None = None) -> None:
        await self._link.disk.wait(LEDGER if payer is None else _write(payer, ""))

    async def _resolve(
        self, op: str, payer: str, now_ms: int, print_: str, call: str, used_s: int, rounded_s: int
    ) -> Settled | Conflict[Settled]:
        answer = await self._ask(Settled, "settle", payer, now_ms, op, print_, call, used_s, rounded_s)
        assert not isinstance(answer, Refused), "a settlement is never refused"
        return answer

    async def _ask(
        self, kind: type[A], script: str, payer: str, now_ms: int, op: str, print_: str, *args: Arg
    ) -> A | Refused | Conflict[A]:
        place, epoch = _place(payer), ledger.epoch(now_ms)
        reply = await self._link.script(
            script, place + "a", place + "c", place + "s", f"{place}o{epoch}", f"{place}o{epoch - 1}",
            f"{place}o{epoch + 1}", op, print_, now_ms, *args, write=None if script == "hold" else _write(payer, op),
        )  # fmt: skip
        return codec.answer(kind, op, reply)


def keys(payer: str) -> tuple[str, str, str]:
    """Account, settlements by call, statement. Beside them stand the operations of each epoch, `o<epoch>`."""
    place = _place(payer)
    return place + "a", place + "c", place + "s"


def _write(payer: str, op: str) -> str:
    """Holds are not waited for. Refusals are: they may have written down what the calendar did, and a repetition what
    is not on disk yet."""
    return f"{LEDGER}{payer} {op}"


def _month(month: MonthGrant) -> tuple[Arg, ...]:
    check_month(month)
    counted = "-" if month.counted_s is None else month.counted_s
    return month.key, month.allowance_s, month.ends_at_ms, counted, month.why


def _place(payer: str) -> str:
    check_ids(payer=payer)
    return f"{{p:{payer}}}:"
