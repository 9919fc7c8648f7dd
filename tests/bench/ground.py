"""What the benchmark runs on: a stack of its own, the app on it, users with numbers, phones. Measures nothing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from ari_app.stack import Stack, StackInfo, StackOptions
from tests.ground import add_phone
from tests.ringbridge import Ringbridge

USERS = 600
HOLD_S = 1.5
STAYS, LEAVES = "35", "36"
"""Last two digits. 35: answers at once, is silent, stays. 36: the same, and hangs up after HOLD_S; this phone is the
benchmark's own, so that a call ends in the same way and after the same time whoever placed it."""

SETTINGS = {
    "MEDIA_TIMEOUT_S": "0",
    "MAX_LIVE_CALLS": "20",
    "MAX_CALLS": "5000",
    "PROMPT": "false",  # the bare Dial() plays none either
    "LOG_LEVEL": "info",
}


@dataclass
class Ground:
    stack: Stack
    info: StackInfo
    app: Ringbridge
    pids: dict[str, int]
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def next_pair(self, last_digits: str) -> tuple[int, str, str]:
        """A user's place, his number, and a number to call that nobody was called by before."""
        n = next(self._numbers)
        return n % USERS, caller_number(n % USERS), f"+86139{200_000 + n % 700_000:06d}{last_digits}"


def caller_number(user: int) -> str:
    return f"+86139{100_000 + user:06d}{STAYS}"


@contextmanager
def ground(home: Path) -> Iterator[Ground]:
    """Starts everything; stops and leaves nothing."""
    stack = Stack(StackOptions(state_dir=home, media_timeout_s=0))
    app = Ringbridge(home, **SETTINGS)
    try:
        info = stack.start()
        add_phone(stack, LEAVES, "Answer(,i)", f"Wait({HOLD_S:g})", "Hangup(16)")
        app.start()
        assert app.process is not None
        running = {one.part: one.pid for one in stack.status() if one.pid is not None}
        pids = {"asterisk": running["pbx"], "carrier": running["carrier"], "redis": running["redis"]}
        yield Ground(stack, info, app, pids | {"app": app.process.pid})
    finally:
        if app.is_running:
            app.terminate()
        stack.stop()


async def add_users(app: Ringbridge) -> None:
    """Each with a number, and the free minutes of the month."""
    users = iter(range(USERS))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {app.key}"}) as http:

        async def one_after_another() -> None:
            for user in users:
                body = {"numbers": [caller_number(user)]}
                async with http.put(f"{app.api}/v1/users/bench-{user}", json=body) as answer:
                    assert answer.status in (200, 201), await answer.text()

        await asyncio.gather(*(one_after_another() for _ in range(8)))
