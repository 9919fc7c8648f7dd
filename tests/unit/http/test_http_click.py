"""Click to call over HTTP: a token is made with a key, used once without one, and tells its page states alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import Call
from ari_app.engine.asks import Refusal
from ari_app.engine.service import call_id
from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.click_page import SCRIPT
from ari_app.entrypoints.http.limits import Limits
from ari_app.flows import callback
from ari_app.ports.keys import described
from ari_app.ports.tenants import Tenant
from ari_app.ports.users import OwnedNumber, User
from tests.unit.http.http_bench import Answer, Bench, FakeService, a_call, a_talk

SHOP = "https://shop.example.com"
JSON = {"content_type": "application/json"}


class OneCall(FakeService):
    """Places what is asked for, once for each key, as the real service does."""

    def __init__(self, api: Bench) -> None:
        super().__init__()
        self.api = api

    async def place(self, ask: Any, *, owner: str, idempotency_key: str | None = None) -> Call | Refusal:
        answer = await super().place(ask, owner=owner, idempotency_key=idempotency_key)
        if isinstance(answer, Refusal):
            return answer
        id = call_id(owner, idempotency_key)
        there = self.api.engine.live.setdefault(id, replace(a_call(id), fingerprint=ask.fingerprint))
        return there if there.fingerprint == ask.fingerprint else Refusal("idempotency-conflict", "Another one.")


@pytest.fixture
async def shop(api: Bench) -> Bench:
    await api.put()
    api.service = OneCall(api)
    api.clicks._service = api.service
    return api


async def mint(api: Bench, *, once: str | None = None, key: str = "dialler", **body: Any) -> Answer:
    headers = {} if once is None else {"idempotency_key": once}
    asked = {"callee": "+8613900000004", "caller": "demo"} | body
    return await api.ask(
        "POST", "/v1/click-tokens", {name: said for name, said in asked.items() if said is not None}, key=key, **headers
    )


async def click(api: Bench, token: str, *, caller: str | None = None, **headers: str) -> Answer:
    body = {"token": token} | ({} if caller is None else {"caller": caller})
    return await api.ask("POST", "/v1/click", body, key=None, **headers)


async def test_a_token_places_its_call_once_and_the_same_again_is_the_same_call(shop: Bench) -> None:
    made = (await mint(shop, max_duration_s=60, metadata={"order": "7"})).json
    answers = [await click(shop, made["token"]) for _ in range(3)]
    assert [(one.status, one.json) for one in answers] == [(201, {"id": made["call"], "state": "queued"})] * 3
    assert len(shop.engine.live) == 1
    ask = shop.service.asked[0][0]
    assert (ask.request.caller, ask.request.callee, ask.request.max_duration_s) == ("demo", "+8613900000004", 60)
    assert ask.metadata == {"order": "7"}


async def test_two_tokens_are_two_calls_and_neither_is_what_a_key_could_ask_for(shop: Bench) -> None:
    for _ in range(2):
        await click(shop, (await mint(shop)).json["token"])
    assert len(shop.engine.live) == 2
    assert {" " in owner for _, owner, _ in shop.service.asked} == {True}


async def test_the_same_idempotency_key_has_the_same_token_and_for_another_request_none(shop: Bench) -> None:
    one, again = [(await mint(shop, once="k1")).json for _ in range(2)]
    assert one == again
    assert (await mint(shop, once="k2")).json["token"] != one["token"]
    other = await mint(shop, once="k1", caller=None)
    assert (other.status, other.problem["type"]) == (409, "idempotency-conflict")


async def test_what_is_stored_is_no_token(shop: Bench) -> None:
    made = (await mint(shop, once="k1")).json
    stored = repr(vars(shop.clicks._tokens))
    assert made["token"] not in stored
    assert made["token"].removeprefix("rbc_") not in stored
    assert "rb_dialler" not in stored


async def test_a_token_that_was_not_used_in_time_is_over_and_one_that_was_still_answers(shop: Bench) -> None:
    unused, used = [(await mint(shop, expires_in_s=600)).json["token"] for _ in range(2)]
    await click(shop, used)
    shop.now_ms += 600_000
    late = await click(shop, unused)
    assert (late.status, late.problem["type"]) == (410, "token-expired")
    assert (await click(shop, used)).status == 201
    assert len(shop.engine.live) == 1


async def test_what_cannot_be_called_is_refused_to_who_makes_the_token(shop: Bench) -> None:
    await shop.unproved("li", "+8613900000009", code="302118")
    for body, type, at in (
        ({"callee": "110"}, "emergency-number", "callee"), ({"callee": "nobody"}, "unknown-user", "callee"),
        ({"caller": "li"}, "number-not-verified", "caller"), ({"caller": "nobody"}, "unknown-user", "caller"),
        ({"caller": "+8613800000001"}, "number-not-verified", "caller"),
        ({"callee": "demo"}, "invalid-number", "callee"), ({"expires_in_s": 3_601}, "malformed-body", "expires_in_s"),
        ({"origins": ["shop"]}, "malformed-body", "origins.0"),
    ):  # fmt: skip
        answer = await mint(shop, **body)
        assert (answer.problem["type"], answer.problem["field"]) == (type, at), body
    assert "such as https://" in answer.problem["detail"], "one site, not a list of them"


async def test_where_the_page_says_who_calls_it_says_a_number_and_stays_with_it(shop: Bench) -> None:
    token = (await mint(shop, caller=None)).json["token"]
    for caller, status, at in ((None, 422, "caller"), ("demo", 400, "caller")):
        answer = await click(shop, token, caller=caller)
        assert (answer.status, answer.problem["field"]) == (status, at)
    assert [(await click(shop, token, caller=one)).status for one in ("13900000001", "+8613900000001")] == [201, 201]
    assert shop.service.asked[-1][0].request.caller == "+8613900000001"
    other = await click(shop, token, caller="+8613900000002")
    assert (other.status, other.problem["type"]) == (409, "token-used")
    named = (await mint(shop)).json["token"]
    assert (await click(shop, named, caller="+8613900000001")).status == 422
    assert len(shop.engine.live) == 1


async def test_a_refused_click_leaves_the_token_good(shop: Bench) -> None:
    token = (await mint(shop)).json["token"]
    shop.service.answer = Refusal("number-not-verified", "This number has not been proved to be the user's.", "caller")
    assert (await click(shop, token)).status == 403
    shop.service.answer = a_call()
    assert (await click(shop, token)).status == 201


async def test_guessing_tokens_is_counted_with_wrong_keys(shop: Bench) -> None:
    shop.doors = replace(shop.doors, limits=Limits(wrong_keys_max=3))
    shop.front = build(shop.doors)
    token = (await mint(shop)).json["token"]
    tries = [await click(shop, f"rbc_{n}") for n in range(3)] + [await click(shop, "x")]
    assert [one.status for one in tries] == [404, 404, 404, 429]
    assert tries[-1].problem["rule"] == "wrong-keys"
    assert (await click(shop, token)).status == 429


async def test_one_token_does_not_tell_of_many_numbers_whether_they_are_users(shop: Bench) -> None:
    shop.doors = replace(shop.doors, limits=Limits(wrong_keys_max=3))
    shop.front = build(shop.doors)
    token = (await mint(shop, caller=None)).json["token"]
    shop.service.answer = Refusal("number-not-verified", "This number belongs to no user: it cannot call.", "caller")
    tries = [await click(shop, token, caller=f"+861390000001{n}") for n in range(4)]
    assert [one.status for one in tries] == [403, 403, 403, 429]


async def test_a_token_is_asked_with_as_often_as_a_page_needs_it_and_no_oftener(shop: Bench) -> None:
    token, other = [(await mint(shop)).json["token"] for _ in range(2)]
    tries = [await click(shop, token) for _ in range(60)]
    assert {one.status for one in tries[:30]} == {201}
    assert (tries[-1].status, tries[-1].problem["rule"]) == (429, "click-token")
    assert (await click(shop, other)).status == 201


async def test_a_key_that_is_revoked_takes_its_tokens_with_it(shop: Bench) -> None:
    token = (await mint(shop)).json["token"]
    await shop.keys.delete(next(key for key in await shop.keys.all() if key.name == "dialler"))
    answer = await click(shop, token)
    assert (answer.status, answer.problem["type"]) == (404, "unknown-token")


async def test_the_page_learns_states_and_why_it_ended_and_no_number(shop: Bench) -> None:
    made = (await mint(shop)).json
    path = f"/v1/click/{made['token']}"
    early = await shop.ask("GET", f"{path}/events", key=None)
    assert (early.status, early.problem["type"]) == (404, "not-found")
    await click(shop, made["token"])
    shop.engine.live[made["call"]] = ended = a_talk(made["call"])
    await shop.store(ended, "queued", "caller_ringing", "ended")
    told = await shop.ask("GET", f"{path}/events", key=None, accept_language="zh-CN")
    assert [one["state"] for one in told.json["events"]] == ["queued", "caller_ringing", "ended"]
    assert told.json["events"][-1]["reason"] == "completed"
    over = await shop.ask("DELETE", path, key=None)
    assert (over.status, over.json["reason"]) == (200, "completed")
    for answer in (told, over):
        assert b"+86" not in answer.raw
        assert b"demo" not in answer.raw


async def test_the_page_hangs_up(shop: Bench) -> None:
    made = (await mint(shop)).json
    await click(shop, made["token"])
    answer = await shop.ask("DELETE", f"/v1/click/{made['token']}", key=None)
    assert (answer.status, shop.engine.cancelled) == (202, [made["call"]])


async def test_pages_of_other_sites_are_answered_on_these_paths_alone_and_if_the_token_lets_them(shop: Bench) -> None:
    token = (await mint(shop, origins=[SHOP])).json["token"]
    let = await click(shop, token, origin=SHOP)
    assert (let.status, let.headers["access-control-allow-origin"]) == (201, SHOP)
    for headers in ({"origin": "https://evil.example"}, {}):
        answer = await click(shop, (await mint(shop, origins=[SHOP])).json["token"], **headers)
        assert (answer.status, answer.problem["type"]) == (403, "wrong-origin")
    assert len(shop.engine.live) == 1
    before = await shop.ask("OPTIONS", "/v1/click", key=None, origin=SHOP, access_control_request_method="POST")
    assert (before.status, before.headers["access-control-allow-origin"]) == (204, SHOP)
    assert "content-type" in before.headers["access-control-allow-headers"].lower()
    for method, path in (("OPTIONS", "/v1/calls"), ("GET", "/v1/calls"), ("POST", "/v1/click-tokens")):
        answer = await shop.ask(method, path, origin=SHOP)
        assert "access-control-allow-origin" not in answer.headers


async def test_the_settings_may_name_the_sites(shop: Bench) -> None:
    shop.doors = replace(shop.doors, click_origins=(SHOP,), public_url="https://calls.example.com/")
    shop.front = build(shop.doors)
    made = (await mint(shop)).json
    assert made["url"] == f"https://calls.example.com/click#{made['token']}"
    assert (await click(shop, made["token"], origin="https://evil.example")).status == 403
    assert (await click(shop, made["token"], origin="https://calls.example.com")).status == 201
    refused = await shop.ask("OPTIONS", "/v1/click", key=None, origin="https://evil.example")
    assert "access-control-allow-origin" not in refused.headers


async def test_the_script_and_the_page_load_nothing_from_elsewhere(shop: Bench) -> None:
    for path, type in (("/click.js", "text/javascript"), ("/click", "text/html")):
        answer = await shop.ask("GET", path, key=None)
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, type)
        assert answer.raw.count(b"https://") == answer.raw.count("https://…".encode())


def test_the_script_has_a_word_for_every_state_in_both_languages() -> None:
    for state in callback.STATES:
        assert SCRIPT.count(f" {state}: ") == 2, state


async def test_a_tenants_token_calls_for_its_own_users_alone(shop: Bench) -> None:
    await shop.tenants.put(Tenant("acme", "Acme", 1))
    digest, key = described("rb_acme", "acme", ("call", "admin"), 1)
    await shop.keys.add(digest, replace(key, tenant="acme"))
    await shop.users.put(User("17@acme", (OwnedNumber("+8613900000017", "admin", 1),)))
    made = await mint(shop, key="acme", caller="17")
    assert (await click(shop, made.json["token"])).status == 201
    assert (shop.service.asked[-1][0].tenant, shop.service.asked[-1][0].request.caller) == ("acme", "17")
    other = await mint(shop, key="acme", caller="demo")
    assert (other.status, other.problem["type"]) == (404, "unknown-user")
    assert (await mint(shop, key="acme", caller="+8613900000001")).problem["type"] == "number-not-verified"
