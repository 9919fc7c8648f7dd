"""Clearing away what bears our ids on the PBX and belongs to no living call. Knows ports only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import structlog

from ari_app.ports.telephony import LinkLost, PbxError, TimedOut

log = structlog.get_logger()

HANGS_MAX = 3
"""A request without an answer costs the link, and with it the sight of all calls: so often it is asked."""


class Strangers:
    """`gone`: told of each that was cleared away."""

    def __init__(self, gone: Callable[[str], None]) -> None:
        self._gone = gone
        self._hung: Counter[str] = Counter()
        self._asking: set[str] = set()

    async def clear(self, what: str, ask: Callable[[str], Awaitable[None]]) -> None:
        """What is gone already is fine. What never answers is left to the PBX's own timer in the end."""
        if self._hung[what] >= HANGS_MAX or what in self._asking:
            return
        self._asking.add(what)
        try:
            await ask(what)
        except TimedOut:
            self._hung[what] += 1
            if self._hung[what] == HANGS_MAX:
                log.error("stranger left alone: it answers no request", what=what)
        except (PbxError, LinkLost):
            return
        else:
            self._gone(what)
        finally:
            self._asking.discard(what)
