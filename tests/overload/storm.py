"""A storm of calls on a real stack: how many it carries, and what happened to each call of a storm of twice as many.

What a call's set-up took is read from the records of the two Asterisks, which know neither the app nor this load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ari_app.stack import StackInfo
from tests.bench.machine import resident_kb
from tests.bench.measure import percentile
from tests.bench.witness import Witness
from tests.ground import Ground, laid
from tests.overload.load import Asked, Load, pairs, user_name, user_number
from tests.overload.machine import Busy, Meter
from tests.ringbridge import Ringbridge
from tests.support import until

USERS = 60
STAYS, LEAVES = "35", "36"
"""Last two digits of the storm's phones: silent, and answer at once. 36 is its own, and hangs up after TALK_S."""
TALK_S = 1.0
SETTLES_S = 10
CAPACITY_FIRST_PER_S, CLIMB_S = 10.0, 1.5
SETTINGS = {
    "SETUP_LAG_MAX_S": "0.15",  # the shipped value: without it no call of a test is refused
    "MEDIA_TIMEOUT_S": "0",
    "INCREMENT": "1/1",
    "MAX_LIVE_CALLS": "1000",
    "MAX_CALLS": "5000",
    "LOG_LEVEL": "warning",
}


@dataclass(frozen=True)
class Blow:
    """One stretch of the storm."""

    rate_per_s: float
    for_s: float
    asked: Sequence[Asked]
    busy: Busy

    @property
    def let_in(self) -> list[Asked]:
        return [one for one in self.asked if one.status == 201]

    @property
    def refused(self) -> list[Asked]:
        return [one for one in self.asked if one.status != 201]

    @property
    def let_in_per_s(self) -> float:
        return len(self.let_in) / self.for_s

    @property
    def answers_ms(self) -> list[float]:
        """Of those that were refused."""
        return [one.took_ms for one in self.refused]

    def __str__(self) -> str:
        return (
            f"{self.rate_per_s:.0f}/s for {self.for_s:g} s: {len(self.let_in)} calls: {self.let_in_per_s:.1f}/s, "
            f"{len(self.refused)} refused within p50 {percentile(self.answers_ms, 50):.0f} p99 "
            f"{percentile(self.answers_ms, 99):.0f} ms; {self.busy}"
        )


@dataclass
class Storm:
    ground: Ground
    app: Ringbridge
    pids: dict[str, int]
    load: Load = field(init=False)

    def __post_init__(self) -> None:
        self.load = Load(self.app, pairs(USERS, STAYS, LEAVES))
        self._witness = Witness(self.ground.info)

    async def blow(self, rate_per_s: float, for_s: float) -> Blow:
        meter = Meter(self.pids)
        asked = await self.load.at(rate_per_s, for_s)
        return Blow(rate_per_s, for_s, asked, meter.read())

    async def capacity_per_s(self) -> float:
        """Calls a second that are let in where twice as many are asked for: looked for from below."""
        best = CAPACITY_FIRST_PER_S
        while True:
            blow = await self.blow(2 * best, CLIMB_S)
            if blow.let_in_per_s < 1.2 * best:
                return max(best, blow.let_in_per_s)
            best = blow.let_in_per_s

    async def set_ups_ms(self, asked: Sequence[Asked]) -> list[float]:
        """Of those that were let in, and are set up now or soon."""

        def found() -> list[float] | None:
            self._witness.read()
            known = [self._witness.set_up(one) for one in asked]
            set_up = [one.whole_ms for one in known if one is not None]
            return set_up if len(set_up) == len(asked) else None

        return await until(found, within_s=SETTLES_S, what=f"{len(asked)} calls are set up", every_s=0.5)

    async def one_ms(self) -> float | None:
        """The set-up of one call on its own; None: it was refused."""
        one = await self.load.one()
        if one.status == 503:
            return None
        assert one.status == 201, one
        return await until(lambda: self._set_up_ms(one), within_s=10, what=f"{one} is set up")

    def _set_up_ms(self, one: Asked) -> float | None:
        self._witness.read()
        found = self._witness.set_up(one)
        return None if found is None else found.whole_ms

    def memory_kb(self) -> int:
        return resident_kb(self.pids["app"])

    def queues(self) -> dict[str, float]:
        """Asterisk's task processors: how full each was at its fullest, by its high-water mark."""
        rows = [line.split() for line in self.ground.rx("core show taskprocessors").splitlines()]
        found = {row[0]: int(row[3]) / int(row[5]) for row in rows if len(row) == 8 and row[3].isdigit()}
        assert any(name.startswith("stasis/m:ari:application/") for name in found)
        return found


@contextmanager
def storm(home: Path, **settings: str) -> Iterator[Storm]:
    with laid(home, media_timeout_s=0) as ground:
        ground.add_phone(LEAVES, "Answer(,i)", f"Wait({TALK_S:g})", "Hangup(16)")
        app = Ringbridge(home, **SETTINGS, **settings).start()
        try:
            for n in range(USERS):
                app.user(user_name(n), user_number(n, STAYS))
            yield Storm(ground, app, _pids(ground.info, ground, app))
        finally:
            app.terminate()


def _pids(_info: StackInfo, ground: Ground, app: Ringbridge) -> dict[str, int]:
    assert app.process is not None
    running = {one.part: one.pid for one in ground.stack.status() if one.pid is not None}
    return {"pbx": running["pbx"], "carrier": running["carrier"], "redis": running["redis"], "app": app.process.pid}
