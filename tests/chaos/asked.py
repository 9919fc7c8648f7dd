"""What was asked for over the API, or done by a phone that calls, and what was answered: the book of a run. Judges
nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Who:
    user: str
    number: str
    has_s: int | None = None
    """All that is left of the month; None: more than any call can talk."""


@dataclass
class TopUp:
    key: str
    seconds: int
    is_done: bool = False
    """It was answered so. If not, it may have been done all the same."""


@dataclass
class Added:
    """One more phone for a call that goes on. `is_done`: it was answered so."""

    number: str
    is_done: bool = False


@dataclass(frozen=True)
class Retries:
    """Of a notice: how often each is rung, all reminders together."""

    tries: int
    rounds: int = 1


@dataclass
class Asked:
    """A call as it was asked for, and what was answered. Or a notice, or a phone that calls the platform: then some
    calls may come of it, of which nobody is told, and which are known by their numbers."""

    kind: str
    story: str
    who: Who
    callee: str
    key: str
    longest_s: int
    confirms: bool = False
    at_ms: int = 0
    ids: set[str] = field(default_factory=set)
    """Every id that was answered to this key: one, if at all."""
    numbers: set[str] = field(default_factory=set)
    """Of phones that are in it, beside the user's own."""
    refused: str = ""
    may_be_refused: frozenset[str] = frozenset()
    hung_ups: dict[str, int] = field(default_factory=dict)
    """Call → when it was first asked to end."""
    fits: frozenset[str] = frozenset()
    """How the call of a phone to the platform may end, by what that phone does."""
    leads_on: bool = False
    """It keys a PIN."""
    follows: Literal["", "keyed", "always"] = ""
    """Whether a call is to follow on it: where a number was keyed and he has hung up, or in any case."""
    removed: set[str] = field(default_factory=set)
    """Numbers that were taken out of it, while it went on."""
    added: list[Added] = field(default_factory=list)
    cancelled_at_ms: int | None = None
    retries: Retries | None = None
    top_ups: list[TopUp] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    """Answers that no fault excuses."""
    went_back: list[str] = field(default_factory=list)
    """From which state to which, where one was shown that stands before one that was shown already."""
    shown: dict[str, Any] = field(default_factory=dict)
    shown_at_ms: int = 0

    @property
    def is_taken(self) -> bool:
        return bool(self.ids)

    @property
    def id(self) -> str:
        return next(iter(self.ids), "")

    @property
    def state(self) -> str:
        return str(self.shown.get("state", ""))
