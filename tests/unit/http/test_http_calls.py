"""Placing, looking at, listing and ending calls over the API, as a client sees it."""

import re
from dataclasses import replace

import pytest
import structlog

from ari_app.domain.call import End, Settlement
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.errors import Unavailable
from ari_app.engine import records
from ari_app.engine.asks import Refusal
from tests.unit.http.http_bench import NOW_MS, Bench, a_call, a_talk

ASK = {"caller": "demo", "callee": "+8613900000004"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_placing_a_call_answers_201_with_the_call(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/calls", ASK | {"metadata": {"order": "7"}, "waiting": "music"}, key="dialler")
    assert answer.status == 201
    assert answer.headers["location"] == "/v1/calls/c1"
    call = answer.json
    assert call["id"] == "c1"
    assert (call["type"], call["state"]) == ("callback", "queued")
    assert (call["caller"], call["callee"], call["payer"]) == ("demo", "+8613900000004", "demo")
    assert call["created_at"] == "2026-11-23T08:33:12.123Z"
    assert not {"reason", "hung_up_by", "talking_at", "ended_at"} & call.keys()
    [(ask, _owner, key)] = api.service.asked
    assert (ask.request.caller, ask.request.callee, ask.request.waiting, ask.metadata, key) == (
        "demo", "+8613900000004", "music", {"order": "7"}, None,
    )  # fmt: skip


async def test_the_idempotency_key_and_its_owner_reach_the_service(api: Bench) -> None:
    await api.ask("POST", "/v1/calls", ASK, key="dialler", idempotency_key="order-7")
    await api.ask("POST", "/v1/calls", ASK, key="root", idempotency_key="order-7")
    (_, first, key), (_, second, _) = api.service.asked
    assert key == "order-7"
    assert first != second


async def test_a_call_that_is_over_tells_all_that_is_owed(api: Bench) -> None:
    await api.store(a_talk())
    call = (await api.ask("GET", "/v1/calls/c1")).json
    assert (call["state"], call["reason"], call["hung_up_by"]) == ("ended", "completed", "callee")
    assert (call["held_s"], call["charged_s"], call["overrun_s"]) == (120, 60, 0)
    assert call["talking_at"] == "2026-11-23T08:33:12.223Z"
    assert call["ended_at"] == "2026-11-23T08:33:17.523Z"
    assert call["metadata"] == {"order": "7"}
    caller, callee = call["legs"]
    assert callee == {
        "role": "callee", "number": "+8613900000004", "shown": "+8613900000001", "why": "verified", "trunk": "carrier",
        "tried": ["broken", "carrier"], "passed_over": {}, "rang_at": "2026-11-23T08:33:12.193Z",
        "answered_at": "2026-11-23T08:33:12.223Z", "ended_at": "2026-11-23T08:33:17.473Z", "cause": 16,
        "sip_status": 200, "charged_s": 60, "cost": {"micro": 60_000, "currency": "CNY"}, "device": None,
    }  # fmt: skip
    assert caller["charged_s"] == 0
    assert caller["cost"] == {"micro": 60_000, "currency": "CNY"}
    assert caller["shown"] == "+864001234567"


async def test_a_leg_that_was_never_rung_has_no_trunk_no_times_and_no_cost(api: Bench) -> None:
    await api.store(a_call())
    leg = (await api.ask("GET", "/v1/calls/c1")).json["legs"][1]
    assert (leg["trunk"], leg["tried"], leg["rang_at"], leg["cost"]["micro"]) == (None, [], None, 0)


async def test_a_live_call_is_shown_as_this_process_knows_it_not_as_stored(api: Bench) -> None:
    await api.store(a_call())
    api.engine.live["c1"] = a_talk()
    assert (await api.ask("GET", "/v1/calls/c1")).json["state"] == "ended"
    assert (await api.ask("GET", "/v1/calls")).json["calls"][0]["state"] == "ended"


async def test_ending_a_live_call_is_asked_for_and_answers_202(api: Bench) -> None:
    api.engine.live["c1"] = a_call()
    answer = await api.ask("DELETE", "/v1/calls/c1", key="dialler")
    assert (answer.status, answer.json["id"]) == (202, "c1")
    assert api.engine.cancelled == ["c1"]


async def test_ending_a_call_that_is_over_answers_200_and_changes_nothing(api: Bench) -> None:
    await api.store(a_talk())
    answer = await api.ask("DELETE", "/v1/calls/c1")
    assert (answer.status, answer.json["reason"]) == (200, "completed")
    assert api.engine.cancelled == []


async def test_ending_a_call_that_another_server_has_is_no_silent_success(api: Bench) -> None:
    await api.store(a_call())
    answer = await api.ask("DELETE", "/v1/calls/c1")
    assert answer.problem["type"] == "no-capacity"
    assert answer.headers["retry-after"] == "5"


async def test_events_come_in_order_with_their_number(api: Bench) -> None:
    await api.store(a_talk(), "queued", "ringing_caller", "ended")
    events = (await api.ask("GET", "/v1/calls/c1/events")).json["events"]
    assert [(e["seq"], e["state"]) for e in events] == [(1, "queued"), (2, "ringing_caller"), (3, "ended")]
    assert all(TIME.fullmatch(e["at"]) for e in events)
    assert (events[2]["reason"], events[2]["charged_s"]) == ("completed", 60)
    assert "reason" not in events[0]
    later = (await api.ask("GET", "/v1/calls/c1/events?after=2")).json["events"]
    assert [e["seq"] for e in later] == [3]
    assert (await api.ask("GET", "/v1/calls/c1/events?after=3")).json["events"] == []


@pytest.mark.parametrize("target", ["/v1/calls/nope", "/v1/calls/nope/events", "/v1/calls/%C3%A9"])
async def test_a_call_that_is_not_there_is_404(api: Bench, target: str) -> None:
    answer = await api.ask("GET", target)
    assert answer.status == 404
    assert answer.problem["type"] == "not-found"


@pytest.mark.parametrize("path", ["a%20b", "%C3%A9", "x" * 65, "a%0Ab", "..", "c1%7D%7B"])
async def test_what_cannot_be_the_id_of_a_call_never_reaches_the_store(
    api: Bench, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(*_: object) -> None:
        raise AssertionError("the store was asked")

    monkeypatch.setattr(api.calls, "load", asked)
    monkeypatch.setattr(api.calls, "events", asked)
    for method, target in (("GET", ""), ("GET", "/events"), ("DELETE", "")):
        assert (await api.ask(method, f"/v1/calls/{path}{target}")).status == 404


async def test_the_list_goes_newest_first_page_by_page_and_misses_none(api: Bench) -> None:
    for n in range(7):
        await api.store(a_call(f"c{n}", NOW_MS + n))
    seen, target = [], "/v1/calls?limit=3"
    while True:
        page = (await api.ask("GET", target)).json
        assert len(page["calls"]) <= 3
        seen += [call["id"] for call in page["calls"]]
        if page["cursor"] is None:
            break
        target = f"/v1/calls?limit=3&cursor={page['cursor']}"
    assert seen == [f"c{n}" for n in reversed(range(7))]


async def test_the_list_can_be_asked_for_a_user_a_state_and_a_time(api: Bench) -> None:
    await api.store(a_talk("old", NOW_MS - 3_600_000))
    await api.store(a_talk("over", NOW_MS))
    await api.store(a_call("fresh", NOW_MS + 1))
    await api.store(a_call("other", NOW_MS + 2, user="li"))

    async def ids(query: str) -> list[str]:
        return [call["id"] for call in (await api.ask("GET", f"/v1/calls?{query}")).json["calls"]]

    assert await ids("user=demo") == ["fresh", "over", "old"]
    assert await ids("state=ended") == ["over", "old"]
    assert await ids("state=queued&user=li") == ["other"]
    assert await ids("since=2026-11-23T08:33:12.123Z") == ["other", "fresh", "over"]
    assert await ids("since=2026-11-23T16:33:12.124%2B08:00") == ["other", "fresh"]
    assert await ids("user=nobody") == []


async def test_a_state_is_found_behind_a_page_full_of_others(api: Bench) -> None:
    await api.store(a_talk("needle", NOW_MS - 1))
    for n in range(60):
        await api.store(a_call(f"c{n}", NOW_MS + n))
    page = (await api.ask("GET", "/v1/calls?state=ended&limit=5")).json
    assert [call["id"] for call in page["calls"]] == ["needle"]
    assert page["cursor"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [("limit=0", "limit"), ("limit=abc", "limit"), ("state=sleeping", "state"), ("since=yesterday", "since"),
     ("since=2026-11-23T08:33:12", "since"), ("cursor=nonsense", "cursor"), ("user=a%20b", "user")],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_422_and_names_the_field(api: Bench, query: str, field: str) -> None:
    answer = await api.ask("GET", f"/v1/calls?{query}")
    assert answer.status == 422
    assert answer.problem["field"] == field


REFUSALS = [
    ("invalid-number", 400), ("balance-empty", 402), ("number-not-verified", 403), ("destination-blocked", 403),
    ("emergency-number", 403), ("unknown-user", 404), ("idempotency-conflict", 409), ("too-many-calls", 429),
    ("no-capacity", 503), ("draining", 503),
]  # fmt: skip


@pytest.mark.parametrize(("type", "status"), REFUSALS)
async def test_each_refusal_has_its_status_and_its_words(api: Bench, type: str, status: int) -> None:
    retry = 10 if status in (429, 503) else None
    rule = "pair-3-in-300s" if status == 429 else ""
    api.service.answer = Refusal(type, "A sentence.", "caller", retry, "c9", rule)  # type: ignore[arg-type]
    answer = await api.ask("POST", "/v1/calls", ASK)
    assert answer.status == status
    problem = answer.problem
    assert (problem["type"], problem["detail"], problem["field"]) == (type, "A sentence.", "caller")
    assert (problem["call"], problem.get("rule", "")) == ("c9", rule)
    assert problem.get("retry_after_s") == retry
    assert answer.headers.get("retry-after") == (str(retry) if retry else None)


async def test_a_store_that_does_not_answer_is_503_with_retry_after(api: Bench) -> None:
    api.service.answer = Unavailable("redis: connection refused at 10.0.0.1")
    answer = await api.ask("POST", "/v1/calls", ASK)
    assert (answer.status, answer.problem["type"]) == (503, "no-capacity")
    assert int(answer.headers["retry-after"]) > 0
    assert b"10.0.0.1" not in answer.raw


async def test_a_callee_who_answers_after_the_end_was_decided_has_not_talked(api: Bench) -> None:
    late = a_talk()
    assert late.end is not None
    at_ms = late.end.at_ms
    callee = replace(late.legs[1].tries[-1], answered_at_ms=at_ms - 50)
    cancelled = replace(
        late, end=End(Reason.CANCELLED, HungUpBy.API, at_ms - 100), settled=Settlement(0, 0, 0),
        legs=(late.legs[0], replace(late.legs[1], tries=(late.legs[1].tries[0], callee))),
    )  # fmt: skip
    await api.store(cancelled)
    shown = (await api.ask("GET", "/v1/calls/c1")).json
    assert shown["reason"] == "cancelled"
    assert "talking_at" not in shown
    assert shown["legs"][1]["answered_at"] is not None  # what the carrier will bill stays


async def put_unreadable(api: Bench, id: str, at_ms: int, record: bytes) -> None:
    await api.calls.create(id, record, node="n", user_ids=["demo"], created_at_ms=at_ms, events=[])


async def test_a_record_that_cannot_be_read_is_left_out_of_lists_and_told_by_itself(api: Bench) -> None:
    of_later = records.encode(replace(a_call("c3"), v=records.VERSION + 1))
    of_other_type = records.encode(replace(a_call("c4"), type="telepathy"))
    await api.store(a_call("c1"))
    for n, record in ((2, b"{"), (3, of_later), (4, of_other_type)):
        await put_unreadable(api, f"c{n}", NOW_MS + n, record)

    with structlog.testing.capture_logs() as lines:
        answer = await api.ask("GET", "/v1/calls")
        of_user = await api.ask("GET", "/v1/calls?user=demo&state=queued")
    assert [call["id"] for call in answer.json["calls"]] == ["c1"]
    assert [call["id"] for call in of_user.json["calls"]] == ["c1"]
    assert [line["call"] for line in lines] == ["c4", "c3", "c2"] * 2

    for n in (2, 3, 4):
        for method in ("GET", "DELETE"):
            told = await api.ask(method, f"/v1/calls/c{n}")
            assert (told.status, told.problem["type"]) == (503, "unreadable-record")
    api.service.answer = records.UnreadableRecord("damaged")
    told = await api.ask("POST", "/v1/calls", ASK, idempotency_key="order-7")
    assert (told.status, told.problem["type"]) == (503, "unreadable-record")
