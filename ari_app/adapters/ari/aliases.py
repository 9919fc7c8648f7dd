"""Channels that came in by themselves: they have ids of Asterisk's making, and are known here by ours.

A dialplan hands such a channel over by `Stasis(<app>,in,<our id>)`, at the extension `<our id>@<app>`, where it waits
while nobody has the application. Asterisk tells both as long as the channel stands there: so the two ids are found
again after a restart. All else of this adapter sees only our id: it is put in place of Asterisk's in what comes from
there, and back again in what is asked. Knows no call.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from ari_app.adapters.ari import events as ari
from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.operations import Param, Request
from ari_app.adapters.ari.stream import AnyEvent
from ari_app.adapters.ari.translate import CAME_IN, LEG

CHANNEL = re.compile(r"channels/([^/]+)")
ASKS, HANDED_OVER, ENTERS = "ringbridge-ask", "ringbridge-in", "ringbridge-enter"
"""Contexts of the dialplan: it asks who a channel is, does with it what it was told, and takes it into the
application."""
E = TypeVar("E", bound=AnyEvent)


class Aliases:
    """Of one application."""

    def __init__(self, app: str) -> None:
        self._app = app
        self._ours: dict[str, str] = {}
        self._theirs: dict[str, str] = {}

    def learn(self, theirs: str, ours: str) -> str | None:
        """That Asterisk's channel is ours by this id from now on. By which other one it was before."""
        if LEG.match(theirs) or not LEG.match(ours) or self._ours.get(theirs) == ours:
            return None  # a channel that we made has our id already, and keeps it
        before = self._ours.get(theirs)
        if before is not None:
            self._theirs.pop(before, None)
        self._ours[theirs] = ours
        self._theirs[ours] = theirs
        return before

    def forget(self, ours: str) -> None:
        theirs = self._theirs.pop(ours, None)
        if theirs is not None:
            self._ours.pop(theirs, None)

    def theirs(self, ours: str) -> str:
        """The id by which Asterisk knows this channel of ours."""
        return self._theirs.get(ours, ours)

    def ours(self, theirs: str) -> str:
        return self._ours.get(theirs, theirs)

    def has(self, ours: str) -> bool:
        return ours in self._theirs

    def asked(self, request: Request[Any]) -> Request[Any]:
        """The same request, of Asterisk's id."""
        if not self._theirs:
            return request
        named = CHANNEL.match(request.uri)
        if named and (theirs := self._theirs.get(named[1])):
            request = request._replace(uri=f"channels/{quote(theirs, safe='')}{request.uri[named.end() :]}")
        if any(p.name == "channel" and p.value in self._theirs for p in request.query):
            query = [Param(p.name, self.theirs(p.value)) if p.name == "channel" else p for p in request.query]
            request = request._replace(query=query)
        return request

    # ---- what comes from Asterisk -------------------------------------------------------------------------------

    def renamed(self, event: E) -> E:
        """The same event of our id. What its words say was learned before (`taught`)."""
        changed = {}
        for name in ("channel", "peer"):
            channel = getattr(event, name, None)
            if isinstance(channel, m.Channel) and channel.id in self._ours:
                changed[name] = self._of_our_id(channel)
        return msgspec.structs.replace(event, **changed) if changed else event

    def taught(self, event: AnyEvent) -> tuple[str, str | None] | None:
        """Of a channel that enters by `in,<our id>`: our id, and the one by which we knew it before."""
        if not isinstance(event, ari.StasisStart) or len(event.args) != 2 or event.args[0] != CAME_IN:
            return None
        before = self.learn(event.channel.id, event.args[1])
        return (event.args[1], before) if self._ours.get(event.channel.id) == event.args[1] else None

    def learned_from(self, channels: Sequence[m.Channel]) -> list[tuple[str, str, str | None]]:
        """What Asterisk's own list tells that was not known: its id, ours, and by which one of ours it was known."""
        learned = []
        for channel in channels:
            ours = self._came_in_as(channel)
            if ours is not None and self.ours(channel.id) != ours:
                before = self.learn(channel.id, ours)
                if self.has(ours):
                    learned.append((channel.id, ours, before))
        return learned

    def listed(self, channels: Sequence[m.Channel]) -> list[m.Channel]:
        """Asterisk's own list, with our ids."""
        return [self._of_our_id(channel) for channel in channels]

    def keep_only(self, channels: Sequence[m.Channel]) -> None:
        """Of Asterisk's own list: forget those that ended while we did not listen."""
        there = {channel.id for channel in channels}
        for theirs, ours in list(self._ours.items()):
            if theirs not in there:
                self.forget(ours)

    def members(self, bridges: Sequence[m.Bridge]) -> list[m.Bridge]:
        return [msgspec.structs.replace(b, channels=tuple(self.ours(c) for c in b.channels)) for b in bridges]

    def _of_our_id(self, channel: m.Channel) -> m.Channel:
        ours = self._ours.get(channel.id)
        return channel if ours is None else msgspec.structs.replace(channel, id=ours)

    def _came_in_as(self, channel: m.Channel) -> str | None:
        named, *args = channel.dialplan.app_data.split(",")
        if channel.dialplan.app_name == "Stasis":
            return args[1] if named == self._app and len(args) == 2 and args[0] == CAME_IN else None
        ours, _, app = channel.dialplan.exten.partition("@")
        return ours if channel.dialplan.context == ENTERS and app == self._app else None


def is_on_its_way(channel: m.Channel) -> bool:
    """It came in, and is not in the application yet: it can neither be answered nor played to."""
    place = channel.dialplan
    return place.app_name != "Stasis" and (channel.state == "Ring" or place.context in (ASKS, HANDED_OVER, ENTERS))
