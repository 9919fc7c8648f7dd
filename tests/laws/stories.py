"""Directed stories in the law world: calm but for one trouble, with phones that do what the story says.

A story is told in virtual time: what it waits for takes no time at all.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import wraps
from typing import Any

from ari_app.domain.call import CALLER, Call
from ari_app.domain.ledger_types import Kind
from ari_app.engine import records
from ari_app.engine.engine import Engine
from ari_app.engine.mailbox import Mailbox
from ari_app.flows import flows
from tests.laws import phones
from tests.laws.pbx import Chan
from tests.laws.virtual_time import run
from tests.laws.world import PAYER, LawBroken, World, callback_call

CALL, OTHER = "c" + "0" * 26, "c" + "1" * 26
CALLER_0, CALLEE_0 = f"{CALL}.caller.0", f"{CALL}.callee.0"


def in_virtual_time(story: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that is a story of `world`: told on that world's clock."""

    @wraps(story)
    def test(world: World, **more: Any) -> None:
        run(world.loop, story(world, **more))

    return test


class NoChance(random.Random):
    """Nothing rare happens, and every way takes as long: no story depends on how often chance was asked before."""

    def random(self) -> float:
        return 0.5


def calm_world() -> World:
    """Nothing is late, lost or away, and both phones are patient, until a story says otherwise."""
    world = World(3, flows()["callback"], callback_call)
    world.trouble = 0.0
    calm = replace(world.weather, late_ms=0, repeat=0.0, cel=True, cel_late_ms=0, wire_ms=1)
    world.weather = world.pbx._weather = calm
    world.pbx._rng = NoChance()
    let_phones_be(world)
    return world


def let_phones_be(
    world: World, *, caller: phones.Phone = phones.patient, callee: phones.Phone = phones.patient
) -> None:
    async def live(chan: Chan, ring_ms: int) -> None:
        world.pbx.phones_rung_ms.append((world.loop.now_ms(), chan.id))
        await (caller if f".{CALLER}." in chan.id else callee)(world.pbx, chan, ring_ms)

    world.pbx._live = live  # type: ignore[method-assign]


def no_record(world: World) -> None:
    """From now on the PBX's own record cannot be read."""
    world.pbx._weather = replace(world.pbx._weather, cel=False)


# ---- the app and its calls ------------------------------------------------------------------------------------------


async def open_doors(world: World, minutes_s: int) -> Engine:
    """The app runs and sees its PBX. The task that asks for it is the world's: no crash of the app takes it down."""
    here = asyncio.current_task()
    assert here is not None
    here.set_name("world")
    await world.ledger.grant(op="g", payer=PAYER, kind=Kind.BONUS, seconds=minutes_s, now_ms=world.loop.now_ms())
    await world.boot()
    await app(world).until_recovered()
    return app(world)


async def start(
    world: World, call_id: str = CALL, *, routes: int | None = None, ring_ms: int = 15_000, **terms: Any
) -> Mailbox:
    """`routes`: so many to each phone, in place of a random number. `terms`: what is not as in a plain call."""
    call = callback_call(call_id, random.Random(1), world.loop.now_ms())
    plain: dict[str, Any] = {
        "increment": "1/1", "slice_s": 60, "max_duration_s": 7_200, "confirm_caller": False, "prompt": False
    }  # fmt: skip
    legs = tuple(
        replace(leg, ring_timeout_ms=ring_ms, routes=leg.routes[:1] * routes if routes else leg.routes)
        for leg in call.legs
    )
    call = replace(call, legs=legs, terms=replace(call.terms, **(plain | terms)))
    box = await app(world).start(call, (PAYER,))
    assert isinstance(box, Mailbox)
    return box


async def begin(world: World, minutes_s: int = 3_600, **more: Any) -> Mailbox:
    await open_doors(world, minutes_s)
    return await start(world, **more)


def app(world: World) -> Engine:
    assert world.engine is not None
    return world.engine


def stored(world: World, call_id: str = CALL) -> Call:
    return records.decode(world.calls._calls[call_id].record)


def is_talking(world: World, call_id: str = CALL) -> bool:
    """Both phones are up and joined, and the record says that they talk."""
    up = {f"{call_id}.{leg.role}.{leg.n}" for leg in stored(world, call_id).legs}
    return frozenset(up) in world.pbx.joined and up <= world.pbx.channels.keys() and not stored(world, call_id).is_over


# ---- troubles and waits ---------------------------------------------------------------------------------------------


async def app_killed(world: World, for_s: float) -> None:
    await world.crash()
    await asyncio.sleep(for_s)
    await world.boot()


async def link_lost(world: World, for_s: float) -> None:
    world.pbx.cut_link()
    await asyncio.sleep(for_s)
    world.pbx.reconnect()


async def at(world: World, when_ms: int) -> None:
    await asyncio.sleep((when_ms - world.loop.now_ms()) / 1000)


async def until(world: World, is_so: Callable[[], bool], within_s: float, every_s: float = 0.05) -> None:
    deadline_s = world.loop.now_s + within_s
    while not is_so():
        if world.loop.now_s > deadline_s:
            raise LawBroken(f"not within {within_s} s, at {world.loop.now_s:.1f} s: {app(world).live_calls()}")
        await asyncio.sleep(every_s)


async def until_settled(world: World, call_id: str = CALL, within_s: float = 3_000) -> Call:
    await until(world, lambda: stored(world, call_id).settled is not None, within_s, every_s=1)
    return stored(world, call_id)


def verdict(call: Call) -> tuple[str, str, int]:
    """Why it ended, by whom, and the seconds charged."""
    assert call.end is not None
    assert call.settled is not None
    return call.end.reason.value, call.end.by.value, call.settled.charged_s
