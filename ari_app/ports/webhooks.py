"""Webhooks: to whom events are sent, what waits for each of them, and what came of it. Knows shapes and order; must not
know how a request is made, nor when one is tried again.

A webhook has one lane for each call (or notice): its events are sent in order, one at a time; lanes do not wait for
each other, webhooks know nothing of one another. Every method may raise Unavailable; asking again is harmless.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ari_app.domain.tenants import OPERATOR
from ari_app.ports.feed import News, Source

SECRET_PREFIX = "whsec_"
WEBHOOKS_MAX = 100
"""Of one tenant."""
SECRETS_MAX = 4
"""Of one webhook, that hold at once: the newest, and those that it replaces."""
Outcome = Literal["delivered", "failed", "dead", "forgotten"]
"""`dead`: given up; it may be replayed. `forgotten`: what it says is not kept any more, and it was not sent."""
DEAD_KEPT_MS = 35 * 86_400_000
TOO_MANY, TOO_LONG = "too many wait", "waited too long"
"""Why one is given up without a further request."""


@dataclass(frozen=True, slots=True)
class Secret:
    """What deliveries are signed with, as Standard Webhooks writes it; until then, if it was replaced (ms)."""

    text: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """`events`: names such as `call.ended`, or `call.*`; none: all. `secrets`: the newest first; each delivery is
    signed with all that still hold. `why_paused`: where we did it."""

    id: str
    tenant: str
    url: str
    events: tuple[str, ...]
    secrets: tuple[Secret, ...]
    created_at_ms: int
    description: str = ""
    is_paused: bool = False
    why_paused: str = ""

    def wants(self, news: News) -> bool:
        of_it = self.tenant in (OPERATOR, news.tenant)
        kind = news.type.partition(".")[0]
        return of_it and (not self.events or news.type in self.events or f"{kind}.*" in self.events)

    def signing(self, now_ms: int) -> tuple[str, ...]:
        """The secrets that hold now."""
        return tuple(one.text for one in self.secrets if one.until_ms is None or one.until_ms > now_ms)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The head of a lane. `tries`: so often it was tried in vain since `since_ms`, when it was put there."""

    news: News
    tries: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Due:
    """`next_ms`: when the next lane after these is due; None: none waits for its time."""

    heads: Sequence[Waiting]
    next_ms: int | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request, and what came of it. `status`: of the answer; None: there was none, `why` says why."""

    news: News
    at_ms: int
    outcome: Outcome
    n: int  # the how manyth, from 1
    status: int | None = None
    why: str = ""
    took_ms: int = 0
    again_ms: int | None = None  # when it is tried next


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """Newest first. `next_cursor` goes into the next question; None: there is no more."""

    attempts: Sequence[Attempt]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one webhook: events that wait, since when the oldest of them does, and those that were given up."""

    waiting: int = 0
    oldest_ms: int | None = None
    dead: int = 0


class Webhooks(Protocol):
    async def add(self, webhook: Webhook, from_place: str, most: int = WEBHOOKS_MAX) -> bool:
        """It is told what comes into the feed behind that place. One of this id that is there stays as it is. False:
        its tenant has `most` already."""

    async def change(self, webhook: Webhook, was: Webhook | None = None) -> bool:
        """Its url, events, secrets, description and pause. False: there is none of this id; or it is not as it `was`,
        where that is given."""

    async def find(self, id: str) -> Webhook | None: ...

    async def all(self) -> list[Webhook]:
        """Oldest first."""

    async def delete(self, id: str) -> Webhook | None:
        """With all that waits for it. As it was; None: there is none."""

    async def revision(self) -> int:
        """Grows with every change of any webhook, and when what waits for one was hurried or replayed: its courier,
        which may be in another process, looks at once."""

    # ---- from the feed into the lanes ---------------------------------------------------------------------------

    async def place(self, id: str) -> str | None:
        """Up to where in the feed it was looked after. None: there is no such webhook."""

    async def take_in(self, id: str, after: str, upto: str, news: Sequence[News], at_ms: int) -> bool:
        """These go into their lanes, due now, and its place goes from `after` to `upto`, in one step; where too many
        wait already, they are given up at once. False: its place was another one, and nothing was done."""

    # ---- out of the lanes ---------------------------------------------------------------------------------------

    async def due(self, id: str, now_ms: int, most: int, but: Sequence[Source] = ()) -> Due:
        """The heads of lanes whose time has come, those that are due longest first, without the lanes of `but`."""

    async def attempted(self, id: str, attempt: Attempt) -> bool:
        """`delivered`: it leaves its lane, which is due again at once if more waits there. `failed`: its lane is due
        at `again_ms`. `dead`: it is given up, the lane goes on without it; so it does without what is `forgotten`.
        Written into the list of deliveries. Of one that does not wait (any more), nothing is done. Whether more may
        wait in its lane."""

    async def give_up(self, id: str, before_ms: int, at_ms: int, most: int = 100) -> int:
        """Heads of lanes that wait since before that time are given up, tried or not. How many."""

    async def hurry(self, id: str, at_ms: int) -> None:
        """All that waits is due now: the receiver is well again."""

    async def standing(self, id: str) -> Standing: ...

    async def deliveries(
        self, id: str, *, outcome: Outcome | None = None, cursor: str | None = None, limit: int = 50
    ) -> AttemptPage:
        """Of the newest attempts, as many as are kept; `dead`: all that were given up and still can be replayed. Raises
        CallerError for a cursor that was not given out."""

    async def replay(self, id: str, news: Sequence[News], at_ms: int) -> int:
        """Put these into their lanes again, under the same ids; those that wait there already stay as they are. How
        many were put. They are not given up any more."""


def new_secret() -> str:
    """256 random bits."""
    return SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()
