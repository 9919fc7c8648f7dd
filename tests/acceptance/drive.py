"""Takes calls to their end, whatever dies on the way: asks again with the same key, starts the app again, hangs up
what has talked long enough."""

from __future__ import annotations

import itertools
import time
import urllib.error
from collections.abc import Callable, Iterable
from http.client import HTTPException
from typing import Any, TypeVar

from ari_app.entrypoints.views import at_ms
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import Shown, Verdict, judge
from tests.ground import number
from tests.ringbridge import now_ms
from tests.support import until_sync

T = TypeVar("T")
TALK_MS = 1_200
DIED = (urllib.error.URLError, HTTPException, OSError)  # no answer: the app is gone
_keys = itertools.count(1)


class Drive:
    def __init__(self, house: House, *, talk_ms: int = TALK_MS) -> None:
        self.house = house
        self.talk_ms = talk_ms
        self.deaths = 0

    def place(self, caller: str, callee: str, *, minutes_s: int | None = None, **more: Any) -> Placed:
        """As a developer would: no answer is answered by asking again with the same key."""
        user, its = self.house.user(caller, minutes_s)
        to, key = number(int(callee)), f"key-{next(_keys)}"
        made = self.sure(lambda: self.house.app.call(user, to, key=key, **more))
        return Placed(made, user, its, to)

    def sure(self, ask: Callable[[], T]) -> T:
        """The answer, if need be of the next process."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return ask()
            except DIED:
                if time.monotonic() > deadline:
                    raise
                self.revive()

    def revive(self) -> None:
        """Start the app again if it is dead; a dying one may take a moment."""
        try:
            until_sync(lambda: self.house.is_dead, 0.1)
        except AssertionError:
            return  # it lives, and something else is wrong
        self.deaths += 1
        self.house.again()

    def until_ended(self, call: Placed, within_s: float = 40) -> Shown:
        """The call as shown once it has ended; hung up after `talk_ms` of talk."""
        shown: Shown = {}

        def is_over() -> bool:
            nonlocal shown
            shown = self.sure(lambda: self.house.app.show(call.id))
            if shown["state"] == "talking" and now_ms() - at_ms(shown["talking_at"]) >= self.talk_ms:
                self.sure(lambda: self.house.app.ask("DELETE", f"/v1/calls/{call.id}"))
            return bool(shown["state"] == "ended")

        try:
            until_sync(is_over, within_s, f"{call} ended", every_s=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}: {shown}\n{self.house.app.tail(30)}") from e
        return shown

    def verdict(self, call: Placed, within_s: float = 40, **more: Any) -> Verdict:
        return settled_down(self.house, call, self.until_ended(call, within_s), **more)

    def verdicts(self, calls: Iterable[Placed], **more: Any) -> dict[str, Verdict]:
        """By the call's id. All are hung up in time, then judged."""
        shown = {call: self.until_ended(call) for call in calls}
        return {call.id: settled_down(self.house, call, one, **more) for call, one in shown.items()}


def settled_down(house: House, call: Placed, shown: Shown, within_s: float = 4, **more: Any) -> Verdict:
    """The verdict, once witnesses that write a moment later have written."""
    deadline = time.monotonic() + within_s
    while (verdict := judge(house.ground, call, shown, **more)).broken and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not verdict.broken, f"{call}: {'; '.join(verdict.broken)}\n{shown}\n{house.app.tail(30)}"
    return verdict
