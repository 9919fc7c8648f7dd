"""What the receivers of webhooks were told, against what is on record: every event of every call, in its order, to the
one that fails now and then as to the one that never does; and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.chaos.cases import Case
from tests.chaos.evidence import Evidence
from tests.chaos.told import Told


def every_event_was_told(e: Evidence, _cases: Sequence[Case]) -> Iterator[str]:
    for receiver, told in e.told.items():
        known = {(one.source, one.seq, one.type, one.at) for one in told}
        for source, events in e.events.items():
            for event in events:
                if (source, event.seq, event.type, event.at) not in known:
                    yield f"told: {receiver} never heard of number {event.seq} of {source}, {event.type}"


def in_order(e: Evidence, _cases: Sequence[Case]) -> Iterator[str]:
    """By when each was heard of first: one that is told again comes later, and is known by its id."""
    for receiver, told in e.told.items():
        heard: dict[str, int] = {}
        for one in _firsts(told):
            if one.seq <= heard.get(one.source, 0):
                yield f"told: {receiver} heard number {one.seq} of {one.source} behind number {heard[one.source]}"
            heard[one.source] = max(one.seq, heard.get(one.source, 0))


def nothing_else_was_told(e: Evidence, _cases: Sequence[Case]) -> Iterator[str]:
    on_record = {
        (source, event.seq, event.type, event.at) for source, events in e.events.items() for event in events
    }  # fmt: skip
    for receiver, told in e.told.items():
        for one in told:
            if not one.is_signed:
                yield f"told: {receiver} was sent {one.id} with a signature that does not hold"
            is_on_record = (one.source, one.seq, one.type, one.at) in on_record
            if one.source in e.events and not is_on_record:
                yield f"told: {receiver} heard {one.type} as number {one.seq} of {one.source}, which is not on record"


def _firsts(told: Sequence[Told]) -> Iterator[Told]:
    seen: set[str] = set()
    for one in told:
        if one.id not in seen:
            seen.add(one.id)
            yield one


TOLD_LAWS = (every_event_was_told, in_order, nothing_else_was_told)
