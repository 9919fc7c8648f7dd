"""Where calls are kept: opaque records with a version and a fence. Knows ids and order, never what a record says.

Every method may raise Unavailable: it may or may not have been done, and asking again is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ari_app.domain.tenants import OPERATOR

RETENTION_S = 35 * 86_400
"""How long a closed call is kept, by default."""


@dataclass(frozen=True, slots=True)
class StoredCall:
    """`node` is "" and `record` empty where what is stored is damaged."""

    call_id: str
    version: int
    fence: int
    node: str
    created_at_ms: int
    record: bytes


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left of a closed call once its details go, `after_s` from now; 0: at once. Its events stay `events_s` at
    least."""

    record: bytes
    after_s: int
    events_s: int = 0


@dataclass(frozen=True, slots=True)
class Created:
    version: int


@dataclass(frozen=True, slots=True)
class Exists:
    """There is a call of this id already; nothing was changed."""

    stored: StoredCall

    @property
    def record(self) -> bytes:
        return self.stored.record

    @property
    def version(self) -> int:
        return self.stored.version


@dataclass(frozen=True, slots=True)
class Saved:
    version: int


@dataclass(frozen=True, slots=True)
class Stale:
    """Somebody saved in between. `version` is what is stored now; 0: there is no such call (any more)."""

    version: int


@dataclass(frozen=True, slots=True)
class Fenced:
    """Somebody with a higher lease number saved this call: stand down. `fence` is that number."""

    fence: int


@dataclass(frozen=True, slots=True)
class CallPage:
    """Call ids, newest first. `next_cursor` goes into the next question; None: there is no more."""

    call_ids: tuple[str, ...]
    next_cursor: str | None


class Calls(Protocol):
    async def create(
        self, call_id: str, record: bytes, *, node: str, user_ids: Sequence[str], created_at_ms: int,
        events: Sequence[bytes], fence: int = 0, tenant: str = OPERATOR,
    ) -> Created | Exists:  # fmt: skip
        """A new live call of a node, found by each of its users, and by its tenant. Its place in the lists is written
        before the record, so that no crash leaves a record that nobody finds. The first of two with one id wins."""

    async def save(
        self, call_id: str, expect_version: int, record: bytes, events: Sequence[bytes], fence: int
    ) -> Saved | Stale | Fenced:
        """Replace the record if it still has `expect_version` and no higher fence was seen, and append the events.
        The very same save asked again (its answer was lost) is Saved again and appends nothing."""

    async def load(self, call_id: str) -> StoredCall | None: ...

    async def load_many(self, call_ids: Sequence[str]) -> list[StoredCall | None]:
        """In the order asked for; None where there is none."""

    async def live(self, node: str) -> list[str]:
        """Calls of the node that are not closed, in no order. A crash may have left an id without a record."""

    async def close(self, call_id: str, node: str, retention_s: int = RETENTION_S, rest: Rest | None = None) -> None:
        """Out of the live set; record and events go after retention_s. `rest`: the events go sooner, and the record as
        it is: from then on `rest.record` stands in its place. Asked again, the last word counts."""

    async def unlist(
        self, call_id: str, *, user_ids: Sequence[str], node: str | None = None, tenant: str = OPERATOR
    ) -> None:
        """Out of these users' lists, the tenant's, and out of the node's live set: places that a creation took for a
        call that was there already."""

    async def list(
        self, *, user: str | None = None, tenant: str = OPERATOR, since_ms: int | None = None,
        until_ms: int | None = None, cursor: str | None = None, limit: int = 50,
    ) -> CallPage:  # fmt: skip
        """Ids by time of creation, newest first; of one user, of a tenant, or (the operator's) of all;
        not older than since_ms, older than until_ms.
        The first page costs what the last one does, however many there are. A page may be
        shorter than `limit` though more follow: calls that are gone are left out."""

    async def events(self, call_id: str, after: int = 0) -> Sequence[tuple[int, bytes]]:
        """(sequence number from 1, event) of all that follow number `after`."""

    async def events_of(self, each: Sequence[tuple[str, int, int]]) -> Sequence[Sequence[bytes]]:
        """Of each (call, after, most): its events behind that number, so many at most; of many calls at once."""

    async def mark_alive(self, node: str, at_ms: int) -> None:
        """Write down that at this time the node's owner lived and saw its PBX."""

    async def alive(self, node: str) -> int | None:
        """The last such time, in ms; None: never."""
