"""One connection to Redis: commands go out together once per turn of the loop, replies come back in order.

Knows the protocol (by hiredis) and one socket; it does not come back after a loss: see lane.py. redis-py's own
pipeline costs several times as much per command, and by default sends again what may have been done already.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import hiredis

from ari_app.domain.errors import Unavailable

WAITING_MAX = 20_000
"""Commands on the way; more is a flood, and is refused."""
_NOTHING = object()

Reply = Any
"""bytes, int, None, a list of replies, or a hiredis.ReplyError."""
Arg = bytes | str | int


async def all_of(futures: Sequence[asyncio.Future[Reply]]) -> list[Reply]:
    """The reply of each; the first failure is raised, and the others' need no complaint."""
    try:
        return [await future for future in futures]
    except BaseException:
        for future in futures:
            if not future.cancel() and not future.cancelled():
                future.exception()
        raise


class Wire(asyncio.Protocol):
    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_ms: int) -> None:
        self.lost: asyncio.Future[str] = loop.create_future()
        self._loop = loop
        self._timeout_s = timeout_ms / 1000
        self._reader = hiredis.Reader(notEnoughData=_NOTHING)
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._head_since_s = 0.0  # when the oldest command on the way became the next to be answered

    def send(self, *args: Arg) -> asyncio.Future[Reply]:
        """The reply comes as the future's result, an error reply too. Cancelling the future takes nothing back.

        Raises Unavailable where nothing was sent; the future fails with it where nobody knows.
        """
        if self._transport is None or self.lost.done():
            raise Unavailable(f"Redis is away: {self.lost.result()}" if self.lost.done() else "Redis is away")
        if len(self._waiting) >= WAITING_MAX:
            raise Unavailable(f"{WAITING_MAX} commands wait for Redis already")
        packed = hiredis.pack_command(args)  # type: ignore[arg-type]  # its stub forgets tuples of any length
        if not self._waiting:
            self._head_since_s = self._loop.time()
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(packed)
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiting.append(future)
        return future

    def close(self, why: str) -> None:
        """Every command on the way fails with Unavailable."""
        if self._watch is not None:
            self._watch.cancel()
        if not self.lost.done():
            self.lost.set_result(why)
        if self._transport is not None:
            self._transport.abort()
        waiting, self._waiting = self._waiting, deque()
        for future in waiting:
            if not future.done():
                future.set_exception(Unavailable(f"Redis did not answer: {why}"))

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._transport is not None and not self.lost.done():
            self._transport.write(b"".join(out))

    # ---- asyncio.Protocol -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # another loop's transport need not be a subclass
        self._look_again()

    def data_received(self, data: bytes) -> None:
        reader, waiting = self._reader, self._waiting
        reader.feed(data)
        try:
            while (reply := reader.gets()) is not _NOTHING:
                if not waiting and isinstance(reply, hiredis.ReplyError):  # it lets nobody in, and says why
                    self.close(str(reply))
                    return
                future = waiting.popleft()
                if not future.done():  # else whoever asked was cancelled
                    future.set_result(reply)
        except (hiredis.ProtocolError, IndexError) as e:
            self.close(f"it spoke nonsense: {e}")
            return
        self._head_since_s = self._loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        self.close(str(exc) if exc else "it hung up")

    def _look_again(self) -> None:
        """A server that answers nothing for the whole time-out is away, whatever the socket says."""
        silent_s = self._loop.time() - self._head_since_s
        if self._waiting and silent_s > self._timeout_s:
            self.close(f"no answer within {self._timeout_s} s")
            return
        self._watch = self._loop.call_later(self._timeout_s / 4, self._look_again)
