"""The feed: one log of everything that happened, in the order in which it became known; and the way there from each
call's and notice's own list of events (the outbox), which is written in the same step as the state it tells of.

The feed says only where an event stands, never what it says: what is forgotten of a call is gone from here, too. Every
method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol
from zlib import crc32

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
        """The same however often it is told: a receiver knows by it what he had already. Not by the number alone: after
        a crash of the store that lost its last second, number 5 may be another event than the one that was sent."""
        return f"evt_{self.source.id}_{self.seq}_{self.mark}"

    @property
    def mark(self) -> str:
        """Tells this event from another one of the same number."""
        return f"{crc32(f'{self.type} {self.at_ms}'.encode()):08x}"


@dataclass(frozen=True, slots=True)
class Upto:
    """How far a source is in the feed: the number of its last event there, and that one's mark. 0: none of it is."""

    seq: int = 0
    mark: str = ""


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

    def soon(self, source: Source) -> None:
        """This has something new: said after that was written down. Back at once; tried again until it is known. Lost
        only with this process, and then said again by whoever takes over what it is about."""

    async def hint(self, sources: Sequence[Source]) -> None:
        """The same, and back when it is known."""

    async def take(self, most: int) -> Sequence[Source]:
        """Some that were hinted at; they stay under way until `relayed`. Hinted at again meanwhile, they come again."""

    async def relayed(self, sources: Sequence[Source]) -> None: ...

    async def begin_again(self) -> None:
        """What was under way when a process died is hinted at again."""

    async def waiting(self) -> int:
        """How many sources are hinted at, or under way."""

    async def upto(self, sources: Sequence[Source]) -> Sequence[Upto]: ...

    async def publish(self, each: Sequence[tuple[Source, Upto, Sequence[News]]]) -> Sequence[bool]:
        """Put these, which follow what was `upto` there, into the feed, those of one source at once. False: it stands
        elsewhere by now, and nothing was put: somebody else did."""

    async def trim(self, before_ms: int, most: int) -> int:
        """Entries older than that, and the oldest of more than `most`, go out of the feed. How many went; asked again
        while it is not 0."""


class Feed(Protocol):
    async def last(self) -> str:
        """The place behind which comes what is not there yet; START: there never was anything."""

    async def read(self, after: str, most: int) -> Page:
        """What follows this place, oldest first. Raises CallerError for a place that was not given out."""

    async def wait(self, after: str, most: int, ms: int) -> Page:
        """As read, but waits so long for the first one."""

    async def place_at(self, at_ms: int) -> str:
        """The place behind which stands everything that was put there at or after that time."""


class Stories(Protocol):
    """What the events say. None: it is not kept any more, or the call's details were forgotten."""

    async def tell(self, news: Sequence[News]) -> Sequence[bytes | None]:
        """The body of each as a webhook and a live stream give it: JSON, as the event's own tenant sees it."""
