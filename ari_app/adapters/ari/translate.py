"""ARI events → facts of our calls. Holds what must be remembered of a channel between two events; no policy.

"Answered" is told when a leg can be acted on: a leg that rings by originate enters Stasis only after its answer, so
the fact waits for both, and carries the time of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ari_app.adapters.ari import events as ari
from ari_app.adapters.ari import models as m
from ari_app.adapters.ari.stream import AnyEvent
from ari_app.domain import events as ev
from ari_app.ports.telephony import Asked, CallEvent, Entered, PbxEvent

LEG = re.compile(r"^(c[0-9a-z]{26})\.([a-z][a-z0-9_]*)\.([0-9]{1,4})\Z")
PLAYBACK = re.compile(r"^(c[0-9a-z]{26})\.([A-Za-z][A-Za-z0-9_]*)\Z")
CAME_IN = "in"
"""`Stasis(<app>,in,<our id>)`: a channel that came in by itself, and which leg it is."""
TAPE = re.compile(r"^channel:(c[0-9a-z]{26})\.([A-Za-z][A-Za-z0-9_]*)\Z")
USER_EVENT = "RingbridgeCall"
APART_MS_MAX = 3_600_000
"""An event that is said to be older or younger than this, or has no time, would charge a talk that nobody had, and end
one that goes on. The time of its coming stands for it."""


@dataclass(slots=True)
class _Seen:
    up_at_ms: int | None = None
    in_stasis: bool = False
    told: bool = False


class Translator:
    """`now_ms`: by the PBX's clock."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._seen: dict[str, _Seen] = {}
        self._now_ms = now_ms

    def adopt(self, channel: str, *, is_up: bool, in_stasis: bool) -> None:
        """A channel that lives already when the link comes up; recovery itself tells of an answered one."""
        seen = self._seen.setdefault(channel, _Seen())
        seen.in_stasis |= in_stasis
        seen.told |= is_up

    def keep_only(self, channels: set[str]) -> None:
        """Forget channels that ended while we did not listen."""
        self._seen = {c: s for c, s in self._seen.items() if c in channels}

    def facts(self, event: AnyEvent) -> Iterator[PbxEvent]:
        at_ms = self._at_ms(event)
        match event:
            case ari.ChannelStateChange(channel=channel):
                yield from self._state(channel.id, channel.state, at_ms)
            case ari.Dial(peer=peer, dialstatus=status):
                yield from self._dial(peer.id, status, at_ms)
            case ari.StasisStart(channel=channel, args=args):
                if args[:1] == ("call",):
                    yield _asked_from_dialplan(channel.id, args)
                else:
                    yield from self._entered(channel, at_ms, came_in=args[:1] == (CAME_IN,))
            case ari.ChannelHangupRequest(channel=channel):
                if leg := LEG.match(channel.id):
                    fact: ev.Event = ev.HangupSeen(
                        leg[2], int(leg[3]), at_ms, remote=not event.soft,
                        cause=event.cause or None, sip_status=event.tech_cause or None,
                    )  # fmt: skip
                    yield CallEvent(leg[1], fact)
            case ari.ChannelDestroyed(channel=channel):
                yield from self._destroyed(channel.id, event, at_ms)
            case ari.ChannelDtmfReceived(channel=channel, digit=digit):
                if leg := LEG.match(channel.id):
                    yield CallEvent(leg[1], ev.Digit(leg[2], int(leg[3]), digit, at_ms))
            case ari.PlaybackFinished(playback=playback):
                if sound := PLAYBACK.match(playback.id):
                    yield CallEvent(sound[1], ev.Played(sound[2], at_ms, is_whole=playback.state == "done"))
            case ari.RecordingFinished(recording=recording) | ari.RecordingFailed(recording=recording):
                if tape := TAPE.match(recording.target_uri):
                    why = f"recording failed: {recording.cause}" if isinstance(event, ari.RecordingFailed) else ""
                    yield CallEvent(tape[1], ev.RecordingEnded(tape[2], at_ms, why))
            case ari.ChannelTalkingStarted(channel=channel) | ari.ChannelTalkingFinished(channel=channel):
                if leg := LEG.match(channel.id):
                    is_talking = isinstance(event, ari.ChannelTalkingStarted)
                    yield CallEvent(leg[1], ev.Talking(leg[2], int(leg[3]), is_talking, at_ms))
            case ari.ChannelUserevent(eventname=name, userevent=said) if name == USER_EVENT:
                yield from _asked_by_user_event(said)

    def _at_ms(self, event: AnyEvent) -> int:
        now_ms = self._now_ms()
        return event.at_ms if abs(event.at_ms - now_ms) <= APART_MS_MAX else now_ms

    def _state(self, channel: str, state: str, at_ms: int) -> Iterator[PbxEvent]:
        leg = LEG.match(channel)
        if leg is None:
            return
        if state == "Ringing":
            yield CallEvent(leg[1], ev.Rang(leg[2], int(leg[3]), at_ms))
        elif state == "Up":
            seen = self._seen.setdefault(channel, _Seen())
            seen.up_at_ms = seen.up_at_ms or at_ms
            if seen.in_stasis:
                yield from self._answered(channel, seen)

    def _dial(self, channel: str, status: str, at_ms: int) -> Iterator[PbxEvent]:
        leg = LEG.match(channel)
        if leg is None:
            return
        if status == "RINGING":
            yield CallEvent(leg[1], ev.Rang(leg[2], int(leg[3]), at_ms))
        elif status == "PROGRESS":
            yield CallEvent(leg[1], ev.EarlyMedia(leg[2], int(leg[3]), at_ms))

    def _entered(self, channel: m.Channel, at_ms: int, *, came_in: bool) -> Iterator[PbxEvent]:
        """Of one that came in, it is now that it rings us."""
        if leg := LEG.match(channel.id):
            seen = self._seen.setdefault(channel.id, _Seen())
            if came_in:
                yield CallEvent(leg[1], ev.Rang(leg[2], int(leg[3]), at_ms))
            seen.in_stasis = True
            if came_in and channel.state == "Up":  # it comes from another call: nothing else tells that it is answered
                seen.up_at_ms = seen.up_at_ms or at_ms
            if seen.up_at_ms is not None:
                yield from self._answered(channel.id, seen)

    def _answered(self, channel: str, seen: _Seen) -> Iterator[PbxEvent]:
        leg = LEG.match(channel)
        if leg is not None and not seen.told and seen.up_at_ms is not None:
            seen.told = True
            yield CallEvent(leg[1], ev.Answered(leg[2], int(leg[3]), seen.up_at_ms))

    def _destroyed(self, channel: str, event: ari.ChannelDestroyed, at_ms: int) -> Iterator[PbxEvent]:
        leg = LEG.match(channel)
        if leg is None:
            return
        seen = self._seen.pop(channel, None)
        if seen is not None:  # answered and gone before it entered Stasis: it was answered all the same
            yield from self._answered(channel, seen)
        yield CallEvent(
            leg[1],
            ev.Gone(leg[2], int(leg[3]), at_ms, cause=event.cause or None, sip_status=event.tech_cause or None),
        )


def entered_unasked(event: ari.StasisStart) -> Iterator[Entered]:
    """Of a leg; nothing for a channel of the dialplan, or that speaks into an ear."""
    if event.args[:1] != ("call",) and (leg := LEG.match(event.channel.id)):
        yield Entered(leg[1], leg[2], int(leg[3]), came_in=event.args[:1] == (CAME_IN,))


def _asked_from_dialplan(channel: str, args: tuple[str, ...]) -> Asked:
    """`Stasis(app,call,CALLER,CALLEE[,KEY])`; without a key, the channel itself is the key."""
    _, caller, callee, key, *_ = (*args, "", "", "")
    return Asked(caller=caller, callee=callee, key=key or f"channel {channel}", channel=channel)


def asked_by_waiting(channel: m.Channel, app: str) -> Asked | None:
    """The question of a channel that stands in our Stasis already, from what the list of channels says of it."""
    named, *args = channel.dialplan.app_data.split(",")
    if channel.dialplan.app_name != "Stasis" or named != app or args[:1] != ["call"]:
        return None
    return _asked_from_dialplan(channel.id, tuple(args))


def _asked_by_user_event(said: object) -> Iterator[PbxEvent]:
    """Variables of the user event, as Asterisk puts them beside `eventname`."""
    if isinstance(said, dict):
        words = {str(k).lower(): str(v) for k, v in said.items()}
        yield Asked(caller=words.get("caller", ""), callee=words.get("callee", ""), key=words.get("key", ""))
