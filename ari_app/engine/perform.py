"""A wish → a port call; what comes of it → events. Every wish is answered, or its answer comes with recovery."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from ari_app.domain import events as ev
from ari_app.domain import wishes as w
from ari_app.domain.call import Call, How
from ari_app.domain.errors import Unavailable
from ari_app.domain.recordings import Recording
from ari_app.domain.units import Increment
from ari_app.engine.trunk_signs import NO_CONTACT
from ari_app.ports.ledger import Conflict, Ledger, MonthGrant, Refused
from ari_app.ports.telephony import DialRequest, LinkLost, NoSuchChannel, PbxError, Telephony, TimedOut

log = structlog.get_logger()

GONE_GRACE_S = 3.0
"""A channel that is not there any more: its true end is on the way to us; waited for this long."""
BROKEN_OFF = "it broke off: the log of Asterisk says why"
AGAIN_S = (0.2, 0.5, 1.0, 2.0, 5.0)


class Months(Protocol):
    """What the month grants a payer. Of engine.entitlements.Entitlements."""

    async def month(self, payer: str, now_ms: int) -> MonthGrant:
        """May raise Unavailable."""

    def came_short(self, payer: str) -> None:
        """He had fewer minutes than were asked for."""


Seek = Callable[[Call, w.Seek], Awaitable[ev.LegAdded | ev.NotFound | ev.LeadsTo]]


class Performer:
    """Carries wishes out. Holds no state of any call."""

    def __init__(
        self, telephony: Telephony, ledger: Ledger, now_ms: Callable[[], int], months: Months,
        settled_again: Callable[[], None] = lambda: None, dialled: Callable[[str], None] = lambda _call: None,
        seek: Seek | None = None,
    ) -> None:  # fmt: skip
        """`seek`: finds whom a call rings for what was keyed; may raise Unavailable."""
        self._seek = seek
        self._pbx = telephony
        self._ledger = ledger
        self._now_ms = now_ms
        self._months = months
        self._settled_again = settled_again
        self._dialled = dialled

    async def perform(self, call: Call, wish: w.Wish) -> list[ev.Event]:
        """The facts that follow from trying. Nothing, if only recovery can tell."""
        try:
            match wish:
                case w.Hold():
                    return await self._hold(call, wish)
                case w.Settle():
                    return await self._settle(call, wish)
                case w.Dial():
                    return await self._dial(call, wish)
                case w.HangUp():
                    return await self._hang_up(call, wish)
                case w.Play() | w.PlayAll() | w.Stop():
                    return await self._sound(call, wish)
                case w.Seek():
                    return await self._seek_leg(call, wish)
                case w.Record() | w.StopRecording():
                    return await self._record(call, wish)
                case _:
                    return await self._plain(call, wish)
        except LinkLost as e:
            log.info("answer lost with the link", call=call.id, wish=wish.key, why=str(e))
            hangs = isinstance(e, TimedOut) and not isinstance(wish, w.Dial)  # of a dial, only recovery can tell
            return [ev.Failed(wish.key, self._now_ms(), str(e))] if hangs else []

    async def _failed(self, call: Call, wish: w.Wish, why: object) -> list[ev.Event]:
        """After a pause that grows with every failure of this wish."""
        await asyncio.sleep(AGAIN_S[min(call.failed.get(wish.key, 0), len(AGAIN_S) - 1)])
        return [ev.Failed(wish.key, self._now_ms(), str(why))]

    # ---- minutes ------------------------------------------------------------------------------------------------

    async def _hold(self, call: Call, wish: w.Hold) -> list[ev.Event]:
        now_ms = self._now_ms()
        try:
            answer = await self._ledger.hold(
                op=f"{call.id}:h{wish.n}", payer=call.payer, call=call.id, want_s=wish.want_s,
                increment=Increment.parse(call.terms.increment), month=await self._months.month(call.payer, now_ms),
                max_live_calls=call.terms.max_live_calls, now_ms=now_ms,
            )  # fmt: skip
        except Unavailable as e:
            log.warning("minutes not held", call=call.id, why=str(e))
            return await self._failed(call, wish, e)
        if isinstance(answer, Refused):
            self._months.came_short(call.payer)
            return [ev.HoldRefused(wish.n, str(answer.why), self._now_ms())]
        held = answer.stands if isinstance(answer, Conflict) else answer  # held before a crash, wanting other seconds
        if held.seconds < wish.want_s:
            self._months.came_short(call.payer)
        return [ev.Held(wish.n, held.call_held_s, self._now_ms())]

    async def _settle(self, call: Call, wish: w.Settle) -> list[ev.Event]:
        """Until it is done: a settlement is never given up. What nobody pays for is settled as it stands."""
        if not call.payer:
            return [ev.Settled(0, 0, wish.used_s, wish.rounded_s, self._now_ms(), wish.legs)]
        tries = 0
        while True:
            try:
                answer = await self._ledger.settle(
                    op=f"{call.id}:s", payer=call.payer, call=call.id, used_s=wish.used_s, rounded_s=wish.rounded_s,
                    now_ms=self._now_ms(),
                )  # fmt: skip
                break
            except Unavailable as e:
                log.warning("call not settled, trying again", call=call.id, why=str(e))
                self._settled_again()
                await asyncio.sleep(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
                tries += 1
        if isinstance(answer, Conflict):  # settled before, with other seconds: what is on the statement stands
            log.error("call was settled before, otherwise", call=call.id, used_s=wish.used_s, stands=repr(answer))
            answer = answer.stands
        if answer.overrun_s:
            log.warning("talk beyond what was held", call=call.id, overrun_s=answer.overrun_s)
        now_ms = self._now_ms()
        return [ev.Settled(answer.charged_s, answer.overrun_s, wish.used_s, wish.rounded_s, now_ms, wish.legs)]

    async def settle_again(self, call: Call) -> None:
        """The same settlement once more, after the store may have lost it. The same operation takes effect once."""
        if call.settled is not None:
            self._settled_again()
            await self._settle(call, w.Settle(call.settled.used_s, call.settled.rounded_s))

    # ---- whom to ring -------------------------------------------------------------------------------------------

    async def _seek_leg(self, call: Call, wish: w.Seek) -> list[ev.Event]:
        if self._seek is None:
            return [ev.NotFound(wish.digits, "nobody", self._now_ms()), ev.Done(wish.key, self._now_ms())]
        try:
            found = await self._seek(call, wish)
        except Unavailable as e:
            log.warning("nobody found yet", call=call.id, why=str(e))
            return await self._failed(call, wish, e)
        return [found, ev.Done(wish.key, self._now_ms())]

    # ---- phones -------------------------------------------------------------------------------------------------

    async def _dial(self, call: Call, wish: w.Dial) -> list[ev.Event]:
        route = call.leg(wish.leg).routes[wish.n]
        request = DialRequest(
            channel=f"{call.id}.{wish.leg}.{wish.n}", call=call.id, trunk=route.trunk, dialled=route.dialled,
            shown=route.shown_as or route.shown, ring_ms=wish.ring_ms, life_ms=wish.life_ms,
            bridge=call.id if wish.early else None, privacy=route.privacy, diversion=route.diversion,
            device=route.device,
        )  # fmt: skip
        try:
            await self._pbx.dial(request)
        except PbxError as e:
            if e.status != 409:  # 409: it lives already, so it was dialled
                say = log.info if route.device else log.warning  # a device that is switched off is no fault
                say("dial failed", call=call.id, leg=wish.leg, n=wish.n, trunk=route.trunk, why=str(e))
                why, now_ms = NO_CONTACT if e.status == 500 else "", self._now_ms()
                return [ev.Gone(wish.leg, wish.n, now_ms, how="failed", why=why), ev.Done(wish.key, now_ms)]
        finally:
            self._dialled(call.id)
        now_ms = self._now_ms()
        facts: list[ev.Event] = [ev.Dialled(wish.leg, wish.n, now_ms), ev.Done(wish.key, now_ms)]
        if wish.early:
            facts.append(ev.Done(w.Join(wish.leg, wish.n).key, now_ms))
        return facts

    async def _hang_up(self, call: Call, wish: w.HangUp) -> list[ev.Event]:
        try:
            await self._pbx.hang_up(f"{call.id}.{wish.leg}.{wish.n}")
        except NoSuchChannel:
            return [ev.Done(wish.key, self._now_ms()), *await self._end_of(call, wish)]
        except PbxError as e:
            log.warning("not hung up, trying again", call=call.id, wish=wish.key, why=str(e))
            return await self._failed(call, wish, e)
        return [ev.Done(wish.key, self._now_ms())]

    async def _end_of(self, call: Call, wish: w.HangUp) -> list[ev.Event]:
        """Of a channel that is there no more. Its end is on its way to us, and whatever comes first counts; should it
        never come, the PBX's record knows. One who calls us may have been on his way in, and be here by now."""
        channel = f"{call.id}.{wish.leg}.{wish.n}"
        await asyncio.sleep(GONE_GRACE_S)
        if call.leg(wish.leg).came_in and await self._is_hung_up(channel):
            return []
        at_ms = self._now_ms()
        record = await self._pbx.record([channel], call.created_at_ms)
        trace = record.traces.get(channel) if record is not None else None
        if trace is None or trace.ended_at_ms is None:
            return [ev.Gone(wish.leg, wish.n, at_ms, how="unknown")]
        how: How = "remote" if trace.remote else "ours"
        return [ev.Gone(wish.leg, wish.n, trace.hangup_at_ms or trace.ended_at_ms, cause=trace.cause, how=how)]

    async def _is_hung_up(self, channel: str) -> bool:
        try:
            await self._pbx.hang_up(channel)
        except PbxError:
            return False
        return True

    async def _sound(self, call: Call, wish: w.Play | w.PlayAll | w.Stop) -> list[ev.Event]:
        playback = f"{call.id}.{wish.name}"
        try:
            match wish:
                case w.Play():
                    channel, language = f"{call.id}.{wish.leg}.{wish.n}", call.leg(wish.leg).language
                    await self._pbx.play(channel, playback, wish.sound, language)
                case w.PlayAll():
                    await self._pbx.play_all(call.id, playback, wish.sound, wish.language)
                case w.Stop():
                    await self._pbx.stop(f"{call.id}.{wish.leg}.{wish.n}", playback, wish.sound)
        except PbxError as e:
            if e.status != 404:
                log.warning("sound failed", call=call.id, wish=wish.key, sound=wish.sound.partition(":")[0], why=str(e))
                if isinstance(wish, w.Stop):  # it may go on
                    return await self._failed(call, wish, e)
            return [ev.Done(wish.key, self._now_ms()), ev.Played(wish.name, self._now_ms())]
        return [ev.Done(wish.key, self._now_ms())]

    async def _record(self, call: Call, wish: w.Record | w.StopRecording) -> list[ev.Event]:
        """Where it cannot be recorded the talk goes on, and the call's record says why nothing is there."""
        tape = f"{call.id}.{wish.name}"
        why = ""
        try:
            if isinstance(wish, w.StopRecording):
                why = "" if await self._pbx.untape(tape, wish.file) else BROKEN_OFF
            else:
                await self._pbx.tape(f"{call.id}.{wish.leg}.{wish.n}", tape, wish.file, wish.hears)
        except PbxError as e:
            if e.status != 404:
                log.warning("recording failed", call=call.id, wish=wish.key, why=str(e))
                if isinstance(wish, w.StopRecording):
                    return await self._failed(call, wish, e)
                why = str(e)
            elif isinstance(wish, w.Record):
                return [ev.Done(wish.key, self._now_ms())]  # the leg is gone
        now_ms = self._now_ms()
        if isinstance(wish, w.StopRecording):
            return [ev.Done(wish.key, now_ms), ev.RecordingEnded(wish.name, now_ms, why)]
        begun = Recording(wish.name, wish.file, wish.what, wish.leg, now_ms, now_ms if why else None, why)
        return [ev.Done(wish.key, now_ms), ev.RecordingBegan(begun, now_ms)]

    async def _plain(self, call: Call, wish: w.Wish) -> list[ev.Event]:
        """Wishes whose only fact is that they were carried out; what is gone needs nothing more."""
        try:
            match wish:
                case w.OpenBridge():
                    await self._pbx.open_bridge(call.id)
                case w.Join():
                    await self._pbx.join(call.id, f"{call.id}.{wish.leg}.{wish.n}")
                case w.Cutoff():
                    await self._pbx.cut_off(f"{call.id}.{wish.leg}.{wish.n}", wish.until_ms - self._now_ms())
                case w.Whisper():
                    channel, language = f"{call.id}.{wish.leg}.{wish.n}", call.leg(wish.leg).language
                    await self._pbx.whisper(channel, f"{call.id}.{wish.name}", wish.sound, language)
                case w.Answer():
                    await self._pbx.answer(f"{call.id}.{wish.leg}.{wish.n}")
                case w.HandOver():
                    await self._pbx.hand_over(f"{call.id}.{wish.leg}.{wish.n}", wish.to)
                case w.Listen():
                    await self._pbx.listen(f"{call.id}.{wish.leg}.{wish.n}")
                case w.Mute():
                    await self._pbx.mute(f"{call.id}.{wish.leg}.{wish.n}", wish.is_muted)
                case w.Unwhisper():
                    await self._pbx.unwhisper(f"{call.id}.{wish.name}")
                case w.CloseBridge():
                    await self._pbx.close_bridge(call.id)
                case _:
                    raise AssertionError(wish)
        except PbxError as e:
            lives_already = isinstance(wish, w.OpenBridge) and e.status == 409
            if e.status != 404 and not lives_already:
                log.warning("wish failed", call=call.id, wish=wish.key, why=str(e))
                return await self._failed(call, wish, e)
        return [ev.Done(wish.key, self._now_ms())]
