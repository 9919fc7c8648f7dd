"""Phones of one kind, for stories that need them so; the random ones are in pbx.py. Each takes the place of
LawPbx._live."""

from __future__ import annotations

from dataclasses import replace

from ari_app.domain import events as ev
from tests.laws.pbx import Chan, LawPbx


async def patient(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    """Rings, answers in the same moment, and stays."""
    _call, role, n = chan.id.split(".")
    pbx._tell(chan.id, ev.Rang(role, int(n), pbx._loop.now_ms()))
    chan.state, chan.answered_ms = "up", pbx._loop.now_ms()
    pbx.traces_kept[chan.id] = replace(pbx.traces_kept[chan.id], answered_at_ms=chan.answered_ms)
    pbx._tell(chan.id, ev.Answered(role, int(n), chan.answered_ms))
    pbx._note_joined(chan)
