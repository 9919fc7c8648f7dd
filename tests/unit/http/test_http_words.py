"""Answers that help: why a call failed in the user's language, what may still be called, masked numbers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import Call, End, Leg
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.errors import Unavailable
from ari_app.domain.forgotten import forgotten
from ari_app.domain.ledger_types import Balance, Totals
from ari_app.engine.asks import Refusal
from ari_app.engine.capacity import Capacity
from ari_app.entrypoints.http.app import build
from tests.unit.http.http_bench import Bench, a_call, a_talk

NUMBERS = (b"+8613900000001", b"+8613900000004", b"+864001234567")
CALLER_BUSY = "我们呼叫您时您的电话正忙，请结束其他通话后再试。"


def with_doors(api: Bench, **more: Any) -> None:
    api.doors = replace(api.doors, **more)
    api.front = build(api.doors)


def busy(id: str = "c1") -> Call:
    return replace(a_talk(id), end=End(Reason.CALLER_BUSY, HungUpBy.SYSTEM, a_talk().now_ms))


@pytest.mark.parametrize("accepted", ["zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans", "fr, zh;q=0.1"])
async def test_a_call_that_failed_says_why_in_the_users_language(api: Bench, accepted: str) -> None:
    await api.store(busy(), "queued")
    for target in ("/v1/calls/c1", "/v1/calls"):
        answer = await api.ask("GET", target, accept_language=accepted)
        call = answer.json.get("calls", [answer.json])[0]
        assert (call["reason"], call["message"]) == ("caller_busy", CALLER_BUSY)
        assert (answer.headers["content-language"], answer.headers["vary"]) == ("zh", "Accept-Language")


async def test_without_a_wish_it_is_the_operators_language(api: Bench) -> None:
    await api.store(busy(), "queued")
    assert (await api.ask("GET", "/v1/calls/c1")).headers["content-language"] == "en"
    with_doors(api, language="zh")
    assert (await api.ask("GET", "/v1/calls/c1")).json["message"] == CALLER_BUSY
    english = await api.ask("GET", "/v1/calls/c1", accept_language="en")
    assert english.json["message"].startswith("Your phone was busy")


async def test_a_call_that_lives_says_nothing_and_no_event_does(api: Bench) -> None:
    await api.store(a_call(), "queued", "ended")
    assert "message" not in (await api.ask("GET", "/v1/calls/c1")).json
    events = await api.ask("GET", "/v1/calls/c1/events", accept_language="zh")
    assert not any("message" in one for one in events.json["events"])


async def test_a_problem_says_to_the_user_what_is_the_matter_and_when_to_try_again(api: Bench) -> None:
    api.service.answer = Refusal("too-many-calls", "Too often.", "callee", 120, rule="pair-3-in-300s")
    body = {"caller": "demo", "callee": "+8613900000004"}
    answer = await api.ask("POST", "/v1/calls", body, accept_language="zh-CN")
    assert answer.problem["message"] == "您拨打该号码过于频繁。请在120 秒后重试。"
    assert answer.problem["detail"] == "Too often."
    assert (answer.headers["content-language"], answer.headers["retry-after"]) == ("zh", "120")

    for method, target, key in (
        ("GET", "/v1/nothing", "root"),
        ("GET", "/v1/calls/c9", None),
        ("PUT", "/v1/calls", "root"),
    ):
        told = await api.ask(method, target, key=key, accept_language="zh")
        assert told.headers["content-language"] == "zh"
        assert told.problem["message"].endswith("。")


async def test_a_call_that_is_not_there_is_told_as_one_and_a_path_as_nothing(api: Bench) -> None:
    told = [(await api.ask("GET", path)).problem["message"] for path in ("/v1/calls/c9", "/v1/nothing", "/v1/users")]
    assert told == ["There is no such call, or it is not kept any more.", *["There is nothing here."] * 2]


async def test_who_was_placed_is_told_what_is_left(api: Bench) -> None:
    class Ledger:
        is_away = False

        async def balance(self, **_asked: Any) -> Balance:
            if self.is_away:
                raise Unavailable("away")
            return Balance(540, 60, (), "2026-11", 1, Totals())

    ledger = Ledger()
    free: dict[str, int | None] = {"carrier": 7, "broken": 4}
    with_doors(api, capacity=Capacity(ledger, free.get, lambda: 90, lambda: api.now_ms))
    body = {"caller": "demo", "callee": "+8613900000004"}
    told = (await api.ask("POST", "/v1/calls", body)).json
    assert told["minutes_left_s"] == 540
    assert told["capacity"] == {"calls_free": 1, "lines_free": 3, "user_calls_free": 1}
    free["carrier"] = None
    assert (await api.ask("POST", "/v1/calls", body)).json["capacity"]["lines_free"] is None
    ledger.is_away = True
    answer = await api.ask("POST", "/v1/calls", body)
    assert answer.status == 201, "the call is placed, whatever can be said of it"
    assert "capacity" not in answer.json


def test_legs_share_the_lines_of_the_trunks_that_they_share() -> None:
    def lines(*ways: str, **free: int | None) -> int | None:
        call = a_call()
        route = call.legs[0].routes[0]
        legs = [Leg(f"l{n}", "+861", tuple(replace(route, trunk=t) for t in way), 1) for n, way in enumerate(ways)]
        look = Capacity(Unpaid(), free.get, lambda: None, lambda: 0)  # type: ignore[arg-type]
        left = asyncio.run(look.after(replace(call, payer="", legs=tuple(legs))))
        assert left is not None
        return left.lines

    class Unpaid:
        pass

    assert lines("a", "a", a=7) == 3
    assert lines("a", "b", a=7, b=4) == 4
    assert lines("ab", "b", a=7, b=4) == 2
    assert lines("a", "b", a=7) == 7
    assert lines("a", a=None) is None


async def test_who_may_only_look_sees_no_number_whole(api: Bench) -> None:
    await api.put()
    await api.store(a_talk(), "queued")
    with_doors(api, mask_numbers_for_read=True)
    for target in ("/v1/calls", "/v1/calls/c1", "/v1/users/demo", "/v1/users/demo/limits/%2B8613900000004"):
        masked, whole = [await api.ask("GET", target, key=key) for key in ("viewer", "root")]
        assert (masked.status, whole.status) == (200, 200)
        assert not any(number in masked.raw for number in NUMBERS)
        assert b"+86139****000" in masked.raw
        assert any(number in whole.raw for number in NUMBERS)
        assert int(masked.headers.get("content-length", len(masked.raw))) == len(masked.raw)


async def test_as_long_as_it_is_not_asked_for_all_is_seen(api: Bench) -> None:
    await api.store(a_talk(), "queued")
    assert NUMBERS[0] in (await api.ask("GET", "/v1/calls/c1", key="viewer")).raw


async def test_what_is_left_of_a_forgotten_call_is_read(api: Bench) -> None:
    await api.store(forgotten(replace(a_talk(), is_private=True)))
    call = (await api.ask("GET", "/v1/calls/c1")).json
    assert (call["forgotten"], call["private"], call["reason"], call["charged_s"]) == (True, True, "completed", 60)
    assert (call["caller"], call["callee"], call["metadata"]) == ("", "", {})
    assert (await api.ask("GET", "/v1/calls/c1/events")).json == {"events": []}
    assert [one["id"] for one in (await api.ask("GET", "/v1/calls?user=demo")).json["calls"]] == ["c1"]


@pytest.mark.parametrize("more", [{}, {"type": "callback"}])
async def test_a_call_may_be_asked_for_as_private(api: Bench, more: dict[str, str]) -> None:
    body = {"caller": "demo", "callee": "+8613900000004", "private": True, **more}
    assert (await api.ask("POST", "/v1/calls", body)).status == 201
    assert api.service.asked[-1][0].private is True
    assert not hasattr(api.service.asked[-1][0].request, "private")
