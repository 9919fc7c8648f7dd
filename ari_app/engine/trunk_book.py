"""The trunks as they are in force now, for whoever routes a call or shows them. Replaced as a whole, while calls go on.

Knows the trunks, not where they come from; begins nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ari_app.domain.trunks import Trunk, in_order


class TrunkBook:
    def __init__(self, trunks: Sequence[Trunk]) -> None:
        self._trunks = tuple(trunks)

    @property
    def trunks(self) -> tuple[Trunk, ...]:
        """In the file's order."""
        return self._trunks

    def replace(self, trunks: Sequence[Trunk]) -> None:
        """For calls that are accepted from now on; those that live keep the routes that they have."""
        self._trunks = tuple(trunks)

    def find(self, name: str) -> Trunk | None:
        return next((trunk for trunk in self._trunks if trunk.name == name), None)

    def order(self, number: str, key: str) -> Sequence[Trunk]:
        """Every trunk that takes the number, the first to try first. See domain.trunks.in_order."""
        return in_order(number, self._trunks, key)
