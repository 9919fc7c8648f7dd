"""The feed: one log of everything that happened, in the order in which it became known; and the way there from each
call's and notice's own list of events (the outbox), which is written in the same step as the state it tells of.

The feed says only where an event stands, never what it says: what is forgotten of a call is gone from here, too. Every
method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Kind = Literal["call", "notice"]
START = "0"
"""The place before the first entry."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """Whose list of events it is: a call's or a notice's, by its id."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True)
class News:
    """One event, by its place in its source's list."""

    source: Source
    seq: int  # from 1, within the source
    tenant: str
    type: str  # `call.talking`, `call.leg_ringing`, `notice.recipient_confirmed`
    at_ms: int

    @property
    def id(self) -> str:
        """The same however often it is told: a receiver knows by it what he had already."""
        return f"evt_{self.source.id}_{self.seq}"


@dataclass(frozen=True, slots=True)
class Entry:
    """`place`: where it stands in the feed. Places are ordered; they are for the store alone to read."""

    place: str
    news: News


@dataclass(frozen=True, slots=True)
class Page:
    """`is_gap`: the feed does not reach back to where was asked for: some are left out. `upto`: the place from which
    the next question goes on, also where nothing was found."""

    entries: Sequence[Entry]
    upto: str
    is_gap: bool = False


class Outbox(Protocol):
    """Which sources have events that may not be in the feed yet. Several may hint; one process relays at a time."""

    async def hint(self, sources: Sequence[Source]) -> None:
        """These have something new. Said after it was written down, and again by whoever takes over what they are."""

    async def take(self, most: int) -> Sequence[Source]:
        """Some that were hinted at; they stay under way until `relayed`. Hinted at again meanwhile, they come again."""

    async def relayed(self, sources: Sequence[Source]) -> None: ...

    async def begin_again(self) -> None:
        """What was under way when a process died is hinted at again."""

    async def upto(self, sources: Sequence[Source]) -> Sequence[int]:
        """The seq up to which each is in the feed; 0: none of it."""

    async def publish(self, source: Source, after: int, news: Sequence[News]) -> bool:
        """Put these, which follow number `after`, into the feed at once. False: it stands elsewhere by now, and nothing
        was put: somebody else did."""


class Feed(Protocol):
    async def last(self) -> str:
        """The place of the newest entry; START: there is none."""

    async def read(self, after: str, most: int) -> Page:
        """What follows this place, oldest first."""

    async def wait(self, after: str, most: int, ms: int) -> Page:
        """As read, but waits so long for the first one. On a connection of its own."""


class Stories(Protocol):
    """What the events say. None: it is not kept any more, or the call's details were forgotten."""

    async def tell(self, news: Sequence[News]) -> Sequence[bytes | None]:
        """The body of each as a webhook and a live stream give it: JSON, see entrypoints' views."""
