"""What the API needs of the rest of the program, as one value. The wiring fills it; routes reach nothing else."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ari_app.desks.click_desk import ClickDesk
from ari_app.desks.notice_desk import NoticeDesk
from ari_app.desks.proving import Proving
from ari_app.desks.trunk_tests import TrunkTestAsk
from ari_app.domain.call import Call
from ari_app.domain.numbers import Number
from ari_app.domain.plans import Plans
from ari_app.domain.reach import Reach
from ari_app.domain.wanted import Party
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.attempts import Attempts
from ari_app.engine.capacity import CapacityLook, NoLook
from ari_app.engine.entitlements import Entitled
from ari_app.engine.membership import Membership
from ari_app.engine.pins import Pins
from ari_app.engine.telling import NotTaken, Word
from ari_app.engine.trunk_book import TrunkBook
from ari_app.entrypoints.http.limits import Limits
from ari_app.entrypoints.http.streams import StreamLimits
from ari_app.entrypoints.views_report import Terms as ReportTerms
from ari_app.entrypoints.words import Language
from ari_app.hooks.replays import Replays
from ari_app.hooks.watching import Watching
from ari_app.ports.calls import Calls
from ari_app.ports.costs import Costs
from ari_app.ports.devices import Devices
from ari_app.ports.feed import Feed
from ari_app.ports.imports import ImportedFiles
from ari_app.ports.keys import Keys
from ari_app.ports.ledger import Ledger
from ari_app.ports.nodes import NodeNow
from ari_app.ports.sender import Sender
from ari_app.ports.tapes import Tapes
from ari_app.ports.teams import Teams
from ari_app.ports.tenants import Tenants
from ari_app.ports.users import User, Users
from ari_app.ports.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Part:
    """One thing without which no call can be placed. `why`: a sentence, where it is not ok."""

    name: str
    ok: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class DeviceTerms:
    """How many devices a user may have, and where they register."""

    most: int = 5
    server: str = "127.0.0.1"
    port: int = 5060
    tls_port: int = 5061


async def _nowhere(_username: str) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class TrunkNow:
    name: str
    state: Literal["up", "down", "unknown"] = "unknown"
    why: str = ""
    """Of one that is down."""
    registration: str = ""
    """Of one that registers, as the PBX says: Registered, Unregistered, Rejected, Stopped."""
    roundtrip_us: int = 0
    """To its answer, when it was last asked whether it is there. 0: not known."""


class Service(Protocol):
    """Of engine.service.CallService."""

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal: ...

    async def add(self, call: Call, party: Party, *, host: str, ask: str) -> Call | Refusal:
        """See engine.adding.Adding."""


class TrunkTester(Protocol):
    """Of desks.trunk_tests.TrunkTests."""

    async def test_trunk(
        self, ask: TrunkTestAsk, *, owner: str, idempotency_key: str | None = None
    ) -> Call | Refusal | None:
        """None: there is no such trunk."""


class LiveCall(Protocol):
    @property
    def call(self) -> Call: ...


class Live(Protocol):
    """Of engine.fleet.Fleet: the calls that live, in this process or in another one."""

    def mailbox(self, call_id: str) -> LiveCall | None: ...

    async def cancel_for_good(self, call_id: str) -> bool: ...

    async def tell(self, call_id: str, word: Word) -> Call | NotTaken: ...


class NoticeLook(Protocol):
    """Of desks.notice_rounds.NoticeRounds."""

    def soon(self, id: str) -> None:
        """What was just said of it reaches its recipients now."""


class Nodes(Protocol):
    """Of engine.fleet.Fleet: the PBXes. May raise Unavailable."""

    @property
    def seen(self) -> Sequence[NodeNow]: ...

    async def look(self) -> None: ...

    async def drain(self, node: str, is_drained: bool) -> bool:
        """False: there is no such node."""

    async def end_calls(self, node: str) -> int | None:
        """Of one that nobody has and whose PBX is gone for good. How many; None: it is in use."""

    async def forget(self, node: str) -> bool:
        """False: it has an owner, or live calls."""


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the routes of webhooks work with. `wall_ms`: this machine's clock, as the couriers have it, and receivers
    compare with theirs.
    `testing`, `replaying`: those of which a test or a replay is under way here."""

    webhooks: Webhooks
    feed: Feed
    replays: Replays
    sender: Sender
    reach: Reach = field(default_factory=Reach)
    wall_ms: Callable[[], int] = _wall_ms
    testing: set[str] = field(default_factory=set)
    replaying: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Doors:
    service: Service
    trunk_tests: TrunkTester
    engine: Live
    nodes: Nodes
    users: Users
    keys: Keys
    tenants: Tenants
    ledger: Ledger
    imported: ImportedFiles
    calls: Calls
    costs: Costs
    attempts: Attempts
    membership: Membership
    proving: Proving
    notices: NoticeDesk
    notice_rounds: NoticeLook
    teams: Teams
    devices: Devices
    pins: Pins
    watching: Watching
    hooks: Hooks
    clicks: ClickDesk
    tapes: Tapes
    plans: Plans
    entitled: Callable[[User, int], Awaitable[Entitled]]
    """A user and the time (ms) → his plan, and what the month grants him."""
    read_number: Callable[[str], Number | None]
    parts: Callable[[], Awaitable[Sequence[Part]]]
    trunks: Callable[[], Sequence[TrunkNow]]
    metrics: Callable[[], bytes]
    """In Prometheus's text format."""
    now_ms: Callable[[], int]
    book: TrunkBook = field(default_factory=lambda: TrunkBook(()))
    lines: Callable[[], Mapping[str, int]] = dict
    """Trunk → its lines in use, of those that could be counted."""
    body_max: int = 65_536
    import_max: int = 20_000_000
    """Bytes of a file of users or grants."""
    audio_max: int = 10_000_000
    """Bytes of an audio file."""
    connections_max: int = 1_000
    address_connections_max: int = 200
    request_timeout_ms: int = 20_000
    key_cache_ms: int = 5_000
    limits: Limits = field(default_factory=Limits)
    streams: StreamLimits = field(default_factory=StreamLimits)
    public_url: str = ""
    """How we are reached from outside; "": as the request reached us."""
    click_origins: tuple[str, ...] = ()
    """Sites whose pages may use click tokens; none: any."""
    report: ReportTerms = field(default_factory=ReportTerms)
    capacity: CapacityLook = field(default_factory=NoLook)
    """What may still be called after a call that was just placed."""
    language: Language = "en"
    """Of messages to users whose programs do not say."""
    mask_numbers_for_read: bool = False
    platform_number: str = ""
    device_terms: DeviceTerms = field(default_factory=DeviceTerms)
    device_states: Callable[[str], Awaitable[Mapping[str, str]]] = _nowhere
    """Its username → PBX → online, offline or unknown, of those that this process has."""
