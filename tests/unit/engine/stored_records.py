"""Records as a version of ours wrote them, and a world in which one of them is taken up again.

Each story is a call on the laws' PBX; every record that it saves is one step of it. `python -m
tests.unit.engine.stored_records v2` writes those of today's encoder to fixtures/records/v2, one file a story, one line
a step. Files of a version that was once released are never written again: they are what lies in an operator's Redis.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ari_app.domain import events as ev
from ari_app.domain.call import Call, Leg, LegState
from ari_app.domain.ledger_types import Kind
from ari_app.domain.units import Increment
from ari_app.engine import records
from ari_app.ports.telephony import Trace
from tests.laws import phones
from tests.laws.pbx import Chan, LawPbx
from tests.laws.phones import Phone
from tests.laws.stories import CALL, app, begin, calm_world, is_talking, let_phones_be, until, until_settled
from tests.laws.virtual_time import START_MS, run
from tests.laws.world import NO_MONTH, PAYER, World

FOLDER = Path(__file__).parent / "fixtures/records"
NODE = "n"
FENCE = 1
TALK_S = 5
ONE_S, TWO_S = phones.slow(1), phones.slow(2)


async def presses_1(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    if chan.answered_ms is None:
        phones.rings(pbx, chan)
        phones.answers(pbx, chan)
    await asyncio.sleep(2)
    _call, role, n = chan.id.split(".")
    pbx._tell(chan.id, ev.Digit(role, int(n), "1", pbx._loop.now_ms()))


async def over_the_second_trunk(pbx: LawPbx, chan: Chan, ring_ms: int) -> None:
    await asyncio.sleep(0.2)
    if chan.id.endswith(".0"):
        return pbx._end(chan.id, 34, 503, True)
    return await phones.slow(2)(pbx, chan, ring_ms)


async def hangs_up_after_a_while(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    if chan.answered_ms is None:
        phones.rings(pbx, chan)
        phones.answers(pbx, chan)
    await asyncio.sleep(TALK_S)
    pbx._end(chan.id, 16, None, True)


async def early_media(pbx: LawPbx, chan: Chan, _ring_ms: int) -> None:
    _call, role, n = chan.id.split(".")
    pbx._tell(chan.id, ev.EarlyMedia(role, int(n), pbx._loop.now_ms()))
    await asyncio.sleep(3)
    phones.answers(pbx, chan)


async def _nobody(_world: World) -> None:
    """The phones end it by themselves."""


async def _cancelled_while_it_rings(world: World) -> None:
    await until(world, lambda: f"{CALL}.callee.0" in world.pbx.channels, 10)
    app(world).cancel(CALL)


async def _hung_up(world: World) -> None:
    await until(world, lambda: is_talking(world), 60)
    await asyncio.sleep(TALK_S)
    app(world).cancel(CALL)


@dataclass(frozen=True)
class Story:
    reason: str
    caller: Phone = ONE_S
    callee: Phone = TWO_S
    ends: Callable[[World], Coroutine[Any, Any, None]] = _hung_up
    minutes_s: int = 3_600
    terms: dict[str, Any] = field(default_factory=dict)
    acts: str = ""
    """The role whose phone does something more once it has answered."""


STORIES = {
    "talk": Story("completed", terms={"prompt": True}),
    "long-talk": Story(
        "balance_empty", callee=phones.patient, ends=_nobody, minutes_s=90, terms={"warning_s": 20, "margin_s": 5}
    ),
    "callee-hangs-up": Story("completed", callee=hangs_up_after_a_while, ends=_nobody, acts="callee"),
    "confirmed": Story(
        "completed", caller=presses_1, terms={"confirm_caller": True, "waiting": "music"}, acts="caller"
    ),
    "early-media": Story("completed", callee=early_media),
    "second-trunk": Story("completed", callee=over_the_second_trunk),
    "busy": Story("callee_busy", callee=phones.busy, ends=_nobody),
    "cancelled": Story("cancelled", callee=phones.rings_for_ever, ends=_cancelled_while_it_rings),
}


def world_of(story: Story) -> World:
    world = calm_world()
    let_phones_be(world, caller=story.caller, callee=story.callee)
    return world


# ---- writing --------------------------------------------------------------------------------------------------------


def written(story: Story) -> list[bytes]:
    """Every record that the call saves, in order."""
    world, saved = world_of(story), list[bytes]()
    create, save = world.calls.create, world.calls.save

    async def creating(call_id: str, record: bytes, **more: Any) -> Any:
        saved.append(record)
        return await create(call_id, record, **more)

    async def saving(call_id: str, version: int, record: bytes, *more: Any) -> Any:
        saved.append(record)
        return await save(call_id, version, record, *more)

    world.calls.create, world.calls.save = creating, saving  # type: ignore[method-assign,assignment]

    async def tell() -> None:
        await begin(world, story.minutes_s, routes=2, **story.terms)
        await story.ends(world)
        await until_settled(world)
        await asyncio.sleep(1)

    run(world.loop, tell())
    return list(dict.fromkeys(saved))


def main(version: str) -> None:
    folder = FOLDER / version
    folder.mkdir(parents=True)  # never over what is there
    for name, story in STORIES.items():
        (folder / f"{name}.jsonl").write_bytes(b"".join(record + b"\n" for record in written(story)))


# ---- reading again --------------------------------------------------------------------------------------------------


async def revived(world: World, record: bytes, story: Story, *, was_sent: bool) -> Call:
    """The app starts with this record in its store, and the PBX and the ledger as they were. `was_sent`: whether what
    was asked and not answered had been carried out."""
    call = records.decode(record)
    await asyncio.sleep(max(0, call.now_ms - START_MS) / 1000 + 0.5)
    await world.calls.create(
        CALL, record, node=NODE, user_ids=(PAYER,), created_at_ms=call.created_at_ms, events=[], fence=FENCE
    )
    await world.ledger.grant(op="g", payer=PAYER, kind=Kind.BONUS, seconds=story.minutes_s, now_ms=world.loop.now_ms())
    await _hold(world, call, was_sent)
    _set_up(world.pbx, call, was_sent, story.acts)
    if call.refused_why == "empty":
        world.refused.add(CALL)  # by the ledger, before
    await world.calls.mark_alive(NODE, call.now_ms)
    world.fence = FENCE
    await world.boot()
    await app(world).until_recovered()
    return call


async def _hold(world: World, call: Call, was_sent: bool) -> None:
    """What the record says is held, and what it asked for. And settled, where it says so."""
    asked = max([int(k.split(":")[1]) + 1 for k in call.asked if k.startswith("hold:")], default=0)
    for n in range(max(call.holds, asked if was_sent else 0)):
        want_s = call.held_s // call.holds if call.holds else call.terms.slice_s
        await world.ledger.hold(
            op=f"{CALL}:h{n}", payer=PAYER, call=CALL, want_s=want_s, increment=Increment.parse(call.terms.increment),
            month=NO_MONTH, max_live_calls=call.terms.max_live_calls, now_ms=world.loop.now_ms(),
        )  # fmt: skip
    if call.settled is not None:
        s = call.settled
        await world.ledger.settle(
            op=f"{CALL}:s", payer=PAYER, call=CALL, used_s=s.used_s, rounded_s=s.rounded_s, now_ms=world.loop.now_ms()
        )


def _set_up(pbx: LawPbx, call: Call, was_sent: bool, acts: str) -> None:
    if "unbridge" not in call.done and ("bridge" in call.done or (was_sent and "bridge" in call.asked)):
        pbx.bridges[CALL] = set()
    for leg in call.legs:
        for n in range(len(leg.tries)):
            _was(pbx, call, leg, n, acts)
        pending = call.dial_pending(leg)
        if pending is not None and was_sent:
            chan = _lives(pbx, call, leg, pending, call.now_ms)
            chan.life = pbx._spawn(pbx._live(chan, leg.ring_timeout_ms))


def _was(pbx: LawPbx, call: Call, leg: Leg, n: int, acts: str) -> None:
    """A try that the record knows."""
    t = leg.tries[n]
    if t.state is not LegState.GONE:
        chan = _lives(pbx, call, leg, n, t.dialled_at_ms, answered_at_ms=t.answered_at_ms)
        if t.answered_at_ms is None or (leg.role == acts and not call.is_over):
            chan.life = pbx._spawn(pbx._live(chan, leg.ring_timeout_ms))
        return
    pbx.traces_kept[f"{CALL}.{leg.role}.{n}"] = Trace(
        t.dialled_at_ms, t.answered_at_ms, t.ended_at_ms, t.ended_at_ms, t.cause, remote=t.how == "remote"
    )


def _lives(pbx: LawPbx, call: Call, leg: Leg, n: int, born_ms: int, answered_at_ms: int | None = None) -> Chan:
    chan = Chan(f"{CALL}.{leg.role}.{n}", born_ms, answered_ms=answered_at_ms)
    pbx.channels[chan.id] = chan
    pbx.rung[chan.id] = 1
    pbx.traces_kept[chan.id] = Trace(born_ms, answered_at_ms)
    if answered_at_ms is not None:
        chan.state = "up"
        left_s = 1 + (answered_at_ms - pbx._loop.now_ms()) / 1000 + call.held_s
        chan.cut = pbx._loop.call_later(max(left_s, 0), pbx._end, chan.id, 16, None, False)
    if CALL in pbx.bridges and (leg.role == "callee" or f"join:{leg.role}:{n}" in call.done):
        pbx._enter(CALL, chan)
    for name in (k.removeprefix("play:") for k in call.done if k.startswith("play:waiting")):
        if leg.role == "caller" and name not in call.played:
            chan.playing[name] = pbx._spawn(pbx._sound(chan, name, 3_600.0))
            chan.endless.add(name)
    return chan


if __name__ == "__main__":
    main(sys.argv[1])
