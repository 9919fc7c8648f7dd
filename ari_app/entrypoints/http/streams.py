"""The answers that go on for long: how many are open, whose, and their end when the process leaves. Knows no event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client import Counter as Count

from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import ApiKey

Kind = Literal["events", "call", "click", "export"]
KINDS: tuple[Kind, ...] = ("events", "call", "click", "export")
Why = Literal["told", "gone", "key", "leaving"]
WHYS: tuple[Why, ...] = ("told", "gone", "key", "leaving")
AGAIN_S = 5
STREAMED = "ringbridge.streamed"
"""In the scope: what is sent goes on for as long as the client likes, and says nothing of how fast we answer."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """`owner_max`: of one owner, see owner_of."""

    most: int = 500
    owner_max: int = 50
    heartbeat_s: float = 15.0


def owner_of(key: ApiKey) -> str:
    """Whose they are: all keys of a tenant have their share together, as it makes as many as it likes."""
    return f"tenant {key.tenant}" if key.tenant else key.id


class StreamMetrics:
    """docs/metrics.md describes each one."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.open = Gauge("ringbridge_streams_open", "Live streams of events, by kind", ["kind"], registry=registry)
        self.ended = Count(
            "ringbridge_streams_ended", "Streams that ended, by kind and why", ["kind", "why"], registry=registry
        )
        for kind in KINDS:
            self.open.labels(kind)


class Stream:
    """One that is open. `why` it ends; "": it goes on. `leave` is told once."""

    def __init__(self, owner: str, kind: Kind, leave: Callable[[], None]) -> None:
        self.owner = owner
        self.kind = kind
        self.why: Why | Literal[""] = ""
        self._leave = leave

    def end(self, why: Why) -> None:
        if not self.why:
            self.why = why
            self._leave()


class Streams:
    """Of one process."""

    def __init__(self, limits: StreamLimits, metrics: StreamMetrics) -> None:
        self.limits = limits
        self._metrics = metrics
        self._open: set[Stream] = set()
        self._owners: Counter[str] = Counter()
        self._is_leaving = False

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, owner: str, kind: Kind, most: int, leave: Callable[[], None]) -> Stream:
        """Raises Problem: 429, 503. `most`: of this owner."""
        if self._is_leaving:
            raise Problem("draining", "This server is about to stop: open the stream again.", "", 1)
        if self._owners[owner] >= most:
            sentence = f"{most} streams are open already: close one that is not read."
            raise Problem("too-many-requests", sentence, "", AGAIN_S, extra={"rule": "streams"})
        if len(self._open) >= self.limits.most:
            raise Problem("no-capacity", "Too many live streams are open.", "", AGAIN_S)
        stream = Stream(owner, kind, leave)
        self._open.add(stream)
        self._owners[owner] += 1
        self._metrics.open.labels(kind).inc()
        return stream

    def left(self, stream: Stream) -> None:
        self._open.discard(stream)
        self._owners[stream.owner] -= 1
        if not self._owners[stream.owner]:
            del self._owners[stream.owner]
        self._metrics.open.labels(stream.kind).dec()
        self._metrics.ended.labels(stream.kind, stream.why or "gone").inc()

    def end_all(self) -> None:
        """The process leaves: nobody waits for those who look on."""
        self._is_leaving = True
        for stream in tuple(self._open):
            stream.end("leaving")
