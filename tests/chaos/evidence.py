"""The records of a run, side by side: our ledger, our call records and costs, Asterisk's CEL, what each carrier wrote
down; what the API says of notices; and what is left when all is over. Believes none and judges none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ari_app.ports.ledger import Account
from ari_app.stack.carrier import CarrierCall
from tests.chaos.asked import Asked
from tests.chaos.house import Blow
from tests.chaos.told import Event, Told
from tests.chaos.trunk_facts import TrunkFacts

LEG = re.compile(r"^(c[0-9a-z]{26})\.([a-z][a-z0-9]*)\.(\d+)$")
Shown = Mapping[str, Any]


@dataclass
class CelLeg:
    """One channel as the PBX wrote it down; times in ms, None: not written."""

    started_ms: int | None = None
    answered_ms: int | None = None
    hangup_ms: int | None = None
    starts: int = 0


@dataclass(frozen=True)
class Ring(CarrierCall):
    """An INVITE, and the carrier that had it, by the name of its trunk."""

    trunk: str = "carrier"

    @property
    def invite(self) -> str:
        """The same for one that was sent again."""
        return self.call_id or self.id


@dataclass(frozen=True)
class Notice:
    """As the API shows it at the end, with all its recipients, and its events in order."""

    shown: Shown
    events: Sequence[Shown] = ()


@dataclass(frozen=True)
class Left:
    """What still was there at the end, each by its name; and how long after the faults nothing was."""

    things: tuple[str, ...] = ()
    clear_after_s: float = 0.0


@dataclass(frozen=True)
class Evidence:
    asked: Sequence[Asked]
    shown: Mapping[str, Shown]
    """Every call of the API, by its id; those that nobody was answered for, too."""
    accounts: Mapping[str, Account]
    cel: Mapping[str, CelLeg]
    rings: Mapping[str, Sequence[Ring]]
    """By the number that the platform dialled, of all carriers."""
    blows: Sequence[Blow]
    arrivals: Mapping[str, Sequence[Ring]] = field(default_factory=dict)
    """Calls of phones to the platform, by the number from which they came."""
    notices: Mapping[str, Notice] = field(default_factory=dict)
    """By their ids."""
    pins: Mapping[str, str] = field(default_factory=dict)
    """PIN → the call to which it leads."""
    owed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Call → channel → what was noted that its carrier is owed, in millionths."""
    events: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    """Of every call and notice, by its id."""
    told: Mapping[str, Sequence[Told]] = field(default_factory=dict)
    """What each receiver of webhooks took, in the order in which it came."""
    left: Left = Left()
    trunks: TrunkFacts = field(default_factory=TrunkFacts)
    oddities: Sequence[str] = ()
    media_timeout_s: int = 4
    ring_timeout_s: int = 14
