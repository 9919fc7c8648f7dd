"""What may be observed of a call. Facts with their time; no opinions."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.domain.call import How, Leg
from ari_app.domain.recordings import Recording


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Dialled:
    """The PBX took the dial: the channel exists."""

    leg: str
    n: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class NeverSent:
    """The PBX's own record shows that this dial never reached it: it may be asked again."""

    leg: str
    n: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Rang:
    leg: str
    n: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    leg: str
    n: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Answered:
    leg: str
    n: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class HangupSeen:
    """The far end (remote) or something on the PBX asked for the end; the channel still exists."""

    leg: str
    n: int
    at_ms: int
    remote: bool
    cause: int | None = None
    sip_status: int | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The channel is no more. `how` is given where the source knows it, else it follows from what was seen before.
    `why`: of one that was never dialled, what kept it from its trunk."""

    leg: str
    n: int
    at_ms: int
    cause: int | None = None
    sip_status: int | None = None
    how: How | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Digit:
    leg: str
    n: int
    digit: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Played:
    """A playback ended, was stopped, or could not begin. `is_whole`: it was played to its end."""

    name: str
    at_ms: int
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Hold number n was granted; call_held_s is all that this call holds."""

    n: int
    call_held_s: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class HoldRefused:
    n: int
    why: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Settled:
    charged_s: int
    overrun_s: int
    used_s: int
    rounded_s: int
    at_ms: int
    legs: tuple[tuple[str, int], ...] = ()
    """As of the wish: each leg's rounded seconds."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The API asked for the end."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class LegAdded:
    """One more phone, as it was asked for from outside (`ask`: the command) or found (Seek). With a `stem` its role is
    that and the first free number. `is_one_only`: not where a phone of this number is there, or is being rung."""

    leg: Leg
    ask: str
    at_ms: int
    stem: str = ""
    is_one_only: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A word from outside about a leg, or ("") about the whole call. What it means is the flow's business."""

    leg: str
    word: str
    ask: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class NotFound:
    """Nobody can be rung for what was keyed."""

    digits: str
    why: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """What was keyed leads into another call: `leg` is kept for this phone there (`<call>.<role>.<n>`)."""

    leg: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Talking:
    """This leg began or ceased to speak."""

    leg: str
    n: int
    is_talking: bool
    at_ms: int


@dataclass(frozen=True, slots=True)
class RecordingBegan:
    recording: Recording
    at_ms: int


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """Of the call, by its name. `why`: it broke off, as for want of room."""

    name: str
    at_ms: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """A wish was carried out."""

    key: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Failed:
    """A wish could not be carried out and may be asked again, a limited number of times."""

    key: str
    at_ms: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Recovered:
    """A snapshot was folded in: whatever was asked and not answered may be asked again, but never a dial. `sounding`:
    names of sounds that could not be stopped."""

    at_ms: int
    sounding: tuple[str, ...] = ()


Event = (
    Tick | Dialled | NeverSent | Rang | EarlyMedia | Answered | HangupSeen | Gone | Digit | Played
    | Held | HoldRefused | Settled | Cancel | Done | Failed | Recovered | LegAdded | Told | NotFound | LeadsTo
    | Talking | RecordingBegan | RecordingEnded
)  # fmt: skip
