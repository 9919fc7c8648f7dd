"""What is recorded of a talk, when, and what everybody hears before: stories in virtual time, with the real engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain import events as ev
from ari_app.domain.call import Call, Leg, Route, Terms
from ari_app.domain.recordings import FILE
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.telling import tell_here
from ari_app.entrypoints.views import call_view
from ari_app.flows import flows
from ari_app.ports.telephony import PbxError
from tests.laws.pbx import Chan
from tests.laws.stories import (
    CALL,
    CALLEE_0,
    CALLER_0,
    app,
    calm_world,
    in_virtual_time,
    is_talking,
    open_doors,
    stored,
    until,
    until_settled,
)  # fmt: skip
from tests.laws.world import PAYER, World, callback_call


@pytest.fixture
def world() -> World:
    return calm_world()


async def recorded(world: World, what: str = "", **terms: Any) -> Mailbox:
    """A talk; `what`: from the start."""
    await open_doors(world, 3_600)
    call = callback_call(CALL, world.rng, world.loop.now_ms())
    plain: dict[str, Any] = {"increment": "1/1", "slice_s": 60, "max_duration_s": 7_200, "confirm_caller": False}
    call = replace(
        call, given={"record": what} if what else {}, secret="s", terms=replace(call.terms, **(plain | terms)),
        legs=tuple(replace(leg, routes=leg.routes[:1]) for leg in call.legs),
    )  # fmt: skip
    box = await app(world).start(call, (PAYER,))
    assert isinstance(box, Mailbox)
    await until(world, lambda: is_talking(world), 60)
    return box


async def said(box: Mailbox, word: str) -> None:
    assert isinstance(await tell_here(box, ev.Told("", word, f"{word} {box.call.now_ms}", 0)), Call)


def running(world: World) -> dict[str, list[str]]:
    """Channel → the recordings that the PBX makes of it now."""
    return {
        chan.id: sorted(tape.partition(".")[2] for tape in chan.tapes)
        for chan in world.pbx.channels.values()
        if chan.tapes
    }


@in_virtual_time
async def test_all_together_over_the_callers_phone_from_the_start(world: World) -> None:
    box = await recorded(world, "mixed")
    await until(world, lambda: bool(running(world)), 10)
    assert running(world) == {CALLER_0: ["rec0_caller_0"]}
    [one] = box.call.recordings
    assert FILE.fullmatch(one.file)
    assert CALL not in one.file
    assert world.pbx.unconsented == set()


@in_virtual_time
async def test_each_phone_by_itself_by_a_word_and_not_after_another(world: World) -> None:
    box = await recorded(world)
    await asyncio.sleep(5)
    assert running(world) == {}
    await said(box, "record legs")
    await until(world, lambda: len(running(world)) == 2, 10)
    assert running(world) == {CALLER_0: ["rec0_caller_0"], CALLEE_0: ["rec0_callee_0"]}
    assert len({one.file for one in box.call.recordings}) == 2
    await said(box, "unrecord")
    await until(world, lambda: not running(world), 2)
    assert is_talking(world), "the talk goes on"
    await said(box, "record mixed")
    await until(world, lambda: running(world) == {CALLER_0: ["rec1_caller_0"]}, 10)
    assert [one.is_running for one in box.call.recordings] == [False, False, True]
    box.post(ev.Cancel(world.loop.now_ms()))
    done = await until_settled(world)
    assert not any(one.is_running for one in done.recordings)
    told = call_view(done).recordings
    assert isinstance(told, list)
    assert [(one.state, one.what) for one in told] == [("done", "leg"), ("done", "leg"), ("done", "mixed")]


@pytest.mark.parametrize(
    ("consent", "sounds"), [("beep", ["beep"] * 2), ("announcement", ["recorded"] * 2), ("none", [])]
)
def test_both_hear_that_it_is_recorded_before_it_is(
    consent: str, sounds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, heard = calm_world(), list[str]()
    whisper = world.pbx.whisper

    async def whispered(channel: str, playback: str, sound: str, language: str = "") -> None:
        assert not running(world)
        heard.append(sound)
        await whisper(channel, playback, sound, language)

    monkeypatch.setattr(world.pbx, "whisper", whispered)

    @in_virtual_time
    async def story(world: World) -> None:
        await recorded(world, "mixed", consent=consent)
        await until(world, lambda: bool(running(world)), 10)
        assert heard == sounds

    story(world)


@in_virtual_time
async def test_where_it_cannot_be_heard_nothing_is_recorded(world: World) -> None:
    async def broken_off(chan: Chan, name: str, length_s: float) -> None:
        await asyncio.sleep(0.1)
        world.pbx._silence(chan, name)

    world.pbx._sound = broken_off  # type: ignore[method-assign]
    box = await recorded(world, "legs", prompt=False)
    await asyncio.sleep(20)
    assert running(world) == {}
    assert box.call.recordings == ()
    assert is_talking(world)


@in_virtual_time
async def test_a_full_disk_breaks_the_recording_and_not_the_call(world: World) -> None:
    async def full(channel: str, tape: str, file: str, hears: str) -> None:
        raise PbxError(500, "no space left on device")

    world.pbx.tape = full  # type: ignore[method-assign]
    box = await recorded(world, "mixed")
    await until(world, lambda: bool(box.call.recordings), 10)
    await asyncio.sleep(30)
    [one] = box.call.recordings
    assert "no space left" in one.why
    told = call_view(box.call).recordings
    assert isinstance(told, list)
    assert [one.state for one in told] == ["failed"]
    assert is_talking(world)
    box.post(ev.Cancel(world.loop.now_ms()))
    await until_settled(world)


@in_virtual_time
async def test_one_that_breaks_off_in_the_midst_is_known_to_have_and_not_begun_anew(world: World) -> None:
    """As Asterisk does it where the disk is full: it says that it has finished."""
    box = await recorded(world, "mixed")
    await until(world, lambda: bool(box.call.recordings), 10)
    untape = world.pbx.untape

    async def had_broken_off(tape: str, file: str) -> bool:
        await untape(tape, file)
        return False

    world.pbx.untape = had_broken_off  # type: ignore[method-assign]
    at_ms = world.loop.now_ms()
    box.post(ev.RecordingEnded("rec0_caller_0", at_ms))
    await asyncio.sleep(10)
    assert [(one.ended_at_ms, "broke off" in one.why) for one in box.call.recordings] == [(at_ms, True)]
    assert running(world) == {}, "its snoop is taken away"
    assert is_talking(world)


@in_virtual_time
async def test_whoever_comes_after_a_crash_lets_it_run_and_stops_it(world: World) -> None:
    await recorded(world, "mixed")
    await until(world, lambda: bool(running(world)), 10)
    await world.crash()
    await asyncio.sleep(3)
    assert running(world) == {CALLER_0: ["rec0_caller_0"]}
    await world.boot()
    await app(world).until_recovered()
    box = app(world).mailbox(CALL)
    assert box is not None
    await asyncio.sleep(3)
    assert len(world.pbx.files) == 1
    await said(box, "unrecord")
    await until(world, lambda: not running(world), 3)
    assert [one.is_running for one in box.call.recordings] == [False]


@in_virtual_time
async def test_one_that_ended_while_nobody_watched_is_known_to_have_ended(world: World) -> None:
    await recorded(world, "mixed")
    await until(world, lambda: any(one.is_running for one in stored(world).recordings), 10)
    await world.crash()
    await asyncio.sleep(3)
    world.pbx._end(CALLER_0, 16, None, True)
    await asyncio.sleep(3)
    await world.boot()
    done = await until_settled(world)
    [one] = done.recordings
    told = call_view(done).recordings
    assert not one.is_running
    assert isinstance(told, list)
    assert told[0].ended_at == call_view(done).legs[0].ended_at, "with its leg, and not when we came"


@in_virtual_time
async def test_a_call_of_an_older_version_is_not_recorded(world: World) -> None:
    """The name of the file could be guessed."""
    box = await recorded(world)
    box.call = replace(box.call, secret="")
    await said(box, "record mixed")
    await asyncio.sleep(10)
    assert running(world) == {}


# ---- many in one talk -----------------------------------------------------------------------------------------------


async def conference(world: World, what: str, *others: str, **terms: Any) -> Mailbox:
    await open_doors(world, 36_000)
    route = Route("t0", "+861", "+864", "x", 60_000, "6/6")
    legs = tuple(Leg(role, "+861", (route,), ring_timeout_ms=15_000) for role in ("host", *others))
    now_ms = world.loop.now_ms()
    call = Call(
        CALL, "conference", now_ms, PAYER, legs, Terms(increment="1/1", slice_s=60, **terms), given={"record": what},
        secret="s", now_ms=now_ms,
    )  # fmt: skip
    box = await app(world).start(call, (PAYER,))
    assert isinstance(box, Mailbox)
    await until(world, lambda: bool(running(world)), 20)
    return box


@in_virtual_time
async def test_when_the_host_leaves_another_phone_takes_over(world: World) -> None:
    box = await conference(world, "mixed", "p1", "p2", ends_with_host=False)
    assert running(world) == {f"{CALL}.host.0": ["rec0_host_0"]}
    world.pbx._end(f"{CALL}.host.0", 16, None, True)
    await until(world, lambda: running(world) == {f"{CALL}.p1.0": ["rec0_p1_0"]}, 5)
    assert [(one.leg, one.is_running) for one in box.call.recordings] == [("host", False), ("p1", True)]


@in_virtual_time
async def test_one_who_comes_while_it_is_recorded_hears_so_before_he_is_in(world: World) -> None:
    box = await conference(world, "legs", "p1")
    route = Route("t0", "+861", "+864", "x", 60_000, "6/6")
    added = ev.LegAdded(Leg("p", "+861", (route,), ring_timeout_ms=15_000), "a1", 0, stem="p")
    assert isinstance(await tell_here(box, added), Call)
    await until(world, lambda: f"{CALL}.p2.0" in world.pbx.bridges[CALL], 20)
    assert any(name.startswith("consent0_p2_0") for name in box.call.heard)
    await until(world, lambda: len(running(world)) == 3, 5)
    assert world.pbx.unconsented == set()


def test_only_talks_of_two_or_more_can_be_recorded() -> None:
    can = {name for name, flow in flows().items() if getattr(flow, "CAN_BE_RECORDED", False)}
    assert can == {"callback", "conference", "inbound"}
