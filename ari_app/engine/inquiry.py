"""What is asked of the PBX when it comes into sight: its own record, when a phone answered, which sounds still go on.

Asks and hushes; what follows from the answers is worked out by recover.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import TypeVar

import structlog

from ari_app.domain.call import Call
from ari_app.engine.recover import Findings, is_complete, may_have_begun, may_sound, questions
from ari_app.ports.telephony import NoSuchChannel, PbxError, Record, Snapshot, Telephony, TimedOut

log = structlog.get_logger()
T = TypeVar("T")

TRACE_AGAIN_S = (0.05, 0.2, 0.5, 1.0, 1.5)
"""The PBX's record is written a moment after the fact: how long a missing end is looked for, or a sign that the record
goes on up to now. A talk whose end is missed is not charged; a dial that is taken for one that was never sent rings its
phone twice."""


class Inquiry:
    def __init__(self, telephony: Telephony, unanswered: Callable[[str], None] = lambda _channel: None) -> None:
        self._telephony = telephony
        self._unanswered = unanswered
        self._mute: set[str] = set()  # channels of which a question was never answered: not asked again

    async def ask(self, live_calls: Callable[[], Iterable[Call]], snapshot: Snapshot) -> Findings:
        """`live_calls`: asked more than once, for calls come and go meanwhile. Raises LinkLost: nothing was found."""
        calls = list(live_calls())
        asked = questions(calls, snapshot)
        about = {channel.partition(".")[0] for channel in asked}
        record = await self._record(asked, min((c.created_at_ms for c in calls if c.id in about), default=0), snapshot)
        answered: dict[str, int] = {}
        for channel in (c for c in asked if c in snapshot.channels):  # up, and not known to be
            trace = None if record is None else record.traces.get(channel)
            if trace is None or trace.answered_at_ms is None:
                at_ms = await self._unless_mute(channel, self._telephony.answered_at(channel))
                if at_ms is not None:
                    answered[channel] = at_ms
        return Findings(record, answered, await self._hush(live_calls(), snapshot))

    async def _record(self, asked: dict[str, int], from_ms: int, snapshot: Snapshot) -> Record | None:
        if not asked:
            return None
        record = await self._telephony.record(list(asked), from_ms)
        now_ms = snapshot.at_ms
        for pause_s in TRACE_AGAIN_S:
            if is_complete(record, asked, snapshot, now_ms):
                break
            await asyncio.sleep(pause_s)
            now_ms += int(1000 * pause_s)
            record = await self._telephony.record(list(asked), from_ms)
        return record

    async def _hush(self, calls: Iterable[Call], snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
        """A sound that nobody knows of would drown the talk, and keep its channel from taking a timer. Returns those
        that could not be stopped: call → names."""
        left: dict[str, tuple[str, ...]] = {}
        for call in calls:
            for channel, name in may_sound(call):
                if channel in snapshot.channels and not await self._is_hushed(call, channel, name):
                    left[call.id] = (*left.get(call.id, ()), name)
        return left

    async def hush_late(self, call: Call, snapshot: Snapshot) -> tuple[list[str], bool]:
        """Once more what may have begun since. Names of sounds that are silent for good, and whether these are all."""
        sounds = [(channel, name) for channel, name in may_have_begun(call) if channel in snapshot.channels]
        hushed = [name for channel, name in sounds if await self._is_hushed(call, channel, name)]
        return hushed, len(hushed) == len(sounds)

    async def _is_hushed(self, call: Call, channel: str, name: str) -> bool:
        try:
            await self._unless_mute(channel, self._telephony.stop(channel, f"{call.id}.{name}", call.terms.waiting))
        except NoSuchChannel:
            pass
        except PbxError as e:
            log.warning("sound not stopped", channel=channel, sound=name, why=str(e))
            return False
        return True

    async def _unless_mute(self, channel: str, asking: Coroutine[None, None, T]) -> T | None:
        """One channel that never answers must not take the sight of all others: it is asked once."""
        if channel in self._mute:
            asking.close()
            return None
        try:
            return await asking
        except TimedOut:
            self._mute.add(channel)
            self._unanswered(channel)
            raise
