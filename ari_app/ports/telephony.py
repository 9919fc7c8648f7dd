"""What the engine needs of a PBX. Ids are ours: channel `<call>.<leg>.<try>`, bridge `<call>`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from ari_app.domain.events import Event
from ari_app.domain.recordings import Hears


class PbxError(Exception):
    """The PBX answered, and the answer is no. `status` is its HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message


class NoSuchChannel(PbxError):
    """404: the channel, bridge or playback is not there (any more)."""


class LinkLost(Exception):
    """The question or its answer was lost; it may have been carried out. Recovery will tell."""


class TimedOut(LinkLost):
    """It was never answered, on a link that stood (and is dropped now): asked again, it may hang again."""


@dataclass(frozen=True, slots=True)
class DialRequest:
    """One phone to ring. `shown` is the number the phone sees. `bridge` (where given) is joined before the dial, so
    that early media is heard there. The PBX ends the channel `life_ms` after its birth, come what may. `privacy`: the
    number is asserted to the carrier, and hidden from the phone. `diversion`: the number on whose behalf it is rung;
    "": none. `device`: the endpoint of a phone that is
    registered here, rung in place of a number over a trunk."""

    channel: str
    call: str
    trunk: str
    dialled: str
    shown: str
    ring_ms: int
    life_ms: int
    bridge: str | None = None
    privacy: bool = False
    diversion: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class ChannelNow:
    """A channel as the PBX lists it. `coming`: one that has called us, and is not in our hands yet."""

    id: str
    state: Literal["coming", "down", "ringing", "up"]
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything with our ids that lives on the PBX at one moment. `bridges` maps a bridge to its channels. `born_ms`:
    since when this PBX runs, by its own clock; 0 where that is not known."""

    at_ms: int
    channels: Mapping[str, ChannelNow]
    bridges: Mapping[str, frozenset[str]]
    born_ms: int = 0


@dataclass(frozen=True, slots=True)
class Trace:
    """What the PBX's own record (CEL) says of one channel. Times in ms; None where it says nothing."""

    started_at_ms: int
    answered_at_ms: int | None = None
    hangup_at_ms: int | None = None
    ended_at_ms: int | None = None
    cause: int | None = None
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """The traces of those channels that were asked for and that the PBX's record names. `since_ms` and `until_ms`: the
    times of its oldest and its newest row, None while it has none. Of what was before it proves nothing; and of what
    came after, as rows are written a moment after the fact."""

    traces: Mapping[str, Trace]
    since_ms: int | None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class CallEvent:
    """A fact about one of our calls."""

    call: str
    event: Event


@dataclass(frozen=True, slots=True)
class Entered:
    """A channel with our ids came into the application, and it was not this process that asked for it. `came_in`: it
    called us."""

    call: str
    leg: str
    n: int
    came_in: bool = False


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The link is there (again) and the snapshot was taken; facts follow."""

    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class LinkDown:
    """`heard_ms`: when the PBX last gave a sign of life over this link; 0 where that is not known."""

    why: str
    heard_ms: int = 0


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another process took the application's name over: stand down."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asks for a call over the PBX itself: a user event, or `Stasis(app,call,CALLER,CALLEE)`.

    `channel` is set for the latter: it waits to be sent back to its dialplan.
    """

    caller: str
    callee: str
    key: str
    channel: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


PbxEvent = CallEvent | Entered | LinkUp | LinkDown | Replaced | Asked


class Telephony(Protocol):
    """Every method may raise LinkLost; PbxError where the PBX says no; NoSuchChannel where nothing is there."""

    @property
    def is_up(self) -> bool: ...

    @property
    def heard_ms(self) -> int:
        """When the PBX last gave a sign of life over the link, in ms; 0: never."""

    def events(self) -> AsyncIterator[PbxEvent]: ...

    async def dial(self, request: DialRequest) -> None: ...
    async def open_bridge(self, bridge: str) -> None: ...
    async def join(self, bridge: str, channel: str) -> None: ...
    async def close_bridge(self, bridge: str) -> None: ...
    async def cut_off(self, channel: str, in_ms: int) -> None:
        """Set the dead man's switch: the PBX hangs the channel up in_ms from now."""

    async def play(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        """Play to this channel alone. The end comes as Played(name) for `playback` = `<call>.<name>`. `sound`: parts
        joined by `&`, each a name, or one of `number:42`, `digits:1234`, `text:<id>`; `language` "": the operator's."""

    async def play_all(self, bridge: str, playback: str, sound: str, language: str = "") -> None:
        """Play to all who are joined, while they talk. Its end comes likewise."""

    async def expect(self, foreign: str, channel: str) -> None:
        """A channel by the PBX's own id is about to come in as this leg: all that is told of it from now on is told of
        that one. NoSuchChannel: it has gone already."""

    async def hand_over(self, channel: str, to: str) -> None:
        """One that came in goes on as another leg, of another call perhaps; the one that it was is Gone."""

    async def answer(self, channel: str) -> None:
        """Pick up, for one who called us."""

    async def listen(self, channel: str) -> None:
        """From now on Talking is told of this channel."""

    async def mute(self, channel: str, is_muted: bool) -> None:
        """Whether what this phone says is heard by nobody."""

    async def stop(self, channel: str, playback: str, sound: str) -> None:
        """Music has no name in the PBX: whatever music the channel hears is stopped."""

    async def whisper(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        """Speak into one ear while the talk goes on, over a snoop channel whose id is `playback`."""

    async def unwhisper(self, playback: str) -> None: ...
    async def tape(self, channel: str, tape: str, file: str, hears: Hears) -> None:
        """Record what passes a leg, over a snoop channel whose id is `tape`, into `file`; asked again, it goes on. Its
        end comes as RecordingEnded(name) for `tape` = `<call>.<name>`; with the leg it ends by itself."""

    async def untape(self, tape: str, file: str) -> bool:
        """False: it had broken off, though its leg is there. NoSuchChannel: that is gone, and it with it."""

    async def hang_up(self, channel: str) -> None: ...
    async def send_back(self, channel: str, variables: Mapping[str, str]) -> None:
        """Return a channel that asked for a call to its dialplan."""

    async def look(self) -> Snapshot:
        """Everything with our ids that lives on the PBX now."""

    async def record(self, channels: Sequence[str], from_ms: int) -> Record | None:
        """What the PBX's own record says of these channels, none of which was before from_ms; None if that record
        cannot be read from here."""

    async def answered_at(self, channel: str) -> int | None:
        """When a live channel was answered, from the PBX; None if it cannot tell."""
