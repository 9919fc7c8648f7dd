"""The PBX's time as it is told here: whatever happens to this machine's wall clock, and to the PBX's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.adapters.ari.clocks import Clock

T0_MS, BOOT_MS = 1_800_000_000_000, 5_000_000


class Machine:
    """Its two clocks, and a PBX beside it with one of its own."""

    def __init__(self, pbx_ahead_ms: int = 0) -> None:
        self.passed_ms = self.stepped_ms = 0
        self.pbx_ahead_ms = pbx_ahead_ms
        self.way_ms = 0

    def wall(self) -> int:
        return T0_MS + self.passed_ms + self.stepped_ms

    def boot(self) -> int:
        return BOOT_MS + self.passed_ms

    def pbx(self) -> int:
        return T0_MS + self.passed_ms + self.pbx_ahead_ms

    def client(self) -> Any:
        async def ping() -> Any:
            self.passed_ms += self.way_ms // 2
            at_ms = self.pbx()
            self.passed_ms += self.way_ms // 2
            return SimpleNamespace(timestamp=_stamp(at_ms))

        return SimpleNamespace(asterisk=SimpleNamespace(ping=ping))


def _stamp(at_ms: int) -> str:
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(at_ms // 1000, UTC):%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}+0000"


@pytest.fixture
def machine() -> Machine:
    return Machine()


async def asked(machine: Machine) -> Clock:
    clock = Clock(machine.wall, machine.boot)
    await clock.ask(machine.client())
    return clock


@pytest.mark.parametrize("step_ms", [-3_600_000, -700, 700, 3_600_000])
async def test_a_step_of_the_wall_clock_is_not_felt(machine: Machine, step_ms: int) -> None:
    clock = await asked(machine)
    machine.passed_ms, machine.stepped_ms = 10_000, step_ms
    assert clock.now_ms() == machine.pbx()


@pytest.mark.parametrize("ahead_ms", [-60_000, 60_000])
async def test_a_pbx_whose_clock_is_another_is_followed(ahead_ms: int) -> None:
    machine = Machine(ahead_ms)
    machine.way_ms = 80
    clock = await asked(machine)
    machine.passed_ms += 5_000
    assert abs(clock.now_ms() - machine.pbx()) <= 40


async def test_a_slow_way_does_not_move_a_clock_that_is_right(machine: Machine) -> None:
    clock = await asked(machine)
    machine.way_ms = 900
    await clock.ask(machine.client())
    assert clock.now_ms() == machine.pbx()


async def test_an_event_from_another_time_makes_it_ask_once_a_second(machine: Machine) -> None:
    """The machine of the PBX was put right: its events say so."""
    clock = await asked(machine)
    assert not clock.is_doubted_by(machine.pbx() - 300)
    assert not clock.is_doubted_by(0), "a stamp that could not be read says nothing"
    machine.pbx_ahead_ms = 3_600_000
    assert clock.is_doubted_by(machine.pbx())
    assert not clock.is_doubted_by(machine.pbx()), "it is being asked already"
    await clock.ask(machine.client())
    assert clock.now_ms() == machine.pbx()
    machine.passed_ms += 2_000
    assert not clock.is_doubted_by(machine.pbx())


async def test_until_a_pbx_has_told_it_is_the_wall_clock(machine: Machine) -> None:
    clock = Clock(machine.wall, machine.boot)
    assert not clock.is_told
    machine.passed_ms = 1_000
    assert clock.now_ms() == machine.wall()
