"""What a batch of facts is to its mailbox: signs of life of what should be dead, and what is worth a save. Pure."""

from __future__ import annotations

from typing import TypeGuard

from ari_app.domain.call import Call
from ari_app.domain.events import Answered, Dialled, EarlyMedia, Event, Rang


def is_unwanted(event: Event, before: Call, after: Call) -> TypeGuard[Dialled | Rang | EarlyMedia | Answered]:
    """A sign of life of a try that was given up; or of one that had ended: somebody took its id again, for we never
    do; or of one who calls us and was hung up before he came in, and whom nobody asks for once more."""
    match event:
        case Rang() | EarlyMedia() | Answered():
            is_hung_up = f"hangup:{event.leg}:{event.n}" in before.asked and before.leg(event.leg).came_in
            has_ended = before.has_seen_the_end_of(event.leg, event.n)
            return is_hung_up or has_ended or after.was_given_up(event.leg, event.n)
        case Dialled():
            return after.was_given_up(event.leg, event.n)
    return False


def early_media(call: Call) -> list[bool]:
    return [leg.last is not None and leg.last.early_at_ms is not None for leg in call.legs]


def gist(call: Call) -> tuple[object, ...]:
    """What the next process should know and could do without: what the ledger said, for it can be asked again; a
    phone's ringing, which its channel shows while it lives; that a dial was answered; what was keyed, and found by it,
    which its owner would have to key again; what is recorded; the verdict, which follows from the facts. Saved soon,
    and mostly together with something else."""
    signs = [leg.last is not None and leg.last.gave_sign for leg in call.legs]
    dialled = [f"dial:{leg.role}:{leg.n}" in call.done for leg in call.legs]
    keyed = [leg.digits for leg in call.legs]
    return call.is_over, call.holds, call.refused_at_ms is None, signs, dialled, keyed, call.unfound, call.recordings
