"""What a client gets for a request that will not do, and for a fault of ours: a problem, never a traceback."""

import asyncio

import pytest
import structlog

from ari_app.engine.asks import Refusal
from ari_app.entrypoints.http.app import routes
from ari_app.entrypoints.http.problems import KINDS
from tests.unit.http.http_bench import Bench

ASK = {"caller": "demo", "callee": "+8613900000004"}


@pytest.mark.parametrize("type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_is_not_declared_as_json_is_415(api: Bench, type: str) -> None:
    answer = await api.ask("POST", "/v1/calls", ASK, content_type=type)
    assert (answer.status, answer.problem["type"]) == (415, "unsupported-media-type")


async def test_json_may_say_its_charset(api: Bench) -> None:
    assert (await api.ask("POST", "/v1/calls", ASK, content_type="Application/JSON; charset=utf-8")).status == 201


@pytest.mark.parametrize("headers", [{}, {"content_length": "999999"}, {"content_length": "nonsense"}])
async def test_a_body_beyond_the_limit_is_413(api: Bench, headers: dict[str, str]) -> None:
    answer = await api.ask("POST", "/v1/calls", raw=b"x" * 2_001, **headers)
    assert (answer.status, answer.problem["type"]) == (413, "body-too-large")


async def test_a_path_that_is_not_there_is_404_and_a_slash_too_many_too(api: Bench) -> None:
    for path in ("/v1/nothing", "/v1/calls/", "/v2/calls", "/v1"):
        answer = await api.ask("GET", path)
        assert (answer.status, answer.problem["type"]) == (404, "not-found"), path


async def test_a_method_that_is_not_there_is_405_and_says_which_are(api: Bench) -> None:
    answer = await api.ask("PATCH", "/v1/calls")
    assert (answer.status, answer.problem["type"]) == (405, "method-not-allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("value", ["", "x" * 256, "two words", "ümlaut"])
async def test_an_idempotency_key_that_will_not_do_is_422(api: Bench, value: str) -> None:
    answer = await api.ask("POST", "/v1/calls", ASK, idempotency_key=value)
    assert answer.status == 422
    assert answer.problem["field"] == "Idempotency-Key"
    assert api.service.asked == []


async def test_a_bug_of_ours_is_500_with_a_number_for_the_log_and_nothing_more(api: Bench) -> None:
    api.service.answer = RuntimeError("secret detail in ari_app/engine")
    with structlog.testing.capture_logs() as logged:
        answer = await api.ask("POST", "/v1/calls", ASK)
    assert (answer.status, answer.problem["type"]) == (500, "internal-error")
    assert b"secret" not in answer.raw
    assert b"ari_app" not in answer.raw
    assert logged[0]["instance"] == answer.json["instance"]


async def test_who_waits_for_an_answer_while_the_process_leaves_is_told_to_ask_again(api: Bench) -> None:
    """It was a plain 500 with the word of a stranger: as if asking again could not help."""
    api.service.answer = asyncio.CancelledError()
    answer = await api.ask("POST", "/v1/calls", ASK)
    assert (answer.status, answer.problem["type"]) == (503, "draining")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("target", "field", "detail"),
    [
        (
            "/v1/calls?usr=alice", "usr",
            'usr: there is no such parameter; known are user, state, since, cursor, limit; did you mean "user"?',
        ),
        ("/v1/users/demo/statement?limit=3&page=2", "page",
         "page: there is no such parameter; known are cursor, limit."),
        ("/v1/calls/c1/events?seq=2", "seq", "seq: there is no such parameter; known are after."),
        ("/v1/users/demo/balance?month=10", "month", "month: there is no such parameter; none are known here."),
        ("/v1/trunks?name=a", "name", "name: there is no such parameter; none are known here."),
        ("/v1/calls?limit=1&limit=2", "limit", "limit: this parameter stands there twice."),
    ],
)  # fmt: skip
async def test_an_unknown_query_parameter_is_422_and_names_what_was_meant(
    api: Bench, target: str, field: str, detail: str
) -> None:
    await api.put()
    answer = await api.ask("GET", target)
    assert (answer.status, answer.problem["type"]) == (422, "malformed-request")
    assert (answer.problem["field"], answer.problem["detail"]) == (field, detail)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_a_probe_may_add_what_it_likes(api: Bench, path: str) -> None:
    assert (await api.ask("GET", f"{path}?ts=1")).status == 200


@pytest.mark.parametrize(("method", "path"), [one for one in routes() if one[1].startswith("/v1/")])
async def test_no_route_takes_a_query_parameter_that_it_does_not_know(api: Bench, method: str, path: str) -> None:
    answer = await api.ask(method, path.replace("{id}", "demo") + "?nonsense=1&nonsense=2&more=", body=ASK)
    assert (answer.status, answer.problem["field"]) == (422, "nonsense")
    assert [error["field"] for error in answer.problem["errors"]] == ["nonsense", "more"]
    assert api.service.asked == []


def test_every_refusal_of_the_service_has_a_kind_of_problem() -> None:
    """A refusal without a status would be a 500."""
    from typing import get_args, get_type_hints

    types = get_args(get_type_hints(Refusal)["type"])
    assert types
    assert set(types) <= KINDS.keys()
