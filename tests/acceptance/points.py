"""Every question that one plain callback asks of the PBX and of Redis, by name, in the order of the call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.acceptance.house import House
from tests.acceptance.taps import Side, Tap


@dataclass(frozen=True)
class Point:
    name: str
    server: str  # ari or redis
    words: tuple[str, ...]
    skip: int = 0
    reasons: frozenset[str] = frozenset({"completed"})

    def tap(self, house: House) -> Tap:
        return house.ari if self.server == "ari" else house.redis

    @property
    def match(self) -> Callable[[str], bool]:
        return lambda said: all(word in said for word in self.words)


def _ari(name: str, *words: str, also: str = "") -> Point:
    return Point(name, "ari", words, reasons=frozenset({"completed", also} - {""}))


def _redis(name: str, *words: str, skip: int = 0, also: str = "") -> Point:
    return Point(name, "redis", words, skip, frozenset({"completed", also} - {""}))


# A channel that was made and not dialled is nobody's call: its trunk gives no sign.
POINTS = (
    _redis("create", "script create"),
    _redis("hold", "script hold"),
    _redis("save 0", "script save"),
    _ari("create caller", "endpoint=", ".caller.0", also="trunk_failed"),
    _ari("dial caller", ".caller.0/dial", also="trunk_failed"),
    _ari("open bridge", "POST bridges/", "mixing"),
    _redis("save 1", "script save", skip=1),
    _ari("join caller", "addChannel", ".caller.0"),
    _redis("save 2", "script save", skip=2),
    _ari("create callee", "POST channels/create", also="trunk_failed"),
    _ari("join callee", "addChannel", ".callee.0", also="trunk_failed"),
    _ari("dial callee", ".callee.0/dial", also="trunk_failed"),
    _redis("save 3", "script save", skip=3),
    _ari("timer of the callee", ".callee.0/variables"),
    _ari("timer of the caller", ".caller.0/variables"),
    _redis("save 4", "script save", skip=4),
    _ari("hang up caller", "DELETE channels", ".caller.0"),
    _ari("hang up callee", "DELETE channels", ".callee.0"),
    _ari("close bridge", "DELETE bridges"),
    _redis("save 5", "script save", skip=5),
    _redis("settle", "script settle"),
    _redis("close", "SREM"),
)
SIDES: tuple[Side, ...] = ("before", "after")
ALL = [(point, side) for point in POINTS for side in SIDES]
FEW = [
    (point, side)
    for point, side in ALL
    if (point.name, side)
    in {
        ("hold", "after"),
        ("dial caller", "after"),
        ("create callee", "after"),
        ("timer of the callee", "before"),
        ("settle", "after"),
    }
]
"""Those at which the most is at stake."""
CUT_FEW = [(point, side) for point, side in ALL if (point.name, side) in {("create callee", "before")}]
