"""Follows a call from outside, over the API, until it has ended. Knows the client; prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any, TypeVar

from ari_app.entrypoints.client import ApiRefused, Client, Failure, Unreachable
from ari_app.entrypoints.views import at_ms

LOOK_EVERY_S = 0.15
AWAY_AT_MOST_S = 30.0  # a server or Redis that restarts takes the call up again; so long the follower waits for it
UNAVAILABLE = 503

T = TypeVar("T")


def is_away(e: Failure) -> bool:
    """Nobody answers, or what the server needs is away: asked again in a moment, it may answer."""
    if isinstance(e, ApiRefused):
        return e.status == UNAVAILABLE and e.problem.get("type") != "unreadable-record"
    return isinstance(e, Unreachable)


def patiently(ask: Callable[[], T]) -> T:
    """The answer, asked for again while there is none. Raises Failure."""
    began_s = monotonic()
    while True:
        try:
            return ask()
        except Failure as e:
            if not is_away(e) or monotonic() - began_s > AWAY_AT_MOST_S:
                raise
        sleep(LOOK_EVERY_S)


def events(
    client: Client, call: str, *, until_s: Callable[[], float | None] = lambda: None
) -> Iterator[dict[str, Any]]:
    """The call's events as they come, up to `ended`; or until the clock (time.monotonic) passes `until_s`."""
    seen, answered_s = 0, monotonic()
    while True:
        try:
            told = client.get("v1", "calls", call, "events", after=seen)["events"]
            answered_s = monotonic()
        except Failure as e:
            if not is_away(e) or monotonic() - answered_s > AWAY_AT_MOST_S:
                raise
            told = []
        for event in told:
            seen = event["seq"]
            yield event
            if event["state"] == "ended":
                return
        limit_s = until_s()
        if limit_s is not None and monotonic() >= limit_s:
            return
        sleep(LOOK_EVERY_S)


def offset(event: dict[str, Any], since: str) -> str:
    """`+1.25 s` after the time `since`."""
    return f"{(at_ms(event['at']) - at_ms(since)) / 1000:+.2f} s"
