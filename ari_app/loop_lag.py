"""How late this process's event loop is: every answer, event and request waits as long. Knows a clock, nothing else.

What blocks it is told by a thread that looks on: while the loop is late, what the loop's own thread stands in is what
holds it up.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import structlog

from ari_app.recent import Worst

log = structlog.get_logger()

TICK_S = 0.02
LOOK_S = 0.1
"""So often, and from so much on, it is looked what blocks."""
TOLD_EVERY_S = 60.0
HERE = str(Path(__file__).parent)
FRAMES_MAX = 200


class LoopLag:
    """`note` is told how late each tick was, in seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, note: Callable[[float], object] = lambda _late_s: None
    ) -> None:
        self._clock = clock
        self._note = note
        self._due_s = float("inf")
        self._late_s = 0.0
        self._worst = Worst()
        self._told_s = float("-inf")

    @property
    def lag_s(self) -> float:
        """Of the last tick, or of the one that is due."""
        return max(self._late_s, self._clock() - self._due_s)

    @property
    def worst_s(self) -> float:
        """Of the last half minute or more."""
        return max(self.lag_s, self._worst.at(self._clock()))

    async def run(self) -> None:
        """Until cancelled."""
        over = threading.Event()
        threading.Thread(
            target=self._look_on, args=(threading.get_ident(), over), name="loop-watch", daemon=True
        ).start()
        try:
            while True:
                self._due_s = self._clock() + TICK_S
                await asyncio.sleep(TICK_S)
                now_s = self._clock()
                self._late_s = max(0.0, now_s - self._due_s)
                self._worst.note(self._late_s, now_s)
                self._note(self._late_s)
        finally:
            over.set()

    def _look_on(self, loop_thread: int, over: threading.Event) -> None:
        while not over.wait(LOOK_S):
            now_s = self._clock()
            if (late_s := now_s - self._due_s) >= LOOK_S and now_s - self._told_s >= TOLD_EVERY_S:
                self._told_s = now_s
                log.warning(
                    "event loop blocked", late_s=round(late_s, 3), by=place_of(sys._current_frames().get(loop_thread))
                )


def place_of(frame: FrameType | None) -> str:
    """The innermost line of this program, else of all; such as engine/records.py:81 decode."""
    innermost = frame
    for _ in range(FRAMES_MAX):
        if frame is None or frame.f_code.co_filename.startswith(HERE):
            break
        frame = frame.f_back
    at = frame or innermost
    if at is None:
        return "nobody knows"
    return f"{at.f_code.co_filename.removeprefix(HERE + '/')}:{at.f_lineno} {at.f_code.co_name}"
