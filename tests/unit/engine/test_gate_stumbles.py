"""What goes wrong while a call stands at the gate before its trunk: nothing of it outlives that call."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.domain.call import End
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.events import Failed
from ari_app.domain.step import FAILURES_MAX, step
from ari_app.engine.trunk_gate import TrunkGate
from ari_app.engine.trunk_signs import Sign
from ari_app.flows import callback, flows, trunk_test
from ari_app.ports.lines import FLIGHT_MS, WINDOW_MS, Full
from tests.laws.carriers import Carriers
from tests.laws.stories import CALL, open_doors
from tests.laws.virtual_time import run
from tests.laws.world import PAYER, World, callback_call
from tests.support import until
from tests.unit.engine.test_trunk_gate import World as Gate
from tests.unit.engine.test_trunk_gate import a_call


class Slow(MemoryLines):
    """Its word comes when we say so."""

    def __init__(self, now_ms: Any = None) -> None:
        super().__init__(*([now_ms] if now_ms else []))
        self.asked, self.says = asyncio.Event(), asyncio.Event()

    async def take(self, *args: Any, **limits: Any) -> Full | None:
        full = await super().take(*args, **limits)
        self.asked.set()
        await self.says.wait()
        return full


async def ended_while_a_line_is_taken(gate: Gate, lines: Slow) -> str:
    gate.gate = gate.a_gate(lines)
    dialling = asyncio.create_task(gate.dial(a_call("c1", trunks=["one"])))
    await lines.asked.wait()
    gate.calls["c1"] = replace(gate.calls["c1"], end=End(Reason.CANCELLED, HungUpBy.API, 1))
    lines.says.set()
    return await dialling


async def test_a_probe_that_ended_before_it_was_dialled_lets_the_next_one_through() -> None:
    gate = Gate(max_channels=9)
    gate.health._rule = replace(gate.health._rule, rest_ms=0, rest_max_ms=0)
    gate.health.saw([Sign("one", "x", False, "SIP 503")])
    assert await ended_while_a_line_is_taken(gate, Slow()) == "unwanted"
    assert gate.health.unfit("one") is None


async def test_a_start_that_never_was_does_not_count_as_one_under_way() -> None:
    gate, clock = Gate(max_cps=1), [0]
    lines = Slow(lambda: clock[0])
    assert await ended_while_a_line_is_taken(gate, lines) == "unwanted"
    await until(lambda: not gate.gate._tasks)
    clock[0] += WINDOW_MS
    assert WINDOW_MS < FLIGHT_MS
    assert await gate.dial(a_call("c2", trunks=["one"], wait_ms=0)) == ""


@pytest.fixture
def world() -> World:
    return World(3, flows()["callback"], callback_call)


async def _wrong_type(*_: Any, **__: Any) -> None:
    raise ValueError("WRONGTYPE")


class _Faulty:
    """At first: with all of its tracebacks the log would take the test's time."""

    def __init__(self) -> None:
        self.left = 4

    def __call__(self, *_: Any) -> None:
        self.left -= 1
        if self.left >= 0:
            raise ZeroDivisionError


@pytest.mark.parametrize(
    ("of", "name", "fault", "reason"),
    [(MemoryLines, "take", _wrong_type, Reason.TRUNK_FAILED), (TrunkGate, "folded", _Faulty(), None)],
)
def test_no_fault_of_the_gate_leaves_a_call_waiting_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch, of: type, name: str, fault: Any, reason: Reason | None
) -> None:
    """Not only "not available": whatever comes of asking for a line, the call ends, and its minutes come back."""
    world.trouble = 0.0
    monkeypatch.setattr(of, name, fault)
    monkeypatch.setattr(Carriers, "limit", lambda _: None)

    async def story() -> None:
        world.carriers._trunks[:] = [replace(one, max_channels=9) for one in world.carriers._trunks]
        engine = await open_doors(world, minutes_s=36_000)
        call = callback_call(CALL, random.Random(1), world.loop.now_ms())
        await engine.start(replace(call, terms=replace(call.terms, trunk_wait_ms=0, max_duration_s=60)), (PAYER,))
        await until(lambda: engine.mailbox(CALL) is None, 20, every_s=1)

    run(world.loop, story())
    ended = world._call(CALL)
    assert ended.end is not None
    assert reason in (None, ended.end.reason)
    world.check_ledger()


@pytest.mark.parametrize("flow", ["callback", "trunk_test"])
def test_a_dial_that_fails_by_a_fault_of_ours_every_time_ends_its_call(flow: str) -> None:
    call = replace(a_call(), type=flow, holds=1, held_s=60)
    if flow == trunk_test.TYPE:
        call = replace(call, legs=call.legs[1:], payer="")
    for n in range(2 * FAILURES_MAX):
        failed = [Failed(key, n, "a bug") for key in call.asked if key.startswith("dial:")]
        call, _wishes, _wake = step(call, failed, flows()[flow].plan)
    assert call.end is not None
    assert call.end.reason is Reason.INTERRUPTED


def test_the_callers_timer_leaves_time_to_wait_for_a_line_of_each_of_the_callees_trunks() -> None:
    """Where the others are rested or down, each is waited for."""
    three = ("one", "two", "three")
    patient, hasty = (callback.caller_life_ms(a_call(trunks=three, wait_ms=ms)) for ms in (2_000, 0))
    assert patient - hasty == 3 * 2_000
