"""How much of the machine was ours: what a test bounds by the clock, it bounds for a machine that nobody else uses.

Linux only; knows no call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import machine

SHARE_MIN = 0.1


@dataclass(frozen=True)
class Busy:
    """CPU time since `Meter` began, in cores. Ours: of the processes named, and of this one."""

    by_name: Mapping[str, float]
    ours: float
    others: float
    idle: float

    @property
    def stretched(self) -> float:
        """So many times longer than on a machine of its own may everything take."""
        cores = os.cpu_count() or 1
        return cores / max(cores - self.others, SHARE_MIN * cores)

    def __str__(self) -> str:
        each = ", ".join(f"{name} {cores:.2f}" for name, cores in self.by_name.items())
        return f"cores: {each}; others' {self.others:.2f}, idle {self.idle:.2f}"


class Meter:
    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = {**pids, "load": os.getpid()}
        self._began = machine.cpu(self._pids)
        self._whole_ms, self._idle_ms = _whole()

    def read(self) -> Busy:
        now = machine.cpu(self._pids)
        took_ms = 1000 * (now.at_s - self._began.at_s)
        by_name = {name: ms / took_ms for name, ms in now.since(self._began, {}).items()}
        whole_ms, idle_ms = _whole()
        ours, idle = sum(by_name.values()), (idle_ms - self._idle_ms) / took_ms
        return Busy(by_name, ours, max(0.0, (whole_ms - self._whole_ms) / took_ms - ours), idle)


def _whole() -> tuple[float, float]:
    """CPU time spent by everybody since the machine began, and time that nobody wanted. Time stolen by a host counts as
    somebody's."""
    user, nice, system, idle, iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) * machine.TICK_MS, (idle + iowait) * machine.TICK_MS
