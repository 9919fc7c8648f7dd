"""Many at once: calls out as a file, users and minutes in from one."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http import exports
from ari_app.ports.keys import described
from ari_app.ports.tenants import Tenant
from tests.unit.http.http_bench import NOW_MS, Bench, a_call, a_talk

USERS = "id,numbers,name,locale\nli,+8613900000011 +8613900000012,Li,zh-CN\nwu,+8613900000013,,\n"
GRANTS = "user,kind,seconds,expires_at\ndemo,bonus,600,\ndemo,bonus,600,\ndemo,bought,60,2036-12-31T16:00:00Z\n"
CSV = {"content_type": "text/csv"}


async def sent(api: Bench, what: str, file: str, **more: Any) -> Any:
    return await api.ask("POST", f"/v1/imports/{what}", raw=file.encode(), **CSV | more)


# ---- calls out -----------------------------------------------------------------------------------------------------


async def test_calls_go_out_as_a_file_newest_first(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "PAGE", 3)
    for n in range(10):
        await api.store(a_talk(f"c{n}", NOW_MS - 1000 * n))
    answer = await api.ask("GET", "/v1/calls/export", key="viewer")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.raw.decode(), newline="")))
    assert [row["id"] for row in rows] == [f"c{n}" for n in range(10)]
    assert rows[0]["state"] == "ended"
    assert rows[0]["charged_s"] == "60"
    assert int(rows[0]["cost_micro"]) > 0
    assert json.loads(rows[0]["metadata"]) == {"order": "7"}
    lines = (await api.ask("GET", "/v1/calls/export?format=jsonl")).raw.splitlines()
    assert json.loads(lines[3]) == (await api.ask("GET", "/v1/calls/c3")).json


async def test_a_time_begins_with_since_and_ends_before_until(api: Bench) -> None:
    for n in range(5):
        await api.store(a_call(f"c{n}", 1_795_422_790_000 + 1000 * n))
    asked = "since=2026-11-23T08:33:11Z&until=2026-11-23T08:33:13Z&format=jsonl"
    answer = await api.ask("GET", f"/v1/calls/export?{asked}")
    assert [json.loads(line)["id"] for line in answer.raw.splitlines()] == ["c2", "c1"]
    assert (await api.ask("GET", "/v1/calls/export?until=soon")).problem["field"] == "until"
    turned = await api.ask("GET", "/v1/calls/export?since=2026-11-23T08:33:13Z&until=2026-11-23T08:33:11Z")
    assert (turned.status, turned.problem["field"]) == (422, "until")


async def test_what_a_spreadsheet_would_take_for_a_formula_is_none(api: Bench) -> None:
    await api.store(replace(a_call(), payer="=HYPERLINK(1)"))
    [row] = csv.DictReader(io.StringIO((await api.ask("GET", "/v1/calls/export")).raw.decode(), newline=""))
    assert row["payer"] == "'=HYPERLINK(1)"
    assert row["callee"] == "+8613900000004"


async def test_a_tenants_keys_have_together_so_many_exports_at_once_and_a_place_is_free_again(api: Bench) -> None:
    await api.tenants.put(Tenant("acme", "Acme", 1))
    for name in ("one", "two"):
        digest, key = described(f"rb_{name}", name, ("read",), 1)
        await api.keys.add(digest, replace(key, tenant="acme"))
    open = [api.front.streams.enter("export tenant acme", "export", 9, lambda: None) for _ in range(exports.MOST)]
    for key in ("one", "two"):
        refused = await api.ask("GET", "/v1/calls/export", key=key)
        assert (refused.problem["type"], refused.problem["rule"]) == ("too-many-requests", "streams")
    assert (await api.ask("GET", "/v1/calls/export")).status == 200, "the operator's own is another's"
    api.front.streams.left(open[0])
    for _ in range(2):
        assert (await api.ask("GET", "/v1/calls/export", key="two")).status == 200
    assert len(api.front.streams) == exports.MOST - 1


async def test_an_export_that_breaks_off_has_no_end(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server closes the connection before the last chunk: no client takes it for whole."""
    monkeypatch.setattr(exports, "PAGE", 2)
    for n in range(6):
        await api.store(a_call(f"c{n}", NOW_MS - n))
    load, asked = api.calls.load_many, 0

    async def away(ids: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise Unavailable("gone")
        return await load(ids)

    monkeypatch.setattr(api.calls, "load_many", away)
    got: list[Any] = []

    async def send(message: Any) -> None:
        got.append(message)

    async def receive() -> Any:
        await asyncio.Event().wait()

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/v1/calls/export", "raw_path": b"",
        "query_string": b"", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 1),
        "headers": [(b"authorization", b"Bearer rb_root")], "client": ("127.0.0.1", 2),
    }  # fmt: skip
    await api.front(scope, receive, send)
    assert got[0]["status"] == 200
    assert got[-1]["more_body"] is True, "no end was told"
    assert len(api.front.streams) == 0


# ---- in ------------------------------------------------------------------------------------------------------------


async def test_users_of_a_file_are_made_and_their_numbers_count_as_proved(api: Bench) -> None:
    answer = await sent(api, "users", USERS)
    assert answer.json == {"lines": 2, "done": 2, "dry_run": False, "mistakes": []}
    li = (await api.ask("GET", "/v1/users/li")).json
    assert li["verified"] == ["+8613900000011", "+8613900000012"]
    assert (li["name"], li["locale"]) == ("Li", "zh-CN")
    lines = '{"id":"li","numbers":[]}\n\n{"id":"wu","numbers":["+8613900000011"]}\n'
    answer = await sent(api, "users", lines, content_type="application/x-ndjson")
    assert answer.json["done"] == 2, "a number passes to who stands further down"


async def test_every_bad_line_is_told_at_once_and_nothing_is_done(api: Bench) -> None:
    await api.put("zhao", "+8613900000021")
    file = (
        "id,numbers,name,locale,tenant\n"
        "good,+8613900000022,,,\n"
        "taken,+8613900000021,,,\n"
        "bad id,12,,,\n"
        "good,+8613900000023,,,\n"
        "twin,+8613900000022,,,\n"
        "short\n"
        "nobodys,,,,nowhere\n"
        "else@where,,,,\n"
    )
    problem = (await sent(api, "users", file)).problem
    assert (problem["type"], problem["lines"], problem["bad_lines"]) == ("bad-lines", 8, 7)
    told = {(one["line"], one["field"], one["type"]) for one in problem["mistakes"]}
    assert told == {
        (3, "numbers", "number-taken"), (4, "id", "malformed-body"), (4, "numbers", "invalid-number"),
        (5, "id", "malformed-body"), (6, "numbers", "number-taken"), (7, "", "malformed-body"),
        (8, "tenant", "unknown-tenant"), (9, "id", "unknown-tenant"),
    }  # fmt: skip
    assert (await api.ask("GET", "/v1/users/good")).status == 404


@pytest.mark.parametrize(
    ("line", "field", "type"),
    [
        ("nobody,bonus,60,", "user", "unknown-user"),
        ("demo,gift,60,", "kind", "malformed-body"),
        ("demo,bonus,1.5,", "seconds", "malformed-body"),
        ("demo,bonus,0,", "seconds", "malformed-body"),
        ("demo,bonus,60,soon", "expires_at", "malformed-body"),
        ("demo,bonus,60,2001-01-01T00:00:00Z", "expires_at", "malformed-body"),
    ],
)
async def test_a_bad_grant_keeps_the_whole_file_from_being_done(api: Bench, line: str, field: str, type: str) -> None:
    await api.put()
    before = (await api.ask("GET", "/v1/users/demo/balance")).json
    problem = (await sent(api, "grants", GRANTS + line + "\n", idempotency_key="k")).problem
    [one] = problem["mistakes"]
    assert (one["line"], one["field"], one["type"]) == (5, field, type)
    assert (await api.ask("GET", "/v1/users/demo/balance")).json == before


async def test_a_dry_run_checks_and_does_nothing(api: Bench) -> None:
    await api.put()
    answer = await sent(api, "grants?dry_run=true", GRANTS)
    assert answer.json == {"lines": 3, "done": 0, "dry_run": True, "mistakes": []}
    assert (await api.ask("GET", "/v1/users/demo/statement")).json["lines"][0]["what"] == "month"


@pytest.mark.parametrize("breaks_at", range(5))
async def test_grants_that_break_off_anywhere_count_once_when_sent_again(
    api: Bench, monkeypatch: pytest.MonkeyPatch, breaks_at: int
) -> None:
    """At each line, before and after it was done; 4: at the barrier behind them."""
    await api.put()
    grant, durable, n = api.ledger.grant, api.ledger.durable, 0

    async def away(**given: Any) -> Any:
        nonlocal n
        n += 1
        done = await grant(**given) if n <= breaks_at else None
        if n >= breaks_at:
            raise Unavailable("gone")
        return done

    async def lost(_payer: str | None = None) -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(api.ledger, "grant", away if breaks_at < 4 else grant)
    monkeypatch.setattr(api.ledger, "durable", lost)
    problem = (await sent(api, "grants", GRANTS, idempotency_key="december")).problem
    assert (problem["type"], problem["status"]) == ("unconfirmed", 503)
    monkeypatch.setattr(api.ledger, "grant", grant)
    monkeypatch.setattr(api.ledger, "durable", durable)
    for _ in range(2):
        answer = await sent(api, "grants", GRANTS, idempotency_key="december")
        assert answer.json["done"] == 3
    given = [one for one in (await api.ask("GET", "/v1/users/demo/statement")).json["lines"] if one["what"] != "month"]
    assert sorted(one["seconds"] for one in given) == [60, 600, 600]
    await sent(api, "grants", GRANTS, idempotency_key="january")
    assert len((await api.ask("GET", "/v1/users/demo/statement")).json["lines"]) == 7


async def test_another_file_under_the_same_key_gives_nothing_and_one_put_right_is_taken(api: Bench) -> None:
    await api.put()
    assert (await sent(api, "grants", GRANTS + "nobody,bonus,60,\n", idempotency_key="k")).status == 422
    assert (await sent(api, "grants", GRANTS, idempotency_key="k")).json["done"] == 3
    before = (await api.ask("GET", "/v1/users/demo/statement")).json
    refused = await sent(api, "grants", GRANTS + "demo,bonus,60,\n", idempotency_key="k")
    assert (refused.status, refused.problem["type"]) == (409, "idempotency-conflict")
    assert (await sent(api, "grants", GRANTS, idempotency_key="k")).json["done"] == 3
    assert (await api.ask("GET", "/v1/users/demo/statement")).json == before


async def test_grants_need_a_key_and_an_import_a_file_it_knows(api: Bench) -> None:
    assert (await sent(api, "grants", GRANTS)).problem["field"] == "Idempotency-Key"
    assert (await api.ask("POST", "/v1/imports/users", {})).problem["type"] == "unsupported-media-type"
    assert "numbers is missing" in (await sent(api, "users", "id\nli\n")).problem["detail"]
    assert "empty" in (await sent(api, "users", "")).problem["detail"]
    answer = await api.ask("POST", "/v1/imports/users", raw=b"id,numbers\n\xff,\n", **CSV)
    assert "UTF-8" in answer.problem["detail"]
