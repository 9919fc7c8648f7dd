"""The Telephony port on the ARI client: how each thing that the engine asks is said to an Asterisk.

Knows endpoints, variables and bridge types (docs/asterisk.md tells what each was seen to do); knows no policy.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import structlog

from ari_app.adapters.ari import clocks, errors, sight
from ari_app.adapters.ari import events as ari
from ari_app.adapters.ari.aliases import Aliases
from ari_app.adapters.ari.arrivals import Arrivals
from ari_app.adapters.ari.asking import Asking
from ari_app.adapters.ari.birth import born_ms
from ari_app.adapters.ari.cel import read_record
from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.fitness import Fitness
from ari_app.adapters.ari.legs import CONFLICT, Legs
from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.sounds import MUSIC, Media, Sounds
from ari_app.adapters.ari.stream import AnyEvent
from ari_app.adapters.ari.translate import Translator, asked_by_waiting, entered_unasked
from ari_app.domain.events import Played
from ari_app.domain.recordings import Hears
from ari_app.ports.telephony import (
    Asked,
    CallEvent,
    DialRequest,
    LinkDown,
    LinkUp,
    NoSuchChannel,
    PbxError,
    PbxEvent,
    Record,
    Replaced,
    Snapshot,
)  # fmt: skip

log = structlog.get_logger()
T = TypeVar("T")

BRIDGE_TYPE = "mixing,proxy_media"
"""In this order: plain `mixing` turns native when both legs are up, and changes the RTP stream under a leg that has
heard a prompt; some far ends then stay silent."""

TAPE_FORMAT = "wav"  # 8 kHz, 16 bit: a minute is a megabyte
SILENT_MS = 2_500  # a ping that waits longer: no call can be placed, though the link is not given up yet

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
        sounds: Sounds | None = None,
    ) -> None:
        self._aliases = Aliases(app)
        self._client = Client(
            url, user, password, app, settings=settings, on_connected=self._connected,
            on_disconnected=self._disconnected, on_replaced=self._replaced, before_send=self._before_send,
            may_connect=may_act, as_sent=self._aliases.asked,
        )  # fmt: skip
        self._fitness = Fitness(self._client, app, may_act)
        self._app = app
        self._may_act = may_act
        self._cel_path = cel_path
        self._sounds = sounds or Sounds({})
        self.clock = clocks.Clock()
        self._translator = Translator(self.clock.now_ms)
        self._queue: asyncio.Queue[PbxEvent | None] = asyncio.Queue()
        self._request = Asking(self._client)
        self._legs = Legs(self._client, self._request, app, self._tell)
        self._arrivals = Arrivals(self._client, self._request, app, self._aliases, self._tell, self.clock.now_ms)
        self._preparing: set[str] = set()  # sounds that were asked for, and are not sent to the PBX yet
        self._asking: set[str] = set()  # channels of the dialplan whose question is not answered yet
        self._client.status.now_ms = self.clock.now_ms
        self._asking_the_time: asyncio.Task[None] | None = None

    @property
    def client(self) -> Client:
        return self._client

    @property
    def is_up(self) -> bool:
        return self._client.status.streaming

    @property
    def fault(self) -> str:
        """Why no call can be placed over it now; "" where nothing is known to be wrong."""
        status = self._client.status
        if not status.streaming:
            return f"no link: {status.last_error or 'connecting'}"
        if self._client.silent_ms > SILENT_MS:
            return f"no answer to a ping for {self._client.silent_ms / 1000:.1f} s"
        return self._fitness.fault

    @property
    def heard_ms(self) -> int:
        return self._client.status.last_heard_ms

    @property
    def lag_s(self) -> float:
        """How far the PBX is behind: what has waited longest, of the answers to our requests and of the events that say
        that a channel has entered Stasis. Both are timed by our clock alone. Grows with each moment of silence."""
        return max(self._legs.waited_s, self._client.oldest_request_s)

    async def run(self) -> None:
        """Until closed or replaced. A fault in the link, or in what listens to it, ends both and is raised as it is."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump())
                looking = both.create_task(self._fitness.keep())
                await self._client.run()
                looking.cancel()
        except ExceptionGroup as faults:
            fault = faults.exceptions[0]
            raise fault from fault.__cause__
        finally:
            self._queue.put_nowait(None)

    async def close(self) -> None:
        await self._client.aclose()

    async def events(self) -> AsyncIterator[PbxEvent]:
        while (said := await self._queue.get()) is not None:
            yield said

    # ---- the link -----------------------------------------------------------------------------------------------

    async def _pump(self) -> None:
        async for event in self._client.stream():
            try:
                self._take(event)
            except Exception:  # a fault of ours in one event must not keep the others from being told
                log.exception("event of the PBX left out", type=event.type)

    def _take(self, event: AnyEvent) -> None:
        event = self._arrivals.seen(event)
        if isinstance(event, ari.StasisStart) and not self._legs.has_entered(event.channel.id):
            for entered in entered_unasked(event):
                self._tell(entered)
        if self.clock.is_doubted_by(event.at_ms):
            self._asking_the_time = asyncio.create_task(self._ask_the_time())
        facts = list(self._translator.facts(event))
        if not self._legs.undialled.keeps(event, facts):
            for fact in facts:
                self._tell(fact)

    async def _ask_the_time(self) -> None:
        with suppress(errors.AriFault):  # the next connection asks
            await self.clock.ask(self._client)

    def _tell(self, said: PbxEvent) -> None:
        """A channel asks once until it is answered, however often it is seen to stand there."""
        if isinstance(said, Asked) and said.channel is not None:
            if said.channel in self._asking:
                return
            self._asking.add(said.channel)
        self._queue.put_nowait(said)

    async def _connected(self, client: Client) -> None:
        """Subscribed already; now the snapshot, then the stream."""
        self._legs.undialled.clear()
        await self._request.for_effect(
            client.applications.filter(self._app, filter={"disallowed": [{"type": t} for t in UNNEEDED]})
        )
        await self.clock.ask(client)
        channels = await self._arrivals.found(await client.channels.list())
        waiting = (asked_by_waiting(c, self._app) for c in channels)
        unanswered = [asked for asked in waiting if asked is not None and asked.channel not in self._asking]
        bridges = self._aliases.members(await client.bridges.list())
        snapshot = sight.snapshot(channels, bridges, self._app, self.clock.now_ms())
        snapshot = replace(snapshot, born_ms=await born_ms(client))
        self._translator.keep_only(set(snapshot.channels))
        for c in channels:
            if c.id in snapshot.channels:
                is_up = snapshot.channels[c.id].state == "up"
                self._translator.adopt(c.id, is_up=is_up, in_stasis=is_up or c.dialplan.app_name == "Stasis")
        self._queue.put_nowait(LinkUp(snapshot))
        for asked in unanswered:  # an answer was lost with the link, or with the process before us
            self._tell(asked)

    async def _disconnected(self, client: Client) -> None:
        self._queue.put_nowait(LinkDown(client.status.last_error or "link lost", self.heard_ms))

    async def _replaced(self, _client: Client) -> None:
        self._queue.put_nowait(Replaced())

    def _before_send(self) -> None:
        """Not the owner (any more): ask nothing, and see everything anew once we are again."""
        if not self._may_act():
            self._client.drop("not the owner of this PBX now")
            raise errors.LinkLost("not the owner of this PBX now", sent=False)

    # ---- phones -------------------------------------------------------------------------------------------------

    async def dial(self, request: DialRequest) -> None:
        """See Legs.dial. PbxError 409 means one thing: a channel of this id lives already."""
        await self._legs.dial(request)

    async def hang_up(self, channel: str) -> None:
        await self._legs.hang_up(channel)

    async def cut_off(self, channel: str, in_ms: int) -> None:
        await self._legs.cut_off(channel, max(in_ms, 1))

    async def expect(self, foreign: str, channel: str) -> None:
        await self._arrivals.expect(foreign, channel)

    async def hand_over(self, channel: str, to: str) -> None:
        await self._arrivals.hand_over(channel, to)

    async def look(self) -> Snapshot:
        channels = self._arrivals.looked_at(await self._request.ask(self._client.channels.list()))
        bridges = self._aliases.members(await self._request.ask(self._client.bridges.list()))
        return sight.snapshot(channels, bridges, self._app, self.clock.now_ms())

    async def answered_at(self, channel: str) -> int | None:
        asking = self._client.channels.getChannelVar(channel, "CDR(answer,u)")
        try:
            said = await self._request.ask(asking)
            return int(float(said.value) * 1000) or None
        except (PbxError, ValueError, OverflowError):
            return None

    async def record(self, channels: Sequence[str], from_ms: int) -> Record | None:
        if self._cel_path is None:
            return None
        return await asyncio.to_thread(read_record, self._cel_path, channels, from_ms)

    async def send_back(self, channel: str, variables: Mapping[str, str]) -> None:
        """Even if the variables are not taken. Where the link dies under it, the channel asks anew once it is back."""
        try:
            if variables:
                await self._leave_word(channel, variables)
            await self._request.do(self._client.channels.continueInDialplan(channel))
        finally:
            self._asking.discard(channel)

    async def _leave_word(self, channel: str, variables: Mapping[str, str]) -> None:
        try:
            await self._request.do(self._client.channels.setChannelVars(channel, dict(variables)))
        except PbxError as e:
            log.warning("the dialplan is not told the answer", channel=channel, why=str(e))

    # ---- bridges and sounds -------------------------------------------------------------------------------------

    async def open_bridge(self, bridge: str) -> None:
        await self._request.do(self._client.bridges.createWithId(bridge, type=BRIDGE_TYPE, name=self._app))

    async def join(self, bridge: str, channel: str) -> None:
        await self._legs.join(bridge, channel)

    async def close_bridge(self, bridge: str) -> None:
        await self._request.do(self._client.bridges.destroy(bridge))

    async def play(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        if sound == MUSIC:
            await self._request.do(self._client.channels.startMoh(channel))
            return
        self._preparing.add(playback)
        try:
            said = await self._said(playback, sound, language)
        finally:
            is_stopped = playback not in self._preparing
            self._preparing.discard(playback)
        if is_stopped:
            self._was_played(playback)
        elif said is not None:
            await self._play(channel, playback, said)

    async def stop(self, channel: str, playback: str, sound: str) -> None:
        if playback in self._preparing:  # it is spoken first, and has not begun: it never will
            self._preparing.discard(playback)
            return
        if sound != MUSIC:
            await self._request.do(self._client.playbacks.stop(playback))
            return
        await self._request.do(self._client.channels.stopMoh(channel))
        self._was_played(playback)

    async def _said(self, playback: str, sound: str, language: str) -> Media | None:
        """None where the operator wants nothing to be said: then it has been said."""
        media = await self._sounds.media(sound, language)
        if not media.uris:
            self._was_played(playback, is_whole=True)
        return media if media.uris else None

    def _was_played(self, playback: str, *, is_whole: bool = False) -> None:
        """The PBX tells of no end of it."""
        call, _, name = playback.partition(".")
        self._queue.put_nowait(CallEvent(call, Played(name, self.clock.now_ms(), is_whole=is_whole)))

    async def play_all(self, bridge: str, playback: str, sound: str, language: str = "") -> None:
        if said := await self._said(playback, sound, language):
            play = self._client.bridges.playWithId
            await self._request.do(play(bridge, playback, media=[*said.uris], lang=said.language or None))

    async def answer(self, channel: str) -> None:
        await self._request.do(self._client.channels.answer(channel))

    async def listen(self, channel: str) -> None:
        await self._request.do(self._client.channels.setChannelVars(channel, {"TALK_DETECT(set)": ""}))

    async def mute(self, channel: str, is_muted: bool) -> None:
        """`in`: what comes from the phone. What it hears goes on."""
        channels = self._client.channels
        ask = channels.mute if is_muted else channels.unmute
        await self._request.do(ask(channel, direction="in"))

    async def whisper(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        said = await self._said(playback, sound, language)
        if said is None:
            return
        refused = await self._snoop(channel, playback, spy="none", whisper="out")
        try:
            await self._play(playback, playback, said)
        except NoSuchChannel as e:
            raise refused or e from None

    async def _snoop(self, channel: str, name: str, *, spy: str, whisper: str) -> PbxError | None:
        """None: it is there. A refusal, too, may mean so: of one that was asked for before, and whose answer was lost,
        Asterisk says 500."""
        snoop = self._client.channels.snoopChannelWithId(
            channel, name, self._app, spy=spy, whisper=whisper, appArgs=name
        )
        try:
            await self._legs.in_stasis(name, snoop)
        except NoSuchChannel:
            raise
        except PbxError as e:
            return e
        return None

    async def _play(self, channel: str, playback: str, said: Media) -> None:
        play = self._client.channels.playWithId
        await self._request.do(play(channel, playback, media=[*said.uris], lang=said.language or None))

    async def unwhisper(self, playback: str) -> None:
        await self._request.do(self._client.channels.hangup(playback))

    async def tape(self, channel: str, tape: str, file: str, hears: Hears) -> None:
        """A recorder in the bridge would be a third member, and turn it into a conference's; a snoop changes nothing of
        the talk, and goes with its leg."""
        refused = await self._snoop(channel, tape, spy=hears, whisper="none")
        try:
            await self._request.do(self._client.channels.record(tape, file, TAPE_FORMAT, ifExists="fail"))
        except NoSuchChannel as e:
            raise refused or e from None
        except PbxError as e:
            if refused is not None and e.status == CONFLICT:  # it was asked before, and the answer was lost: it runs
                return
            with suppress(NoSuchChannel):
                await self._request.do(self._client.channels.hangup(tape))
            raise

    async def untape(self, tape: str, file: str) -> bool:
        """Where the disk is full Asterisk says that the recording has finished, as if all were well; what stays is its
        snoop."""
        was_running = True
        try:
            await self._request.do(self._client.recordings.stop(file))
        except NoSuchChannel:
            was_running = False
        await self._request.do(self._client.channels.hangup(tape))
        return was_running
