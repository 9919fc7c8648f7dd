"""Faults of ours, records of other versions, events of unknown legs: one call suffers decently, no other does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from ari_app.domain import events as ev
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.step import FAILURES_MAX, is_given_up, observe, step
from ari_app.domain.wishes import Hold
from ari_app.engine import records
from ari_app.flows import callback, flows
from tests.laws import phones
from tests.laws.pbx import LawPbx
from tests.laws.stories import CALL, open_doors
from tests.laws.virtual_time import run
from tests.laws.world import PAYER, World, callback_call


def a_call() -> Call:
    return callback_call(CALL, random.Random(1), 1_800_000_000_000)


@pytest.mark.parametrize(
    "event", [ev.Digit("host", 0, "1", 5), ev.NeverSent("host", 0, 5), ev.Gone("host", 0, 5), ev.Rang("caller", 7, 5)]
)
def test_an_event_of_an_unknown_leg_changes_nothing(event: ev.Event) -> None:
    call = a_call()
    assert observe(call, event) == call


@pytest.mark.parametrize("how", ["ours", "unknown", "cut", "failed"])
def test_a_phone_that_was_seen_to_hang_up_did_so_whatever_is_made_of_its_end_later(how: Any) -> None:
    at_ms = a_call().now_ms
    call = observe(replace(a_call(), asked=frozenset({"dial:caller:0"})), ev.Dialled("caller", 0, at_ms))
    call = observe(call, ev.HangupSeen("caller", 0, at_ms + 5, remote=True, cause=17))
    ended = observe(call, ev.Gone("caller", 0, at_ms + 900, cause=16, how=how)).leg("caller").tries[0]
    assert (ended.how, ended.cause, ended.ended_at_ms) == ("remote", 17, at_ms + 5)


def test_a_record_of_an_unknown_type_or_version_is_unreadable() -> None:
    newer = records.encode(replace(a_call(), v=records.VERSION + 1))
    other = msgspec.json.encode(msgspec.json.decode(records.encode(a_call())) | {"type": "telepathy"})
    for data in (newer, other, b"{}", b"\xff", b""):
        with pytest.raises(records.UnreadableRecord):
            records.decode(data)


def test_further_minutes_are_asked_for_however_often_the_ledger_fails() -> None:
    call = observe(a_call(), ev.Held(0, 120, a_call().now_ms))
    for _ in range(3 * FAILURES_MAX):
        call, wishes, _ = step(call, [ev.Tick(call.now_ms + 1)], lambda c: [Hold(c.holds, 60, c.refusals)])
        assert [w.key for w in wishes] == ["hold:1:0"]
        call = observe(call, ev.Failed("hold:1:0", call.now_ms))
    assert not is_given_up(call, "hold:1:0")


def test_what_was_given_up_stays_given_up_after_a_gap() -> None:
    call = replace(a_call(), asked=frozenset({"cutoff:caller:1", "join:caller:0"}))
    for _ in range(FAILURES_MAX):
        call = observe(replace(call, asked=call.asked | {"cutoff:caller:1"}), ev.Failed("cutoff:caller:1", 5))
    assert observe(call, ev.Recovered(6)).asked == {"cutoff:caller:1"}


@pytest.fixture
def world() -> Iterator[World]:
    world = World(3, flows()["callback"], callback_call)
    world.trouble = 0.0
    yield world
    world.check_ledger()


async def live(world: World, ids: list[str], until: Any) -> None:
    engine = await open_doors(world, minutes_s=36_000)
    for call_id in ids:
        call = callback_call(call_id, random.Random(call_id), world.loop.now_ms())
        terms = replace(call.terms, max_live_calls=9, confirm_caller=False)
        await engine.start(replace(call, terms=terms), (PAYER,))
    for _ in range(4_000):
        await asyncio.sleep(1)
        if until():
            return
    raise AssertionError("never over")


def test_a_call_that_our_own_plan_stumbles_over_is_hung_up_and_settled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LawPbx, "_live", phones.patient)
    bad, good = "c" + "0" * 26, "c" + "1" * 26
    real = callback.talk

    def faulty(c: Call, *legs: Any) -> Any:
        if c.id == bad:
            raise ZeroDivisionError
        return real(c, *legs)

    monkeypatch.setattr(callback, "talk", faulty)
    run(world.loop, live(world, [bad, good], lambda: world._call(bad).settled is not None))
    ended = world._call(bad)
    assert ended.end is not None
    assert ended.end.reason == "interrupted"
    assert not any(channel.startswith(bad) for channel in world.pbx.channels)
    assert callback.state(world._call(good)) == "talking"


def test_a_fault_of_the_store_or_the_ledger_is_outlived(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only "not available": whatever a script answers, no call is left with its minutes held."""
    for store, name in ((world.calls, "save"), (world.ledger, "settle"), (world.ledger, "hold")):
        monkeypatch.setattr(store, name, failing_at_first(getattr(store, name)))
    run(world.loop, live(world, [CALL], lambda: world._call(CALL).settled is not None))
    assert not world.pbx.channels
    assert not world.account().holds


def failing_at_first(real: Any) -> Any:
    left = [3]

    async def answer(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise (RuntimeError("WRONGTYPE") if left[0] else Unavailable("away"))
        return await real(*args, **kwargs)

    return answer
