"""/v1/tenants, and the keys of tenants: each sees to its own alone; a key is replaced while the old one goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.entrypoints.http import keys, tenants
from ari_app.entrypoints.http.app import build
from ari_app.ports.keys import FIRST, SCOPES, described, digest_of, id_of
from ari_app.ports.tenants import Tenant
from tests.unit.http.http_bench import NOW_MS, Answer, Bench

DAY_S = 86_400


async def acme(api: Bench) -> None:
    """Two tenants, each with an admin key: rb_acme and rb_globex."""
    for id in ("acme", "globex"):
        await api.tenants.put(Tenant(id, id.title(), 1))
        await api.keys.add(*described(f"rb_{id}", "its admin", ("admin",), 1, tenant=id))


async def made(api: Bench, key: str = "root", **more: Any) -> Any:
    answer = await api.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call", "read"], **more}, key=key)
    assert answer.status == 201, answer.raw
    return answer.json


async def works(api: Bench, secret: str) -> bool:
    return (await api.ask("GET", "/v1/calls", key=None, authorization=f"Bearer {secret}")).status == 200


async def rotated(api: Bench, id: str, key: str = "root", **body: Any) -> Answer:
    return await api.ask("POST", f"/v1/keys/{id}/rotate", body, key=key)


# ---- tenants --------------------------------------------------------------------------------------------------------


async def test_a_tenant_is_made_looked_at_listed_and_changed(api: Bench) -> None:
    body = {"name": "Acme", "requests_per_s": 50, "requests_burst": 70}
    made = await api.ask("PUT", "/v1/tenants/acme", body)
    expected = {"id": "acme", **body, "created_at": "2026-11-23T08:33:12.123Z", "closed_at": None}
    assert (made.status, made.json) == (200, expected)
    assert (await api.ask("GET", "/v1/tenants/acme")).json == expected
    api.now_ms += 5_000
    changed = await api.ask("PUT", "/v1/tenants/acme", {"name": "Acme AG"})
    assert changed.json == expected | {"name": "Acme AG", "requests_per_s": None, "requests_burst": None}
    assert (await api.ask("GET", "/v1/tenants")).json == {"tenants": [changed.json]}
    missing = await api.ask("GET", "/v1/tenants/nobody")
    assert (missing.status, missing.problem["type"]) == (404, "unknown-tenant")


async def test_a_closed_tenants_keys_are_refused_at_once_and_work_again_when_it_is_opened(api: Bench) -> None:
    api.front = build(replace(api.doors, key_cache_ms=300_000))
    await acme(api)
    secret = (await made(api, tenant="acme"))["secret"]
    assert await works(api, secret)
    closed = await api.ask("DELETE", "/v1/tenants/acme")
    assert (closed.status, closed.json["closed_at"]) == (200, "2026-11-23T08:33:12.123Z")
    refused = await api.ask("GET", "/v1/calls", key=None, authorization=f"Bearer {secret}")
    assert (refused.status, refused.problem["type"]) == (401, "unauthorized")
    assert "closed" in refused.problem["detail"]
    api.now_ms += 5_000
    assert (await api.ask("DELETE", "/v1/tenants/acme")).json == closed.json, "once more changes nothing"
    no_key = await api.ask("POST", "/v1/keys", {"name": "x", "scopes": ["call"], "tenant": "acme"})
    assert (no_key.status, no_key.problem["type"]) == (409, "tenant-closed")
    assert (await api.ask("DELETE", "/v1/tenants/nobody")).problem["type"] == "unknown-tenant"
    assert (await api.ask("PUT", "/v1/tenants/acme", {"name": "Acme"})).json["closed_at"] is None
    assert await works(api, secret)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/acme"), ("PUT", "/acme"), ("DELETE", "/acme")])
async def test_tenants_are_the_operators_alone(api: Bench, method: str, path: str) -> None:
    await acme(api)
    body = {"name": "Mine"} if method == "PUT" else None
    answer = await api.ask(method, f"/v1/tenants{path}", body, key="acme")
    assert (answer.status, answer.problem["type"]) == (403, "forbidden")
    assert "operator" in answer.problem["detail"]
    assert await api.tenants.get("acme") == Tenant("acme", "Acme", 1)


@pytest.mark.parametrize(
    ("id", "body", "field"),
    [
        ("Acme", {"name": "x"}, "id"),
        ("-acme", {"name": "x"}, "id"),
        ("a" * 32, {"name": "x"}, "id"),
        ("a@b", {"name": "x"}, "id"),
        ("acme", {}, "name"),
        ("acme", {"name": "a\nb"}, "name"),
        ("acme", {"name": "x", "requests_per_s": 0}, "requests_per_s"),
        ("acme", {"name": "x", "requests_burst": 1.5}, "requests_burst"),
    ],
)
async def test_what_cannot_be_a_tenant_is_told_with_the_field(api: Bench, id: str, body: Any, field: str) -> None:
    answer = await api.ask("PUT", f"/v1/tenants/{id}", body)
    assert (answer.status, answer.problem["field"]) == (422, field)


async def test_there_is_an_end_to_tenants(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(_tenant: Tenant) -> None:
        return None

    monkeypatch.setattr(api.tenants, "put", full)
    answer = await api.ask("PUT", "/v1/tenants/acme", {"name": "Acme"})
    assert (answer.status, answer.problem["type"]) == (409, "too-many-tenants")
    assert str(tenants.TENANTS_MAX) in answer.problem["detail"]


# ---- whose keys -----------------------------------------------------------------------------------------------------


async def test_a_key_says_whose_it_is_and_the_operator_may_name_any_tenant_that_is_there(api: Bench) -> None:
    await acme(api)
    assert (await made(api))["tenant"] is None
    assert (await made(api, tenant="acme"))["tenant"] == "acme"
    missing = await api.ask("POST", "/v1/keys", {"name": "x", "scopes": ["call"], "tenant": "nobody"})
    assert (missing.status, missing.problem["type"], missing.problem["field"]) == (404, "unknown-tenant", "tenant")
    assert {one["tenant"] for one in (await api.ask("GET", "/v1/keys")).json["keys"]} == {None, "acme", "globex"}
    listed = (await api.ask("GET", "/v1/keys?tenant=acme")).json["keys"]
    assert [one["tenant"] for one in listed] == ["acme", "acme"]


async def test_a_tenants_admin_makes_lists_rotates_and_revokes_its_own_tenants_keys_and_knows_no_other(
    api: Bench,
) -> None:
    await acme(api)
    own = await made(api, "acme")
    assert own["tenant"] == "acme"
    assert (await made(api, "acme", tenant="acme"))["tenant"] == "acme"
    listed = (await api.ask("GET", "/v1/keys", key="acme")).json["keys"]
    assert {one["tenant"] for one in listed} == {"acme"}
    for other in (id_of(digest_of("rb_globex")), id_of(digest_of("rb_root"))):
        gone = await api.ask("DELETE", f"/v1/keys/{other}", key="acme")
        assert (gone.status, gone.problem["type"]) == (404, "unknown-key")
        assert (await rotated(api, other, "acme")).problem["type"] == "unknown-key"
    assert (await api.ask("GET", "/v1/keys", key="globex")).status == 200
    for foreign in (
        await api.ask("POST", "/v1/keys", {"name": "x", "scopes": ["call"], "tenant": "globex"}, key="acme"),
        await api.ask("GET", "/v1/keys?tenant=globex", key="acme"),
    ):
        assert (foreign.status, foreign.problem["field"]) == (403, "tenant")
    assert (await rotated(api, own["id"], "acme")).json["tenant"] == "acme"
    assert (await api.ask("DELETE", f"/v1/keys/{own['id']}", key="acme")).status == 200
    last = await api.ask("DELETE", f"/v1/keys/{id_of(digest_of('rb_acme'))}", key="acme")
    assert last.status == 200, "the operator can always make another"


async def test_one_tenant_cannot_use_up_the_keys_of_others(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "TENANT_KEYS_MAX", 2)
    await acme(api)
    own = await made(api, "acme")
    for by in ("acme", "root"):
        full = await api.ask("POST", "/v1/keys", {"name": "x", "scopes": ["call"], "tenant": "acme"}, key=by)
        assert (full.status, full.problem["type"]) == (409, "too-many-keys")
    assert (await rotated(api, own["id"], "acme")).problem["type"] == "too-many-keys"
    await made(api, "globex")
    await made(api)


# ---- rotation -------------------------------------------------------------------------------------------------------


async def test_a_rotated_key_goes_on_for_the_overlap_beside_the_new_one_and_no_longer(api: Bench) -> None:
    api.front = build(replace(api.doors, key_cache_ms=300_000_000))
    await acme(api)
    old = await made(api, tenant="acme")
    assert await works(api, old["secret"])
    new = (await rotated(api, old["id"], overlap_s=60)).json
    same = ("name", "scopes", "tenant")
    assert [new[field] for field in same] == [old[field] for field in same]
    assert (new["expires_at"], new["replaced_by"]) == (None, None)
    listed = {one["id"]: one for one in (await api.ask("GET", "/v1/keys")).json["keys"]}
    assert (listed[old["id"]]["expires_at"], listed[old["id"]]["replaced_by"]) == (
        "2026-11-23T08:34:12.123Z",
        new["id"],
    )
    assert [await works(api, secret) for secret in (old["secret"], new["secret"])] == [True, True]
    api.now_ms += 60_000
    assert [await works(api, secret) for secret in (old["secret"], new["secret"])] == [False, True]


async def test_a_new_key_goes_on_with_the_idempotency_keys_of_the_old_one(api: Bench) -> None:
    key = await made(api)
    await api.put()
    for secret in [key["secret"], (await rotated(api, key["id"])).json["secret"]]:
        body = {"caller": "demo", "callee": "+8613900000004"}
        bearer = {"authorization": f"Bearer {secret}", "idempotency_key": "order-7"}
        assert (await api.ask("POST", "/v1/calls", body, key=None, **bearer)).status == 201
    assert [owner for _, owner, _ in api.service.asked] == [key["id"], key["id"]]


async def test_a_lost_answer_is_asked_again_until_the_new_key_was_used(api: Bench) -> None:
    old = await made(api)
    lost = (await rotated(api, old["id"])).json
    api.now_ms += 1_000
    again = (await rotated(api, old["id"])).json
    listed = {one["id"]: one for one in (await api.ask("GET", "/v1/keys")).json["keys"]}
    assert lost["id"] not in listed
    assert listed[old["id"]]["replaced_by"] == again["id"]
    ends = "2026-11-24T08:33:12.123Z"
    assert listed[old["id"]]["expires_at"] == ends, "asked again it does not go on for longer"
    assert [await works(api, secret) for secret in (lost["secret"], again["secret"])] == [False, True]
    used = await rotated(api, old["id"])
    assert (used.status, used.problem["type"], used.problem["replaced_by"]) == (409, "key-replaced", again["id"])
    assert (await rotated(api, again["id"])).status == 201


async def test_the_overlap_may_be_none_and_a_leaked_key_ends_now(api: Bench) -> None:
    old = await made(api)
    assert await works(api, old["secret"])
    await rotated(api, old["id"])
    assert await works(api, old["secret"])
    await rotated(api, old["id"], overlap_s=0)
    assert not await works(api, old["secret"])


async def test_a_key_that_has_ended_comes_not_back_by_a_new_one_that_was_revoked(api: Bench) -> None:
    old = await made(api)
    new = (await rotated(api, old["id"], overlap_s=1)).json
    assert await works(api, new["secret"])
    api.now_ms += 1_000
    await api.ask("DELETE", f"/v1/keys/{new['id']}")
    ended = await rotated(api, old["id"])
    assert (ended.status, ended.problem["type"]) == (409, "key-ended")


async def test_a_refused_key_was_not_used(api: Bench) -> None:
    api.front = build(replace(api.doors, key_cache_ms=0))
    old = await made(api, expires_at="2026-11-23T08:34:00Z")
    assert await works(api, old["secret"])
    used = (await api.ask("GET", "/v1/keys")).json["keys"][-1]["last_used_at"]
    api.now_ms += 300_000
    assert not await works(api, old["secret"])
    assert (await api.ask("GET", "/v1/keys")).json["keys"][-1]["last_used_at"] == used


async def test_keys_of_a_tenant_that_is_not_there_are_no_empty_list(api: Bench) -> None:
    answer = await api.ask("GET", "/v1/keys?tenant=nosuch")
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (404, "unknown-tenant", "tenant")


async def test_a_new_key_ends_when_the_old_one_was_to_unless_it_is_said(api: Bench) -> None:
    old = await made(api, expires_at="2026-12-01T00:00:00Z")
    assert (await rotated(api, old["id"])).json["expires_at"] == "2026-12-01T00:00:00.000Z"
    again = await rotated(api, old["id"], expires_at="2027-12-01T00:00:00Z")
    assert again.json["expires_at"] == "2027-12-01T00:00:00.000Z"
    short = await made(api, expires_at="2026-11-23T08:34:00Z")
    await rotated(api, short["id"])
    listed = {one["id"]: one for one in (await api.ask("GET", "/v1/keys")).json["keys"]}
    assert listed[short["id"]]["expires_at"] == "2026-11-23T08:34:00.000Z", "an overlap makes nothing longer"
    api.now_ms += 60_000
    ended = await rotated(api, short["id"])
    assert (ended.status, ended.problem["type"]) == (409, "key-ended")


async def test_the_first_key_is_not_rotated_as_it_is_a_setting(api: Bench) -> None:
    await api.keys.add(*described("rb_first", FIRST, SCOPES, 1))
    answer = await rotated(api, id_of(digest_of("rb_first")))
    assert (answer.status, answer.problem["type"]) == (409, "first-key")
    assert "api_key" in answer.problem["detail"]


async def test_keys_that_were_replaced_and_have_ended_take_up_no_room(
    api: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "TENANT_KEYS_MAX", 3)
    await acme(api)
    key = await made(api, "acme")
    for _ in range(6):
        new = await rotated(api, key["id"], "acme", overlap_s=3_600)
        assert new.status == 201, new.raw
        assert await works(api, new.json["secret"])
        key, api.now_ms = new.json, api.now_ms + DAY_S * 1000
    assert len((await api.ask("GET", "/v1/keys", key="acme")).json["keys"]) == 3
    assert api.now_ms > NOW_MS


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"overlap_s": -1}, "overlap_s"),
        ({"overlap_s": 31 * DAY_S}, "overlap_s"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x"}, "name"),
    ],
)
async def test_what_cannot_be_a_rotation_is_told_with_the_field(api: Bench, body: Any, field: str) -> None:
    old = await made(api)
    answer = await rotated(api, old["id"], **body)
    assert (answer.status, answer.problem["field"]) == (422, field)
    assert len(await api.keys.of("")) == 4
