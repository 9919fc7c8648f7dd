"""The trunks as they are in force now, for whoever routes a call or shows them. Replaced as a whole, while calls go on.

Knows the trunks and how they fare, not where they come from; begins nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ari_app.domain.costing import day_of, ends_at_ms
from ari_app.domain.hours import is_open, opens_at_ms
from ari_app.domain.trunks import Trunk, in_order
from ari_app.engine.trunk_health import Health, TrunkHealth


class TrunkBook:
    """`timezone`: of the trunks' hours. `is_spent`: whether a trunk (by its name) has cost as much today as it may."""

    def __init__(
        self, trunks: Sequence[Trunk], health: TrunkHealth | None = None, timezone: str = "UTC", *,
        is_spent: Callable[[str], bool] = lambda _trunk: False,
    ) -> None:  # fmt: skip
        self.replace(trunks)
        self._health = health or TrunkHealth()
        self._timezone = timezone
        self._is_spent = is_spent

    @property
    def trunks(self) -> tuple[Trunk, ...]:
        """In the file's order."""
        return self._trunks

    def replace(self, trunks: Sequence[Trunk]) -> None:
        """For calls that are accepted from now on; those that live keep the routes that they have."""
        self._trunks = tuple(trunks)
        self._by_name = {trunk.name: trunk for trunk in self._trunks}

    def find(self, name: str) -> Trunk | None:
        return self._by_name.get(name)

    def health(self, name: str) -> Health:
        """As this process sees it."""
        return self._health.of(name)

    def is_spent(self, name: str) -> bool:
        """It has cost as much today as it may."""
        return self._is_spent(name)

    def closed_until_ms(self, trunk: Trunk, at_ms: int) -> int | None:
        """None: it takes calls at this time."""
        if is_open(trunk.hours, at_ms, self._timezone):
            return None
        return opens_at_ms(trunk.hours, at_ms, self._timezone)

    def order(self, number: str, key: str, at_ms: int = 0) -> Sequence[Trunk]:
        """Every trunk that takes the number at this time, the first to try first (domain.trunks.in_order); those that
        are rested or cannot be reached go last, for want of others."""
        open_now = [
            trunk for trunk in self._trunks
            if is_open(trunk.hours, at_ms, self._timezone) and not self._is_spent(trunk.name)
        ]  # fmt: skip
        found = in_order(number, open_now, key, at_ms)
        return sorted(found, key=lambda trunk: self._health.unfit(trunk.name) is not None)  # stable: else as it was

    def takes(self, number: str) -> bool:
        """Whether any trunk does, be it of use now or not."""
        return any(trunk.reach(number) is not None for trunk in self._trunks)

    def opens_at_ms(self, number: str, at_ms: int) -> int | None:
        """When the first of those that take the number will take calls again, where none does now: by its hours, and
        when the day turns in which it has cost as much as it may. None: no trunk takes it, at any time."""
        closed = [trunk for trunk in self._trunks if trunk.reach(number) is not None]
        return min((self._opens_at_ms(trunk, at_ms) for trunk in closed), default=None)

    def _opens_at_ms(self, trunk: Trunk, at_ms: int) -> int:
        if self._is_spent(trunk.name):
            at_ms = ends_at_ms(day_of(at_ms, self._timezone), self._timezone)
        return self.closed_until_ms(trunk, at_ms) or at_ms
