"""What a flow may ask for. Each wish has a key; a key is asked once. Wishes say what, never how."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.domain.call import End
from ari_app.domain.recordings import Hears, What


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold minutes: whole increments up to want_s. `attempt` counts refusals, so that a top-up is noticed."""

    n: int
    want_s: int
    attempt: int = 0

    @property
    def key(self) -> str:
        return f"hold:{self.n}:{self.attempt}"


@dataclass(frozen=True, slots=True)
class Dial:
    """Ring a phone. At most once per (leg, n), whatever dies in between. `life_ms`: the PBX itself ends the channel
    this long after its birth. `early` joins the bridge before the dial, so that early media is heard."""

    leg: str
    n: int
    life_ms: int
    ring_ms: int
    early: bool = False

    @property
    def key(self) -> str:
        return f"dial:{self.leg}:{self.n}"


@dataclass(frozen=True, slots=True)
class OpenBridge:
    @property
    def key(self) -> str:
        return "bridge"


@dataclass(frozen=True, slots=True)
class Join:
    leg: str
    n: int

    @property
    def key(self) -> str:
        return f"join:{self.leg}:{self.n}"


@dataclass(frozen=True, slots=True)
class Cutoff:
    """Set the dead man's switch: the PBX ends this channel at until_ms, with or without us. `seq` grows where a time
    may come back that was set before, and overruled since."""

    leg: str
    n: int
    until_ms: int
    seq: int = 0

    @property
    def key(self) -> str:
        return f"cutoff:{self.leg}:{self.until_ms}" + (f":{self.seq}" if self.seq else "")


@dataclass(frozen=True, slots=True)
class Play:
    """Play a sound to one leg alone. The name is the playback's; `sound` is a name from the sound table."""

    leg: str
    n: int
    name: str
    sound: str

    @property
    def key(self) -> str:
        return f"play:{self.name}"

    @property
    def is_endless(self) -> bool:
        """It goes on until it is stopped: whoever comes after us must know of it."""
        return self.sound in ("ringback", "music")


@dataclass(frozen=True, slots=True)
class PlayAll:
    """Play a sound to all who are joined, without interrupting their talk."""

    name: str
    sound: str
    language: str = ""

    @property
    def key(self) -> str:
        return f"play:{self.name}"


@dataclass(frozen=True, slots=True)
class Stop:
    leg: str
    n: int
    name: str
    sound: str

    @property
    def key(self) -> str:
        return f"stop:{self.name}"


@dataclass(frozen=True, slots=True)
class Whisper:
    """Speak to one leg while the conversation goes on."""

    leg: str
    n: int
    name: str
    sound: str

    @property
    def key(self) -> str:
        return f"whisper:{self.name}"


@dataclass(frozen=True, slots=True)
class Unwhisper:
    name: str

    @property
    def key(self) -> str:
        return f"unwhisper:{self.name}"


@dataclass(frozen=True, slots=True)
class Answer:
    """Pick up, for one who called us."""

    leg: str
    n: int

    @property
    def key(self) -> str:
        return f"answer:{self.leg}:{self.n}"


@dataclass(frozen=True, slots=True)
class Mute:
    """What this phone says is heard by nobody, or is again. `seq` counts the words about it."""

    leg: str
    n: int
    is_muted: bool
    seq: int

    @property
    def key(self) -> str:
        return f"mute:{self.leg}:{self.n}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Listen:
    """From now on it is told when this phone begins and ceases to speak."""

    leg: str
    n: int

    @property
    def key(self) -> str:
        return f"listen:{self.leg}:{self.n}"


@dataclass(frozen=True, slots=True)
class Seek:
    """Find whom to ring for what was keyed: a leg of this role is added, or it LeadsTo another call, or it is
    NotFound."""

    role: str
    digits: str

    @property
    def key(self) -> str:
        return f"seek:{self.role}:{self.digits}"


@dataclass(frozen=True, slots=True)
class HandOver:
    """This phone, which came in, goes on as a leg of another call: `to` is that one's channel."""

    leg: str
    n: int
    to: str

    @property
    def key(self) -> str:
        return f"hand_over:{self.leg}:{self.n}"


@dataclass(frozen=True, slots=True)
class Record:
    """Record one leg, without anybody noticing, until it is stopped or the leg is gone. `name`: within the call."""

    leg: str
    n: int
    name: str
    file: str
    what: What
    hears: Hears

    @property
    def key(self) -> str:
        return f"record:{self.name}"


@dataclass(frozen=True, slots=True)
class StopRecording:
    name: str
    file: str

    @property
    def key(self) -> str:
        return f"unrecord:{self.name}"


@dataclass(frozen=True, slots=True)
class HangUp:
    leg: str
    n: int

    @property
    def key(self) -> str:
        return f"hangup:{self.leg}:{self.n}"


@dataclass(frozen=True, slots=True)
class CloseBridge:
    @property
    def key(self) -> str:
        return "unbridge"


@dataclass(frozen=True, slots=True)
class Settle:
    """`legs`: of the rounded seconds, each leg's."""

    used_s: int
    rounded_s: int
    legs: tuple[tuple[str, int], ...] = ()

    @property
    def key(self) -> str:
        return "settle"


@dataclass(frozen=True, slots=True)
class Wake:
    """Look again at this time. Not kept: every step says anew when to wake."""

    at_ms: int


Wish = (
    Hold | Dial | OpenBridge | Join | Cutoff | Play | PlayAll | Stop | Whisper | Unwhisper | Answer | Mute | Listen
    | Seek | HandOver | Record | StopRecording | HangUp | CloseBridge | Settle
)  # fmt: skip
Yielded = Wish | Wake | End
