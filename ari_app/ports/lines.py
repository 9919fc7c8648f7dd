"""How many calls a trunk carries and how fast they begin, over all processes: sets of channel ids with a last-seen
time, by the store's own clock, never counters, so that nothing leaks for ever.

Every method may raise Unavailable; asking again is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

WhyFull = Literal["channels", "cps"]

STALE_MS = 60_000
"""A line whose channel nobody has seen for so long is free: its process died, and none took its calls over. A
successor sees them sooner, and loses none."""
WINDOW_MS = 1_100
"""Of those that begin: so long each counts. More than the second that a carrier counts by, for between the store's word
and the carrier's clock stand two machines that may be late, one more than the other."""
FLIGHT_MS = 8_000
"""A channel that was given a line has been dialled so long after, or nobody will say that it was: until then it counts
as one that begins just now. More than the PBX may take to answer."""


@dataclass(frozen=True, slots=True)
class Full:
    """No line was taken. `again_ms`: when there may be one (of `cps`; 0 where nobody can tell)."""

    why: WhyFull
    again_ms: int = 0


class Lines(Protocol):
    async def take(
        self, trunk: str, channel: str, *, max_channels: int, max_cps: int, also: Sequence[str] = ()
    ) -> Full | None:
        """A line for this channel (`<call>.<leg>.<try>`), before it is dialled; None: it has one. 0: no limit. The same
        channel asked again has it already. `also`: channels of the same call that get a line, too, so that there is one
        when their turn comes; all of them, or none."""

    async def begun(self, trunk: str, channel: str) -> None:
        """The PBX has been asked to dial it, and has answered: its start counts from now."""

    async def free(self, trunk: str, channel: str) -> None:
        """The channel is gone, or was never dialled. Its start counts on."""

    async def seen(self, trunk: str, channels: Sequence[str]) -> None:
        """These live: their lines are kept, and had again where the store has lost them."""

    async def in_use(self, trunk: str) -> int:
        """Channels that were seen lately."""
