"""When a missing channel proves that a dial was never sent, and when it proves nothing."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.adapters.ari.cel import read_record
from ari_app.domain import events as ev
from ari_app.domain.call import Call, LegState, Try
from ari_app.engine import recover
from ari_app.ports.telephony import Record, Snapshot, Trace
from tests.laws.world import callback_call

CALL = "c" + "0" * 26
NOW_MS = 1_800_000_000_000
NOTHING = Snapshot(NOW_MS + 5_000, {}, {})


def dialling_caller() -> Call:
    return replace(callback_call(CALL, random.Random(1), NOW_MS), asked=frozenset({"dial:caller:0"}))


def dialling_callee() -> Call:
    call = dialling_caller()
    caller = replace(call.leg("caller"), tries=(Try(LegState.UP, NOW_MS - 50, NOW_MS - 40, None, NOW_MS - 30),))
    return replace(call.with_leg(caller), asked=call.asked | {"dial:callee:0"})


def fate(call: Call, role: str, record: Record | None, unsent: frozenset[str] = frozenset()) -> str:
    facts = recover.facts(call, NOTHING, recover.Findings(record, {}, {}), NOW_MS, unsent)
    mine = [e for e in facts if isinstance(e, ev.Gone | ev.NeverSent) and e.leg == role]
    assert len(mine) == 1
    return type(mine[0]).__name__


@pytest.mark.parametrize(
    ("record", "is_proof"),
    [
        (None, False),  # nothing can be read from here
        (Record({}, None), False),  # an empty log: rotated, or never written
        (Record({}, NOW_MS + 1), False),  # begun anew after the dial
        (Record({}, NOW_MS - 1), True),
    ],
)
def test_only_a_log_that_reaches_back_proves(record: Record | None, is_proof: bool) -> None:
    assert fate(dialling_caller(), "caller", record) == ("NeverSent" if is_proof else "Gone")


def test_a_log_that_does_not_name_the_callers_channel_proves_nothing_of_the_callees() -> None:
    was = Trace(NOW_MS - 50, NOW_MS - 30, NOW_MS + 9, NOW_MS + 9, 16, remote=True)
    assert fate(dialling_callee(), "callee", Record({}, NOW_MS - 900)) == "Gone"  # switched off meanwhile
    assert fate(dialling_callee(), "callee", Record({f"{CALL}.caller.0": was}, NOW_MS - 900)) == "NeverSent"


def test_what_never_left_us_needs_no_proof() -> None:
    assert fate(dialling_caller(), "caller", None, frozenset({"dial:caller:0"})) == "NeverSent"


def row(event: str, at_ms: int, channel: str) -> str:
    return f'"{event}","{at_ms / 1000:.3f}","{channel}","","PJSIP/x","","","",""\n'


def test_a_log_tells_since_when_it_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    assert read_record(log, ["x"], 0) is None
    log.write_text("")
    assert read_record(log, ["x"], 0) == Record({}, None, None)
    log.write_text(row("LOG_BEGINS", NOW_MS, "") + row("CHAN_START", NOW_MS + 1500, "x") + '"CHAN_EN')
    assert read_record(log, ["x", "y"], NOW_MS) == Record(
        {"x": Trace(started_at_ms=NOW_MS + 1500)}, NOW_MS, NOW_MS + 1500
    )


@pytest.mark.parametrize("age_s", [0, 5, 3_600, 15_000, 19_999])
def test_a_long_log_is_read_from_where_it_matters(tmp_path: Path, age_s: int) -> None:
    log = tmp_path / "cel.csv"
    begun_ms = NOW_MS - 20_000_000
    rows = (
        row("CHAN_START", begun_ms + 1000 * n, f"c{n}") + row("CHAN_END", begun_ms + 1000 * n + 300, f"c{n}")
        for n in range(20_000)
    )
    log.write_text("".join(rows))
    n = 19_999 - age_s
    record = read_record(log, [f"c{n}", "nobody"], begun_ms + 1000 * n)
    assert record is not None
    assert record.since_ms == begun_ms
    assert record.traces == {f"c{n}": Trace(begun_ms + 1000 * n, ended_at_ms=begun_ms + 1000 * n + 300)}


@pytest.mark.parametrize(("started_ms", "is_gone"), [(NOTHING.at_ms + 20, False), (NOTHING.at_ms - 20, True)])
def test_a_channel_that_began_after_the_look_and_has_not_ended_is_not_gone(started_ms: int, is_gone: bool) -> None:
    caller = Trace(NOW_MS - 50, NOW_MS - 30, NOW_MS + 9, NOW_MS + 9, 16, remote=True)
    callee = Trace(started_ms, started_ms + 10)
    record = Record({f"{CALL}.caller.0": caller, f"{CALL}.callee.0": callee}, NOW_MS - 900)

    facts = recover.facts(dialling_callee(), NOTHING, recover.Findings(record, {}, {}), NOW_MS)
    his = [type(e) for e in facts if getattr(e, "leg", "") == "callee"]
    assert his == [ev.Dialled, ev.Answered, ev.Gone][: 3 if is_gone else 2]
    asked = {f"{CALL}.callee.0": NOW_MS}
    assert recover.is_complete(record, asked, NOTHING, NOTHING.at_ms) is not is_gone


@pytest.mark.parametrize(("born_ms", "is_over"), [(NOW_MS + 500, True), (NOW_MS - 500, False), (0, False)])
def test_what_lived_on_a_pbx_that_is_dead_is_not_waited_for(born_ms: int, is_over: bool) -> None:
    """Nobody will ever write down how it ended."""
    record = Record({f"{CALL}.callee.0": Trace(NOW_MS, NOW_MS + 10)}, NOW_MS - 900)
    restarted = replace(NOTHING, born_ms=born_ms)
    assert recover.is_complete(record, {f"{CALL}.callee.0": NOW_MS}, restarted, NOW_MS + 600) is is_over


def test_one_who_calls_us_and_hangs_up_at_once_has_hung_up() -> None:
    """A channel of ours that ends as fast was never dialled; his was dialled by himself."""
    was = Trace(NOW_MS, None, NOW_MS + 48, NOW_MS + 48, 16, remote=True)
    ours = dialling_caller()
    ours = ours.with_leg(replace(ours.leg("caller"), tries=(Try(dialled_at_ms=NOW_MS),)))
    his = ours.with_leg(replace(ours.leg("caller"), came_in=True))
    found = recover.Findings(Record({f"{CALL}.caller.0": was}, NOW_MS - 900), {}, {})
    ends = [
        e.how for call in (ours, his) for e in recover.facts(call, NOTHING, found, NOW_MS) if isinstance(e, ev.Gone)
    ]
    assert ends == ["failed", "remote"]
