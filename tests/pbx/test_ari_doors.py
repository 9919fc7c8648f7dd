"""Calls that are asked for over Asterisk itself: by a user event of ARI, and by a channel in the dialplan.

The same checks, charging and idempotency as over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.ari import Client
from tests.conftest import Start, nothing_is_left
from tests.ground import Ground, laid, number
from tests.ringbridge import Ringbridge
from tests.support import until, until_sync

STATUS = ("STASISSTATUS", "RINGBRIDGE_STATUS", "RINGBRIDGE_ERROR", "RINGBRIDGE_CALL")
DOOR = "test-door"


@pytest.fixture(scope="module")
def door(ringbridge: Ringbridge, ground: Ground) -> Iterator[Ground]:
    with opened(ground):
        yield ground


@contextmanager
def opened(ground: Ground) -> Iterator[None]:
    """A dialplan of the operator's own that asks for a call and goes on with the answer."""
    lines = ["Stasis(ringbridge,call,${CALLER},${CALLEE},${KEY})"]
    lines += [f"Set(GLOBAL(DOOR_${{DOOR}}_{name})=${{{name}}}.)" for name in STATUS]
    for at, line in enumerate(lines, start=1):
        ground.rx(f"dialplan add extension s,{at},{line} into {DOOR}")
    yield
    ground.rx(f"dialplan remove context {DOOR}")


def user_event(ground: Ground, **said: str) -> None:
    """As a script of the operator's would."""
    ground.ari("POST", "events/user/RingbridgeCall?application=ringbridge", {"variables": said})


def enter(ground: Ground, context: str, **variables: str) -> None:
    """A channel enters the dialplan there. The other half of the Local channel stands still."""
    body = {
        "endpoint": f"Local/s@{context}/n",
        "context": "ringbridge-inbound",
        "extension": "+8610",
        "priority": 1,
        "variables": variables,
    }
    ground.ari("POST", "channels", body)


def told(ground: Ground, door: str) -> dict[str, str]:
    """What the dialplan went on with."""

    def said() -> dict[str, str]:
        lines = [line.strip().partition("=") for line in ground.rx("dialplan show globals").splitlines()]
        mine = {name.removeprefix(f"DOOR_{door}_"): value[:-1] for name, _, value in lines if f"DOOR_{door}_" in name}
        return mine if len(mine) == len(STATUS) else {}

    return dict(until_sync(said, 5, f"the dialplan goes on ({door})") or {})


def accepted(call: str) -> dict[str, str]:
    return dict(zip(STATUS, ("SUCCESS", "ACCEPTED", "", call), strict=True))


def the_call(app: Ringbridge, user: str) -> str:
    """The one call of this user."""

    def calls() -> list[dict[str, Any]]:
        return list(app.ask("GET", f"/v1/calls?user={user}").body["calls"])

    until_sync(calls, 5, f"{user} has a call")
    [call] = calls()
    return str(call["id"])


def test_a_user_event_places_a_call_that_is_charged_as_any(ringbridge: Ringbridge, ground: Ground) -> None:
    mine, theirs = number(10), number(26)
    user = ringbridge.user("event", mine)
    user_event(ground, caller=user, callee=theirs, key="k1")
    ended = ringbridge.until_ended(the_call(ringbridge, user))
    assert (ended["reason"], ended["hung_up_by"], ended["charged_s"]) == ("completed", "callee", 60)
    assert ringbridge.balance(user)["available_s"] == 3540
    assert ground.phone(theirs).from_user == mine

    user_event(ground, caller=user, callee=theirs, key="k1")
    user_event(ground, caller=user, callee=number(27), key="k1")  # the same key with another callee is refused
    user_event(ground, caller=user, callee=number(23), key="k2")  # once this one rings, the others were dealt with
    until_sync(lambda: len(ringbridge.ask("GET", f"/v1/calls?user={user}").body["calls"]) == 2, 5, "the other call")
    newest = ringbridge.ask("GET", f"/v1/calls?user={user}").body["calls"][0]["id"]
    until_sync(lambda: len(ground.rings(mine)) == 2, 10, "it rings him")
    ringbridge.hang_up(newest)
    ringbridge.until_ended(newest)
    assert [len(ground.rings(one)) for one in (mine, theirs)] == [2, 1]


def test_a_user_event_of_a_stranger_rings_nobody(ringbridge: Ringbridge, ground: Ground) -> None:
    stranger, theirs = number(10), number(11)
    user_event(ground, caller=stranger, callee=theirs, key="s1")
    user_event(ground)  # says nothing at all
    known = ringbridge.user("after-the-stranger", number(10))
    user_event(ground, caller=known, callee=number(32), key="s2")
    ringbridge.until_ended(the_call(ringbridge, known))
    assert ground.rings(stranger) == ground.rings(theirs) == []


def test_a_channel_of_the_dialplan_asks_for_a_call_and_goes_on_with_the_answer(
    ringbridge: Ringbridge, door: Ground
) -> None:
    mine, theirs = number(10), number(26)
    user = ringbridge.user("dialplan", mine)
    for time in ("FIRST", "AGAIN"):
        enter(door, DOOR, CALLER=mine, CALLEE=theirs, KEY="d1", DOOR=time)
    answers = [told(door, time) for time in ("FIRST", "AGAIN")]
    call = the_call(ringbridge, user)
    assert answers == [accepted(call)] * 2
    ended = ringbridge.until_ended(call)
    assert (ended["reason"], ended["charged_s"]) == ("completed", 60)
    assert [len(door.rings(one)) for one in (mine, theirs)] == [1, 1]


@pytest.mark.parametrize(
    ("caller", "callee", "error"),
    [
        ("+8613912345610", "+8613912345611", "number-not-verified"),
        ("nobody", "+8613912345611", "unknown-user"),
        ("own", "+86110", "emergency-number"),
        ("own", "+15005550100", "destination-blocked"),
        ("own", "", "invalid-number"),
    ],
)
def test_a_channel_that_may_not_call_is_told_why(
    ringbridge: Ringbridge, door: Ground, caller: str, callee: str, error: str
) -> None:
    own = ringbridge.user("own-number", number(10)) if caller == "own" else ""
    enter(door, DOOR, CALLER=own or caller, CALLEE=callee, DOOR=error.upper())
    assert told(door, error.upper()) == {
        "STASISSTATUS": "SUCCESS",
        "RINGBRIDGE_STATUS": "REFUSED",
        "RINGBRIDGE_ERROR": error,
        "RINGBRIDGE_CALL": "",
    }
    if own:
        assert ringbridge.ask("GET", f"/v1/calls?user={own}").body["calls"] == []


def test_a_channel_without_minutes_is_told_so(ringbridge: Ringbridge, door: Ground) -> None:
    mine, theirs = number(10), number(26)
    user = ringbridge.user("poor", mine)
    door.leave(user, 0)
    enter(door, DOOR, CALLER=mine, CALLEE=theirs, DOOR="POOR")
    answer = told(door, "POOR")
    assert (answer["RINGBRIDGE_STATUS"], answer["RINGBRIDGE_ERROR"]) == ("REFUSED", "balance-empty")
    assert ringbridge.until_ended(answer["RINGBRIDGE_CALL"])["reason"] == "balance_empty"
    assert door.rings(mine) == door.rings(theirs) == []


@pytest.mark.soak("what waits in Stasis is asked anew: tests/unit/ari; half a minute")
def test_a_channel_whose_app_died_before_the_answer_is_answered_by_the_next_one(tmp_path: Path, start: Start) -> None:
    mine, theirs = number(10), number(26)
    with laid(tmp_path / "waiting") as ground, opened(ground):
        with start(ground.home) as app:
            user = app.user("waiting", mine)
        asyncio.run(let_down(ground, caller=user, callee=theirs))
        enter(ground, DOOR, CALLER=user, CALLEE=theirs, DOOR="NOBODY")
        assert told(ground, "NOBODY") == dict(zip(STATUS, ("FAILED", "", "", ""), strict=True))
        with start(ground.home) as app:
            answer = told(ground, "LATE")
            assert answer == accepted(the_call(app, user))
            assert app.until_ended(answer["RINGBRIDGE_CALL"])["reason"] == "completed"
            assert [len(ground.rings(one)) for one in (mine, theirs)] == [1, 1]


async def let_down(ground: Ground, caller: str, callee: str) -> None:
    """A channel asks for a call, and the app goes away without an answer."""
    info = ground.info
    async with Client(info.ari_url, info.ari_user, info.ari_password, "ringbridge") as app:
        await asyncio.to_thread(enter, ground, DOOR, CALLER=caller, CALLEE=callee, DOOR="LATE")

        async def is_there() -> bool:
            return any(channel.dialplan.app_name == "Stasis" for channel in await app.channels.list())

        await until(is_there, what="a channel waits for its answer")


def test_the_context_that_is_shipped_places_a_call(ringbridge: Ringbridge, ground: Ground) -> None:
    mine, theirs = number(10), number(32)
    user = ringbridge.user("shipped", mine)
    enter(ground, "ringbridge-call", CALLER=mine, CALLEE=theirs)
    ended = ringbridge.until_ended(the_call(ringbridge, user))
    assert (ended["reason"], ended["hung_up_by"]) == ("completed", "callee")
    assert [len(ground.rings(one)) for one in (mine, theirs)] == [1, 1]


def test_nothing_is_left_behind(ringbridge: Ringbridge, ground: Ground) -> None:
    nothing_is_left(ground, ringbridge)
