"""Who may do what: no key, a wrong key, a key without the scope."""

import pytest

from ari_app.adapters.memory_users import MemoryKeys
from ari_app.entrypoints.http.app import routes
from ari_app.entrypoints.http.auth import Gate
from ari_app.ports.keys import ApiKey, described
from tests.unit.http.http_bench import Bench, a_call

OPEN = {"/", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json"}
SCOPES = [
    ("POST", "/v1/calls", {"dialler"}),
    ("GET", "/v1/calls", {"viewer"}),
    ("GET", "/v1/calls/c1", {"dialler", "viewer"}),
    ("GET", "/v1/calls/c1/events", {"dialler", "viewer"}),
    ("DELETE", "/v1/calls/c1", {"dialler"}),
    ("PUT", "/v1/users/demo", {"dialler"}),
    ("GET", "/v1/users/demo", {"dialler", "viewer"}),
    ("GET", "/v1/users/demo/balance", {"dialler", "viewer"}),
    ("GET", "/v1/users/demo/statement", {"viewer"}),
    ("POST", "/v1/users/demo/grants", set()),
    ("POST", "/v1/users/demo/corrections", set()),
    ("GET", "/v1/users/demo/plan", {"dialler", "viewer"}),
    ("POST", "/v1/calls/c1/refund", set()),
    ("PUT", "/v1/teams/acme", set()),
    ("GET", "/v1/teams/acme", {"dialler", "viewer"}),
    ("GET", "/v1/teams/acme/members", {"viewer"}),
    ("PUT", "/v1/teams/acme/members/demo", set()),
    ("DELETE", "/v1/teams/acme/members/acme1", set()),
    ("GET", "/v1/trunks", {"viewer"}),
]
BODY = {"POST /v1/calls": {"caller": "demo", "callee": "x"}, "PUT /v1/users/demo": {"numbers": ["+8613900000001"]},
        "POST /v1/users/demo/grants": {"kind": "bonus", "seconds": 60}, "PUT /v1/teams/acme": {"name": "Acme"},
        "POST /v1/users/demo/corrections": {"seconds": -60, "reason": "x"}, "POST /v1/calls/c1/refund": {}}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "may"), SCOPES)
@pytest.mark.parametrize("key", ["dialler", "viewer", "root"])
async def test_a_key_does_what_its_scopes_say_and_no_more(
    api: Bench, method: str, path: str, may: set[str], key: str
) -> None:
    await api.put()
    api.engine.live["c1"] = a_call()
    await api.store(a_call(), "queued")
    await api.charge("c1")
    await api.team(members=1)
    answer = await api.ask(method, path, BODY.get(f"{method} {path}"), key=key)
    if key in may | {"root"}:
        assert answer.status < 300, answer.raw
    else:
        assert (answer.status, answer.problem["type"]) == (403, "forbidden")
        assert "admin" in answer.problem["detail"]


async def test_every_route_of_v1_needs_a_key(api: Bench) -> None:
    asked = 0
    for method, path in routes():
        if path not in OPEN:
            answer = await api.ask(method, path.replace("{call_id}", "c1").replace("{id}", "demo"), key=None)
            assert (answer.status, answer.problem["type"]) == (401, "unauthorized"), path
            assert answer.headers["www-authenticate"] == "Bearer"
            asked += 1
    assert asked == len(SCOPES), "a route is not in the table of scopes above"


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic cm9vdDpyb290", "rb_root", "Bearer rb_nobody"])
async def test_a_key_that_is_not_known_or_not_sent_rightly_is_401(api: Bench, value: str) -> None:
    answer = await api.ask("GET", "/v1/trunks", key=None, authorization=value)
    assert answer.status == 401


async def test_the_word_bearer_may_be_written_in_any_case(api: Bench) -> None:
    assert (await api.ask("GET", "/v1/trunks", key=None, authorization="bearer rb_root")).status == 200


class CountingKeys(MemoryKeys):
    asked = 0

    async def find(self, digest: str) -> ApiKey | None:
        self.asked += 1
        return await super().find(digest)


async def test_a_good_key_is_believed_for_a_while_and_a_deleted_one_no_longer_than_that(api: Bench) -> None:
    from starlette.requests import Request

    keys, now_s = CountingKeys(), 100.0
    await keys.add(*described("rb_x", "x", ("read",), 1))
    gate = Gate(keys, 5_000, clock=lambda: now_s)
    request = Request({"type": "http", "headers": [(b"authorization", b"Bearer rb_x")]})
    first = await gate.who(request)
    await keys.delete(first.id)
    assert (await gate.who(request)).id == first.id
    assert keys.asked == 1
    now_s += 5.1
    with pytest.raises(Exception, match="not known"):
        await gate.who(request)
    with pytest.raises(Exception, match="not known"):
        await gate.who(request)
    assert keys.asked == 3, "a bad key is never remembered"
