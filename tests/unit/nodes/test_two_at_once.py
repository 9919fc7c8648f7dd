"""One call that comes to its owner twice at the same time, or while he stands down: he stays the owner, and nothing of
it stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from ari_app.domain.call import Call
from ari_app.engine import records
from ari_app.engine.engine import Engine
from ari_app.engine.fleet import Place
from tests.laws.stories import CALL, OTHER, app, in_virtual_time, is_talking, until
from tests.laws.world import PAYER, World
from tests.unit.nodes.afar import NODE, THERE, Afar

APART_S = [ms / 1000 for ms in range(13)]
"""A question to the store takes up to 6 ms in this world."""


async def written_down(afar: Afar, call: Call) -> None:
    await records.create(afar.world.calls, call, node=NODE, user_ids=(PAYER,))


async def is_begun_once(world: World, at_once: Callable[[Engine, Call], Awaitable[object]]) -> None:
    """Whichever comes first: what is done at once, or an order to tend the call."""
    afar = Afar(world)
    await afar.opened(36_000)
    await afar.owned()
    engine = app(world)

    async def later(call_id: str, apart_s: float) -> None:
        await asyncio.sleep(apart_s)
        await engine.beginnings.tend(call_id)

    for n, apart_s in enumerate(APART_S * 4):
        call = afar.a_call(f"c{n:026d}")
        call = replace(call, terms=replace(call.terms, max_live_calls=99))
        await written_down(afar, call)
        await asyncio.gather(at_once(engine, call), later(call.id, apart_s))
        await asyncio.sleep(0.2)
        assert not engine.stood_down.done(), engine.stood_down.result()
        engine.cancel(call.id)
    await asyncio.sleep(5)
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_a_call_taken_up_twice_at_once_is_taken_up_once(world: World) -> None:
    await is_begun_once(world, lambda engine, call: engine.beginnings.tend(call.id))


@in_virtual_time
async def test_a_call_asked_for_at_its_owner_and_handed_to_him_at_once_is_begun_once(world: World) -> None:
    await is_begun_once(world, lambda engine, call: engine.start(call, (PAYER,)))


@in_virtual_time
async def test_a_call_asked_for_while_its_node_is_given_up_is_the_next_owners(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    engine = app(world)
    asking = asyncio.create_task(afar.fleet.begin(afar.a_call(), Place(NODE, engine)), name="world asks")
    await asyncio.sleep(0)
    engine.give_up("given back")
    await engine.close()
    begun = await asking
    assert isinstance(begun, Call)
    assert engine.live == 0
    assert engine._tasks == {}
    await afar.died()
    await afar.owned()
    await until(world, lambda: is_talking(world), 5)


@in_virtual_time
async def test_who_stood_down_keeps_no_timer_and_no_task(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    for call_id in (CALL, OTHER):
        await afar.fleet.begin(afar.a_call(call_id), THERE)
    await until(world, lambda: is_talking(world, CALL) and is_talking(world, OTHER), 5)
    engine = app(world)
    boxes = engine.boxes()
    world.away_until_s = world.loop.now_s + 60  # what was asked of the ledger is asked again and again
    engine.cancel(CALL)
    await asyncio.sleep(2)
    engine.give_up("given back")
    await engine.close()
    await asyncio.sleep(0)
    for box in boxes:
        assert (box._timer, box._save_soon, [task for task in box._tasks if not task.done()]) == (None, None, [])
    assert engine.boxes() == []


@in_virtual_time
async def test_who_stood_down_while_he_looked_at_the_pbx_sees_it_no_more(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    engine = app(world)
    real = engine.sight._inquiry.ask

    async def ask(*about: Any) -> Any:
        found = await real(*about)
        engine.give_up("another process took the lease")
        return found

    engine.sight._inquiry.ask = ask  # type: ignore[method-assign]
    world.pbx.cut_link()
    await asyncio.sleep(1)
    world.pbx.reconnect()
    await asyncio.sleep(1)
    assert engine.stood_down.done()
    assert not engine.sees_pbx
