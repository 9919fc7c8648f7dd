"""A dial that was decided on an old sight of the PBX must not go out on a new one: recovery has judged it already."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from ari_app.domain.ledger_types import Kind
from ari_app.engine import mailbox
from ari_app.flows import flows
from tests.laws.virtual_time import run
from tests.laws.world import PAYER, World, callback_call


class SlowSaves:
    """A store whose first save of a dial hangs until it is let go."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.let_go = asyncio.Event()
        self.is_hanging = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def save(self, *args: Any) -> Any:
        answer = await self._inner.save(*args)
        if not self.is_hanging.is_set() and b"dial:caller:0" in args[2]:
            self.is_hanging.set()
            await self.let_go.wait()
        return answer


async def story(world: World) -> dict[str, int]:
    """Decide to dial; while the save hangs the link is lost and comes back; let the save go."""
    await world.ledger.grant(op="g", payer=PAYER, kind=Kind.BONUS, seconds=3600, now_ms=world.loop.now_ms())
    await world.boot()
    assert world.engine is not None
    await world.engine.until_recovered()
    slow = world.engine.calls = SlowSaves(world.calls)  # type: ignore[assignment]
    call = callback_call("c" + "0" * 26, random.Random(1), world.loop.now_ms())
    await world.engine.start(call, (PAYER,))
    await slow.is_hanging.wait()
    world.pbx.cut_link()
    await asyncio.sleep(0.1)
    world.pbx.reconnect()
    await asyncio.sleep(5)
    slow.let_go.set()
    await asyncio.sleep(60)
    return world.pbx.rung


@pytest.mark.parametrize("is_broken", [False, True])
def test_a_dial_of_an_old_sight_goes_out_once(is_broken: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if is_broken:
        real = mailbox.Mailbox._send_out
        monkeypatch.setattr(
            mailbox.Mailbox, "_send_out", lambda self, wishes, _epoch: real(self, wishes, self.engine.epoch)
        )
    world = World(3, flows()["callback"], callback_call)
    world.trouble, world.pbx._weather = 0.0, world.weather.__class__(cel=True)
    rung = run(world.loop, story(world))
    first_try = rung.get("c" + "0" * 26 + ".caller.0", 0)
    assert first_try >= 1
    asked_twice = sum(rung.values()) != len(rung) or world.pbx.conflicts > 0
    assert asked_twice is is_broken
