"""Many calls at once, each with its own story, told in a thread of its own; all are looked at with one question.

Knows the API of a running app; must not know what any story is about.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from ari_app.entrypoints.views import at_ms, rfc3339
from tests.ringbridge import Ringbridge, now_ms

K = TypeVar("K")
T = TypeVar("T")
Shown = dict[str, Any]

LOOK_EVERY_S = 0.1
LOOKS_BACK_S = 10  # calls that were placed just before are seen too
START_GAP_S = 0.05  # between two stories: twenty a second is what the app takes


class Board:
    """Every call of an app as it was a moment ago."""

    def __init__(self, app: Ringbridge) -> None:
        self.app = app
        self._calls: dict[str, Shown] = {}
        self._news = threading.Condition()
        self._looks = True
        self._fault: BaseException | None = None

    @contextmanager
    def looking(self) -> Iterator[Board]:
        looker = threading.Thread(target=self._look)
        looker.start()
        try:
            yield self
        finally:
            self._looks = False
            looker.join()

    def _look(self) -> None:
        asks = f"/v1/calls?limit=200&since={rfc3339(now_ms() - 1000 * LOOKS_BACK_S)}"
        try:
            while self._looks:
                answer = self.app.ask("GET", asks)
                assert answer.status == 200, answer
                with self._news:
                    self._calls |= {call["id"]: call for call in answer.body["calls"]}
                    self._news.notify_all()
                time.sleep(LOOK_EVERY_S)
        except BaseException as e:
            self._fault = e
            with self._news:
                self._news.notify_all()
            raise

    def until(self, call: str, wanted: Callable[[Shown], bool], within_s: float, what: str) -> Shown:
        """The call as it was first seen to be so."""
        deadline = time.monotonic() + within_s
        with self._news:
            while (shown := self._calls.get(call)) is None or not wanted(shown):
                left_s = deadline - time.monotonic()
                if self._fault is not None or (not self._news.wait(max(left_s, 0)) and left_s <= 0):
                    raise AssertionError(f"not within {within_s} s: {what}: {shown}")
        return shown

    def until_state(self, call: str, state: str, within_s: float = 40) -> Shown:
        shown = self.until(call, lambda one: one["state"] in (state, "ended"), within_s, f"call is {state}")
        assert shown["state"] == state, shown
        return shown

    def until_ended(self, call: str, within_s: float = 60) -> Shown:
        return self.until_state(call, "ended", within_s)

    def hang_up(self, call: str, after_s: float = 0) -> Shown:
        """After so much talk, by the API."""
        self.until(call, lambda one: talked_s(one) >= after_s, after_s + 40, f"{after_s} s of talk")
        self.app.hang_up(call)
        return self.until_ended(call)


def talked_s(shown: Shown) -> float:
    """Up to now; below zero before the talk."""
    return (now_ms() - at_ms(shown["talking_at"])) / 1000 if "talking_at" in shown else -1


def tell(app: Ringbridge, stories: Mapping[K, Callable[[Board], T]]) -> dict[K, T]:
    """Every story at the same time, to its end."""
    with Board(app).looking() as board, ThreadPoolExecutor(len(stories)) as pool:
        told = {}
        for name, story in stories.items():
            told[name] = pool.submit(story, board)
            time.sleep(START_GAP_S)
        return {name: one.result() for name, one in told.items()}
