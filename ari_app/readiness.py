"""Whether a call can be placed now, part by part: each looked at afresh for /readyz, and again and again for whoever
watches from outside (the metrics, the service manager, the log).

Knows what each part must do for a call, not how it is done; decides nothing about calls.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog

from ari_app.entrypoints.http.doors import Part, TrunkNow

log = structlog.get_logger()

LOOK_EVERY_S = 1.0
REDIS_ANSWERS_S = 1.0
STARTS_WITHIN_S = 15.0
"""So long a start may take, in which something is missing at every look, before the log tells what."""

Parts = Callable[[], Awaitable[Sequence[Part]]]
Told = Callable[[Sequence[Part]], object]


class Readiness:
    """`told` gets every look's parts."""

    def __init__(self, parts: Parts, told: Sequence[Told] = ()) -> None:
        self._parts = parts
        self._told = told
        self._faults: dict[str, str] = {}
        self._began_s = time.monotonic()
        self._is_started = False

    async def look(self) -> Sequence[Part]:
        parts = await self._parts()
        self._log(parts)
        for tell in self._told:
            tell(parts)
        return parts

    async def keep(self) -> None:
        """Until cancelled: so that it is known, and told, also where nobody asks /readyz."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)

    def _log(self, parts: Sequence[Part]) -> None:
        """Once for each change, from the first time on at which nothing was missing."""
        faults = {part.name: part.why for part in parts if not part.ok}
        self._is_started = self._is_started or not faults or time.monotonic() - self._began_s >= STARTS_WITHIN_S
        if not self._is_started:
            return
        for name in faults.keys() - self._faults.keys():
            log.warning("not ready", part=name, why=faults[name])
        for name in self._faults.keys() - faults.keys():
            log.info("ready again", part=name)
        self._faults = faults


# ---- the parts ----------------------------------------------------------------------------------------------------


def pbx_part(faults: Mapping[str, str], *, is_elsewhere: bool = False, name: str = "asterisk") -> Part:
    """`faults`: node → what is wrong with it, of the nodes that are ours. `is_elsewhere`: another process has one that
    takes calls."""
    if is_elsewhere or "" in faults.values():
        return Part(name, True)
    return Part(name, False, _each(faults) or "this process has none, and no other has told of one that takes calls")


def lease_part(left_ms: Mapping[str, int], *, is_elsewhere: bool = False, name: str = "lease") -> Part:
    """Past it nothing is asked of the PBX, which may be another process's by now."""
    if is_elsewhere or any(left > 0 for left in left_ms.values()):
        return Part(name, True)
    ran_out = {node: f"it ran out {-left / 1000:.1f} s ago and could not be renewed" for node, left in left_ms.items()}
    return Part(name, False, _each(ran_out) or "it is not this process's")


def _each(whys: Mapping[str, str]) -> str:
    """Where there is but one, its name says nothing."""
    if len(whys) == 1:
        return next(iter(whys.values()))
    return "; ".join(f"{node}: {why}" for node, why in sorted(whys.items()))


async def redis_part(write: Callable[[], Awaitable[object]]) -> Part:
    """One that answers and takes no write (a full disk or memory, a replica) can hold no minutes."""
    try:
        async with asyncio.timeout(REDIS_ANSWERS_S):
            await write()
    except TimeoutError:
        return Part("redis", False, f"it takes no write: no answer within {REDIS_ANSWERS_S:g} s")
    except Exception as e:  # noqa: BLE001 - whatever it is, it does not take it
        return Part("redis", False, f"it takes no write: {str(e) or type(e).__name__}")
    return Part("redis", True)


def trunk_part(states: Iterable[TrunkNow], *, is_elsewhere: bool = False) -> Part:
    """One whose state nobody knows counts as there."""
    is_there = is_elsewhere or any(trunk.state != "down" for trunk in states)
    return Part("trunk", is_there, "no trunk can be reached")


def with_a_node(parts: Sequence[Part], why_none: str, name: str = "asterisk") -> list[Part]:
    """Each part may be there, and no node have all of them: one is drained, another's link is down. `why_none`: what
    each lacks, "" where one lacks nothing."""
    if not why_none or not all(part.ok for part in parts):
        return list(parts)
    return [Part(name, False, why_none) if part.name == name else part for part in parts]
