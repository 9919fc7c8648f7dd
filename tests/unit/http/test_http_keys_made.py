"""/v1/keys: made with a secret that is shown once, listed without it, revoked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.entrypoints.http import keys
from ari_app.entrypoints.http.app import build
from ari_app.ports.keys import FIRST, SCOPES, described, digest_of, id_of
from tests.unit.http.http_bench import Bench


async def made(api: Bench, **more: Any) -> Any:
    answer = await api.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call", "read"], **more})
    assert answer.status == 201, answer.raw
    return answer.json


async def test_a_key_that_is_made_works_and_its_secret_is_shown_this_once(api: Bench) -> None:
    key = await made(api)
    assert (key["name"], key["scopes"], key["expires_at"]) == ("shop", ["call", "read"], None)
    secret = key.pop("secret")
    assert len(secret) > 40
    answer = await api.ask("GET", "/v1/trunks", key=None, authorization=f"Bearer {secret}")
    assert answer.status == 200
    assert (await api.ask("GET", "/v1/keys", key=None, authorization=f"Bearer {secret}")).status == 403
    listed = await api.ask("GET", "/v1/keys")
    assert secret not in listed.raw.decode()
    assert digest_of(secret) not in listed.raw.decode()
    assert listed.json["keys"][-1] == key | {"last_used_at": "2026-11-23T08:33:12.123Z"}


async def test_a_key_that_was_never_used_says_so(api: Bench) -> None:
    key = await made(api)
    [listed] = [one for one in (await api.ask("GET", "/v1/keys")).json["keys"] if one["id"] == key["id"]]
    assert listed["last_used_at"] is None


async def test_a_revoked_key_ends_at_once_where_it_was_revoked_though_it_was_believed(api: Bench) -> None:
    api.front = build(replace(api.doors, key_cache_ms=300_000))
    key = await made(api)
    bearer = f"Bearer {key['secret']}"
    assert (await api.ask("GET", "/v1/trunks", key=None, authorization=bearer)).status == 200
    gone = await api.ask("DELETE", f"/v1/keys/{key['id']}")
    assert (gone.status, gone.json["id"]) == (200, key["id"])
    assert (await api.ask("GET", "/v1/trunks", key=None, authorization=bearer)).status == 401
    again = await api.ask("DELETE", f"/v1/keys/{key['id']}")
    assert (again.status, again.problem["type"]) == (404, "unknown-key")


async def test_a_key_ends_at_the_time_that_it_was_given(api: Bench) -> None:
    key = await made(api, expires_at="2026-11-23T09:33:12.123+01:00".replace("09:33:12.123", "09:33:13.123"))
    assert key["expires_at"] == "2026-11-23T08:33:13.123Z"
    bearer = f"Bearer {key['secret']}"
    assert (await api.ask("GET", "/v1/trunks", key=None, authorization=bearer)).status == 200
    api.now_ms += 1_000
    ended = await api.ask("GET", "/v1/trunks", key=None, authorization=bearer)
    assert (ended.status, ended.problem["detail"]) == (401, "This key has expired.")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "", "scopes": ["call"]}, "name"),
        ({"name": "a\nb", "scopes": ["call"]}, "name"),
        ({"name": FIRST, "scopes": ["call"]}, "name"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["root"]}, "scopes.0"),
        ({"name": "x", "scopes": ["call"], "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "x", "scopes": ["call"], "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "x", "scopes": ["call"], "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
    ],
)
async def test_what_cannot_be_a_key_is_told_with_the_field(api: Bench, body: Any, field: str) -> None:
    answer = await api.ask("POST", "/v1/keys", body)
    assert (answer.status, answer.problem["field"]) == (422, field)


async def test_the_first_key_is_replaced_not_revoked_as_it_would_come_back(api: Bench) -> None:
    await api.keys.add(*described("rb_first", FIRST, SCOPES, 1))
    answer = await api.ask("DELETE", f"/v1/keys/{id_of(digest_of('rb_first'))}")
    assert (answer.status, answer.problem["type"]) == (409, "first-key")
    assert (await api.ask("GET", "/v1/keys", key="first")).status == 200


async def test_there_is_an_end_to_keys(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "KEYS_MAX", 4)
    await made(api)
    answer = await api.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call"]})
    assert (answer.status, answer.problem["type"]) == (409, "too-many-keys")
