"""Events that are malformed, impossible or from the future: never an exception, and what comes of them is well formed.

The soak drives the same tests by coverage (`fuzzing.py`).
"""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.adapters.ari import sight
from ari_app.adapters.ari.cel import read_record
from ari_app.adapters.ari.channels import Channels
from ari_app.adapters.ari.errors import AriError, UndecodableReply
from ari_app.adapters.ari.media import Bridges
from ari_app.adapters.ari.operations import build
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.adapters.ari.translate import asked_by_waiting
from ari_app.adapters.ari.wire import RESTResponse, decode, reply_of
from ari_app.engine.recover import CALL_ID as OUR_CALLS
from ari_app.ports.telephony import Asked, CallEvent, Entered, PbxEvent
from tests.hostile.laws_of_step import BEGAN_MS, CALL_ID, Watched
from tests.hostile.odd_frames import FRAMES, VALUES, frames
from tests.hostile.runs import examples

HOUR_MS = 3_600_000


class House:
    """From bytes to facts, as the link does it, without a socket."""

    def __init__(self) -> None:
        self._telephony = AriTelephony("http://127.0.0.1:1", "user", "secret", "ringbridge", cel_path=None)
        self._telephony._translator._now_ms = lambda: BEGAN_MS
        self._telephony.clock.is_doubted_by = lambda at_ms: False  # type: ignore[method-assign]  # no PBX to ask

    def facts(self, data: bytes) -> list[PbxEvent]:
        event = decode(data)
        if event is None or isinstance(event, RESTResponse):
            return []
        self._telephony._take(event)
        said = []
        while not self._telephony._queue.empty():
            said.append(self._telephony._queue.get_nowait())
        return [one for one in said if one is not None]


@examples(40, soak=6_000)
@given(st.lists(frames(), max_size=12))
def test_what_the_pbx_sends_becomes_facts_that_are_well_formed(told: list[bytes]) -> None:
    house = House()
    for data in told:
        for fact in house.facts(data):
            if isinstance(fact, CallEvent):
                assert OUR_CALLS.fullmatch(fact.call)
                assert abs(fact.event.at_ms - BEGAN_MS) <= HOUR_MS
                assert 0 <= getattr(fact.event, "n", 0) <= 9_999
            elif isinstance(fact, Entered):
                assert OUR_CALLS.fullmatch(fact.call)
                assert 0 <= fact.n <= 9_999
            else:
                assert isinstance(fact, Asked)
                assert all(isinstance(word, str) for word in (fact.caller, fact.callee, fact.key))


@examples(30, soak=6_000)
@given(st.integers(0, 7), st.lists(frames(), max_size=30), st.randoms(use_true_random=False))
def test_a_call_keeps_its_laws_whatever_the_pbx_says_of_it(seed: int, odd: list[bytes], random: Any) -> None:
    """The frames of a good call, in order or not, with odd ones among them; the ledger is honest, the PBX is not."""
    house, watched = House(), Watched(seed)
    good = [json.dumps(frame).encode() for frame in FRAMES]
    if random.random() < 0.3:
        random.shuffle(good)
    told = good[: random.randrange(len(good))]
    for data in odd:
        told.insert(random.randrange(len(told) + 1), data)
    for data in told:
        for key in list(watched.open):
            if random.random() < 0.5:
                watched.tell(watched.answers(watched.open.pop(key)))
        watched.tell([f.event for f in house.facts(data) if isinstance(f, CallEvent) and f.call == CALL_ID])
    watched.end()


@examples(40, soak=3_000)
@given(st.lists(st.one_of(VALUES, st.sampled_from([f["channel"] for f in FRAMES if "channel" in f])), max_size=5))
def test_lists_of_channels_and_bridges_are_seen_or_refused(listed: list[Any]) -> None:
    body = json.dumps(listed).encode()
    try:
        channels = reply_of(build(Channels.operations()["list"], (), {}), 200, "OK", body)
        for channel in channels:
            asked_by_waiting(channel, "ringbridge")
        bridges = reply_of(build(Bridges.operations()["list"], (), {}), 200, "OK", body)
        seen = sight.snapshot(channels, bridges, "ringbridge", BEGAN_MS)
    except (AriError, UndecodableReply):
        return
    assert all(now.state in ("down", "ringing", "up") for now in seen.channels.values())


@examples(40, soak=3_000)
@given(st.sampled_from([200, 204, 404, 409, 500, 0, -1, 10**6]), st.one_of(st.binary(max_size=40), frames()))
def test_a_reply_of_any_shape_is_read_or_told_apart(status: int, body: bytes) -> None:
    asked = {"list": ((), {}), "get": (("x",), {}), "getChannelVar": (("x",), {"variable": "x"})}
    for name, (places, parameters) in asked.items():
        with suppress(AriError, UndecodableReply):
            reply_of(build(Channels.operations()[name], places, parameters), status, "", body)


ROW = f'"ANSWER","1795697494.123456","{CALL_ID}.caller.0","x","PJSIP/x","Stasis","","","{{""hangupcause"":16}}"\n'


DAMAGED = st.one_of(st.just(ROW), st.text(max_size=80), st.sampled_from(["\0\n", '"\n', '"' * 9, "," * 9 + "\n"]))


@examples(30, soak=3_000)
@given(st.lists(DAMAGED, max_size=8), st.data())
def test_a_damaged_record_of_the_pbx_is_read_as_far_as_it_makes_sense(parts: list[str], data: Any) -> None:
    text = bytearray("".join(parts).encode("utf-8", "surrogatepass"))
    for _ in range(data.draw(st.integers(0, 3)) if text else 0):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.NamedTemporaryFile() as log:
        Path(log.name).write_bytes(bytes(text))
        assert read_record(Path(log.name), [f"{CALL_ID}.caller.0"], BEGAN_MS) is not None


@pytest.mark.parametrize("time", ["²", "1" * 5_000, "1795697494.x23", "1795697494.-12", "٣", "1e3", "inf", ""])
def test_a_row_that_makes_no_sense_is_skipped_and_the_next_one_read(tmp_path: Path, time: str) -> None:
    log = tmp_path / "cel.csv"
    begun = ROW.replace("1795697494.123456", time).replace("ANSWER", "CHAN_START")
    log.write_text(begun + "x" * 200_000 + '"' + "y" * 200_000 + "\n" + ROW.replace("ANSWER", "CHAN_START"))
    record = read_record(log, [f"{CALL_ID}.caller.0"], BEGAN_MS)
    assert record is not None
    assert [trace.started_at_ms for trace in record.traces.values()] == [1_795_697_494_123]
