"""What may be spent in a day: of a user, of a team, over a trunk. An alarm is told once; at the stop further calls are
refused (over a trunk: go elsewhere) until the operator's day turns.

What counts is what was noted of calls that ended today, and what those of this process cost so far that are not noted
yet. Calls that live in other processes count when they end. Currencies are not converted: each is compared with the
same figure.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from ari_app.domain.call import Call
from ari_app.domain.costing import begins_at_ms, costs_so_far, day_of, ends_at_ms
from ari_app.domain.errors import Unavailable
from ari_app.domain.trunks import Trunk
from ari_app.engine.asks import Refusal
from ari_app.ports.costs import Costs, Payer

log = structlog.get_logger()

LOOK_S = 2.0
"""A trunk's day is looked at so often, so that it is at its stop for at most so long before anybody heeds it."""
MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Spend:
    """Millionths a day. 0: none."""

    alarm_micro: int = 0
    max_micro: int = 0

    def __bool__(self) -> bool:
        return bool(self.alarm_micro or self.max_micro)


@dataclass(frozen=True, slots=True)
class SpendRules:
    user: Spend = Spend()
    team: Spend = Spend()
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class SpendWatch:
    """What an outsider may want to know: told, not asked. Used for metrics."""

    alarm: Callable[[Payer], None] = lambda _kind: None
    trunks: Callable[[Mapping[str, Mapping[str, int]], Iterable[str]], None] = lambda _spent, _stopped: None
    """Trunk → currency → millionths, of those that have a limit; and which are at their stop."""


@dataclass(slots=True)
class _Told:
    day: str = ""
    names: set[tuple[Payer, str, str]] = field(default_factory=set)


class Spending:
    def __init__(
        self, costs: Costs, rules: SpendRules, *, unnoted: Callable[[], Iterable[Call]], now_ms: Callable[[], int],
        trunks: Callable[[], Sequence[Trunk]] = lambda: (), watch: SpendWatch | None = None,
    ) -> None:  # fmt: skip
        """`unnoted`: the calls of this process of which `costs` does not know yet what they cost."""
        self._costs = costs
        self._rules = rules
        self._unnoted = unnoted
        self._now_ms = now_ms
        self._trunks = trunks
        self._watch = watch or SpendWatch()
        self._told = _Told()
        self._spent_trunks: frozenset[str] = frozenset()
        self._spent_day = ""

    # ---- users and teams ----------------------------------------------------------------------------------------

    async def refused(self, call: Call) -> Refusal | None:
        """May raise Unavailable."""
        for kind, name, limit in self._payers(call):
            spent = await self._spent(kind, name)
            self._alarm(kind, name, limit, spent)
            if _is_over(spent, limit.max_micro):
                return self._refusal(kind)
        return None

    async def ended(self, call: Call) -> None:
        """For the alarm: the last call of a day may be the dear one. May raise Unavailable."""
        for kind, name, limit in self._payers(call):
            if limit.alarm_micro:
                self._alarm(kind, name, limit, await self._spent(kind, name))

    def _payers(self, call: Call) -> Iterator[tuple[Payer, str, Spend]]:
        if self._rules.user and call.payer:
            yield "user", call.payer, self._rules.user
        if self._rules.team and call.team:
            yield "team", call.team, self._rules.team

    def _refusal(self, kind: Payer) -> Refusal:
        now_ms = self._now_ms()
        again_ms = ends_at_ms(day_of(now_ms, self._rules.timezone), self._rules.timezone) - now_ms
        whose = "this user" if kind == "user" else "this user's team"
        sentence = f"The calls of {whose} have cost as much today as they may in a day."
        again_s = max(1, -(-again_ms // 1000))
        return Refusal("too-many-calls", sentence, "caller", retry_after_s=again_s, rule=f"{kind}-spend-a-day")

    # ---- trunks -------------------------------------------------------------------------------------------------

    def is_spent(self, trunk: str) -> bool:
        """At its stop, as of the last look; what was found on another day is over."""
        is_today = self._spent_day == day_of(self._now_ms(), self._rules.timezone)
        return is_today and trunk in self._spent_trunks

    async def run(self) -> None:
        """For ever. Where the store is away, what was known last stands."""
        while True:
            try:
                await self.look()
            except Unavailable as e:
                log.debug("trunks' spending not looked at", why=str(e))
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Raises Unavailable."""
        limits = {one.name: Spend(one.spend_alarm_micro, one.spend_max_micro) for one in self._trunks()}
        limits = {name: limit for name, limit in limits.items() if limit}
        day = day_of(self._now_ms(), self._rules.timezone)  # before: what is spent of the next day is not today's
        spent = {name: await self._spent("trunk", name) for name in limits}
        for name, limit in limits.items():
            self._alarm("trunk", name, limit, spent[name])
        stopped = frozenset(name for name, limit in limits.items() if _is_over(spent[name], limit.max_micro))
        for name in sorted(stopped ^ self._spent_trunks):
            said = "trunk at its stop for today" if name in stopped else "trunk may be used again"
            log.warning(said, trunk=name, spent=_money(spent.get(name, {})))
        self._spent_trunks, self._spent_day = stopped, day
        self._watch.trunks(spent, stopped)

    # ---- what was spent -----------------------------------------------------------------------------------------

    async def _spent(self, kind: Payer, name: str) -> Mapping[str, int]:
        """Today, by currency. The store is asked last: what is noted meanwhile is counted twice rather than not."""
        now_ms = self._now_ms()
        day = day_of(now_ms, self._rules.timezone)
        since_ms, total = begins_at_ms(day, self._rules.timezone), Counter[str]()
        for call in self._unnoted():
            if _may_cost(call, kind, name):
                for route, answered_at_ms, micro in costs_so_far(call, max(now_ms, call.now_ms)):
                    if answered_at_ms >= since_ms and (kind != "trunk" or route.trunk == name):
                        total[route.currency] += micro
        total.update(await self._costs.spent(kind, name, day))
        return total

    def _alarm(self, kind: Payer, name: str, limit: Spend, spent: Mapping[str, int]) -> None:
        """Once a day and name, of each process."""
        if not _is_over(spent, limit.alarm_micro):
            return
        day = day_of(self._now_ms(), self._rules.timezone)
        if day != self._told.day:
            self._told = _Told(day)
        if (one := (kind, name, day)) not in self._told.names:
            self._told.names.add(one)
            log.warning("spending alarm", kind=kind, name=name, spent=_money(spent), alarm=limit.alarm_micro / MICRO)
            self._watch.alarm(kind)


def _is_over(spent: Mapping[str, int], most_micro: int) -> bool:
    return most_micro > 0 and any(micro >= most_micro for micro in spent.values())


def _may_cost(call: Call, kind: Payer, name: str) -> bool:
    """All these calls are looked at whenever one is to begin, and for each trunk that has a limit."""
    match kind:
        case "user":
            return call.payer == name
        case "team":
            return call.team == name
    return any(route.trunk == name for leg in call.legs for route in leg.routes[: len(leg.tries)])


def _money(spent: Mapping[str, int]) -> str:
    return ", ".join(f"{micro / MICRO:.2f} {currency}" for currency, micro in sorted(spent.items())) or "nothing"
