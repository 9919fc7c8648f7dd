"""What a month will have cost by its end, from its days so far. Pure; knows no store and no clock."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from ari_app.domain.units import mean

HOW = (
    "Each day that is to come, or not over yet, counts as the mean of this month's finished days of the same weekday; "
    "where there is none yet, of all its finished days. A day that has cost more already counts as what it has cost."
)


def forecast(days: Sequence[str], finished: Collection[str], costs: Mapping[str, int]) -> int | None:
    """`days`: of the month, all of them; `costs`: of a day so far, in micro. None: no day is finished yet."""
    if not finished:
        return None
    total = 0
    for day in days:
        so_far = costs.get(day, 0)
        total += so_far if day in finished else max(so_far, _expected(day, finished, costs))
    return total


def _expected(day: str, finished: Collection[str], costs: Mapping[str, int]) -> int:
    weekday = date.fromisoformat(day).weekday()
    same = [one for one in finished if date.fromisoformat(one).weekday() == weekday]
    return mean([costs.get(one, 0) for one in same or finished])
