"""The minute ledger in this process's memory: the pure functions of domain/ledger.py behind the port."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TypeVar

from ari_app.domain import ledger, ledger_archive
from ari_app.domain.ledger_types import check_ids
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

T = TypeVar("T")


class MemoryLedger:
    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}

    async def hold(
        self, *, op: str, payer: str, call: str, want_s: int, increment: Increment, month: MonthGrant,
        max_live_calls: int, now_ms: int,
    ) -> Held | Refused | Conflict[Held]:  # fmt: skip
        return self._change(
            payer,
            lambda account: ledger.hold(
                account, op=op, call=call, want_s=want_s, increment=increment, now_ms=now_ms, month=month,
                max_live_calls=max_live_calls,
            ),
        )  # fmt: skip

    async def settle(
        self, *, op: str, payer: str, call: str, used_s: int, rounded_s: int, now_ms: int
    ) -> Settled | Conflict[Settled]:
        return self._change(
            payer,
            lambda account: ledger.settle(account, op=op, call=call, used_s=used_s, rounded_s=rounded_s, now_ms=now_ms),
        )

    async def void(self, *, op: str, payer: str, call: str, now_ms: int) -> Settled | Conflict[Settled]:
        return self._change(payer, lambda account: ledger.void(account, op=op, call=call, now_ms=now_ms))

    async def is_resolved(self, *, payer: str, call: str) -> bool:
        return call in self._account(payer).settlements

    async def grant(
        self, *, op: str, payer: str, kind: Kind, seconds: int, now_ms: int, expires_at_ms: int | None = None
    ) -> Granted | Refused | Conflict[Granted]:
        return self._change(
            payer,
            lambda account: ledger.grant(
                account, op=op, kind=kind, seconds=seconds, now_ms=now_ms, expires_at_ms=expires_at_ms
            ),
        )

    async def correct(
        self, *, op: str, payer: str, seconds: int, reason: str, now_ms: int, month: MonthGrant
    ) -> Corrected | Refused | Conflict[Corrected]:
        return self._change(
            payer,
            lambda account: ledger.correct(account, op=op, seconds=seconds, reason=reason, now_ms=now_ms, month=month),
        )

    async def refund(
        self, *, op: str, payer: str, call: str, seconds: int | None, now_ms: int
    ) -> Refunded | Refused | Conflict[Refunded]:
        return self._change(
            payer, lambda account: ledger.refund(account, op=op, call=call, seconds=seconds, now_ms=now_ms)
        )

    async def touch(self, *, payer: str, now_ms: int, month: MonthGrant) -> Balance:
        return self._change(payer, lambda account: ledger.touch(account, now_ms=now_ms, month=month))

    async def balance(self, *, payer: str, now_ms: int) -> Balance:
        return ledger.balance(self._account(payer), now_ms=now_ms)

    async def statement(self, *, payer: str, cursor: str | None = None, limit: int = 50) -> StatementPage:
        return ledger.statement(self._account(payer), cursor, limit)

    async def read_account(self, payer: str) -> Account:
        return replace(self._account(payer), done={})

    async def payers(self, *, with_lost: bool = False) -> AsyncIterator[str]:
        for payer in list(self.accounts):
            yield payer

    async def forget(self, *, payer: str, old: Old) -> bool:
        without = ledger_archive.without(self._account(payer), old)
        if without is not None:
            self.accounts[payer] = without
        return without is not None

    async def durable(self, payer: str | None = None) -> None:
        """Memory keeps nothing."""

    def _account(self, payer: str) -> Account:
        check_ids(payer=payer)
        return self.accounts.get(payer, Account())

    def _change(self, payer: str, operation: Callable[[Account], tuple[Account, T]]) -> T:
        account, answer = operation(self._account(payer))
        self.accounts[payer] = account
        return answer
