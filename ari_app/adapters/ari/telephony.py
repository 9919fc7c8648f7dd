"""The Telephony port on the ARI client: how each thing that the engine asks is said to an Asterisk.

Knows endpoints, variables and bridge types (docs/asterisk.md tells what each was seen to do); knows no policy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import structlog

from ari_app.adapters.ari import errors
from ari_app.adapters.ari import events as ari
from ari_app.adapters.ari.cel import read_traces
from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.sounds import MUSIC, TONES
from ari_app.adapters.ari.translate import LEG, PLAYBACK, Translator
from ari_app.domain.events import Played
from ari_app.ports.telephony import (
    CallEvent,
    ChannelNow,
    DialRequest,
    LinkDown,
    LinkLost,
    LinkUp,
    NoSuchChannel,
    PbxError,
    PbxEvent,
    Replaced,
    Snapshot,
    Trace,
)  # fmt: skip

log = structlog.get_logger()
T = TypeVar("T")

BRIDGE_TYPE = "mixing,proxy_media"
"""In this order: plain `mixing` turns native when both legs are up, and changes the RTP stream under a leg that has
heard a prompt; some far ends then stay silent."""

PBX_RING_MARGIN_S = 2  # the PBX's own dial time-out comes after ours: ours knows why
STASIS_WITHIN_S = 2.0

UNNEEDED = (
    "ChannelVarset", "ChannelDialplan", "ChannelCallerId", "ChannelConnectedLine", "ChannelCreated", "StasisEnd",
    "ChannelEnteredBridge", "ChannelLeftBridge", "BridgeCreated", "BridgeDestroyed", "BridgeMerged",
    "PlaybackStarted", "PlaybackContinuing", "ChannelHold", "ChannelUnhold",
)  # fmt: skip


class AriTelephony:
    """One Asterisk. `run` keeps the link; `events` tells of it and of the calls, in order."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        app: str,
        *,
        cel_path: Path | None,
        settings: LinkSettings | None = None,
        may_act: Callable[[], bool] = lambda: True,
        sounds: Mapping[str, list[str]] | None = None,
    ) -> None:
        self._client = Client(
            url, user, password, app, settings=settings, on_connected=self._connected,
            on_disconnected=self._disconnected, on_replaced=self._replaced, before_send=self._before_send,
        )  # fmt: skip
        self._app = app
        self._may_act = may_act
        self._cel_path = cel_path
        self._media = {**(sounds or {}), **TONES}
        self._translator = Translator()
        self._queue: asyncio.Queue[PbxEvent | None] = asyncio.Queue()
        self._entering: dict[str, asyncio.Event] = {}

    @property
    def client(self) -> Client:
        return self._client

    @property
    def is_up(self) -> bool:
        return self._client.status.streaming

    async def run(self) -> None:
        """Until closed or replaced."""
        pump = asyncio.create_task(self._pump())
        try:
            await self._client.run()
            await pump
        finally:
            pump.cancel()
            self._queue.put_nowait(None)

    async def close(self) -> None:
        await self._client.aclose()

    async def events(self) -> AsyncIterator[PbxEvent]:
        while (said := await self._queue.get()) is not None:
            yield said

    # ---- the link -----------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        async for event in self._client.stream():
            if isinstance(event, ari.StasisStart) and (ready := self._entering.get(event.channel.id)):
                ready.set()
            for fact in self._translator.facts(event):
                self._queue.put_nowait(fact)

    async def _connected(self, client: Client) -> None:
        """Subscribed already; now the snapshot, then the stream."""
        await client.applications.filter(self._app, filter={"disallowed": [{"type": t} for t in UNNEEDED]})
        channels = {c.id: c for c in await client.channels.list()}
        bridges = await client.bridges.list()
        ours = {i: c for i, c in channels.items() if LEG.match(i) or PLAYBACK.match(i)}
        self._translator.keep_only(set(ours))
        for channel_id, c in ours.items():
            self._translator.adopt(
                channel_id, is_up=c.state == "Up", in_stasis=c.state == "Up" or c.dialplan.app_name == "Stasis"
            )
        snapshot = Snapshot(
            at_ms=time.time_ns() // 1_000_000,
            channels={i: ChannelNow(i, _state(c.state), c.created_ms) for i, c in ours.items()},
            bridges={b.id: frozenset(b.channels) for b in bridges},
        )
        self._queue.put_nowait(LinkUp(snapshot))

    async def _disconnected(self, client: Client) -> None:
        self._queue.put_nowait(LinkDown(client.status.last_error or "link lost"))

    async def _replaced(self, _client: Client) -> None:
        self._queue.put_nowait(Replaced())

    def _before_send(self) -> None:
        """Not the owner (any more): ask nothing, and see everything anew once we are again."""
        if not self._may_act():
            self._client.drop("not the owner of this PBX now")
            raise errors.LinkLost("not the owner of this PBX now", sent=False)

    async def _ask(self, asking: Awaitable[T]) -> T:
        try:
            return await asking
        except errors.NotFound as e:
            raise NoSuchChannel(e.status, e.message) from e
        except errors.AriError as e:
            raise PbxError(e.status, e.message) from e
        except errors.RequestTimeout as e:  # no answer on a link that stands: drop it, and the snapshot will tell
            self._client.drop(str(e))
            raise LinkLost(str(e)) from e
        except errors.AriFault as e:
            raise LinkLost(str(e)) from e

    # ---- phones -------------------------------------------------------------------------------------------------

    async def dial(self, request: DialRequest) -> None:
        """Create, then dial: so the leg is in Stasis from its birth, and it answers into the application even if that
        was away for a moment (a leg that rings by `originate` would be hung up)."""
        await self._in_stasis(request.channel, self._create(request))
        ring_s = _seconds(request.ring_ms) + PBX_RING_MARGIN_S
        asking = [self._ask(self._client.channels.dial(request.channel, timeout=ring_s))]
        if request.bridge is not None:  # both travel at once, in this order: the bridge must be there before a sound
            asking.insert(0, self.join(request.bridge, request.channel))
        try:
            await asyncio.gather(*asking)
        except PbxError:
            await self._client.channels.hangup(request.channel)
            raise

    async def _in_stasis(self, channel: str, asking: Awaitable[object]) -> None:
        """Ask for a channel and wait until it has entered Stasis: before that it cannot be bridged or played to, and
        the answer to the request comes earlier."""
        ready = self._entering[channel] = asyncio.Event()
        try:
            await self._ask(asking)
            async with asyncio.timeout(STASIS_WITHIN_S):
                await ready.wait()
        except TimeoutError as e:
            await self._client.channels.hangup(channel)
            raise PbxError(422, "the channel did not enter the application") from e
        finally:
            del self._entering[channel]

    async def _create(self, r: DialRequest) -> None:
        """`create` has no caller id of its own: the number sent is the channel's connected line. Joining would
        overwrite that with the other leg's number, hence inhibitConnectedLineUpdates."""
        variables = {
            "CONNECTEDLINE(num,i)": r.shown,
            "CALLERID(num)": r.shown,
            "TIMEOUT(absolute)": _timer(r.life_ms),
        }
        await self._client.channels.create(
            f"PJSIP/{r.dialled}@{r.trunk}", self._app, appArgs=r.channel, channelId=r.channel, variables=variables
        )

    async def hang_up(self, channel: str) -> None:
        await self._ask(self._client.channels.hangup(channel))

    async def cut_off(self, channel: str, in_ms: int) -> None:
        timer = {"TIMEOUT(absolute)": _timer(max(in_ms, 1))}
        await self._ask(self._client.channels.setChannelVars(channel, timer))

    async def answered_at(self, channel: str) -> int | None:
        try:
            said = await self._ask(self._client.channels.getChannelVar(channel, "CDR(answer,u)"))
            return int(float(said.value) * 1000) or None
        except (PbxError, LinkLost, ValueError):
            return None

    async def traces(self, channels: Sequence[str]) -> Mapping[str, Trace] | None:
        if self._cel_path is None:
            return None
        return await asyncio.to_thread(read_traces, self._cel_path, channels)

    async def send_back(self, channel: str, variables: Mapping[str, str]) -> None:
        if variables:
            await self._ask(self._client.channels.setChannelVars(channel, dict(variables)))
        await self._ask(self._client.channels.continueInDialplan(channel))

    # ---- bridges and sounds -------------------------------------------------------------------------------------

    async def open_bridge(self, bridge: str) -> None:
        await self._ask(self._client.bridges.createWithId(bridge, type=BRIDGE_TYPE))

    async def join(self, bridge: str, channel: str) -> None:
        await self._ask(self._client.bridges.addChannel(bridge, channel, inhibitConnectedLineUpdates=True))

    async def close_bridge(self, bridge: str) -> None:
        await self._ask(self._client.bridges.destroy(bridge))

    async def play(self, channel: str, playback: str, sound: str) -> None:
        if sound == MUSIC:
            await self._ask(self._client.channels.startMoh(channel))
        else:
            await self._ask(self._client.channels.playWithId(channel, playback, media=self._media[sound]))

    async def stop(self, channel: str, playback: str, sound: str) -> None:
        if sound != MUSIC:
            await self._ask(self._client.playbacks.stop(playback))
            return
        await self._ask(self._client.channels.stopMoh(channel))
        call, _, name = playback.partition(".")
        self._queue.put_nowait(CallEvent(call, Played(name, time.time_ns() // 1_000_000)))

    async def whisper(self, channel: str, playback: str, sound: str) -> None:
        snoop = self._client.channels.snoopChannelWithId(channel, playback, self._app, spy="none", whisper="out")
        await self._in_stasis(playback, snoop)
        await self._ask(self._client.channels.playWithId(playback, playback, media=self._media[sound]))

    async def unwhisper(self, playback: str) -> None:
        await self._ask(self._client.channels.hangup(playback))


def _timer(in_ms: int) -> str:
    """For TIMEOUT(absolute): "65.500"; it takes fractions, and 0 would switch it off."""
    return f"{in_ms // 1000}.{in_ms % 1000:03d}" if in_ms > 0 else "0.001"


def _seconds(ms: int) -> int:
    return -(-ms // 1000)


def _state(name: str) -> Literal["down", "ringing", "up"]:
    return "up" if name == "Up" else "ringing" if name == "Ringing" else "down"
