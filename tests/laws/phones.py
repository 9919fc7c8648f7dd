"""Phones of one kind, for stories that need them so; the random ones are in pbx.py. Each takes the place of
LawPbx._live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from ari_app.domain import events as ev
from tests.laws.pbx import Chan, LawPbx

Phone = Callable[[LawPbx, Chan, int], Coroutine[Any, Any, None]]


async def patient(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    """Rings, answers in the same moment, and stays."""
    rings(pbx, chan)
    answers(pbx, chan)


async def rings_for_ever(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    await asyncio.sleep(1)
    rings(pbx, chan)


def slow(in_s: float) -> Phone:
    """Rings after half a second, and answers `in_s` later."""

    async def live(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
        await asyncio.sleep(0.5)
        rings(pbx, chan)
        await asyncio.sleep(in_s)
        answers(pbx, chan)

    return live


async def early_media(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    """Its network is heard (183) after two seconds, which the channel's state does not show; it answers much later."""
    _call, role, n = chan.id.split(".")
    await asyncio.sleep(2)
    pbx._tell(chan.id, ev.EarlyMedia(role, int(n), pbx._loop.now_ms()))
    await asyncio.sleep(25)
    answers(pbx, chan)


async def busy(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    await asyncio.sleep(0.05)
    pbx._end(chan.id, 17, 486, True)


def rings(pbx: LawPbx, chan: Chan) -> None:
    _call, role, n = chan.id.split(".")
    chan.state = "ringing"
    pbx._tell(chan.id, ev.Rang(role, int(n), pbx._loop.now_ms()))


def answers(pbx: LawPbx, chan: Chan) -> None:
    _call, role, n = chan.id.split(".")
    chan.state, chan.answered_ms = "up", pbx._loop.now_ms()
    pbx.traces_kept[chan.id] = replace(pbx.traces_kept[chan.id], answered_at_ms=chan.answered_ms)
    pbx._tell(chan.id, ev.Answered(role, int(n), chan.answered_ms))
    pbx._note_joined(chan)
