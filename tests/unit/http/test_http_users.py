"""Users, their numbers and their minutes over the API."""

import pytest

from ari_app.entrypoints.http.reply import operation_id
from tests.unit.http.http_bench import NOW_MS, Bench

GRANT = {"kind": "bought", "seconds": 600}


async def test_a_user_put_by_the_operator_has_proved_numbers(api: Bench) -> None:
    answer = await api.ask("PUT", "/v1/users/li", {"name": "Li", "numbers": ["139 1234 5601"], "locale": "zh-CN"})
    assert answer.status == 200
    assert answer.json == {
        "id": "li", "name": "Li", "numbers": ["+8613912345601"], "verified": ["+8613912345601"], "locale": "zh-CN",
    }  # fmt: skip
    assert (await api.ask("GET", "/v1/users/li")).json == answer.json


async def test_a_user_put_with_a_call_key_has_proved_nothing_but_keeps_what_was_proved(api: Bench) -> None:
    await api.put("li", "+8613912345601")
    numbers = ["+8613912345601", "+8613912345602"]
    answer = await api.ask("PUT", "/v1/users/li", {"numbers": numbers}, key="dialler")
    assert (answer.json["numbers"], answer.json["verified"]) == (numbers, ["+8613912345601"])


@pytest.mark.parametrize("number", ["hello", "", "12", "+86139", "110", "10086", "+86110"])
async def test_what_is_no_number_of_a_person_is_refused_by_its_place(api: Bench, number: str) -> None:
    answer = await api.ask("PUT", "/v1/users/li", {"numbers": ["+8613912345601", number or " "]})
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (400, "invalid-number", "numbers.1")
    assert (await api.ask("GET", "/v1/users/li")).status == 404


async def test_a_number_of_somebody_else_is_409(api: Bench) -> None:
    await api.put("li", "+8613912345601")
    answer = await api.ask("PUT", "/v1/users/wang", {"numbers": ["+8613912345601"]})
    assert (answer.status, answer.problem["type"]) == (409, "number-taken")
    assert "+8613912345601" in answer.problem["detail"]


@pytest.mark.parametrize("id", ["a%20b", "x" * 65, "%C3%A9"])
async def test_an_id_that_will_not_do_is_422_to_make_and_404_to_look_at(api: Bench, id: str) -> None:
    assert (await api.ask("PUT", f"/v1/users/{id}", {"numbers": []})).problem["type"] == "malformed-request"
    assert (await api.ask("GET", f"/v1/users/{id}")).problem["type"] == "unknown-user"


async def test_nobody_but_the_operator_names_a_user_like_a_phone_number(api: Bench) -> None:
    """Whoever calls that number by its national form would be connected to that user instead."""
    body = {"numbers": ["+8613912345601"]}
    assert (await api.ask("PUT", "/v1/users/13900000002", body, key="dialler")).problem["field"] == "id"
    assert (await api.ask("PUT", "/v1/users/13900000002", body)).status == 200


@pytest.mark.parametrize("path", ["", "/balance", "/statement"])
async def test_what_belongs_to_nobody_is_404(api: Bench, path: str) -> None:
    answer = await api.ask("GET", f"/v1/users/nobody{path}")
    assert (answer.status, answer.problem["type"]) == (404, "unknown-user")


async def test_a_new_user_has_the_months_free_minutes(api: Bench) -> None:
    await api.put()
    balance = (await api.ask("GET", "/v1/users/demo/balance")).json
    month = {"kind": "month", "remaining_s": 3600, "granted_s": 3600, "expires_at": "2026-11-30T16:00:00.000Z"}
    assert balance == {
        "available_s": 3600, "held_s": 0, "buckets": [month], "plan": "personal", "period": "2026-11",
    }  # fmt: skip


async def test_a_grant_is_on_the_balance_and_on_the_statement(api: Bench) -> None:
    await api.put()
    answer = await api.ask("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "2027-01-01T00:00:00+08:00"})
    assert answer.status == 201
    assert answer.json["balance"]["available_s"] == 4200
    bought = {"kind": "bought", "remaining_s": 600, "granted_s": 600, "expires_at": "2026-12-31T16:00:00.000Z"}
    assert bought in answer.json["balance"]["buckets"]
    lines = (await api.ask("GET", "/v1/users/demo/statement")).json["lines"]
    assert sum(line["seconds"] for line in lines) == 4200
    [line] = [line for line in lines if line["what"] == "bought"]
    assert (line["op"], line["seconds"], line["call"]) == (answer.json["op"], 600, None)
    assert line["at"] == "2026-11-23T08:33:12.123Z"


async def test_a_grant_asked_twice_with_one_key_counts_once_and_with_another_body_is_409(api: Bench) -> None:
    await api.put()
    answers = [await api.ask("POST", "/v1/users/demo/grants", GRANT, idempotency_key="pay-1") for _ in range(3)]
    assert {answer.status for answer in answers} == {201}
    assert len({answer.raw for answer in answers}) == 1
    other = await api.ask("POST", "/v1/users/demo/grants", GRANT | {"seconds": 601}, idempotency_key="pay-1")
    assert (other.status, other.problem["type"]) == (409, "idempotency-conflict")
    assert (await api.ask("GET", "/v1/users/demo/balance")).json["available_s"] == 4200


async def test_a_grant_that_ran_out_meanwhile_still_has_its_answer(api: Bench) -> None:
    await api.put()
    body = GRANT | {"expires_at": "2026-11-23T09:00:00Z"}
    assert (await api.ask("POST", "/v1/users/demo/grants", body, idempotency_key="pay-1")).status == 201
    api.now_ms = NOW_MS + 3_600_000
    assert (await api.ask("POST", "/v1/users/demo/grants", body, idempotency_key="pay-1")).status == 201
    assert (await api.ask("POST", "/v1/users/demo/grants", body, idempotency_key="pay-2")).status == 422


async def test_grants_without_a_key_are_each_their_own(api: Bench) -> None:
    await api.put()
    for _ in range(2):
        await api.ask("POST", "/v1/users/demo/grants", GRANT)
    assert (await api.ask("GET", "/v1/users/demo/balance")).json["available_s"] == 4800


def test_two_holders_who_chose_one_idempotency_key_do_not_meet() -> None:
    mine = operation_id("grant", "li", "key1", "pay-1")
    assert mine == operation_id("grant", "li", "key1", "pay-1") != operation_id("grant", "li", "key2", "pay-1")
    assert mine != operation_id("grant", "bo", "key1", "pay-1"), "the path is part of the request"
    assert operation_id("grant", "li", "key1", None) != operation_id("grant", "li", "key1", None)
    others = {operation_id(word, "li", "key1", "pay-1")[1:] for word in ("correct", "refund")}
    assert mine[1:] not in others
    assert len(others) == 2


async def test_a_grant_is_answered_only_when_it_is_on_disk(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from ari_app.domain.errors import Unavailable

    async def lost(_payer: str) -> None:
        raise Unavailable("disk full")

    await api.put()
    monkeypatch.setattr(api.ledger, "durable", lost)
    answer = await api.ask("POST", "/v1/users/demo/grants", GRANT, idempotency_key="pay-1")
    assert (answer.status, answer.problem["type"]) == (503, "unconfirmed")
    assert answer.problem["retry_after_s"] == 5
    bare = await api.ask("POST", "/v1/users/demo/grants", GRANT)
    assert "retry-after" not in bare.headers, "asked again it would be given again"
    monkeypatch.undo()
    lines = (await api.ask("GET", "/v1/users/demo/statement")).json["lines"]
    assert {answer.problem["op"], bare.problem["op"]} == {line["op"] for line in lines if line["what"] == "bought"}
    assert (await api.ask("POST", "/v1/users/demo/grants", GRANT, idempotency_key="pay-1")).status == 201
    assert (await api.ask("GET", "/v1/users/demo/balance")).json["available_s"] == 4200 + 600


async def test_a_grant_to_nobody_is_404(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/users/nobody/grants", GRANT)
    assert answer.problem["type"] == "unknown-user"


async def test_the_statement_goes_newest_first_page_by_page(api: Bench) -> None:
    await api.put()
    for n in range(5):
        await api.ask("POST", "/v1/users/demo/grants", GRANT | {"seconds": 60 + n})
    seen, target = [], "/v1/users/demo/statement?limit=2"
    while True:
        page = (await api.ask("GET", target)).json
        assert len(page["lines"]) <= 2
        seen += page["lines"]
        if page["cursor"] is None:
            break
        target = f"/v1/users/demo/statement?limit=2&cursor={page['cursor']}"
    assert [line["seq"] for line in seen] == list(range(len(seen), 0, -1))
    assert sum(line["seconds"] for line in seen) == seen[0]["balance_after_s"]
    assert (await api.ask("GET", "/v1/users/demo/statement?cursor=x")).problem["field"] == "cursor"
