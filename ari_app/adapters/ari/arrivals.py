"""Channels that come in by themselves, from the moment that one is expected to its end: known by our id, and watched.

A channel of the dialplan is watched by an application only while it stands there; its end comes after that. So it is
subscribed to as soon as it is known here. Knows no call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress

import structlog

from ari_app.adapters.ari import errors
from ari_app.adapters.ari import events as ari
from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.aliases import HANDED_OVER, Aliases
from ari_app.adapters.ari.asking import Asking
from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.stream import AnyEvent
from ari_app.adapters.ari.translate import CAME_IN, LEG
from ari_app.domain.events import Gone
from ari_app.ports.telephony import CallEvent, LinkLost, NoSuchChannel, PbxError, PbxEvent

log = structlog.get_logger()

EXTENSION = "stasis"
"""Where the dialplan enters the application, as the leg that RINGBRIDGE_LEG names."""

NO_SUCH_SOURCE = 422


class Arrivals:
    def __init__(
        self, client: Client, asking: Asking, app: str, aliases: Aliases, tell: Callable[[PbxEvent], None],
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._client = client
        self._asking = asking
        self._app = app
        self._aliases = aliases
        self._tell = tell
        self._now_ms = now_ms
        self._tasks: set[asyncio.Task[None]] = set()

    async def expect(self, foreign: str, channel: str) -> None:
        self._aliases.learn(foreign, channel)
        try:
            await self._watch(foreign)
        except NoSuchChannel:
            self._aliases.forget(channel)
            raise

    async def hand_over(self, channel: str, to: str) -> None:
        channels, foreign = self._client.channels, self._aliases.theirs(channel)
        await self._asking.do(channels.setChannelVars(foreign, {"RINGBRIDGE_LEG": to}))
        await self._asking.do(
            channels.continueInDialplan(foreign, context=HANDED_OVER, extension=EXTENSION, priority=1)
        )

    # ---- what comes from Asterisk -------------------------------------------------------------------------------

    def seen(self, event: AnyEvent) -> AnyEvent:
        """The same event, of our id."""
        if isinstance(event, ari.StasisStart) and event.args[:1] == (CAME_IN,):
            self._came_in(event)
        renamed = self._aliases.renamed(event)
        if isinstance(renamed, ari.ChannelDestroyed):
            self._aliases.forget(renamed.channel.id)
        return renamed

    def _came_in(self, event: ari.StasisStart) -> None:
        is_known = len(event.args) == 2 and self._aliases.has(event.args[1])
        taught = self._aliases.taught(event)
        if taught is None:  # whatever it is called, it is no leg: back to its dialplan, which says so
            log.warning("channel came in as nobody", channel=event.channel.id, words=event.args)
            self._background(self._send_on(event.channel.id))
            return
        ours, before = taught
        if before is not None:  # handed over: as what it was before it is no more
            self._gone(before)
        if not is_known:
            self._background(self._watch_or_miss(event.channel.id, ours))

    async def found(self, channels: Sequence[m.Channel]) -> list[m.Channel]:
        """A list taken when the link came up, with our ids."""
        self._aliases.keep_only(channels)
        self._aliases.learned_from(channels)
        listed = self._aliases.listed(channels)
        for theirs, ours in zip(channels, listed, strict=True):
            if theirs.id != ours.id:
                self._background(self._watch_or_miss(theirs.id, ours.id))
        return listed

    def looked_at(self, channels: Sequence[m.Channel]) -> list[m.Channel]:
        """Likewise, of a list taken later: what it tells first, no event will tell again."""
        for theirs, ours, before in self._aliases.learned_from(channels):
            if before is not None:
                self._gone(before)
            self._background(self._watch_or_miss(theirs, ours))
        return self._aliases.listed(channels)

    # ---- inner --------------------------------------------------------------------------------------------------

    async def _watch(self, foreign: str) -> None:
        try:
            await self._asking.do(self._client.applications.subscribe(self._app, [f"channel:{foreign}"]))
        except PbxError as e:
            raise NoSuchChannel(404, e.message) if e.status == NO_SUCH_SOURCE else e from e

    async def _watch_or_miss(self, foreign: str, ours: str) -> None:
        """Its end can only be told by us where it came before we watched."""
        try:
            await self._watch(foreign)
        except NoSuchChannel:
            if self._aliases.has(ours):
                self._aliases.forget(ours)
                self._gone(ours)
        except (PbxError, LinkLost) as e:
            log.warning("channel that came in not watched", channel=ours, why=str(e))

    async def _send_on(self, foreign: str) -> None:
        with suppress(errors.AriFault):
            await self._client.channels.continueInDialplan(foreign)

    def _gone(self, ours: str) -> None:
        if leg := LEG.match(ours):
            self._tell(CallEvent(leg[1], Gone(leg[2], int(leg[3]), self._now_ms())))

    def _background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
