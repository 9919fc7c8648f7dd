"""The facts of one call: legs, tries, bridge, holds, how it ended. Knows what happened; must not know what
should happen next (that is a flow), nor how anything is done.

All times are integer milliseconds since the epoch, UTC, from the PBX's own event times where it has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

from ari_app.domain.causes import HungUpBy, Outcome, Reason, outcome
from ari_app.domain.recordings import Recording
from ari_app.domain.tenants import tenant_of

CALLER, CALLEE = "caller", "callee"
CAUSES_OF_OUR_END = (None, 0, 16, 19, 127)
"""Q.850 causes that a hang-up by the PBX itself leaves behind, and that tell nothing of the phone."""

NOT_THERE = (Outcome.NO_ANSWER, Outcome.UNREACHABLE)

How = Literal["remote", "ours", "media", "cut", "failed", "unknown"]
"""Who ended a channel: the far end; we; the media time-out; the PBX's own timer; never came to be (the request
was refused); nobody knows (it ended while nobody watched)."""


class LegState(IntEnum):
    """A leg stands on one line and moves only right, so that late and repeated events do no harm."""

    NEW = 0
    RINGING = 1
    UP = 2
    GONE = 3


@dataclass(frozen=True, slots=True)
class Route:
    """One way to reach a number: the trunk, what is dialled on it, what is shown and why, what it costs. `shown` is
    E.164; `shown_as` the same as the trunk writes it ("": no otherwise); `diversion` as it writes it."""

    trunk: str
    dialled: str
    shown: str
    why: str
    price_micro_per_min: int = 0
    price_increment: str = "60/60"
    currency: str = "CNY"
    causes: tuple[tuple[int, str], ...] = ()
    later: tuple[int, int, str] | None = None
    """A new price that begins while the phone may ring: from when (ms), micros a minute, increment. What counts is the
    one at the leg's answer."""
    privacy: bool = False
    diversion: str = ""
    shown_as: str = ""
    device: str = ""
    """The endpoint of a phone that is registered here (on-net); "": it goes over the trunk."""
    ring_ms: int = 0
    """How long it may ring this way before the next one is tried; 0: as long as the leg may."""
    pdd_ms: int = 0
    """How long it may give no sign; 0: as long as any trunk."""


@dataclass(frozen=True, slots=True)
class Try:
    """One channel: try number n of a leg goes over the leg's route n."""

    state: LegState = LegState.RINGING
    dialled_at_ms: int = 0
    rang_at_ms: int | None = None
    early_at_ms: int | None = None
    answered_at_ms: int | None = None
    hangup_at_ms: int | None = None
    ended_at_ms: int | None = None
    last_sound_at_ms: int | None = None
    cause: int | None = None
    sip_status: int | None = None
    how: How | None = None
    why: str = ""
    """Of one that was never dialled, what kept it from its trunk: `channels`, `cps`, `rested`, `down`, `uncounted`
    (engine/trunk_gate.py), or `no_contact`, as the PBX has no address for it."""

    @property
    def gave_sign(self) -> bool:
        """Any 18x or an answer: the trunk works."""
        return (self.rang_at_ms or self.early_at_ms or self.answered_at_ms) is not None

    @property
    def reached_trunk(self) -> bool:
        """Else it was never sent: the trunk was full, or the PBX could not make the channel."""
        return self.gave_sign or not (self.why or self.how == "failed")

    @property
    def alive_until_ms(self) -> int | None:
        """The end of the conversation on this channel: its last sound, else its end."""
        if self.last_sound_at_ms is not None:
            return max(self.last_sound_at_ms, self.answered_at_ms or 0)
        return self.ended_at_ms


@dataclass(frozen=True, slots=True)
class Leg:
    role: str
    number: str
    routes: tuple[Route, ...]
    ring_timeout_ms: int
    user: str | None = None
    tries: tuple[Try, ...] = ()
    digits: str = ""
    digit_at_ms: int | None = None
    """When the last of the digits was pressed."""
    language: str = ""
    """In which it is spoken to; "": in the operator's."""
    came_in: bool = False
    """It called us: there is one route, by which it came, and one try from the start. It costs us nothing."""
    ask: str = ""
    """The command that added it."""
    words: tuple[str, ...] = ()
    """What was said of it from outside while the call went on (`mute`, `unmute`, `leave`), in order."""
    is_talking: bool = False

    @property
    def state(self) -> LegState:
        return self.tries[-1].state if self.tries else LegState.NEW

    @property
    def is_up(self) -> bool:
        return self.state is LegState.UP

    @property
    def is_muted(self) -> bool:
        return next((word == "mute" for word in reversed(self.words) if word in ("mute", "unmute")), False)

    @property
    def is_removed(self) -> bool:
        return "leave" in self.words

    @property
    def is_on_net(self) -> bool:
        """The current try rings a phone that is registered here."""
        return bool(self.tries) and self.n < len(self.routes) and bool(self.routes[self.n].device)

    @property
    def is_live(self) -> bool:
        return self.state in (LegState.RINGING, LegState.UP)

    @property
    def last(self) -> Try | None:
        return self.tries[-1] if self.tries else None

    @property
    def n(self) -> int:
        """The number of the current try (the next one if none was made)."""
        return max(0, len(self.tries) - 1)

    @property
    def answered_at_ms(self) -> int | None:
        return self.tries[-1].answered_at_ms if self.tries else None

    @property
    def outcome(self) -> Outcome | None:
        """Why the current try came to nothing; None while it lives or if it was answered."""
        return self.outcome_of(len(self.tries) - 1)

    @property
    def ring_ms(self) -> int:
        """How long the current try may ring (the next one, if none was made)."""
        return self.ring_ms_of(self.n)

    def ring_ms_of(self, n: int) -> int:
        own_ms = self.routes[n].ring_ms if n < len(self.routes) else 0
        return min(own_ms, self.ring_timeout_ms) or self.ring_timeout_ms

    @property
    def goes_on(self) -> bool:
        """The current try came to nothing through no fault of who is called: the next route may do better. A device
        of his that he is not at is such a route; whether it rang or is gone makes no difference."""
        ended = self.outcome
        return ended is Outcome.TRUNK_FAILED or (self.is_on_net and ended in NOT_THERE)

    def outcome_of(self, n: int) -> Outcome | None:
        """A device that fails as a trunk does is out of reach: no carrier is to blame."""
        found = self._outcome_of(n)
        is_device = n < len(self.routes) and bool(self.routes[n].device)
        return Outcome.UNREACHABLE if is_device and found is Outcome.TRUNK_FAILED else found

    def _outcome_of(self, n: int) -> Outcome | None:
        t = self.tries[n] if 0 <= n < len(self.tries) else None
        if t is None or t.state is not LegState.GONE or t.answered_at_ms is not None:
            return None
        if t.how == "failed" or (t.how == "ours" and not t.gave_sign):
            return Outcome.TRUNK_FAILED
        if t.how == "unknown":
            return Outcome.UNKNOWN
        has_run_out = (t.ended_at_ms or 0) - t.dialled_at_ms >= self.ring_ms_of(n)
        if t.how == "cut" and t.cause in CAUSES_OF_OUR_END:  # by the PBX's timer; or by us, and we died before we wrote
            return Outcome.NO_ANSWER if has_run_out else Outcome.UNKNOWN
        if has_run_out and not t.gave_sign:  # the PBX's own dial time-out: it looks like a 480, which comes sooner
            return Outcome.TRUNK_FAILED if t.how == "remote" else Outcome.NO_ANSWER  # or it rang, and nobody heard that
        return outcome(
            t.cause,
            t.sip_status,
            rang=t.rang_at_ms is not None,
            early_media=t.early_at_ms is not None,
            ours="ring_timeout" if t.how == "ours" else None,
            overrides=self.routes[n].causes if n < len(self.routes) else (),
        )

    @property
    def next_try(self) -> int | None:
        """The number of the next try after a carrier's failure; None if there is no further route."""
        n = len(self.tries)
        return n if n < len(self.routes) else None


@dataclass(frozen=True, slots=True)
class Terms:
    """What was agreed when the call was accepted. It travels with the call, so that a process with other settings
    goes on with it unchanged."""

    slice_s: int = 120
    margin_s: int = 15
    warning_s: int = 60
    increment: str = "60/60"
    max_duration_s: int = 14_400
    max_live_calls: int = 2
    pdd_timeout_ms: int = 10_000
    trunk_wait_ms: int = 0
    """How long a leg may wait for the last of its trunks, where that has as many calls as it takes."""
    confirm_timeout_ms: int = 15_000
    media_timeout_ms: int = 60_000
    announce_limit_ms: int = 15_000
    hold_retry_ms: int = 3_000
    confirm_caller: bool = False
    prompt: bool = True
    waiting: Literal["ringback", "music"] = "ringback"
    early_media: Literal["all", "none"] = "all"
    phones_max: int = 9
    """Of a conference: how many phones it may have at once, the host's among them."""
    ends_with_host: bool = True
    confirm_joining: bool = False
    """Who is called into a conference must press 1 before he hears it and is heard."""
    alone_timeout_ms: int = 60_000
    """How long the last one in a conference waits for others."""
    tones: bool = True
    consent: Literal["beep", "announcement", "none"] = "beep"
    """What everybody hears before anything is recorded."""


@dataclass(frozen=True, slots=True)
class End:
    """Decided once, never changed: why the call ends and who ended it. Also a wish: the flow's verdict."""

    reason: Reason
    by: HungUpBy
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """`used_s` and `rounded_s` are what the ledger was asked with: so it can be asked the same again."""

    charged_s: int
    overrun_s: int
    used_s: int
    rounded_s: int = 0
    legs: dict[str, int] = field(default_factory=dict)
    """Role → what was charged for this leg; they add up to charged_s."""


@dataclass(frozen=True, slots=True)
class Call:
    id: str
    type: str
    created_at_ms: int
    payer: str  # whose minutes; "": nobody's
    legs: tuple[Leg, ...]
    terms: Terms = field(default_factory=Terms)
    metadata: dict[str, str] = field(default_factory=dict)
    fingerprint: str = ""
    team: str = ""
    """Whose plan the payer has; "": his own."""
    given: dict[str, str] = field(default_factory=dict)
    """What only its flow understands: the code that is read out, the notice's text."""
    secret: str = field(default="", repr=False)
    """Drawn for this call, told to nobody: of what nobody is to guess, such as the names of recordings. "": none."""
    is_private: bool = False
    """Its details are kept for a short time only (engine/keeping.py)."""
    is_forgotten: bool = False
    """They are gone: see domain/forgotten.py."""
    v: int = 1

    now_ms: int = 0
    holds: int = 0
    held_s: int = 0
    refusals: int = 0
    refused_at_ms: int | None = None
    refused_why: str = ""
    is_hold_in_doubt: bool = False
    """After a gap or a lost answer, until the ledger has answered: more may be held than is known here."""
    gaps: int = 0
    """How often the PBX was out of sight. A sound that is begun anew gets a new name by it."""
    sight_ms: int = 0
    """When the PBX came into sight last."""
    warned_at_held_s: int | None = None
    played: frozenset[str] = frozenset()
    heard: frozenset[str] = frozenset()
    """Of these, the sounds that were played to their end."""
    asks: frozenset[str] = frozenset()
    """Commands from outside that were folded in: each takes effect once."""
    words: tuple[str, ...] = ()
    """What was said of the whole call from outside while it went on, in order."""
    unfound: dict[str, str] = field(default_factory=dict)
    """What was sought in vain (Seek), by its digits: why."""
    recordings: tuple[Recording, ...] = ()
    """The oldest first."""
    sounded_ms: int = 0
    """When a sound ended last."""
    leads_to: str = ""
    """A leg of another call, as which a phone of this one is to go on (Seek)."""
    cancelled_at_ms: int | None = None
    end: End | None = None
    settled: Settlement | None = None
    settled_at_ms: int | None = None

    asked: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    failed: dict[str, int] = field(default_factory=dict)

    def leg(self, role: str) -> Leg:
        for leg in self.legs:
            if leg.role == role:
                return leg
        raise KeyError(role)

    def has_leg(self, role: str) -> bool:
        return any(leg.role == role for leg in self.legs)

    def with_leg(self, new: Leg) -> Call:
        return replace(self, legs=tuple(new if leg.role == new.role else leg for leg in self.legs))

    def dial_pending(self, leg: Leg) -> int | None:
        """The number of a try that was asked for and of which nothing was heard yet."""
        n = len(leg.tries)
        return n if f"dial:{leg.role}:{n}" in self.asked else None

    def was_given_up(self, role: str, n: int) -> bool:
        """Whether this try was taken for gone without anybody having seen its end."""
        leg = self.leg(role) if self.has_leg(role) else None
        return leg is None or (n < len(leg.tries) and leg.tries[n].how in ("unknown", "failed"))

    def has_seen_the_end_of(self, role: str, n: int) -> bool:
        leg = self.leg(role) if self.has_leg(role) else None
        return leg is not None and 0 <= n < len(leg.tries) and leg.tries[n].state is LegState.GONE

    def wants(self, role: str, n: int) -> bool:
        """Whether a channel of this try may live: it does, as far as is known, or was asked for."""
        leg = self.leg(role) if self.has_leg(role) else None
        return leg is not None and (self.dial_pending(leg) == n or (leg.n == n and leg.is_live))

    @property
    def tenant(self) -> str:
        """Whose call it is: its payer's; where nobody pays, the first user's whom it rings."""
        return tenant_of(self.payer or next((leg.user for leg in self.legs if leg.user), ""))

    @property
    def is_over(self) -> bool:
        return self.end is not None
