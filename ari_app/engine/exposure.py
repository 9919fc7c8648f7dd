"""What would be lost if this process died now: seconds held that the PBX does not know of, facts not safe in the store.

Reads calls and mailboxes; changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ari_app.domain.call import Call, Leg


class Box(Protocol):
    """Of engine.mailbox.Mailbox."""

    @property
    def call(self) -> Call: ...

    @property
    def unsaved_since_ms(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Exposure:
    """`held_s`: held by live calls. `at_risk_s`: of those, what is held by talks whose phones' timers in the PBX are
    not set to it: without us they would be cut off too early, or too late, which is an overrun. `unsaved`: calls of
    which the store does not have, or may not have kept, what is known here; `unsaved_ms`: for how long, of the
    oldest."""

    held_s: int = 0
    at_risk_s: int = 0
    unsaved: int = 0
    unsaved_ms: int = 0


def exposure(live: Iterable[Box], ended: Iterable[Box], now_ms: int) -> Exposure:
    """`ended`: settled, and not known to be on disk."""
    live = list(live)
    since_ms = [box.unsaved_since_ms for box in live] + [box.call.settled_at_ms for box in ended]
    waiting_ms = [max(0, now_ms - since) for since in since_ms if since is not None]
    return Exposure(
        held_s=sum(box.call.held_s for box in live),
        at_risk_s=sum(box.call.held_s for box in live if is_at_risk(box.call)),
        unsaved=len(waiting_ms),
        unsaved_ms=max(waiting_ms, default=0),
    )


def is_at_risk(call: Call) -> bool:
    """The PBX has not said of each phone that talks on what is held that it would cut it off at that. While not all are
    up nobody may have been told yet: the timers that they were born with hold."""
    if call.is_over or call.held_s == 0:
        return False
    up = [leg for leg in call.legs if leg.is_up]
    return not all(_is_timed(call, leg, must_be=len(up) == len(call.legs)) for leg in up)


def _is_timed(call: Call, leg: Leg, *, must_be: bool) -> bool:
    asked = [key for key in call.asked if key.startswith(f"cutoff:{leg.role}:")]
    newest = max(asked, key=lambda key: int(key.rpartition(":")[2]), default=None)
    return not must_be if newest is None else newest in call.done
