"""Takes calls to their end, whatever dies on the way: asks again with the same key, starts the app again, hangs up
what has talked long enough."""

from __future__ import annotations

import itertools
import time
import urllib.error
from collections.abc import Callable, Sequence
from http.client import HTTPException
from typing import Any

from ari_app.entrypoints.views import at_ms
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import Verdict, judge
from tests.ringbridge import now_ms
from tests.support import until_sync

TALK_MS = 1_200
DIED = (urllib.error.URLError, HTTPException, OSError)  # no answer: the app is gone, or its Redis is
_keys = itertools.count(1)


class Drive:
    """One or several calls on a house. `again` is what to do once the app was found dead."""

    def __init__(self, house: House, *, talk_ms: int = TALK_MS, again: Callable[[], object] | None = None) -> None:
        self.house = house
        self.talk_ms = talk_ms
        self.deaths = 0
        self._again = again or house.again

    def place(self, caller: str, callee: str, *, minutes_s: int | None = None, **more: Any) -> Placed:
        """As a developer would: no answer is answered by asking again with the same key."""
        user, number = self.house.user(caller, minutes_s)
        to, key = self.house.number(callee), f"key-{next(_keys)}"
        made = self.sure(lambda: self._app.call(user, to, key=key, **more))
        return Placed(str(made), user, number, to)

    def sure(self, ask: Callable[[], Any]) -> Any:
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
        process = self._app.process
        assert process is not None
        try:
            process.wait(0.05)
        except Exception:  # noqa: BLE001 - it lives, and something else is wrong
            time.sleep(0.05)
            return
        self.deaths += 1
        self._again()

    @property
    def is_dead(self) -> bool:
        return not self._app.is_running

    def until_ended(self, call: Placed, within_s: float = 40) -> dict[str, Any]:
        """The call as shown once it has ended; hung up after `talk_ms` of talk."""

        def ended() -> dict[str, Any] | None:
            shown: dict[str, Any] = self.sure(lambda: self._app.show(call.id))
            if shown["state"] == "talking" and now_ms() - at_ms(shown["talking_at"]) >= self.talk_ms:
                self.sure(lambda: self._app.ask("DELETE", f"/v1/calls/{call.id}"))
            return shown if shown["state"] == "ended" else None

        try:
            return until_sync(ended, within_s, f"{call} ended", every_s=0.05)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self._app.show(call.id)}\n{self._app.tail(30)}") from e

    def verdict(self, call: Placed, within_s: float = 40, **more: Any) -> Verdict:
        shown = self.until_ended(call, within_s)
        return settled_down(self.house, call, shown, **more)

    @property
    def _app(self) -> Any:
        assert self.house.app is not None
        return self.house.app


def settled_down(house: House, call: Placed, shown: dict[str, Any], within_s: float = 4, **more: Any) -> Verdict:
    """The verdict, once witnesses that write a moment later have written."""
    deadline = time.monotonic() + within_s
    while (verdict := judge(house, call, shown, **more)).broken and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not verdict.broken, f"{call}: {'; '.join(verdict.broken)}\n{shown}\n{house.app and house.app.tail(30)}"
    return verdict


def all_settled(house: House, drive: Drive, calls: Sequence[Placed], **more: Any) -> dict[str, Verdict]:
    return {call.id: drive.verdict(call, **more) for call in calls}
