"""Devices as every PBX of this process is to know them: the store is the truth, and what it says is brought to each PBX
when it is taken up, when its Asterisk has started anew, and within a second of each change. Knows ports only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import structlog

from ari_app.domain.errors import Unavailable
from ari_app.ports.devices import Device, DevicePbx, Devices, NotProvided

log = structlog.get_logger()

LOOK_S = 0.4
TOLD_AGAIN_S = 60
"""A PBX that cannot be told is tried so often, and the log says it each time."""

State = Literal["online", "offline", "unknown"]


class Place(Protocol):
    """One PBX of this process."""

    @property
    def name(self) -> str: ...

    @property
    def devices(self) -> DevicePbx | None:
        """While it is ours and its link stands, else None. Another one after it was not ours for a while."""

    @property
    def sighted(self) -> int:
        """Grows each time that its link is made: its Asterisk may have started anew since."""


@dataclass(slots=True)
class _Known:
    """What one PBX was told. Believed as long as its link stands."""

    pbx: DevicePbx
    sighted: int = -1
    told: dict[str, Device] = field(default_factory=dict)
    again_s: float = 0.0


class Provisioning:
    """`now` are all devices as they were seen last, for whoever routes a call."""

    def __init__(
        self, store: Devices, places: Callable[[], Sequence[Place]], *,
        clock_s: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._places = places
        self._clock_s = clock_s or (lambda: asyncio.get_running_loop().time())
        self._revision: int | None = None
        self._all: Mapping[str, Device] = {}
        self._of: dict[str, list[Device]] = {}
        self._known: dict[str, _Known] = {}

    def of(self, user: str) -> Sequence[Device]:
        """The user's, oldest first."""
        return self._of.get(user, ())

    def name_of(self, username: str) -> str:
        device = self._all.get(username)
        return "" if device is None else device.name

    def owner_of(self, username: str) -> str | None:
        """The user who calls from this endpoint; None: it is no device of ours."""
        device = self._all.get(username)
        return None if device is None else device.user

    async def run(self) -> None:
        """Side by side: to tell a PBX of thousands takes a while."""
        async with asyncio.TaskGroup() as both:
            both.create_task(_again_and_again(self._look))
            both.create_task(_again_and_again(self.bring))

    async def close(self) -> None:
        for known in self._known.values():
            await known.pbx.close()

    async def _look(self) -> None:
        try:
            await self.refresh()
        except Unavailable as e:
            log.debug("devices not read", why=str(e))

    async def bring(self) -> None:
        """To each PBX what it does not know yet, once it was read what there is."""
        if self._revision is not None:
            for place in self._places():
                await self._bring(place)

    async def refresh(self) -> None:
        """Raises Unavailable."""
        revision = await self._store.revision()
        if revision == self._revision:
            return
        found = await self._store.all()
        by_user: dict[str, list[Device]] = {}
        for device in sorted(found.values(), key=lambda one: (one.created_at_ms, one.id)):
            by_user.setdefault(device.user, []).append(device)
        self._all, self._of, self._revision = found, by_user, revision

    async def states(self, username: str) -> dict[str, State]:
        """At each PBX of this process that can be asked."""
        found: dict[str, State] = {}
        for place in self._places():
            if (pbx := place.devices) is not None:
                try:
                    found[place.name] = await pbx.state(username)
                except Unavailable:
                    found[place.name] = "unknown"
        return found

    # ---- one PBX ------------------------------------------------------------------------------------------------

    async def _bring(self, place: Place) -> None:
        pbx = place.devices
        if pbx is None:
            return
        known = self._known.get(place.name)
        if known is None or known.pbx is not pbx:
            if known is not None:
                await known.pbx.close()
            known = self._known[place.name] = _Known(pbx)
        if self._clock_s() < known.again_s:
            return
        try:
            await self._tell(place, known)
        except Unavailable as e:
            log.info("devices not told, trying again", node=place.name, why=str(e))
        except NotProvided as e:
            known.again_s = self._clock_s() + TOLD_AGAIN_S
            log.warning("devices cannot register there", node=place.name, why=str(e))

    async def _tell(self, place: Place, known: _Known) -> None:
        if (sighted := place.sighted) != known.sighted:
            there = await known.pbx.names()
            for stray in there - self._all.keys():  # removed while nobody of us had this PBX
                known.told.pop(stray, None)
                await known.pbx.remove(stray)
            known.told = {name: device for name, device in known.told.items() if name in there}
            known.sighted = sighted
        for name in known.told.keys() - self._all.keys():
            await known.pbx.remove(name)
            del known.told[name]
        news = [device for name, device in self._all.items() if known.told.get(name) != device]
        if news:
            await known.pbx.put(news)
            known.told |= {device.username: device for device in news}
            log.info("devices told", node=place.name, new=len(news), known=len(known.told))


async def _again_and_again(look: Callable[[], Awaitable[None]]) -> None:
    while True:
        await look()
        await asyncio.sleep(LOOK_S)
