"""Small helpers that every floor of the tests uses. No sleeps for a guess: wait for a condition."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from ari_app.domain.errors import Unavailable
from ari_app.domain.plans import Entitlement
from ari_app.engine.asks import Ask, ask_of
from ari_app.plans_file import shipped
from ari_app.ports.users import User

T = TypeVar("T")


async def until(
    condition: Callable[[], T | Awaitable[T]], within_s: float = 5.0, what: str = "", every_s: float = 0.02
) -> T:
    """Poll until the condition is true; returns what it gave. Fails with `what` after within_s, and not before a last
    look after that time: where the whole machine stood still, nothing could happen in it."""
    deadline, is_late = time.monotonic() + within_s, False
    while True:
        got = condition()
        if isinstance(got, Awaitable):
            got = await got
        if got:
            return got
        if is_late:
            raise AssertionError(f"not within {within_s} s: {what or condition}")
        await asyncio.sleep(every_s)
        is_late = time.monotonic() > deadline


def until_sync(condition: Callable[[], T | None], within_s: float = 5.0, what: str = "", every_s: float = 0.02) -> T:
    """As `until`, of what happens elsewhere."""
    deadline, is_late = time.monotonic() + within_s, False
    while True:
        got = condition()
        if got:
            return got
        if is_late:
            raise AssertionError(f"not within {within_s} s: {what or condition}")
        time.sleep(every_s)
        is_late = time.monotonic() > deadline


async def surely(ask: Callable[..., Awaitable[T]], *args: object) -> T:
    """As every caller of the ledger does it: asked again, by the same operation id, until there is an answer."""
    while True:
        try:
            return await ask(*args)
        except Unavailable:
            await asyncio.sleep(0.02)


async def personal(_user: User) -> Entitlement:
    """Everybody's plan where there are no teams."""
    return shipped().best()


def callback_ask(caller: str, callee: str, *, metadata: Mapping[str, str] | None = None, **more: object) -> Ask:
    """A callback as asked for."""
    return ask_of({"caller": caller, "callee": callee, **more}, metadata=metadata)
