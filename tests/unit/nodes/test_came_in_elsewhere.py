"""A phone calls a node's PBX, and it is another process that was asked who calls: whoever owns the node must not take
it for a stranger, however soon it comes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from ari_app.domain.call import CALLER, Call, End, Leg, Route, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.events import Gone, HangupSeen, Rang
from ari_app.engine import records
from ari_app.flows import inbound
from ari_app.ports.telephony import CallEvent, Entered
from tests import support
from tests.laws.stories import CALL, CALLER_0, in_virtual_time, until
from tests.laws.world import PAYER, World
from tests.unit.nodes.afar import NODE, Afar


class Patient(random.Random):
    """A phone that waits."""

    def choice(self, seq: Sequence[Any]) -> Any:
        return seq[-1]


def called_in(now_ms: int) -> Call:
    way = Route("", "+864001234567", "", "came_in")
    leg = Leg(CALLER, "+861", (way,), 8_000, user=PAYER, came_in=True, tries=(Try(dialled_at_ms=now_ms),))
    return Call(CALL, inbound.TYPE, now_ms, PAYER, (leg,), given={"mode": "menu", "minutes": "7"}, now_ms=now_ms)


@in_virtual_time
async def test_one_who_comes_in_before_the_order_of_his_call_is_taken_for_whom_he_is(world: World) -> None:
    """Asterisk tells that he has come and that he rings us in one breath."""
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    now_ms = world.loop.now_ms()
    await records.create(world.calls, called_in(now_ms), node=NODE, user_ids=(PAYER,))
    world.pbx._in_rng = Patient()
    world.pbx.call_in(CALLER_0)
    world.pbx.channels[CALLER_0].has_entered = True
    for said in (Entered(CALL, CALLER, 0, came_in=True), CallEvent(CALL, Rang(CALLER, 0, now_ms))):
        world.pbx._queue.put_nowait(said)
    await until(world, lambda: CALLER_0 not in world.pbx.channels or world.pbx.channels[CALLER_0].state == "up", 5)
    assert CALLER_0 in world.pbx.channels, "he was hung up"


@in_virtual_time
async def test_one_who_hangs_up_while_his_call_is_looked_for_has_given_up(world: World) -> None:
    afar = Afar(world)
    await afar.opened()
    await afar.owned()
    now_ms = world.loop.now_ms()
    await records.create(world.calls, called_in(now_ms), node=NODE, user_ids=(PAYER,))
    gone = (HangupSeen(CALLER, 0, now_ms, remote=True), Gone(CALLER, 0, now_ms))
    for said in (Entered(CALL, CALLER, 0, came_in=True), *(CallEvent(CALL, one) for one in gone)):
        world.pbx._queue.put_nowait(said)

    async def end() -> End | None:
        stored = await world.calls.load(CALL)
        return None if stored is None else records.call_of(stored).end

    over = await support.until(end, 5)
    assert (over.reason, over.by) == (Reason.CALLER_GAVE_UP, HungUpBy.CALLER)
