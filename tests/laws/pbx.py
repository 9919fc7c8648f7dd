"""A PBX made of rules, for the law tests: it rings phones, loses links, forgets events, and remembers the truth.

It is as unkind as the real one was seen to be: events late, and out of order between channels but never within one;
replies lost with the link though the request was carried out; an id that may be taken again once its channel is gone.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ari_app.domain import events as ev
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
    Record,
    Snapshot,
    Trace,
)  # fmt: skip
from tests.laws.known_sounds import check_sound
from tests.laws.virtual_time import VirtualLoop

A_MOMENT_S = 1e-6
MUSIC = "music"
WAITS_S = 8
"""The dialplan, for somebody to take the PBX."""


@dataclass
class Chan:
    id: str
    born_ms: int
    state: Literal["down", "ringing", "up"] = "down"
    bridge: str | None = None
    answered_ms: int | None = None
    cut: asyncio.TimerHandle | None = None
    life: asyncio.Task[None] | None = None
    playing: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    endless: set[str] = field(default_factory=set)
    tapes: dict[str, str] = field(default_factory=dict)
    """Snoop → file."""
    music: str = ""
    was_answered: asyncio.Event = field(default_factory=asyncio.Event)
    has_entered: bool = True
    """Into the application. One who calls us is in the dialplan before, and nothing is told of him until he is seen
    there."""
    is_coming: bool = False
    """His call is written down, and the dialplan is about to take him into the application."""
    is_watched: bool = True


@dataclass(frozen=True)
class Weather:
    """How unkind this run is."""

    late_ms: int = 0  # events may be so late
    repeat: float = 0.0  # chance that an event is told twice
    wire_ms: int = 4  # requests are on their way so long at most
    cel: bool = True  # whether the PBX's record can be read
    cel_late_ms: int = 0  # its rows are written so long after the fact


class LawPbx:
    """Implements the Telephony port. One per world; it outlives every process."""

    def __init__(self, loop: VirtualLoop, rng: random.Random, weather: Weather, seed: int = 0) -> None:
        self._loop, self._rng, self._weather = loop, rng, weather
        self.keys = ""
        """What a phone that was answered may press, beside a 1."""
        self._key_rng, self._in_rng = random.Random(f"keys {seed}"), random.Random(f"callers {seed}")
        self.channels: dict[str, Chan] = {}
        self.bridges: dict[str, set[str]] = {}
        self.traces_kept: dict[str, Trace] = {}
        self.conflicts = 0  # dials of an id that lived
        self.rung: dict[str, int] = {}  # channel id → how often its phone rang
        self.muted: set[str] = set()
        self.files: dict[str, str] = {}
        """What was ever recorded → by which snoop."""
        self.whole: dict[str, set[str]] = {}
        """Channel → the sounds that it heard to their end."""
        self.unconsented: set[str] = set()
        """Who was there, and had heard of no recording, as one began."""
        self.timed: set[str] = set()  # channels whose timer was set anew since their birth
        self.phones_rung_ms: list[tuple[int, str]] = []
        self.joined: set[frozenset[str]] = set()
        self._queue: asyncio.Queue[PbxEvent | None] = asyncio.Queue()
        self._last_due_s: dict[str, tuple[float, float]] = {}  # by channel: of the events in order, and of all
        self._unheard: list[tuple[float, CallEvent]] = []  # told while nobody was connected, and when
        self._generation = 0
        self._up = False
        self.silent_since_ms: int | None = None
        self._background: set[asyncio.Task[None]] = set()

    # ---- the link -----------------------------------------------------------------------------------------------

    @property
    def is_up(self) -> bool:
        return self._up

    @property
    def heard_ms(self) -> int:
        """Of a link that is silently dead: when it was not yet."""
        return self.silent_since_ms or self._loop.now_ms()

    def connect(self) -> asyncio.Queue[PbxEvent | None]:
        """A process connects: snapshot first, then what happens from now on."""
        self._queue = asyncio.Queue()
        self._link_up()
        return self._queue

    def _link_up(self) -> None:
        """Subscribed first, a moment ago: what was told between that and the snapshot comes behind it, and is old."""
        self._generation += 1
        self._up = True
        for chan in self.channels.values():
            chan.is_watched |= chan.is_coming
        self._queue.put_nowait(LinkUp(self.snapshot()))
        subscribed_s = self._loop.now_s - self._rng.uniform(0, self._weather.late_ms) / 1000
        for told_s, said in self._unheard:
            if told_s >= subscribed_s:
                self._queue.put_nowait(said)
        self._unheard.clear()
        self._last_due_s.clear()

    def cut_link(self) -> None:
        """Replies and events on the way are gone for good."""
        if self._up:
            self._up = False
            self._generation += 1
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait(LinkDown("cut"))

    def forget_the_end_of_the_link(self) -> None:
        """Whoever was connected is not told that he is not any more."""
        while not self._queue.empty():
            self._queue.get_nowait()

    def reconnect(self) -> None:
        """The same process again."""
        self._link_up()

    async def events(self) -> AsyncIterator[PbxEvent]:
        queue = self._queue
        while (said := await queue.get()) is not None:
            yield said

    def snapshot(self) -> Snapshot:
        return Snapshot(
            self._loop.now_ms(),
            {c.id: ChannelNow(c.id, c.state, c.born_ms) for c in self.channels.values() if c.has_entered}
            | {c.id: ChannelNow(c.id, "coming", c.born_ms) for c in self.channels.values() if c.is_coming}
            | {tape: ChannelNow(tape, "up", c.born_ms) for c in self.channels.values() for tape in c.tapes},
            {b: frozenset(members) for b, members in self.bridges.items()},
        )

    def _tell(self, channel: str, event: ev.Event) -> None:
        said = CallEvent(channel.split(".")[0], event)
        if not self._up:
            self._unheard.append((self._loop.now_s, said))
            return
        is_rang = isinstance(event, ev.Rang)
        copies = 2 if is_rang or self._rng.random() < self._weather.repeat else 1
        for copy in range(copies):
            due_s = self._due_s(channel, event, is_apart=is_rang and copy == 1)
            self._spawn(self._deliver(said, due_s, self._generation))

    def _due_s(self, channel: str, event: ev.Event, *, is_apart: bool) -> float:
        """Never before an earlier event of its channel. Only that a phone rings Asterisk always says twice, by two of
        its threads: the second (`is_apart`) may come late, even after the answer, but not after the end."""
        due_s = self._loop.now_s + self._rng.uniform(0, self._weather.late_ms) / 1000
        in_order_s, last_s = self._last_due_s.get(channel, (0.0, 0.0))
        if not is_apart:
            due_s = max(due_s, A_MOMENT_S + (last_s if isinstance(event, ev.Gone) else in_order_s))
            in_order_s = due_s
        self._last_due_s[channel] = (in_order_s, max(last_s, due_s))
        return due_s

    async def _deliver(self, said: CallEvent, due_s: float, generation: int) -> None:
        await asyncio.sleep(due_s - self._loop.now_s)
        if self._up and generation == self._generation:
            self._queue.put_nowait(said)

    def owns(self, task: asyncio.Task[object]) -> bool:
        """A phone or a wire, not the app: it lives on when the app is killed."""
        return task in self._background

    async def _asked(self) -> int:
        """A request on its way: it may be lost before or after it was carried out. The link that it went over."""
        if not self._up:
            raise LinkLost("not connected")
        generation = self._generation
        await asyncio.sleep(self._rng.uniform(0, self._weather.wire_ms) / 1000)
        if generation != self._generation and self._rng.random() < 0.5:
            raise LinkLost("lost before")
        return generation

    async def _answered(self, generation: int) -> None:
        await asyncio.sleep(self._rng.uniform(0, 0.002))
        if generation != self._generation:
            raise LinkLost("lost after")

    def _spawn(self, coroutine: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    # ---- phones -------------------------------------------------------------------------------------------------

    async def dial(self, request: DialRequest) -> None:
        generation = await self._asked()
        if request.channel in self.channels:
            self.conflicts += 1
            raise PbxError(409, "lives already")
        if self._rng.random() < 0.02:
            raise PbxError(500, "Allocation failed")
        chan = Chan(request.channel, self._loop.now_ms())
        self.channels[chan.id] = chan
        self.rung[chan.id] = self.rung.get(chan.id, 0) + 1
        self.traces_kept[chan.id] = Trace(started_at_ms=chan.born_ms)
        chan.cut = self._loop.call_later(request.life_ms / 1000, self._end, chan.id, 16, None, False)
        if request.bridge is not None and request.bridge not in self.bridges:
            self._end(chan.id, 16, None, False)
            raise PbxError(404, "no such bridge")
        if request.bridge is not None:
            self._enter(request.bridge, chan)
        chan.life = self._spawn(self._live(chan, request.ring_ms + 2000))
        await self._answered(generation)

    async def _live(self, chan: Chan, ring_ms: int) -> None:
        """What this phone does; the number does not matter, chance does."""
        rng, role = self._rng, chan.id.split(".")[1]
        kind = rng.choices(("answers", "busy", "silent", "rejects", "fails", "early"), (70, 6, 6, 6, 6, 6))[0]
        await asyncio.sleep(rng.uniform(0, 0.05))
        if kind == "busy":
            return self._end(chan.id, 17, 486, True)
        if kind == "fails":
            return self._end(chan.id, 34, 503, True)
        if kind == "silent":
            await asyncio.sleep(ring_ms / 1000)
            return self._end(chan.id, 19, None, False)
        if kind == "early":
            self._tell(chan.id, ev.EarlyMedia(role, _n(chan), self._loop.now_ms()))
        else:
            chan.state = "ringing"
            self._tell(chan.id, ev.Rang(role, _n(chan), self._loop.now_ms()))
        await asyncio.sleep(rng.choice((0.0, 0.5, 3.0, 20.0)))
        if kind == "rejects":
            return self._end(chan.id, 21, 603, True)
        self._answer(chan)
        if rng.random() < 0.3:
            self._tell(chan.id, ev.Digit(role, _n(chan), "1", self._loop.now_ms()))
        if rng.random() < 0.85:
            await asyncio.sleep(rng.choice((0.0, 0.7, 4.0, 30.0, 70.0, 200.0)))
            self._end(chan.id, 16, None, True)
        return None

    def call_in(self, channel: str) -> None:
        """A phone calls us, and waits in the dialplan until it is let in; it may give up at any time."""
        chan = Chan(channel, self._loop.now_ms(), state="ringing", has_entered=False, is_watched=False)
        self.channels[chan.id] = chan
        self.traces_kept[chan.id] = Trace(started_at_ms=chan.born_ms)
        chan.life = self._spawn(self._live_in(chan))

    def let_in(self, channel: str) -> None:
        """Its call is written down, and the dialplan brings it into the application; where nobody is there for a while,
        it says so and hangs up."""
        if (chan := self.channels.get(channel)) is not None:
            chan.is_coming = True
            self._come_in(chan, WAITS_S)

    def _come_in(self, chan: Chan, waits_s: int) -> None:
        if self.channels.get(chan.id) is not chan:
            return
        if self._up:
            chan.has_entered, chan.is_coming, chan.is_watched = True, False, True
            self._tell(chan.id, ev.Rang(chan.id.split(".")[1], _n(chan), self._loop.now_ms()))
        elif waits_s:
            self._loop.call_later(1, self._come_in, chan, waits_s - 1)
        else:
            self._end(chan.id, 16, None, False)

    async def _live_in(self, chan: Chan) -> None:
        rng = self._in_rng
        patience_s = rng.choice((0.0, 0.7, 5.0, 30.0, 90.0, 90.0))
        try:
            async with asyncio.timeout(patience_s):
                await chan.was_answered.wait()
        except TimeoutError:
            return self._end(chan.id, 16, None, True)
        if rng.random() < 0.85:
            await asyncio.sleep(rng.choice((0.0, 0.7, 4.0, 30.0, 70.0, 200.0)))
            self._end(chan.id, 16, None, True)
        return None

    def speaks(self, channel: str, *, is_talking: bool) -> None:
        chan = self._chan(channel)
        self._tell(channel, ev.Talking(channel.split(".")[1], _n(chan), is_talking, self._loop.now_ms()))

    async def _press(self, chan: Chan) -> None:
        rng = self._key_rng
        for _ in range(rng.choice((0, 1, 3, 8))):
            await asyncio.sleep(rng.choice((0.1, 1.0, 4.0)) * rng.random())
            if chan.id not in self.channels:
                return
            self._tell(chan.id, ev.Digit(chan.id.split(".")[1], _n(chan), rng.choice(self.keys), self._loop.now_ms()))

    def _end(self, channel: str, cause: int, sip: int | None, remote: bool) -> None:
        chan = self.channels.get(channel)
        for tape in list(chan.tapes) if chan is not None else ():
            self._tape_ended(tape)
        chan = self.channels.pop(channel, None)
        if chan is None:
            return
        now_ms = self._loop.now_ms()
        if chan.cut:
            chan.cut.cancel()
        if chan.life and chan.life is not asyncio.current_task(self._loop):
            chan.life.cancel()
        for name in list(chan.playing):
            self._silence(chan, name)
        if chan.bridge in self.bridges:
            self.bridges[chan.bridge].discard(channel)
        _call, role, n = channel.split(".")
        trace = self.traces_kept[channel]
        self.traces_kept[channel] = replace(trace, hangup_at_ms=now_ms, ended_at_ms=now_ms, cause=cause, remote=remote)
        if not chan.is_watched:
            return
        if remote:
            self._tell(channel, ev.HangupSeen(role, int(n), now_ms, remote=True, cause=cause, sip_status=sip))
        self._tell(channel, ev.Gone(role, int(n), now_ms, cause=cause, sip_status=sip))

    async def hang_up(self, channel: str) -> None:
        generation = await self._asked()
        if self._tape_ended(channel):  # a snoop that nobody wants
            return
        if channel not in self.channels or not self.channels[channel].is_coming:
            self._chan(channel)
        self._end(channel, 16, None, False)
        await self._answered(generation)

    async def cut_off(self, channel: str, in_ms: int) -> None:
        await self._asked()
        chan = self._chan(channel)
        if chan.cut:
            chan.cut.cancel()
        chan.cut = self._loop.call_later(max(in_ms, 1) / 1000, self._end, channel, 16, None, False)
        self.timed.add(channel)

    def _chan(self, channel: str) -> Chan:
        chan = self.channels.get(channel)
        if chan is not None and chan.is_coming:
            raise PbxError(409, "Channel not in Stasis application")
        if chan is None or not chan.has_entered:
            raise NoSuchChannel(404, "no such channel")
        return chan

    # ---- bridges and sounds -------------------------------------------------------------------------------------

    async def open_bridge(self, bridge: str) -> None:
        generation = await self._asked()
        if bridge in self.bridges:
            raise PbxError(409, "lives already")
        self.bridges[bridge] = set()
        await self._answered(generation)

    async def join(self, bridge: str, channel: str) -> None:
        await self._asked()
        self._enter(bridge, self._chan(channel))

    def _enter(self, bridge: str, chan: Chan) -> None:
        if bridge not in self.bridges:
            raise NoSuchChannel(404, "no such bridge")
        self.bridges[bridge].add(chan.id)
        chan.bridge = bridge
        if any(self.channels[one].tapes for one in self.bridges[bridge] if one in self.channels):
            self._note_consent({chan.id})
        self._note_joined(chan)

    def _note_joined(self, chan: Chan) -> None:
        up = {c for c in self.bridges.get(chan.bridge or "", ()) if c in self.channels and self.channels[c].answered_ms}
        if len(up) > 1:
            self.joined.add(frozenset(up))

    async def close_bridge(self, bridge: str) -> None:
        await self._asked()
        if self.bridges.pop(bridge, None) is None:
            raise NoSuchChannel(404, "no such bridge")

    async def play_all(self, bridge: str, playback: str, sound: str, language: str = "") -> None:
        check_sound(sound)
        await self._asked()
        if bridge not in self.bridges:
            raise NoSuchChannel(404, "no such bridge")
        self._spawn(self._sound_to_all(bridge, playback.partition(".")[2]))

    async def _sound_to_all(self, bridge: str, name: str) -> None:
        await asyncio.sleep(0.5)
        self._tell(f"{bridge}.{name}", ev.Played(name, self._loop.now_ms(), is_whole=True))

    async def answer(self, channel: str) -> None:
        await self._asked()
        chan = self._chan(channel)
        if chan.answered_ms is None:
            self._answer(chan)

    def _answer(self, chan: Chan) -> None:
        chan.state, chan.answered_ms = "up", self._loop.now_ms()
        self.traces_kept[chan.id] = replace(self.traces_kept[chan.id], answered_at_ms=chan.answered_ms)
        self._tell(chan.id, ev.Answered(chan.id.split(".")[1], _n(chan), chan.answered_ms))
        self._note_joined(chan)
        chan.was_answered.set()
        if self.keys:
            self._spawn(self._press(chan))

    async def listen(self, channel: str) -> None:
        await self._asked()
        self._chan(channel)

    async def mute(self, channel: str, is_muted: bool) -> None:
        await self._asked()
        chan = self._chan(channel)
        (self.muted.add if is_muted else self.muted.discard)(chan.id)

    async def play(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        check_sound(sound)
        await self._asked()
        chan = self._chan(channel)
        length_s = 3600.0 if sound in ("ringback", MUSIC) else 1.5
        name = playback.partition(".")[2]
        if name in chan.playing and sound != MUSIC:
            raise PbxError(409, "lives already")
        if sound == MUSIC:
            self._end_music(chan)
            chan.music = name
        chan.playing[name] = self._spawn(self._sound(chan, name, length_s))
        if length_s > 60:
            chan.endless.add(name)

    def _end_music(self, chan: Chan) -> None:
        """A channel has one music, which has no name and tells of no end."""
        going_on = chan.playing.pop(chan.music, None)
        if going_on is not None:
            going_on.cancel()

    def endless(self, channel: str) -> bool:
        chan = self.channels.get(channel)
        return chan is not None and any(name in chan.playing for name in chan.endless)

    async def _sound(self, chan: Chan, name: str, length_s: float) -> None:
        await asyncio.sleep(length_s)
        self._silence(chan, name, is_whole=True)

    def _silence(self, chan: Chan, name: str, *, is_whole: bool = False) -> None:
        task = chan.playing.pop(name, None)
        if task is not None:
            if is_whole:
                self.whole.setdefault(chan.id, set()).add(name)
            if task is not asyncio.current_task(self._loop):
                task.cancel()
            self._tell(chan.id, ev.Played(name, self._loop.now_ms(), is_whole=is_whole))

    async def stop(self, channel: str, playback: str, sound: str) -> None:
        await self._asked()
        chan, name = self._chan(channel), playback.partition(".")[2]
        if sound == MUSIC:
            self._end_music(chan)
            self._tell(channel, ev.Played(name, self._loop.now_ms()))  # as the adapter does in its place
            return
        if name not in chan.playing:
            raise NoSuchChannel(404, "no such playback")
        self._silence(chan, name)

    async def whisper(self, channel: str, playback: str, sound: str, language: str = "") -> None:
        check_sound(sound)
        await self._asked()
        chan, name = self._chan(channel), playback.partition(".")[2]
        chan.playing[name] = self._spawn(self._sound(chan, name, 2.0))

    async def unwhisper(self, playback: str) -> None:
        await self._asked()

    async def tape(self, channel: str, tape: str, file: str, hears: str) -> None:
        """A snoop, which goes with its channel."""
        await self._asked()
        chan = self._chan(channel)
        if tape in chan.tapes:
            return
        if file in self.files:
            raise PbxError(422, "it was recorded before")
        chan.tapes[tape] = file
        self.files[file] = tape
        self._note_consent(self.bridges.get(chan.bridge or "", set()) | {channel})

    def _note_consent(self, here: set[str]) -> None:
        self.unconsented |= {one for one in here if not any(_is_consent(to) for to in self.whole.get(one, ()))}

    async def untape(self, tape: str, file: str) -> bool:
        await self._asked()
        if not self._tape_ended(tape):
            raise NoSuchChannel(404, "nothing is recorded there")
        return True

    def _tape_ended(self, tape: str) -> bool:
        """False: there is none."""
        chan = next((one for one in self.channels.values() if tape in one.tapes), None)
        if chan is not None:
            del chan.tapes[tape]
            self._tell(tape, ev.RecordingEnded(tape.partition(".")[2], self._loop.now_ms()))
        return chan is not None

    async def send_back(self, channel: str, variables: Mapping[str, str]) -> None:
        await self._asked()

    async def look(self) -> Snapshot:
        await self._asked()
        return self.snapshot()

    async def record(self, channels: Sequence[str], from_ms: int) -> Record | None:
        if not self._weather.cel:
            return None
        upto_ms = self._loop.now_ms() - self._weather.cel_late_ms
        written = {c: was for c, trace in self.traces_kept.items() if (was := _as_written(trace, upto_ms)) is not None}
        rows = (at for was in written.values() for at in (was.started_at_ms, was.answered_at_ms, was.ended_at_ms) if at)
        return Record({c: written[c] for c in channels if c in written}, since_ms=0, until_ms=max(rows, default=None))

    async def answered_at(self, channel: str) -> int | None:
        chan = self.channels.get(channel)
        return chan.answered_ms if chan else None


def _as_written(trace: Trace, upto_ms: int) -> Trace | None:
    """What the rows up to then say of a channel."""
    if trace.started_at_ms > upto_ms:
        return None
    if trace.ended_at_ms is not None and trace.ended_at_ms > upto_ms:
        trace = replace(trace, hangup_at_ms=None, ended_at_ms=None, cause=None, remote=False)
    return trace if (trace.answered_at_ms or 0) <= upto_ms else replace(trace, answered_at_ms=None)


def _n(chan: Chan) -> int:
    return int(chan.id.split(".")[2])


def _is_consent(sound: str) -> bool:
    return sound.startswith("consent")
