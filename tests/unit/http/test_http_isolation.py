"""Between two partners: every operation of the API is tried by one on what is the other's. It is not there for him,
nothing of it changes, and he is answered as where there never was such a thing."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from ari_app.entrypoints.http.app import routes
from tests.unit.http.http_bench import Answer, a_tone
from tests.unit.http.two_partners import DEMO, HOOK, LI, NOBODYS, NOTICE, Partners, two_partners

OPEN = {"/", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json", "/click", "/click.js"}
"""They need no key, and tell nothing of anybody's."""
NUMBERS = "application/x-ndjson"


class Try(NamedTuple):
    """`body`, and the words of the path in braces: from what acme has. `status`: of the answer."""

    status: int
    path: str = ""
    body: Any = None
    raw: bytes | None = None
    kind: str = ""


GONE, OPERATORS, OWN, MADE = Try(404), Try(403), Try(200), Try(201)
"""Not there for him; the operator's alone; of his own, of which there is nothing."""
WORDS = {
    "call_id": "call", "conference": "conference", "notice": "notice", "webhook": "webhook", "key": "key",
    "leg": "leg", "device": "device",
}  # fmt: skip
STEMS = {
    "conferences": "conference", "keys": "key", "notices": "notice", "recordings": "recording", "webhooks": "webhook",
    "teams": "team", "users": "user", "tenants": "tenant",
}  # fmt: skip
TRIED: dict[str, Try] = {
    "GET /v1/calls": OWN,
    "POST /v1/calls": Try(404, body={"caller": "demo", "callee": NOBODYS}),
    "GET /v1/calls/export": OWN,
    "GET /v1/calls/{call_id}": GONE,
    "DELETE /v1/calls/{call_id}": GONE,
    "GET /v1/calls/{call_id}/events": GONE,
    "POST /v1/calls/{call_id}/recording": Try(404, body={}),
    "DELETE /v1/calls/{call_id}/recording": GONE,
    "POST /v1/calls/{call_id}/refund": Try(404, body={}),
    "POST /v1/conferences": Try(404, body={"host": "demo", "participants": [NOBODYS]}),
    "GET /v1/conferences/{id}": GONE,
    "DELETE /v1/conferences/{id}": GONE,
    "POST /v1/conferences/{id}/participants": Try(404, body={"participant": NOBODYS}),
    "POST /v1/conferences/{id}/participants/{leg}/ring": GONE,
    "PATCH /v1/conferences/{id}/participants/{leg}": Try(404, body={"muted": False}),
    "DELETE /v1/conferences/{id}/participants/{leg}": GONE,
    "POST /v1/conferences/{id}/pins": GONE,
    "GET /v1/recordings/{id}": GONE,
    "DELETE /v1/recordings/{id}": GONE,
    "GET /v1/users/{id}": GONE,
    "GET /v1/users/{id}/balance": GONE,
    "GET /v1/users/{id}/statement": GONE,
    "POST /v1/users/{id}/grants": Try(404, body={"kind": "bonus", "seconds": 60}),
    "POST /v1/users/{id}/corrections": Try(404, body={"seconds": -60, "reason": "x"}),
    "GET /v1/users/{id}/limits/{number}": GONE,
    "DELETE /v1/users/{id}/limits/{number}": GONE,
    "GET /v1/users/{id}/plan": GONE,
    "POST /v1/users/{id}/numbers/{n}/verify": GONE,
    "POST /v1/users/{id}/numbers/{n}/confirm": Try(404, body={"code": "302118"}),
    "POST /v1/users/{id}/devices": Try(404, body={}),
    "GET /v1/users/{id}/devices": GONE,
    "POST /v1/users/{id}/devices/{device}/password": GONE,
    "DELETE /v1/users/{id}/devices/{device}": GONE,
    "GET /v1/teams/{id}": GONE,
    "GET /v1/teams/{id}/members": GONE,
    "PUT /v1/teams/{id}/members/{user}": GONE,
    "DELETE /v1/teams/{id}/members/{user}": GONE,
    "POST /v1/notices": Try(404, body=NOTICE),
    "GET /v1/notices": OWN,
    "GET /v1/notices/{id}": GONE,
    "GET /v1/notices/{id}/events": GONE,
    "POST /v1/notices/{id}/remind": GONE,
    "DELETE /v1/notices/{id}": GONE,
    "POST /v1/audio": Try(201, raw=a_tone()),
    "GET /v1/events": OWN,
    "POST /v1/webhooks": Try(201, body=HOOK),
    "GET /v1/webhooks": OWN,
    "GET /v1/webhooks/{id}": GONE,
    "PATCH /v1/webhooks/{id}": Try(404, body={"paused": True}),
    "DELETE /v1/webhooks/{id}": GONE,
    "POST /v1/webhooks/{id}/secret": Try(404, body={}),
    "GET /v1/webhooks/{id}/deliveries": GONE,
    "POST /v1/webhooks/{id}/replay": Try(404, body={"call": "c1"}),
    "POST /v1/webhooks/{id}/test": GONE,
    "POST /v1/keys": Try(201, body={"name": "mine", "scopes": ["read"]}),
    "GET /v1/keys": OWN,
    "DELETE /v1/keys/{id}": GONE,
    "POST /v1/keys/{id}/rotate": Try(404, body={}),
    "POST /v1/click-tokens": Try(404, body={"caller": "demo", "callee": NOBODYS}),
    "POST /v1/imports/users": Try(403, raw=b'{"id": "demo@acme", "numbers": []}\n', kind=NUMBERS),
    "POST /v1/imports/grants": Try(403, raw=b'{"user": "demo@acme", "kind": "bonus", "seconds": 9}\n', kind=NUMBERS),
    "GET /v1/tenants": OPERATORS,
    "GET /v1/tenants/{id}": OPERATORS,
    "PUT /v1/tenants/{id}": Try(403, body={"name": "Mine"}),
    "DELETE /v1/tenants/{id}": OPERATORS,
    "GET /v1/trunks": OPERATORS,
    "GET /v1/trunks/{name}": OPERATORS,
    "POST /v1/trunks/{name}/test": Try(403, body={"number": NOBODYS}),
    "GET /v1/trunks/{name}/test/{call_id}": OPERATORS,
    "GET /v1/reports/settlement": OPERATORS,
    "GET /v1/nodes": OPERATORS,
    "PUT /v1/nodes/{name}": Try(403, body={"drained": True}),
    "DELETE /v1/nodes/{name}": OPERATORS,
    # these last, as they make beta's own of the same names
    "PUT /v1/users/{id}": Try(200, body={"numbers": [], "name": "Mine"}),
    "PUT /v1/teams/{id}": Try(200, body={"name": "Mine"}),
}
BY_TOKEN = {"POST /v1/click", "GET /v1/click/{token}/events", "DELETE /v1/click/{token}"}
"""Who has the token needs no key: whose it is says the token alone (see test_http_click.py)."""


@pytest.fixture
async def both() -> Partners:
    return await two_partners()


def test_no_operation_is_left_out() -> None:
    known = {f"{method} {path}" for method, path in routes() if path not in OPEN}
    assert known - BY_TOKEN == set(TRIED)


def path_of(operation: str, both: Partners, mark: str, *, is_there: bool) -> str:
    """With acme's ids, or with such as are nobody's. `mark`: of ids that may be written in full."""
    path = operation.partition(" ")[2]
    stem = STEMS.get(path.split("/")[2], "")
    named = {"user": f"demo{mark}", "team": f"staff{mark}", "tenant": "acme"} | both.ids
    if not is_there:
        named = {word: _another(id, mark) for word, id in named.items()}
    words = {"number": NOBODYS, "n": LI, "name": "carrier", "id": named.get(stem, ""), "user": f"demo{mark}"}
    words |= {word: named[key] for word, key in WORDS.items()}
    if "numbers" in path:
        words["id"] = f"li{mark}" if is_there else _another(f"li{mark}", mark)
    if "DELETE" in operation and path.endswith("/recording"):
        words["call_id"] = named["other"]
    return path.format(**words).replace("+", "%2B")


def _another(id: str, mark: str) -> str:
    own = id.removesuffix(mark) if mark else id
    return own[:-1] + ("b" if own[-1] != "b" else "a") + (mark if own != id else "")


async def tried(both: Partners, operation: str, path: str) -> Answer:
    one = TRIED[operation]
    more = {"content_type": one.kind} if one.kind else {}
    return await both.ask("beta", operation.partition(" ")[0], path, one.body, raw=one.raw, **more)


@pytest.mark.parametrize("mark", ["", "@acme"])
async def test_what_is_anothers_is_not_there_and_does_not_change(both: Partners, mark: str) -> None:
    before = await both.of_acme()
    for operation, expected in TRIED.items():
        status = 404 if mark and operation in ("PUT /v1/users/{id}", "PUT /v1/teams/{id}") else expected.status
        answer = await tried(both, operation, path_of(operation, both, mark, is_there=True))
        assert answer.status == status, (operation, answer.raw)
        assert await both.of_acme() == before, operation
        leaks = [
            word
            for word in (DEMO, LI, "demo@acme", both.ids["notice"], both.ids["webhook"])
            if answer.raw.find(word.encode()) >= 0
        ]
        assert not leaks, (operation, answer.raw)
        if status in (403, 404) and "{" in operation:
            other = await tried(both, operation, path_of(operation, both, mark, is_there=False))
            assert (answer.status, answer.json) == (other.status, other.json), operation
    assert both.making.made == {}


async def test_its_own_partner_reaches_all_of_it(both: Partners) -> None:
    """Else it would be no wonder that the other one does not."""
    for operation, expected in TRIED.items():
        if expected.status == 404 and operation.startswith("GET"):
            answer = await both.ask("acme", "GET", path_of(operation, both, "", is_there=True))
            assert answer.status == 200, (operation, answer.raw)
            assert b"@acme" not in answer.raw, operation
            in_full = await both.ask("acme", "GET", path_of(operation, both, "@acme", is_there=True))
            assert in_full.raw == answer.raw, operation
            as_operator = await both.ask("root", "GET", path_of(operation, both, "@acme", is_there=True))
            assert as_operator.status == 200, (operation, as_operator.raw)


@pytest.mark.parametrize("field", ["caller", "callee", "host", "participants", "sender", "recipients"])
@pytest.mark.parametrize("written", ["demo", "demo@acme", DEMO, LI])
async def test_a_body_that_names_anothers_user_is_answered_as_one_that_names_nobody(
    both: Partners, field: str, written: str
) -> None:
    await mine(both)
    nobody = {"demo": "demu", "demo@acme": "demu@acme"}.get(written, NOBODYS)
    path, body = _body_with(field)
    answers = []
    before = await both.of_acme()
    for who in (written, nobody):
        text = json.dumps(body).replace("WHO", who)
        answers.append(await both.ask("beta", "POST", path, json.loads(text)))
    named, of_nobody = answers
    assert named.status == of_nobody.status, named.raw
    if named.status >= 400:
        assert named.json == of_nobody.json
    else:
        assert written in (DEMO, LI), "a number may be rung, whosoever it is"
        assert named.raw.replace(written.encode(), b"").count(b"acme") == 0
        for call in both.making.made.values():
            assert [leg.user for leg in call.legs if leg.user and not leg.user.endswith("@beta")] == []
            assert {leg.routes[0].shown for leg in call.legs} <= {"+864001234567", MINE}
    assert await both.of_acme() == before


MINE = "+8613900000055"


async def mine(both: Partners) -> None:
    """A user of beta's, who may call."""
    put = await both.ask("root", "PUT", "/v1/users/me@beta", {"numbers": [MINE]})
    assert put.status == 200, put.raw


def _body_with(field: str) -> tuple[str, dict[str, Any]]:
    calls, conferences, notices = "/v1/calls", "/v1/conferences", "/v1/notices"
    return {
        "caller": (calls, {"caller": "WHO", "callee": "+8613900000044"}),
        "callee": (calls, {"caller": "me", "callee": "WHO"}),
        "host": (conferences, {"host": "WHO", "participants": ["+8613900000044"]}),
        "participants": (conferences, {"host": "me", "participants": ["WHO"]}),
        "sender": (notices, {"sender": "WHO", "recipients": ["+8613900000044"], "text": "Ten."}),
        "recipients": (notices, {"sender": "me", "recipients": ["WHO"], "text": "Ten."}),
    }[field]


async def test_members_are_of_ones_own_users_alone(both: Partners) -> None:
    assert (await both.ask("beta", "PUT", "/v1/teams/crew", {"name": "Crew"})).status == 200
    for user in ("demo", "demo@acme"):
        answer = await both.ask("beta", "PUT", f"/v1/teams/crew/members/{user}")
        assert (answer.status, answer.problem["type"]) == (404, "unknown-user")


async def test_two_partners_have_users_and_teams_of_the_same_name(both: Partners) -> None:
    before = await both.of_acme()
    put = await both.ask("beta", "PUT", "/v1/users/demo", {"numbers": ["+8613900000066"], "name": "Other"})
    assert (put.status, put.json["id"], put.json["verified"]) == (200, "demo", [])
    assert (await both.ask("beta", "PUT", "/v1/teams/staff", {"name": "Others"})).json["id"] == "staff"
    assert (await both.ask("beta", "PUT", "/v1/teams/staff/members/demo")).json["members"] == 1
    assert (await both.ask("beta", "GET", "/v1/teams/staff/members")).json["members"][0]["user"] == "demo"
    assert (await both.ask("acme", "GET", "/v1/users/demo")).json["name"] == "Demo"
    assert (await both.ask("root", "GET", "/v1/users/demo@beta")).json["name"] == "Other"
    assert (await both.ask("root", "GET", "/v1/users/demo")).status == 404
    assert await both.of_acme() == before


async def test_a_number_that_is_taken_says_not_whose_it_is(both: Partners) -> None:
    answer = await both.ask("beta", "PUT", "/v1/users/demo", {"numbers": [DEMO]})
    assert (answer.status, answer.problem["type"]) == (409, "number-taken")
    assert b"acme" not in answer.raw
    assert b"Demo" not in answer.raw


async def test_what_costs_the_operator_money_is_his_alone(both: Partners) -> None:
    for method, path, body in (
        ("POST", "/v1/users/demo/grants", {"kind": "bonus", "seconds": 60}),
        ("POST", "/v1/users/demo/corrections", {"seconds": -60, "reason": "x"}),
        ("DELETE", f"/v1/users/demo/limits/%2B{NOBODYS[1:]}", None),
        ("POST", "/v1/calls/c1/refund", {}),
        ("PUT", "/v1/teams/crew", {"name": "Crew", "certified": True}),
        ("PUT", "/v1/teams/staff", {"name": "Staff", "certified": False}),
    ):
        before = await both.of_acme()
        answer = await both.ask("acme", method, path, body)
        assert (answer.status, answer.problem["type"]) == (403, "forbidden"), path
        assert await both.of_acme() == before
    kept = await both.ask("acme", "PUT", "/v1/teams/staff", {"name": "All of us"})
    assert (kept.json["name"], kept.json["certified"]) == ("All of us", True)


async def test_a_tenants_word_proves_no_number(both: Partners) -> None:
    put = await both.ask("acme", "PUT", "/v1/users/wu", {"numbers": ["+8613900000066"]})
    assert put.json["verified"] == []
    body = {"caller": "wu", "callee": NOBODYS}
    assert (await both.ask("acme", "POST", "/v1/calls", body)).problem["type"] == "number-not-verified"


async def test_lists_hold_ones_own_alone(both: Partners) -> None:
    assert [one["id"] for one in (await both.ask("acme", "GET", "/v1/calls")).json["calls"]] == ["c1"]
    assert [one["id"] for one in (await both.ask("acme", "GET", "/v1/calls?user=demo")).json["calls"]] == ["c1"]
    assert (await both.ask("beta", "GET", "/v1/calls")).json["calls"] == []
    assert (await both.ask("beta", "GET", "/v1/calls?user=demo")).json["calls"] == []
    assert (await both.ask("beta", "GET", "/v1/calls?user=demo@acme")).status == 422
    assert [one["id"] for one in (await both.ask("root", "GET", "/v1/calls?user=demo@acme")).json["calls"]] == ["c1"]
    for sender in ("", "?sender=demo"):
        shown = (await both.ask("acme", "GET", f"/v1/notices{sender}")).json["notices"]
        assert [(one["id"], one["sender"]) for one in shown] == [(both.ids["notice"], "demo")]
        assert (await both.ask("beta", "GET", f"/v1/notices{sender}")).json["notices"] == []


async def test_what_a_partner_is_shown_it_can_send_back(both: Partners) -> None:
    put = await both.ask("root", "PUT", "/v1/users/li@acme", {"numbers": [LI]})
    assert put.json["id"] == "li@acme"
    placed = (await both.ask("acme", "POST", "/v1/calls", {"caller": "demo", "callee": "li"})).json
    assert (placed["caller"], placed["callee"], placed["payer"]) == ("demo", "li", "demo")
    again = await both.ask("acme", "POST", "/v1/calls", {"caller": placed["caller"], "callee": placed["callee"]})
    assert again.status == 201, again.raw
    assert {call.tenant for call in both.making.made.values()} == {"acme"}


async def test_the_operator_who_calls_on_behalf_of_a_partner_shows_him_nobody_elses_user(both: Partners) -> None:
    await mine(both)
    placed = await both.ask("root", "POST", "/v1/calls", {"caller": "demo@acme", "callee": "me@beta"})
    assert placed.status == 201, placed.raw
    (call,) = both.making.made.values()
    assert [leg.user for leg in call.legs] == ["demo@acme", None]


async def test_one_idempotency_key_of_two_partners_is_two_calls(both: Partners) -> None:
    await mine(both)
    body = {"callee": NOBODYS}
    ids = [
        (await both.ask(key, "POST", "/v1/calls", body | {"caller": who}, idempotency_key="7")).json["id"]
        for key, who in (("acme", "demo"), ("beta", "me"), ("acme", "demo"))
    ]
    assert ids[0] == ids[2] != ids[1]


async def test_a_webhook_is_replayed_nothing_of_anothers_call(both: Partners) -> None:
    made = await both.ask("beta", "POST", "/v1/webhooks", {"url": HOOK["url"]})
    for what in ({"call": "c1"}, {"notice": both.ids["notice"]}):
        replayed = await both.ask("beta", "POST", f"/v1/webhooks/{made.json['id']}/replay", what)
        assert replayed.json["replayed"] == 0, replayed.raw


async def test_a_record_that_cannot_be_read_is_the_operators_trouble_alone(both: Partners) -> None:
    await both.api.calls.create("c5", b"{", node="n", user_ids=["demo@acme"], created_at_ms=1, events=[], tenant="acme")
    assert (await both.ask("beta", "GET", "/v1/calls/c5")).status == 404
    assert (await both.ask("root", "GET", "/v1/calls/c5")).status == 503


async def test_an_audio_file_is_played_to_its_own_partners_recipients_alone(both: Partners) -> None:
    await mine(both)
    raw = a_tone()
    acmes, betas = [
        (await both.ask(key, "POST", "/v1/audio", raw=raw, content_type="audio/wav")).json["id"]
        for key in ("acme", "beta")
    ]
    assert acmes != betas, "the same file, sent by two"
    spoken = await both.api.speech.say(NOTICE["text"])
    for audio, status in ((betas, 201), (acmes, 422), (getattr(spoken, "id", ""), 422)):
        body = {"sender": "me", "recipients": [NOBODYS], "audio": audio}
        answer = await both.ask("beta", "POST", "/v1/notices", body)
        assert answer.status == status, answer.raw
        if status == 422:
            other = await both.ask("beta", "POST", "/v1/notices", body | {"audio": "a" + "0" * 40})
            assert answer.json == other.json
