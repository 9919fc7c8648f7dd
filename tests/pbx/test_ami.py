"""The watch on the trunks against the PBX, with a network in between that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ari_app.adapters.ami import AmiSettings, AmiWatch
from tests.proxy import Proxy
from tests.support import until

BRISK = AmiSettings(answer_ms=500, ping_ms=100, refresh_ms=300, retry_ms=50)


@asynccontextmanager
async def watching(stack: Any) -> AsyncIterator[tuple[AmiWatch, Proxy]]:
    async with Proxy(stack.ami_host, stack.ami_port) as proxy:
        watch = AmiWatch("127.0.0.1", proxy.port, stack.ami_user, stack.ami_secret, settings=BRISK)
        running = asyncio.create_task(watch.run())
        try:
            await until(lambda: watch.connected, within_s=5, what="connected to AMI")
            yield watch, proxy
        finally:
            proxy.resume()
            await watch.aclose()
            await running


async def test_the_carriers_trunk_can_be_reached(stack: Any) -> None:
    async with watching(stack) as (watch, _):
        await until(lambda: watch.trunk_states()["carrier"].reachable, within_s=15)
        carrier = watch.trunk_states()["carrier"]
        assert carrier.usable
        assert carrier.registration == ""
        assert [uri for uri, _ in carrier.contacts if str(stack.carrier_sip_port) in uri]


async def test_the_connection_is_kept_through_cuts(stack: Any) -> None:
    async with watching(stack) as (watch, proxy):
        proxy.cut()
        await until(lambda: watch.reconnects == 1 and watch.connected, within_s=5)
        await proxy.refuse()
        proxy.cut()
        await until(lambda: not watch.connected, within_s=5)
        assert "carrier" in watch.trunk_states()
        await proxy.accept()
        await until(lambda: watch.connected, within_s=5)


async def test_a_stalled_connection_is_noticed(stack: Any) -> None:
    async with watching(stack) as (watch, proxy):
        proxy.stall(up=False, down=True)
        await until(lambda: not watch.connected, within_s=5)
        assert "no answer" in watch.last_error
        proxy.resume()
        await until(lambda: watch.connected, within_s=5)
