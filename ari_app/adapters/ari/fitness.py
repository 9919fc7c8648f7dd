"""Whether an Asterisk that answers pings could place a call: asked again and again, as no event tells.

Knows what must be there (the application, the channel driver); knows no link and no call. Asks only while it may.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.errors import AriError, AriFault, LinkLost, NotFound, RequestTimeout, UndecodableReply

EVERY_S = 1.5
ANSWER_S = 2.5
"""Both together stay under the 5 s within which /readyz tells."""
DRIVER = "chan_pjsip.so"
DRIVES = "Running"


class Fitness:
    """`fault`: why no call can be placed, as of the last look; "" where nothing is known to be wrong."""

    def __init__(self, client: Client, app: str, may_ask: Callable[[], bool], every_s: float = EVERY_S) -> None:
        self.fault = ""
        self._client = client
        self._app = app
        self._may_ask = may_ask
        self._every_s = every_s

    async def keep(self) -> None:
        """Until cancelled. Not the owner: nothing is asked, for that would end the link; a link that is down says so
        itself."""
        while True:
            await asyncio.sleep(self._every_s)
            is_askable = self._client.status.streaming and self._may_ask()
            self.fault = await self._look() if is_askable else ""

    async def _look(self) -> str:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._application() or await self._driver()
        except (TimeoutError, RequestTimeout):
            return f"no answer to a question within {ANSWER_S} s"
        except LinkLost:
            return ""
        except UndecodableReply:
            return ""  # another shape than described is no refusal
        except AriFault as e:
            return f"it refuses what is asked: {e}"

    async def _application(self) -> str:
        try:
            await self._client.applications.get(self._app)
        except NotFound:
            return f"the Stasis application {self._app} is not registered there"
        return ""

    async def _driver(self) -> str:
        try:
            module = await self._client.asterisk.getModule(DRIVER)
        except AriError as e:
            if e.status not in (404, 409):  # not there; there, and not loaded
                raise
            return f"{DRIVER} is not loaded"
        return "" if module.status in ("", DRIVES) else f"{DRIVER} is {module.status.lower()}"
