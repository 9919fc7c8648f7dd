"""The ARI client against a real Asterisk, its phones at the simulated carrier, and a network that breaks in between."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import pytest

from ari_app.adapters.ari import (
    NOISE,
    AriError,
    AriFault,
    BadRequest,
    ChannelDestroyed,
    ChannelEnteredBridge,
    ChannelStateChange,
    ChannelUserevent,
    Client,
    Conflict,
    Dial,
    LinkLost,
    LinkSettings,
    NotFound,
    PlaybackFinished,
    PlaybackStarted,
    StasisEnd,
    StasisStart,
    Unprocessable,
)
from tests.proxy import Proxy
from tests.support import until

TALKS, BUSY, RINGS = "+861391230111", "+861391230122", "+861391230123"
BRISK = LinkSettings(connect_ms=1_000, ping_ms=200, stalled_ms=1_500, close_ms=50, retry_max_ms=200)
"""A stall is noticed soon, but not one so short that `Connection` does not see that it was held up itself (1.1 s)."""
_names = (f"ari-{os.getpid()}-{number}" for number in itertools.count())


class Watched:
    """A client whose events are kept, under ids that no other test uses."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name
        self.events: list[Any] = []

    def id(self, leg: str) -> str:
        return f"{self.name}.{leg}"

    def of(self, leg: str, *kinds: type) -> list[Any]:
        """The events of one leg, of these types, as they came."""
        channel_id = self.id(leg)
        return [e for e in self.events if (not kinds or isinstance(e, kinds)) and _channel_of(e) == channel_id]

    async def originate(self, leg: str, number: str, **more: Any) -> None:
        endpoint, caller = f"PJSIP/{number}@carrier", "+864001234567"
        await self.client.channels.originateWithId(
            self.id(leg), endpoint, app=self.client.app, callerId=caller, timeout=20, **more
        )

    async def up(self, leg: str, number: str = TALKS) -> None:
        await self.originate(leg, number)
        await until(lambda: self.of(leg, StasisStart), within_s=5)


def _channel_of(event: Any) -> str:
    channel = event.peer if isinstance(event, Dial) else getattr(event, "channel", None)
    return channel.id if channel else ""


@asynccontextmanager
async def watched(
    stack: Any, url: str = "", settings: LinkSettings | None = None, **more: Any
) -> AsyncIterator[Watched]:
    name = next(_names)
    client = Client(
        url or stack.ari_url, stack.ari_user, stack.ari_password, name, settings=settings or LinkSettings(), **more
    )
    seen = Watched(client, name)

    async def take() -> None:
        async for event in client.stream():
            seen.events.append(event)

    async with client:
        taker = asyncio.create_task(take())
        try:
            yield seen
        finally:
            await clean_up(stack, name)
    await taker


async def clean_up(stack: Any, name: str) -> None:
    """By a connection of its own: the one under test may be in ruins."""
    async with Client(stack.ari_url, stack.ari_user, stack.ari_password, f"{name}-broom") as broom:
        for channel in await broom.channels.list():
            if channel.id.startswith(f"{name}."):
                await ignoring(broom.channels.hangup(channel.id))
        for bridge in await broom.bridges.list():
            if bridge.id.startswith(f"{name}."):
                await ignoring(broom.bridges.destroy(bridge.id))


async def ignoring(request: Any) -> None:
    """It is gone already: as good."""
    with suppress(NotFound):
        await request


@asynccontextmanager
async def proxied(stack: Any, **more: Any) -> AsyncIterator[tuple[Watched, Proxy]]:
    where = urlsplit(stack.ari_url)
    async with Proxy(where.hostname or "", where.port or 0) as proxy:
        url = f"http://127.0.0.1:{proxy.port}{where.path}"
        async with watched(stack, url, more.pop("settings", BRISK), **more) as seen:
            yield seen, proxy


# --- requests and events ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rest", ["websocket", "http"])
async def test_two_phones_are_rung_one_after_the_other_and_bridged(stack: Any, rest: Any) -> None:
    async with watched(stack, rest=rest) as seen:
        client, bridge = seen.client, seen.id("bridge")
        made = await client.bridges.createWithId(bridge, type="mixing,proxy_media", name="talk")
        assert (made.id, made.bridge_type) == (bridge, "mixing")
        await seen.originate("a", TALKS, variables={"CALL": {"value": "c1", "report_events": True}})
        await until(lambda: seen.of("a", StasisStart), within_s=5)
        created = await client.channels.create(
            f"PJSIP/{TALKS}@carrier",
            client.app,
            channelId=seen.id("b"),
            appArgs="c1,b",
            variables={"TIMEOUT(absolute)": "20"},
        )
        assert (created.id, created.state) == (seen.id("b"), "Down")
        await until(lambda: seen.of("b", StasisStart), within_s=5)
        await client.bridges.addChannel(bridge, [seen.id("a"), seen.id("b")], inhibitConnectedLineUpdates=True)
        await client.channels.dial(seen.id("b"), timeout=10)
        await until(lambda: any(e.channel.state == "Up" for e in seen.of("b", ChannelStateChange)), within_s=5)
        assert set((await client.bridges.get(bridge)).channels) == {seen.id("a"), seen.id("b")}
        assert (await client.channels.rtpstatistics(seen.id("a"))).channel_uniqueid == seen.id("a")
        await client.channels.hangup(seen.id("a"), reason_code="16")
        await client.channels.hangup(seen.id("b"))
        await until(lambda: seen.of("a", ChannelDestroyed) and seen.of("b", ChannelDestroyed), within_s=5)

        story = (StasisStart, ChannelEnteredBridge, StasisEnd, ChannelDestroyed)
        assert [type(e) for e in seen.of("a", *story)] == list(story)
        assert seen.of("a", ChannelDestroyed)[0].channel.channelvars == {"CALL": "c1"}
        assert seen.of("b", StasisStart)[0].args == ("c1", "b")
        assert [e.dialstatus for e in seen.of("b", Dial)][-1] == "ANSWER"
        for leg in "ab":
            times = [e.at_ms for e in seen.of(leg)]
            assert times == sorted(times)
            assert abs(times[-1] - time.time() * 1000) < 10_000
        assert client.status.unknown_events == client.status.malformed_frames == 0


async def test_a_phone_that_is_busy_never_enters_the_application(stack: Any) -> None:
    async with watched(stack) as seen:
        await seen.originate("a", BUSY)
        await until(lambda: seen.of("a", ChannelDestroyed), within_s=5)
        ended = seen.of("a", ChannelDestroyed)[0]
        assert (ended.cause, ended.tech_cause) == (17, 486)
        assert seen.of("a", StasisStart) == []


async def test_asterisks_refusals_are_told_apart(stack: Any) -> None:
    async with watched(stack) as seen:
        client = seen.client
        await seen.originate("a", RINGS)
        with pytest.raises(Conflict) as conflict:
            await seen.originate("a", RINGS)
        assert conflict.value.status == 409
        with pytest.raises(NotFound):
            await client.channels.hangup(seen.id("nobody"))
        await client.bridges.createWithId(seen.id("bridge"), type="mixing")
        with pytest.raises(Unprocessable):
            await client.bridges.addChannel(seen.id("bridge"), seen.id("a"))
        with pytest.raises(BadRequest):
            await client.bridges.addChannel(seen.id("bridge"), seen.id("nobody"))
        await client.channels.hangup(seen.id("a"))
        await until(lambda: seen.of("a", ChannelDestroyed), within_s=5)
        await seen.originate("a", RINGS)  # the id is free again: only the caller can know that it must not


async def test_a_wrong_password_never_connects(stack: Any) -> None:
    client = Client(stack.ari_url, stack.ari_user, "wrong", next(_names), settings=BRISK)
    link = asyncio.create_task(client.run())
    await until(lambda: "401" in client.status.last_error, within_s=5)
    with pytest.raises(LinkLost):
        await client.asterisk.ping()
    await client.aclose()
    await link


async def test_odd_signs_reach_asterisk_unchanged(stack: Any) -> None:
    value = 'é 中文 + & = / ? % " \\ ; ,'
    async with watched(stack) as seen:
        await seen.up("a")
        channels = seen.client.channels
        await channels.setChannelVars(seen.id("a"), {"ODD": value})
        assert (await channels.getChannelVar(seen.id("a"), "ODD")).value == value
        await channels.setChannelVar(seen.id("a"), "ODD", value=value[::-1])
        assert (await channels.getChannelVars(seen.id("a"), ["ODD"])).variables == {"ODD": value[::-1]}


async def test_a_playback_is_known_by_our_id_from_start_to_end(stack: Any) -> None:
    async with watched(stack) as seen:
        await seen.up("a")
        playback = await seen.client.channels.playWithId(seen.id("a"), seen.id("says"), media=["digits:1", "digits:2"])
        assert playback.id == seen.id("says")
        await until(lambda: any(isinstance(e, PlaybackFinished) for e in seen.events), within_s=10)
        played = [e for e in seen.events if hasattr(e, "playback")]
        assert {e.playback.id for e in played} == {seen.id("says")}
        assert isinstance(played[0], PlaybackStarted)
        assert isinstance(played[-1], PlaybackFinished)
        assert played[-1].playback.state == "done"

        async def is_forgotten() -> bool:
            """A moment after it was told that it has ended."""
            try:
                await seen.client.playbacks.stop(seen.id("says"))
            except NotFound:
                return True
            return False

        await until(is_forgotten, within_s=5, what="nobody knows the playback any more")


async def test_a_user_event_comes_back(stack: Any) -> None:
    async with watched(stack) as seen:
        await seen.client.events.userEvent("hello", seen.client.app, variables={"mood": "good"})
        await until(lambda: seen.events, within_s=5)
        assert isinstance(seen.events[0], ChannelUserevent)
        assert seen.events[0].userevent == {"eventname": "hello", "mood": "good"}


async def test_noise_can_be_left_with_asterisk_while_replies_still_come(stack: Any) -> None:
    async with watched(stack, settings=LinkSettings(disallowed_events=NOISE)) as quiet, watched(stack) as loud:
        for seen in (quiet, loud):
            await seen.up("a")
            await seen.client.channels.setChannelVar(seen.id("a"), "NOISE", value="1")
            await seen.client.channels.hangup(seen.id("a"))
            await until(partial(seen.of, "a", ChannelDestroyed), within_s=5)
        assert {e.type for e in quiet.events}.isdisjoint(NOISE)
        assert "ChannelVarset" in {e.type for e in loud.events}
        assert len(quiet.events) < len(loud.events) / 2


# --- the link breaks --------------------------------------------------------------------------------------------------
async def test_calls_outlive_a_cut_link_and_are_found_again(stack: Any) -> None:
    snapshots: list[set[str]] = []

    async def snapshot(client: Client) -> None:
        snapshots.append({channel.id for channel in await client.channels.list()})

    def taken_again(times: int) -> bool:
        return len(snapshots) == times + 1 and seen.client.status.streaming

    async with proxied(stack, on_connected=snapshot) as (seen, proxy):
        await seen.up("a")
        for times in (1, 2, 3):
            proxy.cut()
            await until(partial(taken_again, times), within_s=5)
            assert seen.id("a") in snapshots[-1]
        await seen.client.channels.hangup(seen.id("a"))
        await until(lambda: seen.of("a", ChannelDestroyed), within_s=5)
        assert len(seen.of("a", StasisStart)) == 1
        assert seen.client.status.reconnects == 3


@pytest.mark.parametrize(("up", "down"), [(True, True), (True, False), (False, True)], ids=["both", "up", "down"])
async def test_a_link_that_is_stalled_is_noticed_and_replaced(stack: Any, up: bool, down: bool) -> None:
    async with proxied(stack) as (seen, proxy):
        await seen.up("a")
        proxy.stall(up=up, down=down)
        began = time.monotonic()
        await until(lambda: not seen.client.status.connected, within_s=10)
        assert "stalled" in seen.client.status.last_error
        settings = seen.client.settings
        assert (time.monotonic() - began) * 1000 < settings.ping_ms + settings.stalled_ms + 3_000
        proxy.resume()
        await until(lambda: seen.client.status.streaming, within_s=5)
        assert (await seen.client.channels.get(seen.id("a"))).state == "Up"
        assert seen.client.status.state == "connected"


def test_the_default_link_notices_a_stall_within_15_s() -> None:
    settings = LinkSettings()
    assert settings.ping_ms + settings.stalled_ms + 2 * settings.tick_ms <= 15_000


async def test_a_lost_request_may_have_been_carried_out(stack: Any) -> None:
    async with proxied(stack) as (seen, proxy):
        proxy.stall(up=False, down=True)
        asked = asyncio.create_task(seen.originate("a", RINGS))
        async with Client(stack.ari_url, stack.ari_user, stack.ari_password, f"{seen.name}-witness") as witness:
            await until(exists(witness, seen.id("a")), within_s=5)
        proxy.cut()
        proxy.resume()
        with pytest.raises(LinkLost) as lost:
            await asyncio.wait_for(asked, 2)
        assert lost.value.sent


def exists(client: Client, channel_id: str) -> Callable[[], Any]:
    async def check() -> bool:
        try:
            await client.channels.get(channel_id)
        except NotFound:
            return False
        return True

    return check


async def test_while_asterisk_is_away_requests_fail_at_once_and_the_link_comes_back(stack: Any) -> None:
    async with proxied(stack) as (seen, proxy):
        await proxy.refuse()
        proxy.cut()
        await until(lambda: not seen.client.status.connected, within_s=5)
        began = time.monotonic()
        with pytest.raises(LinkLost) as lost:
            await seen.client.asterisk.ping()
        assert not lost.value.sent
        assert time.monotonic() - began < 0.5
        await until(lambda: "cannot connect" in seen.client.status.last_error, within_s=5)
        await proxy.accept()
        await until(lambda: seen.client.status.streaming, within_s=5)
        assert (await seen.client.asterisk.ping()).ping == "pong"


async def test_requests_of_many_callers_survive_a_slow_network(stack: Any) -> None:
    async with proxied(stack) as (seen, proxy):
        await seen.up("a")
        proxy.slow(delay_ms=20)
        names = [f"V{number}" for number in range(40)]
        channels = seen.client.channels
        await asyncio.gather(*(channels.setChannelVar(seen.id("a"), name, value=name) for name in names))
        got = await asyncio.gather(*(channels.getChannelVar(seen.id("a"), name) for name in names))
        assert [variable.value for variable in got] == names
        assert seen.client.status.reconnects == 0


async def test_who_is_replaced_stands_down_and_the_new_one_gets_the_events(stack: Any) -> None:
    told: list[str] = []

    async def stand_down(client: Client) -> None:
        told.append(client.status.state)

    async with watched(stack, on_replaced=stand_down) as old:
        await old.originate("a", RINGS)
        async with Client(stack.ari_url, stack.ari_user, stack.ari_password, old.client.app) as new:
            await until(lambda: told, within_s=5)
            assert old.client.status.state == "replaced"
            with pytest.raises(AriFault):
                await old.client.asterisk.ping()
            await new.channels.hangup(old.id("a"))
            ended = [event.channel.id async for event in until_the_end(new)]
            assert ended == [old.id("a")]
        assert old.of("a", ChannelDestroyed) == []
        assert old.client.status.reconnects == 0


async def until_the_end(client: Client) -> AsyncIterator[ChannelDestroyed]:
    async for event in client.stream():
        if isinstance(event, ChannelDestroyed):
            yield event
            return


async def test_two_hundred_requests_at_once_are_all_answered(stack: Any) -> None:
    async with watched(stack) as seen:
        answers = await asyncio.gather(
            *(seen.client.channels.get(f"nobody-{number}") for number in range(200)), return_exceptions=True
        )
        assert all(isinstance(answer, AriError) and answer.status == 404 for answer in answers)
        assert [str(answer).rsplit("-", 1)[1][:-1] for answer in answers] == [str(number) for number in range(200)]
