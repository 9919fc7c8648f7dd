"""Where notices are kept, and the queue of recipients who are due. Knows shapes and order; must not know what follows
for a recipient (domain/notices.py), nor what a call is.

Every method may raise Unavailable: it may or may not have been done, and asking again is harmless. The queue only says
"look at this one": an entry that comes twice, or too early, does no harm, and one that is lost is put back by whoever
looks over the notices that are open.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ari_app.domain.notices import Notice, Now, Recipient
from ari_app.domain.tenants import OPERATOR


@dataclass(frozen=True, slots=True)
class Happened:
    """For the notice's own list of events. `n`: of whom; None: of the notice as a whole."""

    type: str
    at_ms: int
    n: int | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Due:
    notice: str
    n: int


@dataclass(frozen=True, slots=True)
class NoticePage:
    """Newest first. `next_cursor` goes into the next question; None: there is no more."""

    ids: tuple[str, ...]
    next_cursor: str | None


def is_live(r: Recipient) -> bool:
    """Something is still to be done about him."""
    return r.is_open or r.recall == "due"


class Notices(Protocol):
    async def create(self, notice: Notice, recipients: Sequence[Recipient], event: Happened) -> Notice:
        """The notice as it is kept: this one, or the one of the same id that was there before."""

    async def find(self, notice: str) -> tuple[Notice, Now] | None: ...

    async def recipient(self, notice: str, n: int) -> Recipient | None: ...

    async def recipients(self, notice: str, first: int = 0, count: int = 500) -> list[Recipient]:
        """In their order, from number `first` on."""

    async def put(self, notice: str, r: Recipient, events: Sequence[Happened], done: Happened) -> int | None:
        """Replace the recipient if nobody did since `r.rev`, and append the events; `done` only if nothing is left to
        be done for anybody now. How many are left; None: somebody did, and nothing was changed."""

    async def cancel(self, notice: str, at_ms: int, event: Happened) -> bool:
        """False: it was before."""

    async def remind(self, notice: str, ask: str, at_ms: int, most: int, event: Happened) -> int | None:
        """A new round, once for each `ask`: its number. None: there were as many as may be."""

    async def hold_up(self, notice: str, why: str, until_ms: int) -> None:
        """Nobody of it is rung before that; "": it is over."""

    async def events(self, notice: str, after: int = 0) -> list[tuple[int, Happened]]:
        """(sequence number from 1, event) of all that follow number `after`."""

    async def list(
        self, *, sender: str | None = None, tenant: str = OPERATOR, cursor: str | None = None, limit: int = 50
    ) -> NoticePage:
        """Of one sender, of a tenant, or (the operator's) of all. Raises CallerError for a cursor that was not
        given out."""

    async def open_ids(self) -> builtins.list[str]:
        """Notices for which something is still to be done, and some that are just done."""

    async def close(self, notice: str, keep_s: int) -> None:
        """All is done: kept so long from now on."""

    # ---- the queue ----------------------------------------------------------------------------------------------

    async def due(self, now_ms: int, *, parallel: int, at_once: int, look_ms: int) -> builtins.list[Due]:
        """Whom to look at now: of those under way, who was not looked at for `look_ms`; and of those whose time has
        come, as many as there is room for under `parallel`; these are under way from now on. Nobody else is given the
        same before `look_ms` from now."""

    async def under_way(self) -> int: ...

    async def put_back(self, one: Due, at_ms: int) -> None:
        """Not under way (any more); due at that time."""

    async def look_again(self, one: Due, at_ms: int) -> None:
        """Still under way: to be looked at again at that time."""

    async def take_out(self, one: Due) -> None: ...

    async def fill(self, notice: str, due_ms: Mapping[int, int]) -> int:
        """Those of these recipients that are not in the queue are put there. How many."""
