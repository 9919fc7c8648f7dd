"""A store that lost its last second, a process before us that may have, an owner who wakes up too late, a log that
cannot be written: nothing that was promised is gone, and every call comes to its end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import structlog

from ari_app import logs
from ari_app.adapters.memory_calls import MemoryCalls
from ari_app.domain import events as ev
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_types import Account
from ari_app.engine import records
from ari_app.ports.calls import StoredCall
from tests.laws import phones
from tests.laws.stories import (
    CALL,
    CALLER_0,
    app,
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
from tests.laws.world import PAYER, World

Patch = pytest.MonkeyPatch


@pytest.fixture
def world() -> World:
    return calm_world()


class Moment:
    """The store as it was, to be gone back to as after a crash of its machine."""

    def __init__(self, world: World) -> None:
        self._calls: MemoryCalls = world.calls
        self._ledger = world.ledger
        self._record: StoredCall | None = world.calls._calls.get(CALL)
        self._events = list(world.calls._events.get(CALL, []))
        self._account: Account = world.account()
        self._costs, self._noted = world.costs, world.costs.all()

    def comes_back(self, *, with_account: bool = True) -> None:
        if self._record is None:
            self._calls._calls.pop(CALL, None)
        else:
            self._calls._calls[CALL] = self._record
        self._calls._events[CALL] = list(self._events)
        self._costs.keep(self._noted)
        if with_account:
            self._ledger.accounts[PAYER] = self._account


def states_told(world: World) -> list[str]:
    return [records.state_of(told) for told in world.calls._events[CALL]]


PLAIN = ["queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended"]


# ---- the store --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_all_gone", [False, True])
@in_virtual_time
async def test_an_end_that_the_store_lost_is_settled_and_told_again(
    world: World, monkeypatch: Patch, is_all_gone: bool
) -> None:
    """Settlement, record and event of the end were answered, and were not on disk yet."""
    if is_all_gone:
        before = Moment(world)
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    if not is_all_gone:
        before = Moment(world)
    await asyncio.sleep(30)
    durable, asked = world.ledger.durable, []

    async def crashed_once() -> None:
        asked.append(1)
        if len(asked) == 1:
            before.comes_back(with_account=not is_all_gone)
            raise Unavailable("Redis was restarted: 1 writes may be lost")
        await durable()

    monkeypatch.setattr(world.ledger, "durable", crashed_once)
    app(world).cancel(CALL)
    await until(world, lambda: app(world).live == 0 and len(asked) > 1, within_s=60)
    assert verdict(stored(world)) == ("completed", "api", 30)
    assert world.account().settlements[CALL].answer.charged_s == 30
    assert states_told(world) == PLAIN
    assert await world.calls.live("n") == []
    world.check_costs([CALL])
    assert [leg.charged_s for leg in world.costs.all()] == [0, 30]


@pytest.mark.parametrize("is_all_gone", [False, True])
@in_virtual_time
async def test_a_call_that_ended_is_not_begun_anew_while_its_end_is_not_on_disk(
    world: World, monkeypatch: Patch, is_all_gone: bool
) -> None:
    """The store lost its last second, and there the call talks, or never was; somebody asks with its key meanwhile."""
    before = Moment(world)
    box = await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    if not is_all_gone:
        before = Moment(world)
    await asyncio.sleep(30)
    durable, asked = world.ledger.durable, []

    async def crashed_once() -> None:
        asked.append(1)
        if len(asked) == 1:
            before.comes_back(with_account=not is_all_gone)
            raise Unavailable("Redis was restarted: 1 writes may be lost")
        await durable()

    monkeypatch.setattr(world.ledger, "durable", crashed_once)
    engine = app(world)
    engine.cancel(CALL)
    await until(world, lambda: bool(asked), within_s=60, every_s=0.01)
    assert engine.mailbox(CALL) is box
    again = replace(box.call, settled=None, end=None)
    there = await engine.start(again, (PAYER,))
    assert there is box.call
    await until(world, lambda: engine.mailbox(CALL) is None, within_s=60)
    await asyncio.sleep(60)
    assert engine.live == 0
    assert engine.stood_down is not None
    assert not engine.stood_down.done()
    assert verdict(stored(world)) == ("completed", "api", 30)
    assert states_told(world) == PLAIN
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_what_waits_for_a_save_is_done_though_the_store_had_lost_the_one_before(
    world: World, monkeypatch: Patch
) -> None:
    """The dial of the callee waits for its save; that save finds an older record than it left."""
    let_phones_be(world, caller=phones.slow(1))
    await begin(world)
    await until(world, lambda: CALLER_0 in world.pbx.channels, within_s=5)
    before, save = Moment(world), app(world).calls.save
    lost: list[str] = []

    async def crashed(*args: Any) -> Any:
        if not lost and b"dial:callee:0" in args[2]:
            lost.append("once")
            before.comes_back(with_account=False)
        return await save(*args)

    await asyncio.sleep(0.7)  # more is saved, and will be lost: it rang
    monkeypatch.setattr(app(world).calls, "save", crashed)
    await until(world, lambda: is_talking(world), within_s=20)
    assert lost
    app(world).cancel(CALL)
    await until_settled(world, within_s=60)
    assert states_told(world) == PLAIN
    assert set(world.pbx.rung.values()) == {1}


@in_virtual_time
async def test_a_call_that_the_process_before_had_settled_is_settled_again_before_it_is_forgotten(
    world: World, monkeypatch: Patch
) -> None:
    """Nobody else knows whether that settlement came to the disk: the same operation, and then wait for the disk."""
    await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(10)
    engine = app(world)

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.ledger, "durable", never)
    engine.cancel(CALL)
    await until_settled(world)
    await world.crash()
    monkeypatch.undo()
    settle, durable, order = world.ledger.settle, world.ledger.durable, list[str]()

    async def settling(**asked: Any) -> Any:
        order.append(asked["op"])
        return await settle(**asked)

    async def waiting() -> None:
        order.append("disk")
        await durable()

    monkeypatch.setattr(world.ledger, "settle", settling)
    monkeypatch.setattr(world.ledger, "durable", waiting)
    await world.boot()
    await until(world, lambda: "disk" in order, within_s=60)
    assert order[:2] == [f"{CALL}:s", "disk"]
    assert verdict(stored(world)) == ("completed", "api", 10)


# ---- owners -----------------------------------------------------------------------------------------------------


@in_virtual_time
async def test_an_owner_who_wakes_up_too_late_stands_down_and_the_new_one_goes_on(world: World) -> None:
    """The first was paused beyond its lease. The second has loaded, and has not seen the PBX yet."""
    box = await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    first = app(world)
    world.pbx.cut_link()
    await world.boot()
    second = app(world)
    box.post(ev.EarlyMedia("callee", 0, world.loop.now_ms()))
    box._save_now()
    await asyncio.sleep(0.5)
    assert first.stood_down is not None
    assert first.stood_down.done()
    assert second.stood_down is not None
    assert not second.stood_down.done()
    await asyncio.sleep(20)
    second.cancel(CALL)
    assert verdict(await until_settled(world, within_s=60))[:2] == ("completed", "api")


# ---- the log ----------------------------------------------------------------------------------------------------


class FullDisk:
    is_full = False

    def write(self, what: bytes) -> int:
        if self.is_full:
            raise OSError(28, "No space left on device")
        return len(what)

    def flush(self) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")


def log_to(disk: FullDisk) -> None:
    structlog.configure(
        processors=[logs.without_numbers, logs.as_json],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.BytesLoggerFactory(logs.Unfailing(disk, str.encode)),  # type: ignore[arg-type]
        cache_logger_on_first_use=False,
    )


@in_virtual_time
async def test_a_log_that_cannot_be_written_stops_no_call(world: World) -> None:
    disk = FullDisk()
    log_to(disk)
    await open_doors(world, 3_600)
    disk.is_full = True
    await start(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(10)
    app(world).cancel(CALL)
    assert verdict(await until_settled(world, within_s=60)) == ("completed", "api", 10)


@in_virtual_time
async def test_a_fault_in_what_is_told_stops_no_call(world: World, monkeypatch: Patch) -> None:
    await open_doors(world, 3_600)

    def told(_call: object, _state: str) -> None:
        raise BrokenPipeError("nobody counts any more")

    monkeypatch.setattr(app(world), "_watch", type(app(world)._watch)(call_told=told))
    await start(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(10)
    app(world).cancel(CALL)
    assert verdict(await until_settled(world, within_s=60)) == ("completed", "api", 10)
