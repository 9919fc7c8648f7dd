"""What the engine and the API need of the minute ledger. The rules themselves: domain/ledger.py.

All amounts are whole seconds, all times ms since the epoch. Every method may raise

- CallerError for what makes no sense (an id with strange characters, negative seconds, an operation id used before
  for another kind of operation): nothing was changed;
- Unavailable when the store did not answer: it may or may not have been done. Ask again with the same `op`.

The same `op` with the same content gives the same answer and takes effect once; with other content it gives
`Conflict`, whose `stands` is what was done then. A `Refused` took nothing and is not remembered: the same `op` asked
again is looked at anew. Cancelling the task that asks does not undo what was asked.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from ari_app.domain.ledger_archive import Old
from ari_app.domain.ledger_types import (
    Account,
    Balance,
    Bucket,
    Conflict,
    Corrected,
    Granted,
    Held,
    Kind,
    Line,
    MonthGrant,
    Opening,
    Part,
    Refunded,
    Refused,
    Settled,
    Settlement,
    StatementPage,
    Totals,
    What,
    Why,
)
from ari_app.domain.units import Increment

__all__ = [
    "Account", "Balance", "Bucket", "Conflict", "Corrected", "Granted", "Held", "Increment", "Kind", "Ledger", "Line",
    "MonthGrant", "Old", "Opening", "Part", "Refunded", "Refused", "Settled", "Settlement", "StatementPage", "Totals",
    "What", "Why",
]  # fmt: skip


class Ledger(Protocol):
    async def hold(
        self, *, op: str, payer: str, call: str, want_s: int, increment: Increment, month: MonthGrant,
        max_live_calls: int, now_ms: int,
    ) -> Held | Refused | Conflict[Held]:  # fmt: skip
        """Hold up to `want_s` more for a call (`op` is `<call>:h<n>`): whole increments, soonest expiry first; where
        less than a whole one is left, what there is. Refused: EMPTY, LIVE_CALLS (never for a call that holds
        already), CLOSED (the call is settled)."""

    async def settle(
        self, *, op: str, payer: str, call: str, used_s: int, rounded_s: int, now_ms: int
    ) -> Settled | Conflict[Settled]:
        """Resolve a call (`op` is `<call>:s`): min(rounded_s, held) is spent, the rest goes back, what was used
        beyond is told as `overrun_s`. Fine for a call that never held. Conflict: it was resolved before, otherwise."""

    async def void(self, *, op: str, payer: str, call: str, now_ms: int) -> Settled | Conflict[Settled]:
        """Resolve a call of which nothing was used."""

    async def is_resolved(self, *, payer: str, call: str) -> bool:
        """Whether a call of this id was ever settled or voided: it can hold nothing more."""

    async def grant(
        self, *, op: str, payer: str, kind: Kind, seconds: int, now_ms: int, expires_at_ms: int | None = None
    ) -> Granted | Refused | Conflict[Granted]:
        """Kind BONUS or BOUGHT. `expires_at_ms`: 1 to EXPIRES_MS_MAX, else CallerError; None: never. Refused: EXPIRED
        (already), FULL (too many different expiries)."""

    async def correct(
        self, *, op: str, payer: str, seconds: int, reason: str, now_ms: int, month: MonthGrant
    ) -> Corrected | Refused | Conflict[Corrected]:
        """The operator's own hand, up or down. Refused: EMPTY (less is available than was to be taken: all or
        nothing), FULL."""

    async def refund(
        self, *, op: str, payer: str, call: str, seconds: int | None, now_ms: int
    ) -> Refunded | Refused | Conflict[Refunded]:
        """Give back what a call was charged, at most once in total; None: all that is left of it. Refused:
        UNKNOWN_CALL, EMPTY (more than is left of the charge), FULL."""

    async def touch(self, *, payer: str, now_ms: int, month: MonthGrant) -> Balance:
        """The balance, after writing down what the calendar did (the month's minutes, what expired)."""

    async def balance(self, *, payer: str, now_ms: int) -> Balance:
        """The balance as last written, less what has expired since. Changes nothing."""

    async def statement(self, *, payer: str, cursor: str | None = None, limit: int = 50) -> StatementPage:
        """Newest first. A cursor stays good while lines are added."""

    async def read_account(self, payer: str) -> Account:
        """Everything but the remembered operations (`done` is empty), for check_laws and support. Not for the path
        of a call: it reads the whole statement."""

    def payers(self, *, with_lost: bool = False) -> AsyncIterator[str]:
        """Everybody who has an account, in no order, once each; who comes while it runs may be left out. Reads on as
        it is asked, so that no number of accounts fills the memory. `with_lost`: those too of whose account only the
        statement is left."""

    async def forget(self, *, payer: str, old: Old) -> bool:
        """Drop lines and settlements that are safe elsewhere, and keep their sums. False: nothing was dropped, as the
        account does not begin with exactly those (any more)."""

    async def durable(self, payer: str | None = None) -> None:
        """Returns when all that this process was answered before, of one payer or of all, is on the store's disk (up to
        a second later; on that of replicas, too, where so many are asked for).
        Raises Unavailable when that cannot be known. A store that keeps nothing on disk returns at once; it said so
        in a warning at start-up."""
