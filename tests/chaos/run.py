"""Carries a plan out: places its calls at their times, strikes with its faults at theirs, and waits for the end of all.

What it returns is a book of what was asked and what befell the house. It judges nothing.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos.asked import Asked
from tests.chaos.desk import ASKS_FOR_S, Desk
from tests.chaos.faults import Fault
from tests.chaos.house import Blow, ChaosHouse, sleep_until
from tests.chaos.plan import Plan, PlannedCall, PlannedFault
from tests.ringbridge import now_ms

WHOLE_WITHIN_S = 40.0
QUIET_S = 3.0
"""Between the last fault's end and the last word to calls that still live: they may end by themselves."""
TELLS_EVERY_S = 10.0


@dataclass
class Book:
    asked: list[Asked] = field(default_factory=list)
    blows: list[Blow] = field(default_factory=list)
    faults_over_ms: int = 0
    oddities: list[str] = field(default_factory=list)
    """What no fault excuses, and belongs to no call."""


class Run:
    def __init__(self, house: ChaosHouse, plan: Plan, say: Callable[[str], None]) -> None:
        self.house, self.plan, self.say = house, plan, say
        self.book = Book(blows=house.blows.all)
        self.over = threading.Event()
        self._began_s = 0.0
        self._now = "no fault"
        self._threads: list[threading.Thread] = []
        self._never = threading.Event()
        self._faults_over = threading.Event()

    def go(self) -> Book:
        self._began_s = time.monotonic()
        teller = threading.Thread(target=self._tell, daemon=True)
        traffic = threading.Thread(target=self._place_all, daemon=True)
        teller.start()
        traffic.start()
        for planned in self.plan.faults:
            sleep_until(self._began_s + planned.at_s, self._never)
            self._strike(planned)
        self._faults_over.set()
        traffic.join()
        self.book.faults_over_ms = now_ms()
        sleep_until(time.monotonic() + QUIET_S, self._never)
        self.over.set()
        for thread in self._threads:
            thread.join(ASKS_FOR_S)
        teller.join()
        if left := sum(thread.is_alive() for thread in self._threads):
            self.book.oddities.append(f"{left} calls had no end {ASKS_FOR_S:.0f} s after the last fault")
        return self.book

    # ---- traffic ------------------------------------------------------------------------------------------------

    def _place_all(self) -> None:
        for n, planned in enumerate((*self.plan.calls, *self.plan.spare)):
            is_spare = n >= len(self.plan.calls)
            if not sleep_until(self._began_s + planned.at_s, self._faults_over if is_spare else self._never):
                return
            thread = threading.Thread(target=self._place, args=(planned,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _place(self, planned: PlannedCall) -> None:
        try:
            planned.traffic.run(Desk(self.house, self.over, self.book.asked))
        except Exception:  # noqa: BLE001 - whatever it is, the run goes on and tells of it at the end
            self.book.oddities.append(f"{planned.traffic} stumbled: {traceback.format_exc(limit=-3)}")

    # ---- faults -------------------------------------------------------------------------------------------------

    def _strike(self, planned: PlannedFault) -> None:
        blows: list[Blow] = []
        try:
            self._have(planned.fault, planned.second, blows)
        except Exception:  # noqa: BLE001 - likewise
            self.book.oddities.append(f"{planned} stumbled: {traceback.format_exc(limit=-3)}")
        deadline = time.monotonic() + WHOLE_WITHIN_S
        while not self.house.is_whole():
            if time.monotonic() > deadline:
                self.book.oddities.append(f"no call could be placed {WHOLE_WITHIN_S:.0f} s after {planned}")
                break
            time.sleep(0.1)
        for blow in blows:
            blow.until_ms = now_ms()
        self._now = "no fault"

    def _have(self, fault: Fault, second: Fault | None, blows: list[Blow]) -> None:
        name = type(fault).__name__
        self._now = f"{self._now}, {name}" if blows else name
        blow = self.house.blows.begin(name, fault.targets, str(fault))
        blows.append(blow)
        try:
            fault.strike(self.house)
            blow.struck_ms = now_ms()
            sleep_until(time.monotonic() + fault.lasts_s / (2 if second else 1), self._never)
            if second is not None:
                self._have(second, None, blows)
        finally:
            fault.end(self.house)

    # ---- progress -----------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        while not self.over.wait(TELLS_EVERY_S):
            asked = list(self.book.asked)
            ended = sum(one.state == "ended" for one in asked)
            self.say(
                f"{time.monotonic() - self._began_s:4.0f} s: {len(asked)} of {len(self.plan.calls)} calls placed, "
                f"{ended} ended; {len(self.book.blows)} of {self.plan.fault_count} faults; now: {self._now}"
            )
