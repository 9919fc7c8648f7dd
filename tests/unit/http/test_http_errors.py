"""What a client gets for a request that will not do, and for a fault of ours: a problem, never a traceback."""

import json
from typing import Any

import pytest
import structlog

from ari_app.engine.service import Refusal
from ari_app.entrypoints.http.app import routes
from ari_app.entrypoints.http.problems import KINDS
from tests.unit.http.http_bench import Bench

ASK = {"caller": "demo", "callee": "+8613900000004"}
GRANT = {"kind": "bonus", "seconds": 60}

BODIES: list[tuple[str, str, Any, str]] = [
    ("POST", "/v1/calls", ASK | {"calle": "x"}, "calle"),
    ("POST", "/v1/calls", {"caller": "demo"}, "callee"),
    ("POST", "/v1/calls", ASK | {"caller": 7}, "caller"),
    ("POST", "/v1/calls", ASK | {"caller": ""}, "caller"),
    ("POST", "/v1/calls", ASK | {"caller": "9" * 101}, "caller"),
    ("POST", "/v1/calls", ASK | {"max_duration_s": 60.0}, "max_duration_s"),
    ("POST", "/v1/calls", ASK | {"max_duration_s": "60"}, "max_duration_s"),
    ("POST", "/v1/calls", ASK | {"max_duration_s": True}, "max_duration_s"),
    ("POST", "/v1/calls", ASK | {"max_duration_s": 0}, "max_duration_s"),
    ("POST", "/v1/calls", ASK | {"waiting": "silence"}, "waiting"),
    ("POST", "/v1/calls", ASK | {"early_media": "some"}, "early_media"),
    ("POST", "/v1/calls", ASK | {"confirm_caller": 1}, "confirm_caller"),
    ("POST", "/v1/calls", ASK | {"metadata": {"a": 1}}, "metadata.a"),
    ("POST", "/v1/calls", ASK | {"metadata": {"a": {"b": "c"}}}, "metadata.a"),
    ("POST", "/v1/calls", ASK | {"metadata": {"a": "x" * 501}}, "metadata.a"),
    ("POST", "/v1/calls", ASK | {"metadata": {str(n): "" for n in range(21)}}, "metadata"),
    ("POST", "/v1/calls", ASK | {"metadata": []}, "metadata"),
    ("POST", "/v1/calls", [ASK], ""),
    ("POST", "/v1/calls", None, ""),
    ("PUT", "/v1/users/demo", {}, "numbers"),
    ("PUT", "/v1/users/demo", {"numbers": "+8613900000001"}, "numbers"),
    ("PUT", "/v1/users/demo", {"numbers": [1]}, "numbers.0"),
    ("PUT", "/v1/users/demo", {"numbers": ["+8613900000001"] * 21}, "numbers"),
    ("PUT", "/v1/users/demo", {"numbers": [], "verified": ["+8613900000001"]}, "verified"),
    ("PUT", "/v1/users/demo", {"numbers": [], "locale": "not a locale"}, "locale"),
    ("POST", "/v1/users/demo/grants", GRANT | {"seconds": 60.0}, "seconds"),
    ("POST", "/v1/users/demo/grants", GRANT | {"seconds": True}, "seconds"),
    ("POST", "/v1/users/demo/grants", GRANT | {"seconds": "60"}, "seconds"),
    ("POST", "/v1/users/demo/grants", GRANT | {"seconds": 0}, "seconds"),
    ("POST", "/v1/users/demo/grants", GRANT | {"seconds": -60}, "seconds"),
    ("POST", "/v1/users/demo/grants", GRANT | {"seconds": 10_000_001}, "seconds"),
    ("POST", "/v1/users/demo/grants", GRANT | {"kind": "month"}, "kind"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "tomorrow"}, "expires_at"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "2026-12-31T00:00:00"}, "expires_at"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "1970-01-01T00:00:00Z"}, "expires_at"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "0001-01-01T00:00:00+08:00"}, "expires_at"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "5138-11-16T09:46:40Z"}, "expires_at"),
    ("POST", "/v1/users/demo/grants", GRANT | {"expires_at": "9999-12-31T23:59:59-08:00"}, "expires_at"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), BODIES)
async def test_a_malformed_body_is_422_and_names_the_field(
    api: Bench, method: str, path: str, body: Any, field: str
) -> None:
    await api.put()
    answer = await api.ask(method, path, raw=json.dumps(body).encode() if body is not None else b"")
    assert answer.status == 422, answer.raw
    assert answer.problem["type"] == "malformed-body"
    assert answer.problem.get("field", "") == field
    assert api.service.asked == []
    assert (await api.ask("GET", "/v1/users/demo/statement")).json["lines"][0]["what"] == "month"


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"caller": NaN}', b"[" * 1_900, b'{"caller":"\\ud800"}', b"{}{}"])
async def test_a_body_that_is_no_json_is_422(api: Bench, raw: bytes) -> None:
    answer = await api.ask("POST", "/v1/calls", raw=raw)
    assert (answer.status, answer.problem["type"]) == (422, "malformed-body")


async def test_every_mistake_is_told_at_once(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/calls", {"caler": "demo", "callee": "x", "max_duration_s": 1.5})
    assert {error["field"] for error in answer.problem["errors"]} == {"caller", "caler", "max_duration_s"}
    assert any(error["detail"].endswith('did you mean "caller"?') for error in answer.problem["errors"])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (None, "The body is empty; a JSON object is expected."),
        (ASK | {"caller": ""}, "caller: this must not be empty."),
        (ASK | {"caller": "x" * 101}, "caller: at most 100 characters are allowed."),
        (ASK | {"max_duration_s": 0}, "max_duration_s: at least 1 is expected."),
        (ASK | {"max_duration_s": 86_401}, "max_duration_s: at most 86400 is allowed."),
    ],
)
async def test_what_is_wrong_is_said_in_plain_words(api: Bench, body: Any, detail: str) -> None:
    answer = await api.ask("POST", "/v1/calls", raw=json.dumps(body).encode() if body else b"")
    assert answer.problem["detail"] == detail


async def test_a_form_is_shown_by_an_example_and_not_by_a_pattern(api: Bench) -> None:
    answer = await api.ask("PUT", "/v1/users/demo", {"numbers": [], "locale": "!!"})
    assert answer.problem["detail"] == "locale: this does not have the right form; expected something such as zh-CN."


async def test_a_whole_number_beyond_every_measure_is_422_not_500(api: Bench) -> None:
    answer = await api.ask(
        "POST", "/v1/calls", raw=b'{"caller":"a","callee":"b","max_duration_s":' + b"9" * 1_000 + b"}"
    )
    assert answer.status == 422


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


async def test_too_many_connections_get_a_problem_and_are_closed(api: Bench) -> None:
    api.front.connections = lambda: 11
    answer = await api.ask("GET", "/healthz")
    assert (answer.status, answer.problem["type"]) == (503, "no-capacity")
    assert (answer.headers["connection"], answer.headers["retry-after"]) == ("close", "1")


def test_every_refusal_of_the_service_has_a_kind_of_problem() -> None:
    """A refusal without a status would be a 500."""
    from typing import get_args, get_type_hints

    types = get_args(get_type_hints(Refusal)["type"])
    assert types
    assert set(types) <= KINDS.keys()


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


async def test_what_was_meant_is_a_field_that_is_missing_rather_than_one_that_is_there(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/calls", {"caller": "demo", "calle": "+8613900000004"})
    told = {error["field"]: error["detail"] for error in answer.problem["errors"]}
    assert told["calle"].endswith('did you mean "callee"?')
