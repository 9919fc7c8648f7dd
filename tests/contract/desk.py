"""A short way to ask a ledger in tests: one payer, whole hours of November 2026, 60 minutes a month, 60/60."""

from __future__ import annotations

from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.plans import month_of
from ari_app.domain.units import Increment
from ari_app.ports.ledger import (
    Account,
    Balance,
    Conflict,
    Corrected,
    Granted,
    Held,
    Kind,
    Ledger,
    MonthGrant,
    Refunded,
    Refused,
    Settled,
    StatementPage,
)

ZONE = "Asia/Shanghai"
NOVEMBER = month_of(1_794_000_000_000, ZONE)  # 2026-11
HOUR_MS = 3_600_000
NOW_MS = NOVEMBER.starts_at_ms + 24 * HOUR_MS
DECEMBER_MS = NOVEMBER.ends_at_ms


class Desk:
    """`at_ms` may be moved; the month is always that of at_ms."""

    def __init__(
        self, ledger: Ledger, payer: str = "alice", *, increment: str = "60/60", allowance_s: int = 3600
    ) -> None:
        self.ledger = ledger
        self.payer = payer
        self.increment = Increment.parse(increment)
        self.allowance_s = allowance_s
        self.at_ms = NOW_MS
        self.max_live_calls = 2

    async def hold(self, call: str, want_s: int = 60, n: int = 0) -> Held | Refused | Conflict[Held]:
        return await self.ledger.hold(
            op=f"{call}:h{n}", payer=self.payer, call=call, want_s=want_s, increment=self.increment,
            month=self.month, max_live_calls=self.max_live_calls, now_ms=self.at_ms,
        )  # fmt: skip

    async def settle(
        self, call: str, used_s: int, rounded_s: int | None = None, op: str = "s"
    ) -> Settled | Conflict[Settled]:
        return await self.ledger.settle(
            op=f"{call}:{op}", payer=self.payer, call=call, used_s=used_s,
            rounded_s=used_s if rounded_s is None else rounded_s, now_ms=self.at_ms,
        )  # fmt: skip

    async def void(self, call: str, op: str = "s") -> Settled | Conflict[Settled]:
        return await self.ledger.void(op=f"{call}:{op}", payer=self.payer, call=call, now_ms=self.at_ms)

    async def grant(
        self, seconds: int, op: str = "g", kind: Kind = Kind.BONUS, expires_at_ms: int | None = None
    ) -> Granted | Refused | Conflict[Granted]:
        return await self.ledger.grant(
            op=op, payer=self.payer, kind=kind, seconds=seconds, now_ms=self.at_ms, expires_at_ms=expires_at_ms
        )

    async def correct(
        self, seconds: int, op: str = "c", reason: str = "a test"
    ) -> Corrected | Refused | Conflict[Corrected]:
        return await self.ledger.correct(
            op=op, payer=self.payer, seconds=seconds, reason=reason, now_ms=self.at_ms, month=self.month
        )

    async def refund(
        self, call: str, seconds: int | None = None, op: str = "r"
    ) -> Refunded | Refused | Conflict[Refunded]:
        return await self.ledger.refund(op=op, payer=self.payer, call=call, seconds=seconds, now_ms=self.at_ms)

    async def touch(self) -> Balance:
        return await self.ledger.touch(payer=self.payer, now_ms=self.at_ms, month=self.month)

    async def statement(self, cursor: str | None = None, limit: int = 50) -> StatementPage:
        return await self.ledger.statement(payer=self.payer, cursor=cursor, limit=limit)

    async def account(self) -> Account:
        """As it stands, with every law of the ledger checked."""
        account = await self.ledger.read_account(self.payer)
        assert check_laws(account) == []
        return account

    async def told(self) -> list[tuple[str, int, int]]:
        """The statement, oldest first: (what, seconds, balance after)."""
        await self.account()
        return [(line.what.value, line.seconds, line.balance_after_s) for line in (await self.statement()).lines[::-1]]

    @property
    def month(self) -> MonthGrant:
        return month_of(self.at_ms, ZONE).grant(self.allowance_s)
