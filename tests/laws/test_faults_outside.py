"""A store that loses answers, seconds or records, or is away; another owner; a fault of our own: what becomes of the
calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.engine import mailbox
from ari_app.flows import callback
from ari_app.ports.calls import Fenced
from tests.laws import phones
from tests.laws.stories import (
    CALL,
    OTHER,
    app,
    app_killed,
    begin,
    calm_world,
    in_virtual_time,
    is_talking,
    let_phones_be,
    open_doors,
    start,
    stored,
    until,
    until_settled,
    verdict,
)  # fmt: skip
from tests.laws.world import World

Patch = pytest.MonkeyPatch


@pytest.fixture
def world() -> World:
    return calm_world()


@in_virtual_time
async def test_a_save_resent_after_a_lost_answer_drops_nothing_newer(world: World, monkeypatch: Patch) -> None:
    """Further minutes are granted while the answer to a save is lost: the next process must know of them."""
    box = await begin(world, warning_s=10, margin_s=5)
    await until(world, lambda: is_talking(world), within_s=5)
    engine, save, hold = app(world), app(world).calls.save, world.ledger.hold
    lost: list[object] = []

    async def losing(*args: Any) -> Any:
        answer = await save(*args)
        if not lost:
            lost.append(answer)
            raise Unavailable("the answer was lost")
        return answer

    async def held_meanwhile(**asked: Any) -> Any:
        answer = await hold(**asked)
        monkeypatch.setattr(engine.calls, "save", losing)
        box._save_now()  # for a sign of a phone, say
        await until(world, lambda: bool(lost), within_s=1, every_s=0.001)
        return answer

    monkeypatch.setattr(world.ledger, "hold", held_meanwhile)
    await until(world, lambda: box.call.holds == 2, within_s=60)
    assert lost
    await until(world, lambda: stored(world).holds == 2, within_s=5)
    assert stored(world).held_s == box.call.held_s == 120


# ---- faults of our own ----------------------------------------------------------------------------------------------


def states_not_told(monkeypatch: Patch, call_id: str) -> None:
    real = callback.state

    def state(c: Call) -> str:
        if c.id == call_id:
            raise KeyError("state")
        return real(c)

    monkeypatch.setattr(callback, "state", state)


@in_virtual_time
async def test_a_call_whose_state_cannot_be_told_is_settled_all_the_same(world: World, monkeypatch: Patch) -> None:
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    states_not_told(monkeypatch, CALL)
    monkeypatch.setattr(callback, "talk", lambda *_legs: 1 / 0)
    reason, by, _ = verdict(await until_settled(world, within_s=300))
    assert (reason, by) == ("interrupted", "system")
    assert not world.pbx.channels
    assert not world.account().holds


@in_virtual_time
async def test_a_start_with_a_record_whose_state_cannot_be_told_goes_on(world: World, monkeypatch: Patch) -> None:
    await begin(world, max_live_calls=9)
    await start(world, OTHER, max_live_calls=9)
    await until(world, lambda: is_talking(world) and is_talking(world, OTHER), within_s=5)
    states_not_told(monkeypatch, CALL)
    await app_killed(world, for_s=5)
    await app(world).until_recovered()
    app(world).cancel(CALL)
    assert verdict(await until_settled(world, within_s=10))[:2] == ("completed", "api")
    assert is_talking(world, OTHER)


# ---- the store ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["a second", "the call"])
@in_virtual_time
async def test_a_store_that_came_back_without_its_last_second_is_put_right(world: World, lost: str) -> None:
    """It is nobody else's doing: the service does not stand down, and the call goes on from what is known here."""
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await until(world, lambda: stored(world).holds == 1, within_s=5)
    before = world.calls._calls[CALL]
    await until(world, lambda: stored(world).holds == 2, within_s=60)
    if lost == "a second":
        assert before.version < world.calls._calls[CALL].version
        world.calls._calls[CALL] = before
    else:
        for index in (world.calls._calls, world.calls._events, world.calls._all):
            del index[CALL]
        world.calls._live["n"].discard(CALL)
    await until(world, lambda: CALL in world.calls._calls and stored(world).holds > 2, within_s=120)
    assert await world.calls.live("n") == [CALL]
    app(world).cancel(CALL)
    assert verdict(await until_settled(world, within_s=10))[:2] == ("completed", "api")
    stood_down = app(world).stood_down
    assert stood_down is not None
    assert not stood_down.done()


@in_virtual_time
async def test_who_lost_a_call_to_another_owner_touches_the_pbx_no_more(world: World, monkeypatch: Patch) -> None:
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    engine, hung_up = app(world), []
    stood_down = engine.stood_down
    assert stood_down is not None

    async def save(*_args: Any) -> Fenced:
        return Fenced(99)

    async def hang_up(channel: str) -> None:
        hung_up.append(channel)

    monkeypatch.setattr(engine.calls, "save", save)
    monkeypatch.setattr(world.pbx, "hang_up", hang_up)
    await until(world, stood_down.done, within_s=120)
    engine.cancel(CALL)
    await asyncio.sleep(30)
    assert not hung_up
    assert is_talking(world)


async def store_away_for_a_minute(world: World, monkeypatch: Patch, calls: tuple[str, ...]) -> int:
    """From the moment at which the callers answer. Returns how often it was asked to save, once the calls are over."""
    engine = await open_doors(world, minutes_s=3_600)
    real, away_until_s, asked = engine.calls.save, [0.0], [0]

    async def save(*args: Any) -> Any:
        await asyncio.sleep(0.002)
        if world.loop.now_s < away_until_s[0]:
            asked[0] += 1
            raise Unavailable("away")
        return await real(*args)

    monkeypatch.setattr(engine.calls, "save", save)
    let_phones_be(world, caller=phones.slow(in_s=3))
    for call_id in calls:
        await start(world, call_id, max_live_calls=9)
    callers = {f"{call_id}.caller.0" for call_id in calls}
    await until(world, lambda: callers <= world.pbx.channels.keys(), within_s=5)
    await until(world, lambda: any(c.answered_ms for c in world.pbx.channels.values()), within_s=5, every_s=0.001)
    away_until_s[0] = world.loop.now_s + 60
    await until(world, lambda: not world.pbx.channels, within_s=mailbox.SAVE_PATIENCE_MS / 1000 + 1)
    for call_id in calls:
        assert verdict(await until_settled(world, call_id, within_s=70)) == ("interrupted", "system", 0)
    assert world.loop.now_s >= away_until_s[0]
    return asked[0]


@in_virtual_time
async def test_nobody_waits_for_ever_for_a_dial_that_cannot_be_saved(world: World, monkeypatch: Patch) -> None:
    """The callers are hung up soon, the callees never rung, and the log tells of each call once."""
    calls = (CALL, OTHER)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(0))
    with capture_logs() as told:
        await store_away_for_a_minute(world, monkeypatch, calls)
    assert world.pbx.rung == {f"{call_id}.caller.0": 1 for call_id in calls}
    assert not world.account().holds
    not_saved = [line["call"] for line in told if line["event"].startswith("call not saved")]
    assert sorted(not_saved) == sorted(calls)


@in_virtual_time
async def test_a_store_that_is_away_is_not_asked_without_a_pause(world: World, monkeypatch: Patch) -> None:
    """Twice a second, and at once for what is new, of which there is little."""
    asked = await store_away_for_a_minute(world, monkeypatch, (CALL,))
    assert asked <= 60 / mailbox.SAVE_AGAIN_S + 30
