"""How late the event loop is, and for how long that is remembered."""

from __future__ import annotations

import asyncio
import time

from ari_app.loop_lag import LoopLag
from ari_app.recent import SPAN_S, Worst
from tests.support import until


async def test_a_loop_that_is_held_up_is_late_and_says_so_at_once() -> None:
    lag = LoopLag()
    watching = asyncio.create_task(lag.run())
    await asyncio.sleep(0)  # it watches now
    time.sleep(0.3)  # noqa: ASYNC251 - it is this that holds the loop up
    assert lag.lag_s > 0.2, "before the tick that is due has come"
    await until(lambda: lag.lag_s < 0.05, what="on time again")
    assert 0.2 < lag.worst_s < 10
    watching.cancel()


def test_a_loop_that_is_not_watched_lags_nothing() -> None:
    assert LoopLag().lag_s == 0


def test_the_worst_is_remembered_for_a_while_and_then_forgotten() -> None:
    worst = Worst()
    worst.note(0.4, at_s=1_000)
    worst.note(0.1, at_s=1_001)
    assert worst.at(1_000 + SPAN_S - 1) == 0.4
    assert worst.at(1_000 + SPAN_S + 1) == 0.4
    assert worst.at(1_000 + 3 * SPAN_S) == 0
