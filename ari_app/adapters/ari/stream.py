"""The queue between the socket's reader and the one consumer of events, with a gate for "snapshot, then stream".

Knows order and a bound; must not know sockets. Events of a new connection are held behind its gate until the owner has
taken its snapshot; events of an earlier connection that were received stay deliverable, since they are true.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from ari_app.adapters.ari.settings import LinkStatus
from ari_app.adapters.ari.wire import AnyEvent as AnyEvent


class _Gate:
    """Stands in the queue before the first event of a connection."""

    __slots__ = ("epoch",)

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch


class EventQueue:
    def __init__(self, limit: int, status: LinkStatus) -> None:
        self._items: deque[AnyEvent | _Gate] = deque()
        self._limit = limit
        self._status = status
        self._open_epoch = 0
        self._closed = False
        self._wake: asyncio.Event = asyncio.Event()

    def put(self, event: AnyEvent) -> bool:
        """False: full. The events are dropped then; only a new snapshot can tell what they said."""
        if len(self._items) >= self._limit:
            self._items.clear()
            self._status.overflows += 1
            self._status.queue_depth = 0
            return False
        self._items.append(event)
        depth = len(self._items)
        if depth > self._status.queue_high_water:
            self._status.queue_high_water = depth
        self._status.queue_depth = depth
        if depth == 1:
            self._wake.set()
        return True

    def gate(self, epoch: int) -> None:
        self._items.append(_Gate(epoch))
        self._wake.set()

    def open(self, epoch: int) -> None:
        """Opens the gates up to `epoch`: those of connections that died before their snapshot, too."""
        self._open_epoch = epoch
        self._wake.set()

    def close(self) -> None:
        """What can be delivered still is; then the stream ends."""
        self._closed = True
        self._wake.set()

    async def __aiter__(self) -> AsyncIterator[AnyEvent]:
        while True:
            while self._items:
                first = self._items[0]
                if isinstance(first, _Gate):
                    if first.epoch > self._open_epoch:
                        break
                    self._items.popleft()
                    continue
                self._items.popleft()
                self._status.queue_depth = len(self._items)
                yield first
            if self._closed:
                return
            self._wake.clear()
            await self._wake.wait()
