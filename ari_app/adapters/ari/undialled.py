"""Channels that were created and of which nothing shows yet that their phone was rung: what is done with their end.

Such an end looks as if a phone had rejected the call (docs/asterisk.md), and the end of a busy phone's channel may come
before the answer to its dial: so an end is held back until it is known which of the two it is. Knows no call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ari_app.adapters.ari import events as ari
from ari_app.adapters.ari.stream import AnyEvent
from ari_app.domain.events import Gone
from ari_app.ports.telephony import CallEvent, PbxEvent


class Undialled:
    """`tell` gets the facts that were held back, once it is known that a phone was rung."""

    def __init__(self, tell: Callable[[PbxEvent], None]) -> None:
        self._tell = tell
        self._held: dict[str, list[PbxEvent]] = {}
        self._unused: set[str] = set()

    def created(self, channel: str) -> None:
        self._held[channel] = []

    def dialled(self, channel: str) -> None:
        """A phone was rung, or may have been: the end is told as any other."""
        self._unused.discard(channel)
        for fact in self._held.pop(channel, ()):
            self._tell(fact)

    def refused(self, channel: str) -> None:
        """The dial's error tells all there is to tell; unless there was a sign that a phone had been rung before."""
        held = self._held.pop(channel, None)
        if held is not None and not any(isinstance(f, CallEvent) and isinstance(f.event, Gone) for f in held):
            self._unused.add(channel)  # its end is yet to come

    def clear(self) -> None:
        """After a gap recovery has seen what lives, and waits for its end."""
        self._held.clear()
        self._unused.clear()

    def keeps(self, event: AnyEvent, facts: Sequence[PbxEvent]) -> bool:
        """Whether these facts of an event are not to be told now."""
        match event:
            case ari.Dial(peer=channel) | ari.ChannelStateChange(channel=channel):
                self.dialled(channel.id)
            case ari.ChannelHangupRequest(channel=channel) | ari.ChannelDestroyed(channel=channel):
                if channel.id in self._held:
                    self._held[channel.id] += facts
                    return True
                if channel.id in self._unused:
                    if isinstance(event, ari.ChannelDestroyed):
                        self._unused.discard(channel.id)
                    return True
        return False
