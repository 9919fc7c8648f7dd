"""After a gap (a restart, a lost link): what the PBX shows now, and its own record, against what we knew → ordinary
events. Every channel is live, gone or unknown; a failed question is never "no calls"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ari_app.domain import events as ev
from ari_app.domain.call import Call, How, Leg, LegState
from ari_app.flows.moves import tones_in_doubt, waiting_tones
from ari_app.ports.telephony import Record, Snapshot, Trace

CALL_ID = re.compile(r"^(c[0-9a-z]{26})(\.[A-Za-z0-9_.]+)?$")
"""Our ids; whatever else lives on the PBX is not ours and left alone."""


UNDIALLED_MS, UNDIALLED_CAUSES = 50, (None, 0, 16, 21)
"""A channel that is made while nobody holds the application is hung up by the PBX at once, before it is dialled, as if
its phone had rejected the call (21); one that we gave up before its dial ends like a talk (16). No phone that is not on
this very machine says so as fast; busy and the like only a phone says."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What the PBX said when it was asked about the gap. `record`: what it wrote down, None if that cannot be read from
    here. `answered`: channel → answer time of a live channel, in ms. `sounding`: call → names of endless sounds that
    could not be stopped."""

    record: Record | None
    answered: Mapping[str, int]
    sounding: Mapping[str, tuple[str, ...]]


DIALLED_WITHIN_MS = 1_000
"""So long after the PBX came into sight a dial of before, by us or by another owner, may still come to it."""
WRITTEN_WITHIN_MS = 3_000
"""And so long after it a channel that was made of one is in the PBX's record."""


def watched(call: Call) -> list[tuple[Leg, int]]:
    """The tries that the record holds for alive or pending."""
    tries = []
    for leg in call.legs:
        if leg.is_live:
            tries.append((leg, leg.n))
        pending = call.dial_pending(leg)
        if pending is not None:
            tries.append((leg, pending))
    return tries


def channel_id(call: Call, leg: Leg, n: int) -> str:
    return f"{call.id}.{leg.role}.{n}"


def questions(calls: Iterable[Call], snapshot: Snapshot) -> dict[str, int]:
    """Channels of which the PBX's record must be asked: gone ones, and those answered while nobody watched; where it
    may turn out that a dial was never sent, those too that are known to have lived. And up to when, in ms, the record
    must have been written for it to be any proof that there was no such channel: of a dial, up to this sight and not
    to when it was decided. It waits for its save and for its trunk, and an owner before us may send it until then."""
    asked = {}
    for call in calls:
        for leg, n in watched(call):
            now = snapshot.channels.get(channel_id(call, leg, n))
            is_pending = n == len(leg.tries)
            if now is None or (now.state == "up" and leg.state is not LegState.UP):
                asked[channel_id(call, leg, n)] = snapshot.at_ms if is_pending else call.now_ms
            if now is None and is_pending:
                others = (channel_id(call, other, k) for other in call.legs for k in _lived(other))
                asked |= dict.fromkeys(others, call.now_ms)
    return asked


def is_complete(record: Record | None, asked: Mapping[str, int], snapshot: Snapshot, now_ms: int) -> bool:
    """Whether asking again a moment later could tell nothing more: rows are written a moment after the fact, in order.
    Each channel that is gone has its end there; or it is not named, and the record holds a row newer than its dial, or
    nobody is that late. Of a channel that was made before the PBX that runs now nothing more will be written."""
    if record is None:
        return True
    written_ms = max((record.until_ms or 0) - DIALLED_WITHIN_MS, now_ms - WRITTEN_WITHIN_MS)

    def is_told(channel: str, dial_ms: int) -> bool:
        trace = record.traces.get(channel)
        if trace is None:
            return written_ms > dial_ms
        is_over = trace.ended_at_ms is not None or trace.started_at_ms < snapshot.born_ms
        return is_over or _is_newer(trace, snapshot)

    return all(channel in snapshot.channels or is_told(channel, dial_ms) for channel, dial_ms in asked.items())


def facts(
    call: Call, snapshot: Snapshot, findings: Findings, seen_alive_ms: int, unsent: frozenset[str] = frozenset()
) -> list[ev.Event]:
    """What happened to this call in the gap, in the order of time, closed by Recovered.

    `seen_alive_ms`: the last moment at which we saw the PBX. `unsent`: keys of dials that are known never to have left
    us.
    """
    record = findings.record
    found: list[ev.Event] = []
    for leg, n in watched(call):
        channel = channel_id(call, leg, n)
        now = snapshot.channels.get(channel)
        trace = record.traces.get(channel) if record is not None else None
        if now is not None:
            answered_at_ms = (trace.answered_at_ms if trace else None) or findings.answered.get(channel)
            found += _living(leg, n, now.state, now.created_at_ms, answered_at_ms, snapshot.at_ms)
        elif trace is not None and _is_newer(trace, snapshot):
            found += _ended(leg, n, trace, snapshot.at_ms)[:-1]  # it lives, and the next look will see it
        elif trace is not None:
            found += _ended(leg, n, trace, _last_seen(leg, n, seen_alive_ms))
        elif n == len(leg.tries) and (f"dial:{leg.role}:{n}" in unsent or _would_know(call, record)):
            found.append(ev.NeverSent(leg.role, n, snapshot.at_ms))
        else:
            found.append(ev.Gone(leg.role, n, _last_seen(leg, n, seen_alive_ms), how="unknown"))
    found += risen(call, snapshot)
    found += _tapes(call, snapshot)
    found.sort(key=lambda e: e.at_ms)
    found += _bridge(call, snapshot)
    found.append(ev.Recovered(snapshot.at_ms, findings.sounding.get(call.id, ())))
    return found


def bare_facts(call: Call, snapshot: Snapshot, seen_alive_ms: int) -> list[ev.Event]:
    """The least that must be known: what is gone, charged to when it was last seen."""
    found: list[ev.Event] = [
        ev.Gone(leg.role, n, _last_seen(leg, n, seen_alive_ms), how="unknown")
        for leg, n in watched(call)
        if channel_id(call, leg, n) not in snapshot.channels
    ]
    return [*found, ev.Recovered(snapshot.at_ms)]


def _is_newer(trace: Trace, snapshot: Snapshot) -> bool:
    """What was asked over the lost link was carried out after the PBX was looked at, and before its record was read."""
    return trace.ended_at_ms is None and trace.started_at_ms > snapshot.at_ms


def _would_know(call: Call, record: Record | None) -> bool:
    """Whether a channel that the PBX's record does not name cannot have been: it must reach back to before this call,
    and name whatever else of this call is known to have lived. A record that was begun anew or switched off proves
    nothing, and a phone must not be rung twice on its word."""
    if record is None or record.since_ms is None or record.since_ms > call.created_at_ms:
        return False
    return all(channel_id(call, leg, n) in record.traces for leg in call.legs for n in _lived(leg))


def _lived(leg: Leg) -> list[int]:
    return [n for n, t in enumerate(leg.tries) if t.gave_sign]


def risen(call: Call, snapshot: Snapshot) -> list[ev.Event]:
    """Tries that were given up and live after all: told again, so that they are hung up."""
    return [
        ev.Dialled(leg.role, n, snapshot.at_ms)
        for leg in call.legs
        for n in range(len(leg.tries))
        if channel_id(call, leg, n) in snapshot.channels and call.was_given_up(leg.role, n)
    ]


def _living(
    leg: Leg, n: int, state: str, created_at_ms: int, answered_at_ms: int | None, now_ms: int
) -> list[ev.Event]:
    dialled = ev.Dialled(leg.role, n, created_at_ms)
    if state == "up":
        return [dialled, ev.Answered(leg.role, n, answered_at_ms or now_ms)]
    if state == "ringing":
        return [dialled, ev.Rang(leg.role, n, max(created_at_ms, leg.last.dialled_at_ms if leg.last else 0))]
    return [dialled]


def _ended(leg: Leg, n: int, trace: Trace, last_seen_ms: int) -> list[ev.Event]:
    done: list[ev.Event] = [ev.Dialled(leg.role, n, trace.started_at_ms)]
    if trace.answered_at_ms is not None:
        done.append(ev.Answered(leg.role, n, trace.answered_at_ms))
    ended_at_ms = trace.hangup_at_ms or trace.ended_at_ms
    if ended_at_ms is None:  # the record stops with the PBX: it died
        at_ms = max(last_seen_ms, trace.answered_at_ms or trace.started_at_ms)
        return [*done, ev.Gone(leg.role, n, at_ms, how="unknown")]
    how: How | None = "remote" if trace.remote else None
    was_at_once = ended_at_ms - trace.started_at_ms < UNDIALLED_MS
    if not leg.came_in and trace.answered_at_ms is None and was_at_once and trace.cause in UNDIALLED_CAUSES:
        how = "failed"
    return [*done, ev.Gone(leg.role, n, ended_at_ms, cause=trace.cause, how=how)]


def _last_seen(leg: Leg, n: int, seen_alive_ms: int) -> int:
    """Never before what the leg itself has shown."""
    if n >= len(leg.tries):
        return seen_alive_ms
    t = leg.tries[n]
    return max(seen_alive_ms, t.answered_at_ms or 0, t.rang_at_ms or 0, t.dialled_at_ms)


def _tapes(call: Call, snapshot: Snapshot) -> list[ev.Event]:
    """What was recorded ended while nobody watched, if its snoop is there no more: with its leg, as a rule."""
    return [
        ev.RecordingEnded(one.name, snapshot.at_ms)
        for one in call.recordings
        if one.is_running and f"{call.id}.{one.name}" not in snapshot.channels
    ]


def _bridge(call: Call, snapshot: Snapshot) -> list[ev.Event]:
    members = snapshot.bridges.get(call.id)
    if members is None:
        return []
    found: list[ev.Event] = [ev.Done("bridge", snapshot.at_ms)]
    for leg in call.legs:
        n = leg.n if leg.tries else (call.dial_pending(leg) or 0)
        if channel_id(call, leg, n) in members:
            found.append(ev.Done(f"join:{leg.role}:{n}", snapshot.at_ms))
    return found


def may_sound(call: Call) -> list[tuple[str, str]]:
    """(channel, name) of endless sounds that may still go on: they begin only when the record names them."""
    return [(_hearer(call), name) for name in waiting_tones(call)]


def may_have_begun(call: Call) -> list[tuple[str, str]]:
    """Those that may have begun since the PBX was looked at first, as they were asked for over the lost link. Music has
    no name: where some is wanted it stays, and all of it ends with that."""
    is_kept = call.terms.waiting == "music" and waiting_tones(call)
    return [] if is_kept else [(_hearer(call), name) for name in tones_in_doubt(call)]


def _hearer(call: Call) -> str:
    return channel_id(call, call.legs[0], call.legs[0].n)


def strangers(known: Iterable[str], snapshot: Snapshot) -> tuple[list[str], list[str]]:
    """Channels and bridges with our ids that no living call wants. Who is coming is looked at when he is here: his call
    may have been written down, by another process, since the living ones were loaded."""
    wanted, here = set(known), [c.id for c in snapshot.channels.values() if c.state != "coming"]
    channels = [c for c in here if (m := CALL_ID.match(c)) and m[2] is not None and m[1] not in wanted]
    bridges = [b for b in snapshot.bridges if CALL_ID.match(b) and "." not in b and b not in wanted]
    return channels, bridges
