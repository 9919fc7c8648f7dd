"""What happens to the legs, as events beside the call's states: each told once, in order, whatever dies or is lost; of
speech no more than is worth telling. And flows that do not say so tell their states alone, as ever."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from ari_app.domain import events as ev
from ari_app.engine import leg_news
from ari_app.engine.mailbox import SAVE_SOON_S, Mailbox
from ari_app.engine.telling import tell_here
from ari_app.entrypoints.views import event_view
from ari_app.flows import callback
from tests.laws import phones
from tests.laws.stories import (
    CALL,
    app,
    app_killed,
    begin,
    calm_world,
    in_virtual_time,
    is_talking,
    let_phones_be,
    stored,
    until,
    until_settled,
)  # fmt: skip
from tests.laws.test_lost_seconds import PLAIN, Moment
from tests.laws.world import World

Patch = pytest.MonkeyPatch


@pytest.fixture
def world(monkeypatch: Patch) -> World:
    monkeypatch.setattr(callback, "TELLS_LEGS", True, raising=False)
    return calm_world()


def told(world: World) -> list[dict[str, Any]]:
    return [msgspec.json.decode(one) for one in world.calls._events[CALL]]


def in_short(world: World) -> list[str]:
    return [f"{one['leg']} {one['what']}" if "what" in one else one["state"] for one in told(world)]


WHOLE = [
    "queued", "ringing_caller", "caller leg_ringing", "caller leg_answered", "caller_answered", "ringing_callee",
    "callee leg_ringing", "callee leg_answered", "talking", "caller leg_ended", "callee leg_ended", "ended",
]  # fmt: skip


async def talk(world: World) -> Mailbox:
    box = await begin(world)
    await until(world, lambda: is_talking(world), within_s=5)
    return box


@in_virtual_time
async def test_what_happens_to_the_legs_stands_between_the_states_in_order(world: World) -> None:
    await talk(world)
    app(world).cancel(CALL)
    await until_settled(world)
    assert sorted(in_short(world)) == sorted(WHOLE)
    assert [one for one in in_short(world) if " " not in one] == PLAIN
    times = [one["at_ms"] for one in told(world) if one["what" if "what" in one else "state"] != "ended"]
    assert times == sorted(times)
    assert in_short(world)[-1] == "ended", "after its end nothing of a call is told"


@in_virtual_time
async def test_a_flow_that_does_not_say_so_tells_its_states_alone(world: World, monkeypatch: Patch) -> None:
    monkeypatch.delattr(callback, "TELLS_LEGS")
    box = await talk(world)
    box.post(ev.Talking("callee", 0, True, world.loop.now_ms()))
    app(world).cancel(CALL)
    await until_settled(world)
    assert in_short(world) == PLAIN


@in_virtual_time
async def test_a_phone_that_is_busy_ends_with_what_came_of_it(world: World) -> None:
    let_phones_be(world, callee=phones.busy)
    await begin(world, routes=1)
    await until_settled(world)
    [ended] = [one for one in told(world) if one.get("what") == "leg_ended" and one["leg"] == "callee"]
    assert (ended["cause"], ended["sip_status"], ended["outcome"], ended["n"]) == (17, 486, "busy", 0)
    view = event_view(7, ended)
    assert (view.what, view.leg, view.outcome, view.state) == ("leg_ended", "callee", "busy", "ringing_callee")
    assert "key" not in msgspec.to_builtins(view)


@in_virtual_time
async def test_one_who_is_muted_and_one_who_is_added_are_told_at_once(world: World) -> None:
    box = await talk(world)
    for n, word in enumerate(("mute", "mute", "unmute", "leave")):
        await tell_here(box, ev.Told("callee", word, f"a{n}", 0))
    await tell_here(box, ev.LegAdded(replace(box.call.leg("callee"), tries=(), words=()), "b", 0, stem="p"))
    assert in_short(world)[-3:] == ["callee leg_muted", "callee leg_unmuted", "p1 leg_added"]


@in_virtual_time
async def test_nothing_is_told_twice_by_whoever_goes_on(world: World) -> None:
    box = await talk(world)
    await tell_here(box, ev.Told("callee", "mute", "a", 0))
    await app_killed(world, for_s=2)
    await app(world).until_recovered()
    app(world).cancel(CALL)
    await until_settled(world)
    assert sorted(in_short(world)) == sorted([*WHOLE, "callee leg_muted"])


@in_virtual_time
async def test_what_the_store_has_lost_is_told_again(world: World) -> None:
    box = await begin(world)
    before = Moment(world)
    await until(world, lambda: is_talking(world), within_s=5)
    await asyncio.sleep(1)
    before.comes_back(with_account=False)
    await tell_here(box, ev.Told("callee", "mute", "a", 0))
    assert in_short(world).count("callee leg_answered") == in_short(world).count("callee leg_muted") == 1
    app(world).cancel(CALL)
    await until_settled(world)
    assert sorted(in_short(world)) == sorted([*WHOLE, "callee leg_muted"])


def speaks(world: World, box: Mailbox, *, is_talking: bool = True) -> None:
    box.post(ev.Talking("callee", box.call.leg("callee").n, is_talking, world.loop.now_ms()))


def speech(world: World) -> list[tuple[str, int]]:
    return [(one["what"], one["at_ms"]) for one in told(world) if one.get("what") in ("leg_talking", "leg_silent")]


@in_virtual_time
async def test_of_speech_one_change_a_second_is_told_and_the_last_one_always(world: World) -> None:
    box = await talk(world)
    await asyncio.sleep(5)
    version, began_ms = box.version, world.loop.now_ms()
    for n in range(101):  # ten seconds of somebody who stutters, and then goes on
        speaks(world, box, is_talking=n % 2 == 0)
        await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    heard = speech(world)
    assert heard[0] == ("leg_talking", began_ms)
    assert heard[-1][0] == "leg_talking"
    assert 2 <= len(heard) <= 11
    assert all(after[1] - before[1] >= 1_000 for before, after in pairwise(heard))
    assert all(after[0] != before[0] for before, after in pairwise(heard))
    assert box.version - version <= len(heard), "no save for speech that is not told"


@in_virtual_time
async def test_who_falls_silent_at_once_is_told_to_be_silent_a_second_later(world: World) -> None:
    box = await talk(world)
    await asyncio.sleep(5)
    began_ms = world.loop.now_ms()
    speaks(world, box)
    await asyncio.sleep(0.2)
    speaks(world, box, is_talking=False)
    await asyncio.sleep(3)
    assert speech(world) == [("leg_talking", began_ms), ("leg_silent", began_ms + 1_000)]


@in_virtual_time
async def test_who_speaks_is_told_so_often_and_no_more(world: World, monkeypatch: Patch) -> None:
    monkeypatch.setattr(leg_news, "SPEECH_MAX", 3)
    box = await talk(world)
    for n in range(8):
        await asyncio.sleep(2)
        speaks(world, box, is_talking=n % 2 == 0)
    await asyncio.sleep(3)
    assert [what for what, _ in speech(world)] == ["leg_talking", "leg_silent", "leg_talking"]


@in_virtual_time
async def test_speech_hurries_no_save_and_goes_with_the_next(world: World) -> None:
    box = await talk(world)
    await asyncio.sleep(5)
    version = box.version
    speaks(world, box)
    await asyncio.sleep(SAVE_SOON_S / 2)
    assert box.version == version
    await tell_here(box, ev.Told("callee", "mute", "a", 0))
    assert box.version == version + 1
    assert in_short(world)[-2:] == ["callee leg_talking", "callee leg_muted"]
    assert stored(world).leg("callee").is_talking
