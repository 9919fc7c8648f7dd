"""A body that will not do: 422 with the field at fault in plain words, and nothing is changed."""

import json
from typing import Any

import pytest

from tests.unit.http.http_bench import Bench, a_talk

ASK = {"caller": "demo", "callee": "+8613900000004"}
GRANT = {"kind": "bonus", "seconds": 60}
CORRECT = {"seconds": -60, "reason": "charged twice"}

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
    ("POST", "/v1/calls", {"type": "conference", "host": "demo", "max_duration_s": -5}, "max_duration_s"),
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
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": 60.0}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": 0.5}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": "-60"}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": True}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": None}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": 0}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": 10_000_001}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": -10_000_001}, "seconds"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"seconds": 10**400}, "seconds"),
    ("POST", "/v1/users/demo/corrections", {"seconds": -60}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"reason": ""}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"reason": "  "}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"reason": "x" * 201}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"reason": "two\nlines"}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"reason": "\x1b[31m"}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"reason": 7}, "reason"),
    ("POST", "/v1/users/demo/corrections", CORRECT | {"kind": "bonus"}, "kind"),
    ("POST", "/v1/calls/c1/refund", {"seconds": 60.0}, "seconds"),
    ("POST", "/v1/calls/c1/refund", {"seconds": "60"}, "seconds"),
    ("POST", "/v1/calls/c1/refund", {"seconds": False}, "seconds"),
    ("POST", "/v1/calls/c1/refund", {"seconds": 0}, "seconds"),
    ("POST", "/v1/calls/c1/refund", {"seconds": -60}, "seconds"),
    ("POST", "/v1/calls/c1/refund", {"seconds": 10**400}, "seconds"),
    ("POST", "/v1/calls/c1/refund", {"second": 60}, "second"),
    ("POST", "/v1/calls/c1/refund", None, ""),
    ("PUT", "/v1/teams/acme", {}, "name"),
    ("PUT", "/v1/teams/acme", {"name": ""}, "name"),
    ("PUT", "/v1/teams/acme", {"name": "x" * 201}, "name"),
    ("PUT", "/v1/teams/acme", {"name": 7}, "name"),
    ("PUT", "/v1/teams/acme", {"name": "Acme", "certified": 1}, "certified"),
    ("PUT", "/v1/teams/acme", {"name": "Acme", "certified": "true"}, "certified"),
    ("PUT", "/v1/teams/acme", {"name": "Acme", "certified": None}, "certified"),
    ("PUT", "/v1/teams/acme", {"name": "Acme", "members": 6}, "members"),
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
    assert (await api.ask("GET", "/v1/teams/acme")).status == 404


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e3", "1e999", "0x10", "60.", "--60", "1_000"])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/users/demo/grants", '{"kind": "bonus", "seconds": %s}'),
        ("/v1/users/demo/corrections", '{"reason": "x", "seconds": %s}'),
        ("/v1/calls/c1/refund", '{"seconds": %s}'),
    ],
)
async def test_seconds_that_are_no_whole_number_of_json_are_422_and_change_nothing(
    api: Bench, path: str, body: str, word: str
) -> None:
    await api.put()
    await api.store(a_talk(), "queued")
    await api.charge("c1")
    before = (await api.ask("GET", "/v1/users/demo/statement")).json
    assert (await api.ask("POST", path, raw=(body % word).encode())).problem["type"] == "malformed-body"
    assert (await api.ask("GET", "/v1/users/demo/statement")).json == before
    assert (await api.ask("POST", path, raw=(body % "60").encode())).status == 201


@pytest.mark.parametrize("raw", [b"{", b"\xff\xfe", b'{"caller": NaN}', b"[" * 1_900, b'{"caller":"\\ud800"}', b"{}{}"])
async def test_a_body_that_is_no_json_is_422(api: Bench, raw: bytes) -> None:
    answer = await api.ask("POST", "/v1/calls", raw=raw)
    assert (answer.status, answer.problem["type"]) == (422, "malformed-body")


@pytest.mark.parametrize(
    ("method", "path", "raw", "field"),
    [
        ("POST", "/v1/users/demo/grants", '{"kind": "bonus", "seconds": 60, "seconds": 70}', "seconds"),
        ("POST", "/v1/users/demo/grants", '{"kind": "bonus", "seconds": 60, "s\\u0065conds": 60}', "seconds"),
        ("POST", "/v1/users/demo/corrections", '{"reason": "x", "seconds": -60, "seconds": 60}', "seconds"),
        ("POST", "/v1/calls", '{"caller": "demo", "callee": "x", "metadata": {"a": "b", "a": "c"}}', "metadata.a"),
        ("PUT", "/v1/teams/acme", '{"name": "Acme", "certified": true, "certified": false}', "certified"),
    ],
)
async def test_a_field_that_stands_there_twice_is_refused(
    api: Bench, method: str, path: str, raw: str, field: str
) -> None:
    await api.put()
    answer = await api.ask(method, path, raw=raw.encode())
    assert (answer.status, answer.problem["type"]) == (422, "malformed-body")
    assert (answer.problem["field"], answer.problem["detail"]) == (field, f"{field}: this field stands there twice.")
    assert api.service.asked == []
    assert (await api.ask("GET", "/v1/users/demo/statement")).json["lines"][0]["what"] == "month"
    assert (await api.ask("GET", "/v1/teams/acme")).status == 404


async def test_the_same_word_in_two_places_is_no_field_twice(api: Bench) -> None:
    metadata = {"caller": "a", "metadata": "b"}
    assert (await api.ask("POST", "/v1/calls", ASK | {"metadata": metadata})).status == 201


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


async def test_what_was_meant_is_a_field_that_is_missing_rather_than_one_that_is_there(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/calls", {"caller": "demo", "calle": "+8613900000004"})
    told = {error["field"]: error["detail"] for error in answer.problem["errors"]}
    assert told["calle"].endswith('did you mean "callee"?')
