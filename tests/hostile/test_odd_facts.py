"""Any sequence of facts that a decoder could make, late, repeated, reordered, with any values: no lost law of a call.

Records that are damaged, or of the future: unreadable, and nothing else.
"""

from __future__ import annotations

import copy
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import Call
from ari_app.engine import records, recover, rescue
from ari_app.flows import flows
from ari_app.ports.telephony import ChannelNow, Snapshot
from tests.hostile.laws_of_step import BEGAN_MS, Watched
from tests.hostile.odd_frames import places
from tests.hostile.runs import examples

TIMES = st.one_of(
    st.integers(BEGAN_MS - 5_000, BEGAN_MS + 400_000),
    st.sampled_from([0, -1, -(2**63), 1, BEGAN_MS, 253_402_300_799_000, 2**53, 2**63]),
)
ROLES = st.sampled_from(["caller", "callee", "callee", "caller", "host", ""])
TRIES = st.sampled_from([0, 0, 0, 1, 2, 3, 7, -1, 9_999, 2**63])
CAUSES = st.one_of(st.none(), st.sampled_from([0, 1, 16, 17, 19, 32, 44, 127, 128, -5, 10**6, 2**63]))
STATUSES = st.one_of(st.none(), st.sampled_from([0, 100, 200, 300, 404, 480, 486, 503, 603, 999, -1, 2**63]))
SOUNDS = st.sampled_from(["prompt", "confirm0", "waiting0", "waiting0r1", "announce", "warn1", "", "x" * 50])


def on_a_leg(kind: Any, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, leg=ROLES, n=TRIES, at_ms=TIMES, **more)


HOWS = st.sampled_from([None, "remote", "ours", "media", "cut", "failed", "unknown"])
FACTS: st.SearchStrategy[Any] = st.one_of(
    st.builds(ev.Tick, TIMES), on_a_leg(ev.Dialled), on_a_leg(ev.Rang), on_a_leg(ev.EarlyMedia),
    on_a_leg(ev.Answered), on_a_leg(ev.Answered), on_a_leg(ev.NeverSent),
    on_a_leg(ev.HangupSeen, remote=st.booleans(), cause=CAUSES, sip_status=STATUSES),
    on_a_leg(ev.Gone, cause=CAUSES, sip_status=STATUSES, how=HOWS),
    on_a_leg(ev.Digit, digit=st.one_of(st.sampled_from(["1", "#", "", "11"]), st.text(max_size=40))),
    st.builds(ev.Played, SOUNDS, TIMES), st.builds(ev.Cancel, TIMES),
    st.builds(ev.Recovered, TIMES, st.lists(SOUNDS, max_size=2).map(tuple)),
)  # fmt: skip
NOW = st.integers(BEGAN_MS - 5_000, BEGAN_MS + 100_000)


def likely(kind: Any, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What might be true of a call, at some moment of its."""
    return st.builds(
        kind, leg=st.sampled_from(["caller", "callee"]), n=st.sampled_from([0, 0, 0, 1]), at_ms=NOW, **more
    )


LIKELY: st.SearchStrategy[Any] = st.one_of(
    likely(ev.Dialled), likely(ev.Rang), likely(ev.EarlyMedia), likely(ev.Answered),
    likely(ev.HangupSeen, remote=st.booleans(), cause=st.sampled_from([16, 17, None])),
    likely(ev.Gone, cause=st.sampled_from([16, 17, 34, 44]), sip_status=st.sampled_from([None, 200, 486, 503])),
    st.builds(ev.Tick, NOW), st.builds(ev.Recovered, NOW),
)  # fmt: skip
ANSWERS = st.sampled_from(["done", "done", "done", "again", "failed", "refused"])
"""How the next open wish is answered: as it should be; so twice over; with an error; the ledger has nothing."""


def answer(watched: Watched, how: str, said: list[ev.Event]) -> None:
    if not watched.open:
        return
    key = next(iter(watched.open))
    wish = watched.open.pop(key)
    at_ms = watched.call.now_ms
    if how == "refused" and isinstance(wish, w.Hold):
        told: list[ev.Event] = [ev.HoldRefused(wish.n, "empty", at_ms)]
    elif how == "failed" and isinstance(wish, w.Dial):
        told = [ev.Gone(wish.leg, wish.n, at_ms, how="failed"), ev.Done(key, at_ms)]
    elif how == "failed" and not isinstance(wish, w.Settle):
        told = [ev.Failed(key, at_ms)]
    else:
        told = watched.answers(wish) * (2 if how == "again" else 1)
    said += told
    watched.tell(told)


@examples(60, soak=8_000)
@given(
    st.integers(0, 15), st.integers(0, 5), st.lists(st.one_of(LIKELY, FACTS, ANSWERS, st.integers(0, 50)), max_size=40)
)
def test_no_facts_break_a_law_of_the_call(seed: int, goes: int, story: list[Any]) -> None:
    """From some place in a good call: facts, answers to what it wished for, and (a number) a fact told again."""
    watched, said = Watched(seed), []
    for _ in range(goes):
        watched.go_on()
    for part in story:
        if isinstance(part, str):
            answer(watched, part, said)
        elif isinstance(part, int):
            watched.tell(said[part : part + 1])
        else:
            said.append(part)
            watched.tell([part])
    watched.end()


@examples(40, soak=3_000)
@given(st.integers(0, 15), st.integers(0, 5), st.lists(st.one_of(LIKELY, FACTS), max_size=30), st.integers(1, 30))
def test_facts_that_come_together_leave_the_call_where_it_would_be_otherwise(
    seed: int, goes: int, facts: list[ev.Event], size: int
) -> None:
    """One batch or several: the laws hold either way, and what was seen is the same."""
    at_once, one_by_one = Watched(seed), Watched(seed)
    for _ in range(goes):
        at_once.go_on()
        one_by_one.go_on()
    for begin in range(0, len(facts), size):
        at_once.tell(facts[begin : begin + size])
    for fact in facts:
        one_by_one.tell([fact])
    assert at_once.call.now_ms == one_by_one.call.now_ms
    at_once.end()
    one_by_one.end()


def a_record(seed: int) -> dict[str, Any]:
    watched, rng = Watched(seed), random.Random(seed)
    for _ in range(rng.randrange(12)):
        answer(watched, "done", [])
    record: dict[str, Any] = msgspec.json.decode(records.encode(watched.call))
    return record


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5),
    st.sampled_from([[], {}, "callback", 2**64, -(2**63), "60/60", "0/0", "x/y", [["", 1]], "\ud800"]),
)  # fmt: skip


@examples(120, soak=20_000)
@given(
    st.integers(0, 7), st.lists(st.tuples(st.randoms(use_true_random=False), ODD), min_size=1, max_size=3), st.data()
)
def test_a_damaged_record_is_unreadable_or_can_be_wound_down(seed: int, bends: list[Any], data: Any) -> None:
    record: Any = a_record(seed)
    for rng, value in bends:
        *way, last = rng.choice(places(record))
        holder = record
        for name in way:
            holder = holder[name]
        holder[last] = copy.deepcopy(value)
        if not places(record):
            break
    raw = bytearray(msgspec.json.encode(_sendable(record)))
    if data.draw(st.booleans()) and raw:
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    try:
        call = records.decode(bytes(raw))
    except records.UnreadableRecord:
        return
    assert call.type in flows()
    assert records.decode(records.encode(call)) == call
    flow = flows()[call.type]
    assert rescue.state_of(flow, call) in flow.STATES
    assert recovered(call)[-1] == ev.Recovered(BEGAN_MS)
    assert rescue.step(call, [ev.Tick(BEGAN_MS + 1)], rescue.plan_of(flow))[0].end is not None


def recovered(call: Call) -> list[ev.Event]:
    """What a look at a PBX that shows the last try of each of its legs tells of it."""
    names = [recover.channel_id(call, leg, n) for leg, n in recover.watched(call)]
    channels = {name: ChannelNow(name, "up" if n else "ringing", BEGAN_MS) for n, name in enumerate(names)}
    snapshot = Snapshot(BEGAN_MS, channels, {call.id: frozenset(channels)})
    recover.questions([call], snapshot)
    recover.may_sound(call)
    recover.strangers([call.id], snapshot)
    return recover.facts(call, snapshot, recover.Findings(None, {}, {}), BEGAN_MS)


def _sendable(value: Any) -> Any:
    """A lone surrogate cannot be written as UTF-8."""
    if isinstance(value, dict):
        return {k: _sendable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_sendable(v) for v in value]
    return "?" if value == "\ud800" else value


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 200_000, b"\xff", b"null", b'{"id":"\\ud800"}', b'"' * 3, b"1e999"])
def test_what_is_no_record_at_all_is_unreadable(data: bytes) -> None:
    with pytest.raises(records.UnreadableRecord):
        records.decode(data)


@examples(60, soak=5_000)
@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_unreadable(data: bytes) -> None:
    with pytest.raises(records.UnreadableRecord):
        records.decode(data)
