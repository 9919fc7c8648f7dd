"""Links to a fake Asterisk, and what is waited for of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ari_app.adapters.ari import (
    Client,
    LinkSettings,
)
from tests.unit.ari.fake import BRISK, FakeAsterisk


def client_of(fake: FakeAsterisk, settings: LinkSettings = BRISK, **more: Any) -> Client:
    return Client(fake.url, "user", "secret", "app", settings=settings, **more)


def back(client: Client, times: int) -> Callable[[], bool]:
    return lambda: client.status.reconnects == times and client.status.streaming


def is_in(client: Client, state: str) -> bool:
    return client.status.state == state


async def collect(client: Client, into: list[Any]) -> None:
    async for happened in client.stream():
        into.append(happened)
