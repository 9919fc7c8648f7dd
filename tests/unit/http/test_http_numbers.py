"""Proving a number over the API. What the engine makes of it: tests/unit/service/test_proving.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import CALLEE, Call, Leg, Route
from ari_app.engine.asks import Refusal
from ari_app.flows import verification
from ari_app.ports.users import OwnedNumber, User
from tests.unit.http.http_bench import NOW_MS, Answer, Bench

CODE = "302118"
PATH = "/v1/users/li/numbers/%2B8613912345602"


def reading(id: str = "c1", number: str = "+8613912345602", code: str = CODE) -> Call:
    leg = Leg(CALLEE, number, (Route("carrier", number, "+864001234567", "to_caller"),), 60_000, user="li")
    given = {verification.CODE: code}
    return Call(id, "verification", NOW_MS, "", (leg,), given=given, now_ms=NOW_MS)


async def begun(api: Bench, call: Call | Refusal | None = None, **more: Any) -> Answer:
    await api.users.put(User("li", (OwnedNumber("+8613912345601", "admin", 1), OwnedNumber("+8613912345602"))))
    api.service.answer = call or reading()
    return await api.ask("POST", f"{PATH}/verify", key="dialler", **more)


async def given(api: Bench, code: object = CODE, path: str = PATH) -> Answer:
    return await api.ask("POST", f"{path}/confirm", {"code": code}, key="dialler")


async def test_a_code_is_read_out_and_never_told(api: Bench) -> None:
    answer = await begun(api, idempotency_key="k")
    assert answer.status == 201
    assert answer.json == {
        "call": "c1", "user": "li", "number": "+8613912345602", "expires_at": "2026-11-23T08:43:12.123Z", "tries": 5,
    }  # fmt: skip
    assert answer.headers["location"] == "/v1/calls/c1"
    [(ask, _, once)] = api.service.asked
    assert (ask.type, ask.request, once) == ("verification", verification.Request("li", "+8613912345602"), "k")
    assert ask.given["code"] not in repr(ask)
    await api.store(reading(), "queued")
    for path in ("/v1/calls/c1", "/v1/calls", "/v1/calls/c1/events"):
        told = await api.ask("GET", path)
        assert told.status == 200
        assert CODE.encode() not in told.raw


async def test_given_back_it_proves_the_number_and_puts_the_user_on_the_map(api: Bench) -> None:
    await begun(api)
    answer = await given(api)
    assert (answer.status, answer.json["verified"]) == (200, ["+8613912345601", "+8613912345602"])
    assert (await given(api)).status == 200, "asked again, as the answer was lost"
    again = await api.ask("POST", f"{PATH}/verify", key="dialler")
    assert (again.status, again.problem["type"]) == (409, "number-verified")


async def test_a_wrong_one_says_how_many_tries_are_left_and_then_when_to_come_back(api: Bench) -> None:
    await begun(api)
    said = [(await given(api, "000000")).problem for _ in range(6)]
    assert [(one["status"], one["type"], one["field"]) for one in said[:5]] == [(403, "wrong-code", "code")] * 5
    assert "4 tries are left" in said[0]["detail"]
    assert "1 try is left" in said[3]["detail"]
    assert (said[5]["status"], said[5]["rule"], said[5]["retry_after_s"]) == (429, "code-5-tries", 600)
    refused = await given(api)
    assert refused.headers["retry-after"] == "600"


async def test_without_a_code_or_after_its_time_there_is_none_to_give(api: Bench) -> None:
    await api.users.put(User("li", (OwnedNumber("+8613912345602"),)))
    assert (await given(api)).problem["type"] == "no-code"
    await begun(api)
    api.now_ms += 600_000
    answer = await given(api)
    assert (answer.status, answer.problem["type"]) == (409, "no-code")


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "12345a", "", "\uff11\uff12\uff13\uff14\uff15\uff16", 123456, None, "123456\n"]
)
async def test_what_is_no_code_is_422_and_no_guess(api: Bench, code: object) -> None:
    await begun(api)
    answer = await given(api, code)
    assert (answer.status, answer.problem["field"]) == (422, "code")
    assert (await given(api)).status == 200


@pytest.mark.parametrize("what", ["verify", "confirm"])
async def test_only_a_number_of_the_user(api: Bench, what: str) -> None:
    await begun(api)
    body = {"code": CODE} if what == "confirm" else None
    for id, number, type in (
        ("li", "%2B8613912345609", "unknown-number"), ("nobody", "%2B8613912345602", "unknown-user"),
        ("li", "hello", "invalid-number"),
    ):  # fmt: skip
        answer = await api.ask("POST", f"/v1/users/{id}/numbers/{number}/{what}", body, key="dialler")
        assert answer.problem["type"] == type


async def test_the_number_may_be_written_as_people_do(api: Bench) -> None:
    await begun(api)
    answer = await given(api, path="/v1/users/li/numbers/139%201234%205602")
    assert answer.status == 200


async def test_who_may_only_read_proves_nothing(api: Bench) -> None:
    await begun(api)
    for what, body in (("verify", None), ("confirm", {"code": CODE})):
        assert (await api.ask("POST", f"{PATH}/{what}", body, key="viewer")).problem["type"] == "forbidden"


async def test_a_limit_that_was_hit_is_told_with_its_rule(api: Bench) -> None:
    hit = Refusal("too-many-calls", "As often as may be.", "number", 99, rule="proof-3-in-3600s")
    answer = await begun(api, hit)
    assert (answer.status, answer.problem["rule"], answer.headers["retry-after"]) == (429, "proof-3-in-3600s", "99")


async def test_the_record_of_a_call_shows_nothing_that_it_was_given(api: Bench) -> None:
    """Whatever a flow is given beside the request: the views know nothing of it."""
    call = replace(reading(), given={"code": CODE, "other": "a-secret-word"})
    await api.store(call, "queued")
    told = (await api.ask("GET", "/v1/calls/c1")).raw
    assert b"given" not in told
    assert b"a-secret-word" not in told
