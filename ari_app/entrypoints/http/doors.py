"""What the API needs of the rest of the program, as one value. The wiring fills it; routes reach nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ari_app.domain.call import Call
from ari_app.domain.numbers import Number
from ari_app.domain.plans import Plans
from ari_app.engine.entitlements import Entitled
from ari_app.engine.membership import Membership
from ari_app.engine.service import CallAsk, Refusal
from ari_app.ports.calls import Calls
from ari_app.ports.keys import Keys
from ari_app.ports.ledger import Ledger
from ari_app.ports.teams import Teams
from ari_app.ports.users import User, Users


@dataclass(frozen=True, slots=True)
class Part:
    """One thing without which no call can be placed. `why`: a sentence, where it is not ok."""

    name: str
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class TrunkNow:
    name: str
    state: Literal["up", "down", "unknown"] = "unknown"


class Service(Protocol):
    """Of engine.service.CallService."""

    async def place(self, ask: CallAsk, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal: ...


class LiveCall(Protocol):
    @property
    def call(self) -> Call: ...


class Live(Protocol):
    """Of engine.engine.Engine: the calls that live in this process."""

    def mailbox(self, call_id: str) -> LiveCall | None: ...

    async def cancel_for_good(self, call_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Doors:
    service: Service
    engine: Live
    users: Users
    keys: Keys
    ledger: Ledger
    calls: Calls
    membership: Membership
    teams: Teams
    plans: Plans
    entitled: Callable[[User, int], Awaitable[Entitled]]
    """A user and the time (ms) → his plan, and what the month grants him."""
    read_number: Callable[[str], Number | None]
    parts: Callable[[], Awaitable[Sequence[Part]]]
    trunks: Callable[[], Sequence[TrunkNow]]
    metrics: Callable[[], bytes]
    """In Prometheus's text format."""
    now_ms: Callable[[], int]
    body_max: int = 65_536
    connections_max: int = 1_000
    key_cache_ms: int = 5_000
