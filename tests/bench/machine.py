"""CPU time and memory of processes, and how busy the machine is. Linux only; knows no call."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cpu:
    """CPU time spent so far, by process, and when that was read."""

    at_s: float
    spent_ms: Mapping[str, float]

    def since(self, before: Cpu, idle: Mapping[str, float]) -> dict[str, float]:
        """What was spent since `before`, less what each spends when nothing happens (`idle`, ms a second)."""
        took_s = self.at_s - before.at_s
        return {
            name: self.spent_ms[name] - before.spent_ms[name] - idle.get(name, 0) * took_s for name in self.spent_ms
        }


def cpu(pids: Mapping[str, int]) -> Cpu:
    return Cpu(time.monotonic(), {name: _spent_ms(pid) for name, pid in pids.items()})


def idle_ms_per_s(pids: Mapping[str, int], during_s: float) -> dict[str, float]:
    """What each process spends while nobody calls."""
    before = cpu(pids)
    time.sleep(during_s)
    after = cpu(pids)
    took_s = after.at_s - before.at_s
    return {name: (after.spent_ms[name] - before.spent_ms[name]) / took_s for name in pids}


def _spent_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_MS  # utime, stime of all its threads


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:"))


def load_average() -> float:
    """Of the last minute."""
    return os.getloadavg()[0]
