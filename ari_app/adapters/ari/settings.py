"""The link's options and its observable state. Plain data: knows no socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

NOISE = ("ChannelVarset", "ChannelDialplan", "ChannelConnectedLine", "ChannelCallerId")
"""Two thirds of the events of a call, of no use to an application that sets its variables itself."""

State = Literal["idle", "connecting", "connected", "waiting", "replaced", "closed"]


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How the link behaves. Every duration in milliseconds.

    A dead link is noticed within ping_ms + stalled_ms + one tick: 11 s with these values.
    """

    connect_ms: int = 5_000
    request_ms: int = 5_000
    ping_ms: int = 2_000
    stalled_ms: int = 8_000
    """A ping unanswered for so long means that the link is dead, one way or both."""
    close_ms: int = 250
    """How long a closing handshake may take: a dead peer does not answer one."""

    retry_first_ms: int = 50
    retry_base_ms: int = 200
    retry_max_ms: int = 3_000
    stable_ms: int = 5_000
    """A connection that lived so long resets the back-off."""

    queue_max: int = 20_000
    """Events not yet taken. More: the link is dropped and the snapshot of the next one tells the truth again."""
    in_flight_max: int = 4
    """Requests sent over the WebSocket and not yet answered; Asterisk serves one at a time, the others wait here."""
    disallowed_events: tuple[str, ...] | None = None
    """Event types that Asterisk shall not send, set on each connect: NOISE is a good choice. None: left as it is."""

    http_pool: int = 20
    http_keepalive_ms: int = 10_000
    """Below Asterisk's 15 s (session_keep_alive), so that we never send into a connection that it is closing."""

    @property
    def tick_ms(self) -> int:
        return max(10, min(250, self.ping_ms // 4, self.stalled_ms // 4))


@dataclass(slots=True)
class LinkStatus:
    """What an operator sees of the link; times in epoch milliseconds, 0 for never."""

    state: State = "idle"
    since_ms: int = 0
    streaming: bool = False
    """The snapshot of this connection was taken, its events flow."""
    reconnects: int = 0
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    last_heard_ms: int = 0
    """The last pong, reply or event."""
    last_error: str = ""

    requests: int = 0
    requests_failed: int = 0
    """Link lost or timed out; an answer of 400 or more is an answer."""
    events: int = 0
    unknown_events: int = 0
    malformed_frames: int = 0
    late_replies: int = 0
    overflows: int = 0
    queue_depth: int = 0
    queue_high_water: int = 0
    unknown_types: set[str] = field(default_factory=set)

    @property
    def connected(self) -> bool:
        return self.state == "connected"

    def enter(self, state: State) -> None:
        self.state = state
        self.since_ms = time.time_ns() // 1_000_000
        self.streaming = False
