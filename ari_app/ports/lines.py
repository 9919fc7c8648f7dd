"""How many calls a trunk carries and how fast they begin, over all processes: sets of channel ids with a last-seen
time, never counters, so that nothing leaks for ever.

Every method may raise Unavailable; asking again is harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

WhyFull = Literal["channels", "cps"]


@dataclass(frozen=True, slots=True)
class Full:
    """No line was taken. `again_ms`: when there may be one (of `cps`; 0 where nobody can tell)."""

    why: WhyFull
    again_ms: int = 0


class Lines(Protocol):
    async def take(self, trunk: str, channel: str, *, max_channels: int, max_cps: int) -> Full | None:
        """A line for this channel (`<call>.<leg>.<try>`), before it is dialled; None: it has one. 0: no limit. The same
        channel asked again has it already."""

    async def free(self, trunk: str, channel: str) -> None:
        """The channel is gone, or was never dialled."""

    async def seen(self, trunk: str, channels: Sequence[str]) -> None:
        """These live: their lines are kept, and had again where the store has lost them."""

    async def in_use(self, trunk: str) -> int:
        """Channels that were seen lately."""
