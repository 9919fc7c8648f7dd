"""What is known of the trunks after a run: which version was in force when, what is owed over each, the lines that are
still counted, and whether files, index, Asterisk and apps say the same. Gathers; judges none of it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import redis

from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.link import Link
from ari_app.config import Settings
from ari_app.domain.costing import LegCost, day_of
from ari_app.domain.trunks import Trunk
from ari_app.stack.marks import sections
from ari_app.trunk_tools.asking import Ari, Silent
from ari_app.trunk_tools.costs import legs_of
from ari_app.trunk_tools.pbxes import rendered
from ari_app.trunk_tools.verifying import untaken
from ari_app.trunk_versions import Entry, Versions
from tests.chaos.admin import Command
from tests.chaos.carriers import CARRIERS
from tests.ringbridge import now_ms
from tests.support import until_sync

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse

TIMEZONE = "Asia/Shanghai"
CLOCKS_APART_MS = 2 * 3_600_000
"""More than the clock of an app is ever set forwards or backwards."""
TOLD_WITHIN_MS = 20_000
"""An apply of which nobody knows when it came to its end."""
SAYS_WITHIN_S = 20.0
KINDS = ("endpoint", "aor", "identify", "auth", "registration")


@dataclass(frozen=True)
class InForce:
    """A version, and the time in which it may have been in force. `until_ms` None: it still is."""

    version: int
    trunks: Mapping[str, Trunk]
    from_ms: int
    until_ms: int | None = None

    def touches(self, from_ms: int, until_ms: int) -> bool:
        return self.from_ms <= until_ms and (self.until_ms is None or from_ms <= self.until_ms)


@dataclass(frozen=True)
class Owed:
    legs: int = 0
    answered: int = 0
    micro: int = 0


@dataclass(frozen=True)
class TrunkFacts:
    costs: Sequence[LegCost] = ()
    report: Mapping[str, Owed] = field(default_factory=dict)
    """By trunk, as the API adds it up."""
    lines: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Trunk → channel → when it was seen last, of those that count."""
    in_force: Sequence[InForce] = ()
    history: Sequence[Entry] = ()
    commands: Sequence[Command] = ()
    discords: Sequence[str] = ()
    """Where two that should say the same of the trunks do not."""
    rested: Mapping[str, int] = field(default_factory=dict)
    """How often each was rested, by the apps' logs."""


def gather_trunks(house: ChaosHouse) -> TrunkFacts:
    versions = house.admin.versions
    history = versions.index().entries
    return TrunkFacts(
        costs=_costs(house), report=_report(house), lines=_lines(house.ground.info.redis_url),
        in_force=list(_in_force(versions, history, house.admin.commands)), history=history,
        commands=list(house.admin.commands), discords=list(_discords(house)), rested=_rested(house),
    )  # fmt: skip


# ---- money ----------------------------------------------------------------------------------------------------------


def _months() -> list[str]:
    now = now_ms()
    return sorted({day_of(at, TIMEZONE)[:7] for at in (now - CLOCKS_APART_MS, now, now + CLOCKS_APART_MS)})


def _costs(house: ChaosHouse) -> list[LegCost]:
    """Every line of every day: a leg that was noted on two days comes twice."""

    async def read(link: Link) -> list[LegCost]:
        costs = RedisCosts(link, TIMEZONE)
        return [leg for month in _months() async for leg in legs_of(costs, month)]

    found: list[LegCost] = house.ground.with_redis(read)
    return found


def _report(house: ChaosHouse) -> dict[str, Owed]:
    total: dict[str, Counter[str]] = {}
    for month in _months():
        for one in until_sync(partial(_settlement, house, month), SAYS_WITHIN_S, "the API reports", every_s=0.2):
            micro = sum(cost["micro"] for cost in one["cost"])
            told = {"legs": one["legs"], "answered": one["answered"], "micro": micro}
            total.setdefault(one["trunk"], Counter()).update(told)
    return {trunk: Owed(**sums) for trunk, sums in total.items()}


def _settlement(house: ChaosHouse, month: str) -> list[dict[str, Any]] | None:
    answer = house.api.ask("GET", f"/v1/reports/settlement?month={month}")
    if answer is None or answer.status != 200:
        return None
    return [*answer.body["trunks"], {"trunk": "", "legs": 0, "answered": 0, "cost": []}]  # "": never nothing


# ---- lines ----------------------------------------------------------------------------------------------------------


def _lines(url: str) -> dict[str, dict[str, int]]:
    with redis.Redis.from_url(url) as store:
        found = {name: store.zrange(f"{{t:{name}}}:lines", 0, -1, withscores=True) for name in CARRIERS}
    return {name: {channel.decode(): int(seen) for channel, seen in lines} for name, lines in found.items()}


def _rested(house: ChaosHouse) -> dict[str, int]:
    logs = [app.log.read_text(errors="replace") for app in house.apps]
    lines = [line for log in logs for line in log.splitlines() if '"trunk rested"' in line]
    return {name: sum(f'"{name}"' in line for line in lines) for name in CARRIERS}


# ---- versions -------------------------------------------------------------------------------------------------------


def _in_force(versions: Versions, history: Sequence[Entry], commands: Sequence[Command]) -> Iterator[InForce]:
    applied = [one for one in history if one.outcome == "applied"]
    for one, after in zip(applied, [*applied[1:], None], strict=True):
        trunks = {trunk.name: trunk for trunk in versions.trunks_of(one.version)}
        yield InForce(one.version, trunks, one.at_ms, None if after is None else _known_by_ms(after, commands))


def _known_by_ms(entry: Entry, commands: Sequence[Command]) -> int:
    """When it was in force, at the latest."""
    ends = [one.until_ms for one in commands if one.said and one.said["version"] == entry.version and one.until_ms]
    return min(ends, default=entry.at_ms + TOLD_WITHIN_MS)


def _discords(house: ChaosHouse) -> Iterator[str]:
    versions = house.admin.versions
    now = versions.in_force()
    if now is None:
        yield "nothing is in force"
        return
    if versions.is_applying():
        yield "an apply that was killed was not taken back"
    for half in (*versions.home.glob(".*"), *house.servers.told.parent.glob(".*")):
        yield f"{half.name} was left by one who was killed"
    settings = house.apps[0].settings
    text = rendered(Settings(ari_url=settings["ARI_URL"], media_timeout_s=int(settings["MEDIA_TIMEOUT_S"])), now.trunks)
    if house.servers.told.read_text() != text:
        yield f"the file of Asterisk is not that of version {now.version}"
    yield from _of_asterisk(house, text)
    wanted = {trunk.name: trunk.priority for trunk in now.trunks}
    for n, app in enumerate(house.apps):
        if (shown := _taken_up(lambda app=app: _priorities(app), wanted)) != wanted:  # type: ignore[misc]
            yield f"app {n} goes by {shown}, and version {now.version} says {wanted}"


def _of_asterisk(house: ChaosHouse, text: str) -> Iterator[str]:
    info, told = house.ground.info, sections(text)
    known = {one.key for one in told}
    gone = [(kind, name) for kind in KINDS for name in CARRIERS if (kind, name) not in known]
    try:
        yield from untaken(Ari(info.ari_url, info.ari_user, info.ari_password), told, gone)
    except Silent as why:
        yield str(why)


def _taken_up(look: Any, wanted: Mapping[str, int]) -> Mapping[str, int]:
    deadline = time.monotonic() + SAYS_WITHIN_S
    while (shown := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    return dict(shown or {})


def _priorities(app: Any) -> dict[str, int] | None:
    answer = app.said("GET", "/v1/trunks")
    if answer is None or answer.status != 200:
        return None
    return {one["name"]: one["priority"] for one in answer.body["trunks"]}
