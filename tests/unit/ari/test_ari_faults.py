"""Faults of our own between the link and the engine: one event may be lost by them, never the service unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from ari_app.adapters.ari import ChannelUserevent
from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.domain import events as ev
from ari_app.ports.telephony import LinkUp
from tests.unit.ari.fake import BRISK, event
from tests.unit.ari.test_ari_telephony import LEG, Pbx, lived_in


async def test_an_event_that_cannot_be_translated_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Pbx() as pbx, lived_in(pbx) as house:
        translate = house.telephony._translator.facts

        def facts(said: Any) -> Any:
            if isinstance(said, ChannelUserevent):
                raise TypeError("a fault of ours")
            return translate(said)

        monkeypatch.setattr(house.telephony._translator, "facts", facts)
        with capture_logs() as logs:
            await pbx.say(event("ChannelUserevent", eventname="x"), event("ChannelDestroyed", LEG, cause=16))
            assert [type(one) for one in await house.facts_until_now()] == [ev.Gone]
    told = [one for one in logs if one["event"] == "event of the PBX left out"]
    assert [(one["type"], one["log_level"], one["exc_info"]) for one in told] == [("ChannelUserevent", "error", True)]


async def test_a_listener_that_dies_ends_the_link_with_its_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def stream(client: Client) -> AsyncIterator[Any]:
        await client.wait_streaming()
        raise RuntimeError("a fault of ours")
        yield  # so that it is a stream

    monkeypatch.setattr(Client, "stream", stream)
    async with Pbx() as pbx, asyncio.timeout(3):
        telephony = AriTelephony(pbx.url, "user", "secret", "app", cel_path=None, settings=BRISK)
        with pytest.raises(RuntimeError, match="a fault of ours"):
            await telephony.run()
        assert not telephony.is_up
        assert [type(said) async for said in telephony.events()] == [LinkUp]  # and then they end
