"""Records of live calls outlive the version that wrote them: each is read for ever, and its call comes to a right end.

`fixtures/records/v<n>` holds what version n wrote at every step of some calls (see stored_records.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import MISSING, fields, replace
from typing import Any

import msgspec
import pytest

from ari_app.domain.call import Call, Leg, Route, Terms, Try
from ari_app.engine import records
from tests.laws.stories import CALL, OTHER, app, is_talking, stored, until, until_settled
from tests.laws.virtual_time import run
from tests.laws.world import World
from tests.unit.engine.stored_records import FENCE, FOLDER, NODE, STORIES, TALK_S, Story, revived, world_of

VERSIONS = sorted(folder.name for folder in FOLDER.iterdir())


def lines(version: str, story: str) -> list[bytes]:
    return (FOLDER / version / f"{story}.jsonl").read_bytes().splitlines()


ALL = [(v, story, n) for v in VERSIONS for story in STORIES for n in range(len(lines(v, story)))]


@pytest.mark.parametrize("was_sent", [True, False], ids=["sent", "not sent"])
@pytest.mark.parametrize(("version", "story", "step"), ALL, ids=[f"{v} {story} {n}" for v, story, n in ALL])
def test_a_stored_call_goes_on_and_ends_right(version: str, story: str, step: int, was_sent: bool) -> None:
    told = STORIES[story]
    world, record = world_of(told), lines(version, story)[step]
    world.has_old_records = True
    run(world.loop, goes_on(world, record, told, was_sent))


async def goes_on(world: World, record: bytes, story: Story, was_sent: bool) -> None:
    here = asyncio.current_task()
    assert here is not None
    here.set_name("world")
    was = await revived(world, record, story, was_sent=was_sent)
    driver = world.loop.create_task(hang_up_after_a_talk(world), name="world driver")
    call = await until_settled(world, within_s=300)
    driver.cancel()
    await asyncio.sleep(5)
    assert call.end is not None
    assert call.end.reason == expected(was, story)
    world.check_end([CALL])
    assert list(world.account().settlements) == [CALL]
    assert call.now_ms >= was.now_ms
    if was.settled is not None:
        assert call.settled == was.settled


def expected(was: Call, story: Story) -> str:
    if was.end is not None:
        return str(was.end.reason)
    if story.reason == "cancelled" and was.cancelled_at_ms is None:
        return "callee_no_answer"  # nobody cancels it any more, and the phone rings for ever
    return story.reason


async def hang_up_after_a_talk(world: World) -> None:
    """For stories in which no phone ends it."""
    await until(world, lambda: is_talking(world), within_s=200)
    await asyncio.sleep(TALK_S + 200)
    app(world).cancel(CALL)


# ---- the rule for developers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "story"), [(v, story) for v in VERSIONS for story in STORIES])
def test_what_was_written_is_not_forgotten(version: str, story: str) -> None:
    """A field that is renamed or dropped would be left out in silence: that takes a new version, and a way from the old
    one."""
    for record in lines(version, story):
        call = records.decode(record)
        assert call.v <= records.VERSION
        if version == f"v{records.VERSION}":
            was, now = msgspec.json.decode(record), msgspec.json.decode(records.encode(call))
            assert contains(now, was), f"lost in decoding: {was}"


def contains(now: Any, was: Any) -> bool:
    if isinstance(was, dict):
        return all(key in now and contains(now[key], value) for key, value in was.items())
    if isinstance(was, list):
        if was and isinstance(was[0], str):  # a set
            return sorted(now) == sorted(was)
        return len(now) == len(was) and all(map(contains, now, was))
    return bool(now == was)


REQUIRED = {
    Call: {"id", "type", "created_at_ms", "payer", "legs"},
    Leg: {"role", "number", "routes", "ring_timeout_ms"},
    Route: {"trunk", "dialled", "shown", "why"},
    Try: set[str](),
    Terms: set[str](),
}


@pytest.mark.parametrize("part", REQUIRED, ids=lambda part: part.__name__)
def test_a_new_field_has_a_default(part: type) -> None:
    """Without one, no record of before could be read."""
    bare = {f.name for f in fields(part) if f.default is MISSING and f.default_factory is MISSING}
    assert bare == REQUIRED[part]


def test_there_are_records_of_every_version() -> None:
    assert [f"v{n}" for n in range(1, records.VERSION + 1)] == VERSIONS
    assert {f.name: f.default for f in fields(Call)}["v"] == records.VERSION, "or a new call seems an old one"


# ---- the other way: an older program and a newer record -------------------------------------------------------------


@pytest.fixture
def world() -> Iterator[World]:
    world = world_of(STORIES["talk"])
    yield world
    world.check_ledger()


TALKING = next(r for r in lines("v1", "talk") if records.decode(r).leg("callee").is_up)


def test_fields_that_are_not_known_do_not_stop_a_call(world: World) -> None:
    """A newer program that only added some kept the version; the older one goes on with what it knows."""
    record = msgspec.json.decode(TALKING)
    for part in (
        record,
        record["terms"],
        *record["legs"],
        record["legs"][0]["tries"][0],
        record["legs"][0]["routes"][0],
    ):
        part["of_tomorrow"] = {"any": ["thing"]}
    run(world.loop, goes_on(world, msgspec.json.encode(record), STORIES["talk"], was_sent=True))


def test_a_call_of_a_newer_version_is_left_alone(world: World) -> None:
    """Its phones stay up, its record stays as it is, and nobody says that the PBX was seen alive: whoever can read it
    will need to know until when it was watched. The calls that can be read go on."""
    newer = records.encode(replace(records.decode(TALKING), v=records.VERSION + 1))

    async def story() -> None:
        theirs = await revived(world, TALKING, STORIES["talk"], was_sent=True)
        await world.crash()
        await world.calls.create(
            OTHER, newer, node=NODE, user_ids=(), created_at_ms=theirs.created_at_ms, events=[], fence=FENCE
        )
        there = world.pbx.channels[f"{CALL}.callee.0"]
        channel = replace(there, id=f"{OTHER}.callee.0", cut=None, bridge=None)
        world.pbx.channels[channel.id] = channel
        marked_ms = await world.calls.alive(NODE)
        await world.boot()
        await app(world).until_recovered()
        assert is_talking(world)
        await asyncio.sleep(20)
        assert channel.id in world.pbx.channels
        assert (await world.calls.load(OTHER)).record == newer  # type: ignore[union-attr]
        assert OTHER in await world.calls.live(NODE)
        assert await world.calls.alive(NODE) == marked_ms
        app(world).cancel(CALL)
        await until(world, lambda: stored(world).settled is not None, within_s=20)

    here_named(world, story)


def here_named(world: World, story: Any) -> None:
    async def told() -> None:
        here = asyncio.current_task()
        assert here is not None
        here.set_name("world")
        await story()

    run(world.loop, told())
