"""The nodes of a service under test: one PBX, played by a world's engine or by nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ari_app.adapters.memory_calls import MemoryCalls, MemoryLeases
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.engine.fleet import Fleet
from ari_app.ports.calls import Calls
from ari_app.ports.leases import HeldBy


@dataclass
class OneNode:
    engine: Any = None
    name: str = "n"
    calls_max: int = 10
    others: HeldBy | None = None

    @property
    def live(self) -> int:
        return self.engine.live if self.engine is not None else 0

    def why_closed(self) -> str:
        return "" if self.engine is None or self.engine.sees_pbx else "no link"


async def never(_payer: str, _call: str) -> bool:
    """No call was settled before."""
    return False


def fleet_of(line: OneNode | None = None, calls: Calls | None = None) -> Fleet:
    """Without a line: one that takes calls, of which none is ever begun."""
    calls = calls if calls is not None else MemoryCalls()
    return Fleet([line or OneNode()], MemoryBoard(MemoryLeases(), MemoryCalls()), calls)
