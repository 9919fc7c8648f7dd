"""Who may do what: no key, a wrong key, a key without the scope."""

from dataclasses import replace

import pytest

from ari_app.entrypoints.http import click
from ari_app.entrypoints.http.app import routes
from ari_app.ports.devices import Device
from ari_app.ports.feed import START
from ari_app.ports.keys import described, digest_of, id_of
from ari_app.ports.nodes import NodeNow
from ari_app.ports.tenants import Tenant
from ari_app.ports.webhooks import Secret, Webhook, new_secret
from tests.unit.http.conference_bench import Hall, a_conference
from tests.unit.http.http_bench import Bench, a_call, a_test, a_tone

OPEN = {"/", "/docs", "/healthz", "/readyz", "/metrics", "/openapi.json", "/click", "/click.js", *click.OPEN}
RECORDED = f"rb20261123-{'0' * 32}"
SCOPES = [
    ("POST", "/v1/calls", {"dialler"}),
    ("GET", "/v1/calls", {"viewer"}),
    ("GET", "/v1/calls/c1", {"dialler", "viewer"}),
    ("GET", "/v1/calls/c1/events", {"dialler", "viewer"}),
    ("DELETE", "/v1/calls/c1", {"dialler"}),
    ("GET", "/v1/events", {"viewer"}),
    ("POST", "/v1/click-tokens", {"dialler"}),
    ("POST", "/v1/conferences", {"dialler"}),
    ("GET", "/v1/conferences/c9", {"dialler", "viewer"}),
    ("DELETE", "/v1/conferences/c9", {"dialler"}),
    ("POST", "/v1/conferences/c9/participants", {"dialler"}),
    ("POST", "/v1/conferences/c9/participants/p2/ring", {"dialler"}),
    ("PATCH", "/v1/conferences/c9/participants/p1", {"dialler"}),
    ("DELETE", "/v1/conferences/c9/participants/p1", {"dialler"}),
    ("POST", "/v1/conferences/c9/pins", {"dialler"}),
    ("PUT", "/v1/users/demo", {"dialler"}),
    ("GET", "/v1/users/demo", {"dialler", "viewer"}),
    ("GET", "/v1/users/demo/balance", {"dialler", "viewer"}),
    ("GET", "/v1/users/demo/statement", {"viewer"}),
    ("POST", "/v1/users/demo/grants", set()),
    ("GET", "/v1/users/demo/limits/+8613800000001", {"viewer"}),
    ("DELETE", "/v1/users/demo/limits/+8613800000001", set()),
    ("POST", "/v1/users/demo/corrections", set()),
    ("POST", "/v1/users/li/numbers/+8613900000009/verify", {"dialler"}),
    ("POST", "/v1/users/li/numbers/+8613900000009/confirm", {"dialler"}),
    ("GET", "/v1/users/demo/plan", {"dialler", "viewer"}),
    ("POST", "/v1/calls/c1/refund", set()),
    ("POST", "/v1/calls/c1/recording", {"dialler"}),
    ("DELETE", "/v1/calls/c2/recording", {"dialler"}),
    ("GET", f"/v1/recordings/{RECORDED}", {"dialler"}),
    ("DELETE", f"/v1/recordings/{RECORDED}", set()),
    ("PUT", "/v1/teams/acme", set()),
    ("GET", "/v1/teams/acme", {"dialler", "viewer"}),
    ("GET", "/v1/teams/acme/members", {"viewer"}),
    ("PUT", "/v1/teams/acme/members/demo", set()),
    ("DELETE", "/v1/teams/acme/members/acme1", set()),
    ("POST", "/v1/notices", {"dialler"}),
    ("GET", "/v1/notices", {"viewer"}),
    ("GET", "/v1/notices/NOTICE", {"dialler", "viewer"}),
    ("GET", "/v1/notices/NOTICE/events", {"dialler", "viewer"}),
    ("POST", "/v1/notices/NOTICE/remind", {"dialler"}),
    ("DELETE", "/v1/notices/NOTICE", {"dialler"}),
    ("POST", "/v1/audio", {"dialler"}),
    ("GET", "/v1/trunks", {"viewer"}),
    ("GET", "/v1/trunks/carrier", {"viewer"}),
    ("POST", "/v1/trunks/carrier/test", set()),
    ("GET", "/v1/trunks/carrier/test/c7", {"viewer"}),
    ("GET", "/v1/reports/settlement", {"viewer"}),
    ("GET", "/v1/nodes", {"viewer"}),
    ("PUT", "/v1/nodes/pbx1", set()),
    ("DELETE", "/v1/nodes/pbx1", set()),
    ("GET", "/v1/calls/export", {"viewer"}),
    ("POST", "/v1/imports/users?dry_run=true", set()),
    ("POST", "/v1/imports/grants?dry_run=true", set()),
    ("POST", "/v1/keys", set()),
    ("GET", "/v1/keys", set()),
    ("DELETE", "/v1/keys/KEY", set()),
    ("POST", "/v1/keys/KEY/rotate", set()),
    ("POST", "/v1/webhooks", set()),
    ("GET", "/v1/webhooks", {"viewer"}),
    ("GET", "/v1/webhooks/wh_1", {"viewer"}),
    ("PATCH", "/v1/webhooks/wh_1", set()),
    ("GET", "/v1/webhooks/wh_1/deliveries", {"viewer"}),
    ("POST", "/v1/webhooks/wh_1/replay", set()),
    ("POST", "/v1/webhooks/wh_1/test", set()),
    ("POST", "/v1/webhooks/wh_1/secret", set()),
    ("DELETE", "/v1/webhooks/wh_1", set()),
    ("GET", "/v1/tenants", set()),
    ("GET", "/v1/tenants/globex", set()),
    ("PUT", "/v1/tenants/globex", set()),
    ("DELETE", "/v1/tenants/globex", set()),
    ("POST", "/v1/users/demo/devices", {"dialler"}),
    ("GET", "/v1/users/demo/devices", {"dialler", "viewer"}),
    ("POST", "/v1/users/demo/devices/vaaaaaaaaaaaaaaaa/password", {"dialler"}),
    ("DELETE", "/v1/users/demo/devices/vaaaaaaaaaaaaaaaa", {"dialler"}),
]
BODY = {"POST /v1/calls": {"caller": "demo", "callee": "x"},
        "POST /v1/click-tokens": {"caller": "demo", "callee": "+8613900000004"},
        "PUT /v1/users/demo": {"numbers": ["+8613900000001"]},
        "POST /v1/users/demo/grants": {"kind": "bonus", "seconds": 60}, "PUT /v1/teams/acme": {"name": "Acme"},
        "POST /v1/users/li/numbers/+8613900000009/confirm": {"code": "302118"},
        "POST /v1/calls/c1/recording": {},
        "POST /v1/users/demo/corrections": {"seconds": -60, "reason": "x"}, "POST /v1/calls/c1/refund": {},
        "POST /v1/conferences": {"host": "demo", "participants": ["x"]},
        "POST /v1/conferences/c9/participants": {"participant": "+8613900000006"},
        "PATCH /v1/conferences/c9/participants/p1": {"muted": False},
        "PUT /v1/nodes/pbx1": {"drained": True}, "POST /v1/trunks/carrier/test": {"number": "+8613900000004"},
        "POST /v1/notices": {"sender": "demo", "recipients": ["+8613900000028"], "text": "Ten."},
        "POST /v1/users/demo/devices": {}, "POST /v1/keys": {"name": "shop", "scopes": ["call"]},
        "POST /v1/webhooks": {"url": "https://example.com/"}, "PATCH /v1/webhooks/wh_1": {},
        "POST /v1/webhooks/wh_1/replay": {"dead": True}, "POST /v1/webhooks/wh_1/secret": {},
        "POST /v1/keys/KEY/rotate": {}, "PUT /v1/tenants/globex": {"name": "Globex"}}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "may"), SCOPES)
@pytest.mark.parametrize("key", ["dialler", "viewer", "root"])
async def test_a_key_does_what_its_scopes_say_and_no_more(
    api: Bench, method: str, path: str, may: set[str], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.put()
    await api.unproved("li", "+8613900000009", code="302118")
    api.engine.live["c1"] = a_call()
    api.engine.live["c2"] = replace(a_call("c2"), words=("record mixed",))
    api.tapes.kept[RECORDED] = b"RIFF"
    api.engine.live["c7"] = api.service.test = a_test()
    hall = Hall(a_conference())
    api.engine.live["c9"] = hall.call
    monkeypatch.setattr(api.service, "add", hall.add, raising=False)
    monkeypatch.setattr(api.engine, "tell", hall.tell, raising=False)
    await api.store(a_call(), "queued")
    await api.charge("c1")
    await api.team(members=1)
    await api.devices.add(Device("vaaaaaaaaaaaaaaaa", "demo", "", "udp", "rbdx", "0", 1), 9)
    api.nodes.seen = [NodeNow("pbx1", None, 0, False, None, None)]
    notice = await api.notice()
    path = path.replace("NOTICE", notice.id)
    await api.tenants.put(Tenant("globex", "Globex", 1))
    await api.webhooks.add(Webhook("wh_1", "", "https://example.com/", (), (Secret(new_secret()),), 1), START)
    path, body = path.replace("KEY", id_of(digest_of("rb_spare"))), BODY.get(f"{method} {path}")
    await api.keys.add(*described("rb_spare", "spare", ("read",), 1))
    raw = a_tone() if path == "/v1/audio" else None
    raw = b"\n" if path.startswith("/v1/imports") else raw
    kind = {"content_type": "application/x-ndjson"} if raw == b"\n" else {}
    answer = await api.ask(method, path, body, key=key, raw=raw, **kind)
    if key in may | {"root"}:
        assert answer.status < 300, answer.raw
    else:
        assert (answer.status, answer.problem["type"]) == (403, "forbidden")
        assert "admin" in answer.problem["detail"]


async def test_every_route_of_v1_needs_a_key(api: Bench) -> None:
    asked = 0
    for method, path in routes():
        if path not in OPEN:
            answer = await api.ask(
                method, path.replace("{call_id}", "c1").replace("{id}", "demo").replace("{name}", "pbx1"), key=None
            )
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
