"""What blocks the event loop is told, and how late it was."""

from __future__ import annotations

import asyncio
import time

from structlog.testing import capture_logs

from ari_app.loop_lag import LOOK_S, LoopLag
from tests.support import until


async def test_what_blocks_the_loop_is_named_and_how_late_it_was_is_noted() -> None:
    noted: list[float] = []
    with capture_logs() as lines:
        watching = asyncio.create_task(LoopLag(note=noted.append).run())
        await until(lambda: noted, what="it watches")
        time.sleep(4 * LOOK_S)  # noqa: ASYNC251 - it is this that holds the loop up
        await until(lambda: max(noted) > LOOK_S, what="noted")
        watching.cancel()
    told = [line for line in lines if line["event"] == "event loop blocked"]
    assert len(told) == 1
    assert told[0]["late_s"] >= LOOK_S
    assert "test_what_blocks_the_loop" in told[0]["by"]
