"""Every law of the ledger, checked for every payer, one batch of accounts after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.ledger_types import Totals
from ari_app.ledger_tools.streams import in_batches, read_all
from ari_app.ports.ledger import Account, Ledger

BROKEN_MAX = 1_000
"""Sentences that are kept for the end; each is told when it is found, and counted."""


@dataclass(frozen=True, slots=True)
class Broken:
    payer: str
    what: str  # begins with the law, such as "law 1: …"


@dataclass
class Checked:
    """Over all accounts that were read. `broken_n` counts sentences, also those that are not kept in `broken`."""

    tell: Callable[[Broken], None] = lambda _one: None
    accounts: int = 0
    lines: int = 0
    available_s: int = 0
    held_s: int = 0
    totals: Totals = field(default_factory=Totals)
    broken: list[Broken] = field(default_factory=list)
    broken_n: int = 0

    def add(self, payer: str, account: Account) -> None:
        self.accounts += 1
        self.lines += len(account.lines)
        self.available_s += account.available_s
        self.held_s += account.held_s
        sums, more = self.totals, account.totals
        self.totals = Totals(*(getattr(sums, name) + getattr(more, name) for name in Totals.__slots__))
        for what in check_laws(account):
            self.complain(payer, what)

    def complain(self, payer: str, what: str) -> None:
        one = Broken(payer, what)
        self.tell(one)
        self.broken_n += 1
        if len(self.broken) < BROKEN_MAX:
            self.broken.append(one)


async def count(ledger: Ledger) -> int:
    """How many accounts there are, so that progress can be told."""
    return sum([len(batch) async for batch in in_batches(ledger.payers(), 10_000)])


async def verify(
    ledger: Ledger, on_progress: Callable[[int], None] = lambda _done: None,
    tell: Callable[[Broken], None] = lambda _one: None,
) -> Checked:  # fmt: skip
    """Calls may go on meanwhile: each account is read in one moment. `tell`: of each broken law, when it is found.

    Raises Unavailable where Redis goes away; an account that cannot be understood is a broken one.
    """
    checked = Checked(tell)
    async for payers in in_batches(ledger.payers(with_lost=True)):
        for payer, account in zip(payers, await read_all(ledger, payers), strict=True):
            if isinstance(account, Account):
                checked.add(payer, account)
            else:
                checked.accounts += 1
                checked.complain(payer, f"cannot be read: {type(account).__name__}: {account}")
        on_progress(len(payers))
    return checked
