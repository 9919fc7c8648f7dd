"""What happens to a call's legs, told as events beside its changes of state: for flows that say so (TELLS_LEGS = True),
as whoever looks at a conference wants to see who rings, who came, who speaks.

Each event but those of speech follows from the facts and has a key, so that none is told twice, or lost with the store.
Of speech there is much, and it is worth little: one change a second of a leg, and no save for it at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ari_app.domain.call import Call, Leg, LegState, Try
from ari_app.flows import Flow

SPEECH_AGAIN_MS = 1_000
SPEECH_MAX = 5_000
"""Of one call, as far as this process tends it: the list of a call's events is kept for weeks."""

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Fact:
    what: str
    leg: str
    n: int
    at_ms: int
    key: str
    more: tuple[tuple[str, Any], ...] = ()


class LegNews:
    """Of one mailbox."""

    def __init__(self, flow: Flow, call: Call) -> None:
        self._is_told = bool(getattr(flow, "TELLS_LEGS", False))
        self._last_state = flow.STATES[-1]
        self._spoke = {leg.role: (leg.is_talking, 0) for leg in call.legs}  # as told last, and when
        self._due_ms: int | None = None
        self._speech_left = SPEECH_MAX

    def news(self, before: Call, after: Call, state: str) -> list[bytes]:
        """Since `before`, in the order of time; `state`: the one that was told last. None after the call's end."""
        if not self._is_told or state == self._last_state:
            return []
        legs = {leg.role: leg for leg in before.legs}
        changed = [leg for leg in after.legs if legs.get(leg.role) is not leg]
        known = {fact.key for leg in changed if leg.role in legs for fact in _facts(before, legs[leg.role])}
        return _told(after, state, (fact for leg in changed for fact in _facts(after, leg) if fact.key not in known))

    def again(self, told: Iterable[bytes], call: Call, state: str) -> list[bytes]:
        """What the store has lost of it: `told` is what it still has."""
        if not self._is_told:
            return []
        known = {msgspec.json.decode(one).get("key") for one in told}
        return _told(call, state, (fact for leg in call.legs for fact in _facts(call, leg) if fact.key not in known))

    def speech(self, call: Call, state: str) -> list[bytes]:
        """Who has begun to speak, or ceased to; what comes too soon after the last word about a leg is told later, if
        it is still so."""
        self._due_ms = None
        if not self._is_told or state == self._last_state:
            return []
        return _told(call, state, list(self._heard(call)))

    def wake_ms(self, wake_ms: int | None) -> int | None:
        """When to look again; `wake_ms`: for the call's own sake."""
        return min((at for at in (wake_ms, self._due_ms) if at is not None), default=None)

    def _heard(self, call: Call) -> Iterator[Fact]:
        for leg in call.legs:
            was_talking, told_ms = self._spoke.get(leg.role, (False, 0))
            if leg.is_talking == was_talking or not leg.is_up or not self._speech_left:
                continue
            due_ms = told_ms + SPEECH_AGAIN_MS
            if call.now_ms < due_ms:
                self._due_ms = min(due_ms, self._due_ms or due_ms)
                continue
            self._spoke[leg.role] = leg.is_talking, call.now_ms
            self._speech_left -= 1
            what = "leg_talking" if leg.is_talking else "leg_silent"
            yield Fact(what, leg.role, leg.n, call.now_ms, "")


def _facts(call: Call, leg: Leg) -> Iterator[Fact]:
    """All that happened to a leg, as far as it is told of."""
    if leg.ask:
        yield Fact("leg_added", leg.role, 0, call.now_ms, f"{leg.role}:added")
    for n, t in enumerate(leg.tries):
        yield from _facts_of_try(leg, n, t)
    is_muted = False
    for nth, word in enumerate(leg.words):
        if word in ("mute", "unmute") and (word == "mute") != is_muted:
            is_muted = word == "mute"
            what = "leg_muted" if is_muted else "leg_unmuted"
            yield Fact(what, leg.role, leg.n, call.now_ms, f"{leg.role}:word:{nth}")


def _facts_of_try(leg: Leg, n: int, t: Try) -> Iterator[Fact]:
    signs = [at for at in (t.rang_at_ms, t.early_at_ms) if at is not None]
    if signs:
        yield Fact("leg_ringing", leg.role, n, min(signs), f"{leg.role}:{n}:ringing")
    if t.answered_at_ms is not None:
        yield Fact("leg_answered", leg.role, n, t.answered_at_ms, f"{leg.role}:{n}:answered")
    if t.state is LegState.GONE:
        why = {"cause": t.cause, "sip_status": t.sip_status, "outcome": leg.outcome_of(n)}
        more = tuple((name, value) for name, value in why.items() if value is not None)
        yield Fact("leg_ended", leg.role, n, t.ended_at_ms or 0, f"{leg.role}:{n}:ended", more)


def _told(call: Call, state: str, facts: Iterable[Fact]) -> list[bytes]:
    ordered: Sequence[Fact] = sorted(facts, key=lambda fact: fact.at_ms)  # stable: of one moment, as they follow
    return [_encode(_body(call, state, fact)) for fact in ordered]


def _body(call: Call, state: str, fact: Fact) -> dict[str, Any]:
    about = {"call": call.id, "type": call.type, "state": state, "at_ms": fact.at_ms}
    told = {"what": fact.what, "leg": fact.leg, "n": fact.n, "key": fact.key}
    if call.tenant:
        about["tenant"] = call.tenant
    return about | told | dict(fact.more)
