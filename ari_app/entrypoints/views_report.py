"""What a month's carriers are owed, as the API tells it and the CLI shows it: added up trunk by trunk and day by day,
so that no number of legs fills the memory. Reads the Costs port; what a leg costs is domain/costing.py's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ari_app.domain.costing import day_of, days_of, ends_at_ms
from ari_app.domain.forecast import HOW, forecast
from ari_app.domain.units import worth_micro
from ari_app.entrypoints.views import Cost, Time, rfc3339
from ari_app.ports.costs import KEPT_DAYS, Costs

MICRO = "micro:"
NOTED_WITHIN_MS = 600_000
"""A call's legs are noted some seconds after its end."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Of the settings, what a report needs. `worth_micro`: of a charged minute; 0: no margin is shown."""

    timezone: str = "Asia/Shanghai"
    worth_micro: int = 0
    currency: str = "CNY"
    kept_days: int = KEPT_DAYS
    talk_max_s: int = 7_200


class Sums(msgspec.Struct):
    """`talk_s`: each leg cut down to whole seconds; `billed_s`: by the increments of its price. `unpriced`: answered
    legs whose trunk had no price. `cost`: one for each currency."""

    legs: int
    answered: int
    unanswered: int
    talk_s: int
    billed_s: int
    charged_s: Annotated[int, Meta(description="Seconds taken from users.")]
    unpriced: int
    cost: list[Cost]


class TrunkOwed(Sums):
    trunk: str


class DayOwed(Sums):
    day: str
    complete: bool


class SettlementView(msgspec.Struct):
    """A month, by the operator's clock. `trunks` by name; `total` all of them together. `days`: those that have begun,
    and are kept."""

    month: str
    timezone: str
    as_of: Time
    trunks: list[TrunkOwed]
    days: list[DayOwed]
    total: Sums
    worth: Annotated[
        Cost | None, Meta(description="Of the charged minutes; null where the setting `minute_worth` is 0.")
    ]
    margin: Annotated[Cost | None, Meta(description="`worth` less the costs; null where these have another currency.")]
    forecast: Annotated[list[Cost] | None, Meta(description="Of the costs at the month's end; null where it is over.")]
    forecast_how: str
    incomplete_days: list[str]
    warnings: list[str]


@dataclass
class _Month:
    """What was added up."""

    by_trunk: dict[str, Counter[str]] = field(default_factory=dict)
    by_day: dict[str, Counter[str]] = field(default_factory=dict)
    total: Counter[str] = field(default_factory=Counter)

    def add(self, trunk: str, day: str, sums: Mapping[str, int]) -> None:
        for of in (self.by_trunk.setdefault(trunk, Counter()), self.by_day.setdefault(day, Counter()), self.total):
            of.update(sums)


async def settlement(costs: Costs, month: str, terms: Terms, now_ms: int) -> SettlementView:
    """`month` is one such as 2026-11, else ValueError. May raise Unavailable."""
    days, today = days_of(month), day_of(now_ms, terms.timezone)
    oldest = day_of(now_ms - terms.kept_days * 86_400_000, terms.timezone)
    begun = [day for day in days if oldest <= day <= today]
    found = _Month()
    for trunk in await costs.trunks(month):
        for day in begun:
            found.add(trunk, day, await costs.sums(trunk, day))
    finished = [day for day in begun if _is_finished(day, terms, now_ms)]
    incomplete = [day for day in days if day <= today and day not in finished]
    worth, margin = _margin(found.total, terms)
    return SettlementView(
        month=month, timezone=terms.timezone, as_of=rfc3339(now_ms),
        trunks=[TrunkOwed(**_sums(sums), trunk=trunk) for trunk, sums in sorted(found.by_trunk.items())],
        days=[
            DayOwed(**_sums(found.by_day.get(day, Counter())), day=day, complete=day in finished) for day in begun
        ],
        total=Sums(**_sums(found.total)), worth=worth, margin=margin,
        forecast=_forecast(found, days, finished) if days[-1] >= today else None, forecast_how=HOW,
        incomplete_days=incomplete, warnings=list(_warnings(found, days, oldest, terms)),
    )  # fmt: skip


def _is_finished(day: str, terms: Terms, now_ms: int) -> bool:
    """No call of that day can go on any more."""
    return now_ms >= ends_at_ms(day, terms.timezone) + 1000 * terms.talk_max_s + NOTED_WITHIN_MS


def _sums(sums: Mapping[str, int]) -> dict[str, Any]:
    told = {name: sums.get(name, 0) for name in ("legs", "answered", "talk_s", "billed_s", "charged_s")}
    more = {"unanswered": told["legs"] - told["answered"], "unpriced": sums.get("free", 0)}
    return {**told, **more, "cost": [Cost(sums[f"{MICRO}{of}"], of) for of in _currencies(sums)]}


def _currencies(sums: Mapping[str, int]) -> list[str]:
    return sorted(name.removeprefix(MICRO) for name, micro in sums.items() if name.startswith(MICRO) and micro)


def _margin(total: Mapping[str, int], terms: Terms) -> tuple[Cost | None, Cost | None]:
    if not terms.worth_micro:
        return None, None
    worth = worth_micro(total.get("charged_s", 0), terms.worth_micro)
    if set(_currencies(total)) - {terms.currency}:
        return Cost(worth, terms.currency), None
    margin = worth - total.get(f"{MICRO}{terms.currency}", 0)
    return Cost(worth, terms.currency), Cost(margin, terms.currency)


def _forecast(found: _Month, days: Sequence[str], finished: Sequence[str]) -> list[Cost] | None:
    told = []
    for currency in _currencies(found.total):
        of = {day: sums[f"{MICRO}{currency}"] for day, sums in found.by_day.items()}
        micro = forecast(days, finished, of)
        if micro is None:
            return None
        told.append(Cost(micro, currency))
    return told or None


def _warnings(found: _Month, days: Sequence[str], oldest: str, terms: Terms) -> Iterator[str]:
    for trunk, sums in sorted(found.by_trunk.items()):
        if free := sums.get("free", 0):
            yield f"{trunk}: {free} answered legs have no price, and count as nothing; see its price and its deck."
    if days[0] < oldest:
        yield f"What was before {oldest} is not kept any more (cost_days = {terms.kept_days})."
    others = sorted(set(_currencies(found.total)) - {terms.currency})
    if terms.worth_micro and others:
        yield f"No margin is shown: minute_worth is in {terms.currency}, and there are costs in {', '.join(others)}."
