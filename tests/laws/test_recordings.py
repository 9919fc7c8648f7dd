"""Calls that are recorded from the start or while they go on live through the same random schedules: the laws of every
call hold, nothing is recorded unasked or before all have heard of it, and no recording is left running or unknown."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest

from ari_app.domain import events as ev
from ari_app.domain.call import Call
from ari_app.domain.step import Plan
from ari_app.engine import rescue
from ari_app.engine.telling import Word
from ari_app.flows import Flow, recording
from tests.laws.maker import Make, Maker, maker_of
from tests.laws.test_laws import hold_over_random_schedules
from tests.laws.world import World

SOAK = os.environ.get("SOAK") == "1"


def recorded(make: Make) -> Make:
    """Every second one from the start; the others, if at all, when it is said."""

    def made(call_id: str, rng: random.Random, now_ms: int) -> Call:
        call, dice = make(call_id, rng, now_ms), random.Random(f"{call_id} {now_ms}")
        given = {recording.RECORD: dice.choice((recording.MIXED, recording.LEGS))} if dice.random() < 0.5 else {}
        terms = replace(call.terms, consent=dice.choice(("beep", "announcement")))
        return replace(call, given=given, terms=terms, secret=f"{dice.getrandbits(128):032x}")

    return made


def said(call: Call, rng: random.Random) -> Word | None:
    return ev.Told("", rng.choice(("record mixed", "record legs", "unrecord")), "", 0)


def broken(world: World, call: Call) -> str:
    mine = {file: tape.partition(".")[2] for file, tape in world.pbx.files.items() if tape.startswith(f"{call.id}.")}
    known = {one.file for one in call.recordings}
    unknown = {file for file, name in mine.items() if file not in known and f"record:{name}" not in call.asked}
    if unknown:
        return f"recorded, and nobody knows: {unknown}"
    if mine and not recording.rounds(call):
        return f"recorded, and nobody asked: {mine}"
    if any(one.is_running for one in call.recordings):
        return f"said to be recorded for ever: {call.recordings}"
    if deaf := {one for one in world.pbx.unconsented if one.startswith(f"{call.id}.")}:
        return f"recorded before they had heard of it: {deaf}"
    return ""


@pytest.mark.parametrize(("call_type", "runs"), [("callback", 20), ("conference", 8)])
def test_laws_hold_while_it_is_recorded(call_type: str, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, taken, faults = maker_of(call_type), list[str](), list[Flow]()
    plan_of = rescue.plan_of

    def ended_by_a_fault(flow: Flow) -> Plan:
        faults.append(flow)
        return plan_of(flow)

    def check(world: World, call: Call) -> str:
        taken.extend(one.what for one in call.recordings)
        return broken(world, call) or ("ended by a fault, see the log" if faults else "")

    monkeypatch.setattr(rescue, "plan_of", ended_by_a_fault)

    def words(call: Call, rng: random.Random) -> Word | None:
        is_other = plain.words is not None and rng.random() < 0.5
        return plain.words(call, rng) if is_other and plain.words is not None else said(call, rng)

    many = runs * 10 if SOAK else runs
    maker: Maker = replace(plain, make=recorded(plain.make), words=words, check=check, runs=many)
    hold_over_random_schedules(call_type, maker)
    assert len(taken) > many / 20, "the schedules are too rough: hardly a recording"
    assert set(taken) == {"mixed", "leg"}
