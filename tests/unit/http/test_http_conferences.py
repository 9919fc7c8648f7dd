"""/v1/conferences: what is asked of the service, what is told to the call, and what a developer sees of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import End
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.engine.asks import Refusal
from ari_app.engine.telling import NotTaken
from tests.unit.http.conference_bench import Hall, a_conference
from tests.unit.http.http_bench import NOW_MS, Answer, Bench

OVER = End(Reason.COMPLETED, HungUpBy.API, NOW_MS)
BODY = {"host": "demo", "participants": ["+8613900000004", "+8613900000002"]}


@pytest.fixture
def hall(api: Bench, monkeypatch: pytest.MonkeyPatch) -> Hall:
    hall = Hall(a_conference())
    api.engine.live["c9"] = hall.call
    api.service.answer = hall.call
    monkeypatch.setattr(api.service, "add", hall.add, raising=False)
    monkeypatch.setattr(api.engine, "tell", hall.tell, raising=False)
    return hall


async def ask(api: Bench, method: str, path: str = "", body: Any = None, **headers: str) -> Answer:
    return await api.ask(method, f"/v1/conferences{path}", body, **headers)


async def test_it_is_begun_as_it_was_asked_for(api: Bench, hall: Hall) -> None:
    answer = await ask(api, "POST", "", BODY | {"ends_with_host": False, "metadata": {"order": "7"}})
    assert (answer.status, answer.headers["location"]) == (201, "/v1/conferences/c9")
    [(asked, _, _)] = api.service.asked
    assert (asked.type, asked.request.host, asked.request.participants) == (
        "conference",
        "demo",
        tuple(BODY["participants"]),
    )
    assert (asked.request.ends_with_host, asked.request.confirm_joining) == (False, None)
    assert "dial_in" not in answer.json


async def test_with_dial_in_it_has_a_pin_and_asked_again_the_same(api: Bench, hall: Hall) -> None:
    first, again = [await ask(api, "POST", "", {"host": "demo", "dial_in": True}) for _ in range(2)]
    assert first.json["dial_in"] == again.json["dial_in"]
    assert len(first.json["dial_in"]["pin"]) == 8
    assert await api.pins.take(first.json["dial_in"]["pin"], "in1") == "c9"


async def test_nobody_to_ring_and_no_pin_is_no_conference(api: Bench, hall: Hall) -> None:
    answer = await ask(api, "POST", "", {"host": "demo"})
    assert (answer.problem["type"], answer.problem["field"]) == ("malformed-body", "participants")


async def test_a_plan_that_allows_fewer_says_how_many(api: Bench, hall: Hall) -> None:
    api.service.answer = Refusal("too-many-participants", "Too many.", "participants.8", rule="phones-9")
    answer = await ask(api, "POST", "", BODY)
    assert (answer.status, answer.problem["rule"], answer.problem["field"]) == (403, "phones-9", "participants.8")


async def test_the_host_is_named_as_such_where_he_is_at_fault(api: Bench, hall: Hall) -> None:
    api.service.answer = Refusal("balance-empty", "There are no minutes left for this call.", "caller")
    answer = await ask(api, "POST", "", BODY)
    assert (answer.status, answer.problem["field"]) == (402, "host")


async def test_who_takes_part_and_how(api: Bench, hall: Hall) -> None:
    shown = (await ask(api, "GET", "/c9")).json
    assert (shown["type"], shown["caller"], shown["state"]) == ("conference", "demo", "talking")
    states = {one["leg"]: (one["state"], one["outcome"], one["muted"], one["talking"]) for one in shown["participants"]}
    assert states == {
        "host": ("in", None, False, False), "p1": ("in", None, True, False),
        "p2": ("not_reached", "busy", False, False), "p3": ("ringing", None, False, False),
    }  # fmt: skip
    api.now_ms = NOW_MS + 61_000
    assert {one["charged_s"] for one in (await ask(api, "GET", "/c9")).json["participants"]} == {0, 120}


async def test_another_call_is_no_conference(api: Bench, hall: Hall) -> None:
    from tests.unit.http.http_bench import a_call

    api.engine.live["c1"] = a_call()
    for id in ("c1", "c404"):
        assert (await ask(api, "GET", f"/{id}")).problem["type"] == "not-found"


async def test_one_more_is_rung_and_once_for_each_key(api: Bench, hall: Hall) -> None:
    answers = [
        await ask(api, "POST", "/c9/participants", {"participant": "+8613900000006"}, idempotency_key=key)
        for key in ("a", "a", "b")
    ]
    assert [answer.status for answer in answers] == [201] * 3
    assert [answer.headers["location"].rpartition("/")[2] for answer in answers] == ["p4", "p4", "p5"]
    assert {host for _, host, _ in hall.added} == {"+8613900000001"}


async def test_who_was_busy_is_rung_again_by_his_leg(api: Bench, hall: Hall) -> None:
    assert (await ask(api, "POST", "/c9/participants/p2/ring")).status == 201
    assert hall.added[0][0].who == "+8613900000002"
    assert (await ask(api, "POST", "/c9/participants/p9/ring")).status == 404


async def test_what_the_service_refuses_is_told(api: Bench, hall: Hall) -> None:
    hall.answer = Refusal("participant-there", "This number is in the conference already.", "participant")
    answer = await ask(api, "POST", "/c9/participants", {"participant": "+8613900000004"})
    assert (answer.status, answer.problem["type"]) == (409, "participant-there")


async def test_muting_and_removing_are_told_to_the_call(api: Bench, hall: Hall) -> None:
    muted = await ask(api, "PATCH", "/c9/participants/p3", {"muted": True})
    assert muted.status == 200
    await ask(api, "PATCH", "/c9/participants/p1", {"muted": True})  # as he is: nothing to be told
    await ask(api, "PATCH", "/c9/participants/p1", {"muted": False})
    await ask(api, "DELETE", "/c9/participants/p1")
    assert [(word.leg, word.word) for word in hall.told] == [("p3", "mute"), ("p1", "unmute"), ("p1", "leave")]


async def test_nothing_can_be_done_with_who_is_not_there(api: Bench, hall: Hall) -> None:
    for method, body in (("PATCH", {"muted": True}), ("DELETE", None)):
        assert (await ask(api, method, "/c9/participants/p2", body)).problem["type"] == "participant-gone"
        assert (await ask(api, method, "/c9/participants/p9", body)).problem["type"] == "not-found"


async def test_one_that_is_over_takes_nothing_more(api: Bench, hall: Hall) -> None:
    api.engine.live["c9"] = replace(hall.call, end=OVER)
    for method, path, body in (
        ("POST", "/participants", {"participant": "+8613900000006"}), ("POST", "/participants/p2/ring", None),
        ("PATCH", "/participants/p1", {"muted": False}), ("DELETE", "/participants/p1", None), ("POST", "/pins", None),
    ):  # fmt: skip
        assert (await ask(api, method, f"/c9{path}", body)).problem["type"] == "call-over", path


async def test_one_that_ends_this_very_moment_says_so(api: Bench, hall: Hall) -> None:
    hall.answer = NotTaken("over")
    answer = await ask(api, "PATCH", "/c9/participants/p1", {"muted": False})
    assert (answer.status, answer.problem["type"]) == (409, "call-over")


async def test_each_pin_is_anothers_and_a_key_gives_the_same(api: Bench, hall: Hall) -> None:
    made = [(await ask(api, "POST", "/c9/pins", idempotency_key=key)).json["pin"] for key in ("a", "a", "b")]
    assert made[0] == made[1] != made[2]


async def test_it_is_ended_for_good(api: Bench, hall: Hall) -> None:
    assert (await ask(api, "DELETE", "/c9")).status == 202
    assert api.engine.cancelled == ["c9"]
