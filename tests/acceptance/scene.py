"""Calls that stand at every step at one moment: one blow then hits all of them.

Each line: the two phones, what the request says more, and how the call may end when the blow lasts until all phones
have done what they do by themselves (`long`), or is over at once (`short`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.drive import Drive
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import phone_of

Ends = frozenset[tuple[str, str]]


def _ends(*pairs: str) -> Ends:
    return frozenset((pair.split()[0], pair.split()[1]) for pair in pairs)


@dataclass(frozen=True)
class Line:
    caller: str
    callee: str
    short: Ends
    long: Ends
    more: dict[str, Any] = field(default_factory=dict)


TALKED = _ends("completed api")

LINES = {
    "talking": Line("01", "02", TALKED, TALKED),
    "talking on the last minutes": Line(
        "10", "10", _ends("balance_empty system"), _ends("balance_empty system"), {"minutes_s": 6}
    ),
    "talking, callee hangs up": Line("10", "26", _ends("completed callee"), _ends("completed callee")),
    "callee rings and answers": Line("10", "21", TALKED, TALKED),
    "callee rings, caller hangs up": Line("26", "23", _ends("caller_gave_up caller"), _ends("caller_gave_up caller")),
    "callee is gone as he answers": Line("10", "32", _ends("completed callee"), _ends("completed callee")),
    "callee cannot be reached": Line(
        "10", "27", _ends("callee_unreachable callee"), _ends("callee_unreachable callee")
    ),
    "caller rings and answers": Line("21", "10", TALKED, TALKED),
    "caller cannot be reached": Line(
        "27", "10", _ends("caller_unreachable caller"), _ends("caller_unreachable caller")
    ),
    "caller is gone as he answers": Line("32", "10", _ends("caller_gave_up caller"), _ends("caller_gave_up caller")),
    # Pressing 1 while nobody listens is not heard; the caller is asked again, and this phone presses only once.
    "caller is asked to press 1": Line(
        "28", "10", _ends("completed api", "caller_not_confirmed system"),
        _ends("completed api", "caller_not_confirmed system"), {"confirm_caller": True},
    ),
    "caller never presses 1": Line(
        "10", "10", _ends("caller_not_confirmed system"), _ends("caller_not_confirmed system"),
        {"confirm_caller": True},
    ),
}  # fmt: skip


class Scene:
    """All calls of LINES, placed at once."""

    def __init__(self, house: House, drive: Drive) -> None:
        self.house = house
        self.calls: dict[str, Placed] = {}
        for name, line in LINES.items():
            self.calls[name] = drive.place(line.caller, line.callee, **line.more)

    def until_at_every_step(self) -> None:
        """Every phone that is to be rung now rings, or has answered: the carrier's word."""
        for name, call in self.calls.items():
            for number in self._first_rung(name, call):
                self.house.until(self._is_rung(number), 5, f"{name}: the carrier has the call to {number}")

    def _first_rung(self, name: str, call: Placed) -> list[str]:
        waits_for_caller = name.startswith("caller ")
        return [call.caller] if waits_for_caller else [call.caller, call.callee]

    def _is_rung(self, number: str) -> Callable[[], bool]:
        return lambda: phone_of(self.house.ground, number) is not None

    def until_the_phones_have_acted(self) -> None:
        """Everybody who hangs up, answers or is gone by himself has done so."""
        ends = ("callee hangs up", "caller hangs up", "is gone", "cannot be reached")
        for name, call in self.calls.items():
            if not name.endswith(ends) and "is gone" not in name:
                continue
            by_caller = name.startswith("caller") or "caller hangs up" in name
            number = call.caller if by_caller else call.callee
            self.house.until(self._is_over(number), 8, f"{name}: {number} has hung up")

    def _is_over(self, number: str) -> Callable[[], bool]:
        def is_over() -> bool:
            phone = phone_of(self.house.ground, number)
            return phone is not None and phone.ended_at_ms is not None

        return is_over
