"""/v1/webhooks over memory: making, changing, rotating, replaying, testing; and who sees which."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from standardwebhooks import Webhook as Receiver

from ari_app.adapters.memory_feed import MemoryOutbox
from ari_app.entrypoints.http.webhooks import TESTS_MAX
from ari_app.entrypoints.views import at_ms
from ari_app.hooks import replays
from ari_app.hooks.catalogue import EVENTS
from ari_app.ports.feed import News, Source, Upto
from ari_app.ports.keys import described
from ari_app.ports.sender import Answer as Answered
from ari_app.ports.tenants import Tenant
from ari_app.ports.webhooks import SECRETS_MAX, WEBHOOKS_MAX, Attempt
from tests.unit.http.http_bench import NOW_MS, Answer, Bench, a_call

URL = "https://example.com/hook"


async def made(api: Bench, *, key: str = "root", once: str | None = None, **more: Any) -> Any:
    headers = {"Idempotency_Key": once} if once else {}
    answer = await api.ask("POST", "/v1/webhooks", {"url": URL} | more, key=key, **headers)
    assert answer.status == 201, answer.raw
    return answer.json


async def partner(api: Bench, tenant: str) -> None:
    """The key `rb_<tenant>` is its admin's."""
    await api.tenants.put(Tenant(tenant, tenant.title(), 1))
    digest, key = described(f"rb_{tenant}", tenant, ("admin",), 1)
    await api.keys.add(digest, replace(key, tenant=tenant))


@pytest.fixture(autouse=True)
async def partners(api: Bench) -> None:
    for tenant in ("acme", "zeta"):
        await partner(api, tenant)


async def test_a_webhook_is_made_shown_changed_and_removed(api: Bench) -> None:
    hook = await made(api, events=["call.ended", "talking", "notice.*"], description="the shop")
    assert hook["events"] == ["call.ended", "call.talking", "notice.*"]
    assert hook["secret"].startswith("whsec_")
    shown = (await api.ask("GET", f"/v1/webhooks/{hook['id']}", key="viewer")).json
    assert shown == {name: value for name, value in hook.items() if name != "secret"}
    assert shown["waiting"] == shown["dead"] == 0
    changed = await api.ask("PATCH", f"/v1/webhooks/{hook['id']}", {"paused": True, "events": []})
    assert (changed.json["paused"], changed.json["events"], changed.json["url"]) == (True, ["*"], URL)
    assert (await api.ask("DELETE", f"/v1/webhooks/{hook['id']}")).json["id"] == hook["id"]
    assert (await api.ask("GET", f"/v1/webhooks/{hook['id']}")).problem["type"] == "unknown-webhook"
    assert (await api.ask("GET", "/v1/webhooks")).json == {"webhooks": []}


async def test_the_same_idempotency_key_is_the_same_webhook_with_the_same_secret(api: Bench) -> None:
    first = await made(api, once="k1", events=["ended"])
    assert await made(api, once="k1", events=["call.ended"]) == first
    assert (await made(api, once="k2"))["id"] != first["id"]
    assert (await made(api, once="k1", key="acme"))["id"] != first["id"], "keys of two API keys never meet"
    other = await api.ask("POST", "/v1/webhooks", {"url": URL + "2"}, Idempotency_Key="k1")
    assert other.problem["type"] == "idempotency-conflict"
    api.wall_ahead_ms = 86_400_001
    late = await api.ask("POST", "/v1/webhooks", {"url": URL, "events": ["ended"]}, Idempotency_Key="k1")
    assert (late.status, first["secret"] in late.raw.decode()) == (409, False)


async def test_a_tenant_sees_its_own_and_the_operator_all(api: Bench) -> None:
    mine, his, ours = await made(api, key="acme"), await made(api, key="zeta"), await made(api)
    assert [one["id"] for one in (await api.ask("GET", "/v1/webhooks", key="acme")).json["webhooks"]] == [mine["id"]]
    everybody = (await api.ask("GET", "/v1/webhooks")).json["webhooks"]
    assert {one["id"]: one.get("tenant") for one in everybody} == {
        mine["id"]: "acme",
        his["id"]: "zeta",
        ours["id"]: None,
    }
    for id in (his["id"], ours["id"]):
        for method, path, body in (
            ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("POST", "/secret", {}),
            ("GET", "/deliveries", None), ("POST", "/replay", {"dead": True}), ("POST", "/test", None),
        ):  # fmt: skip
            answer = await api.ask(method, f"/v1/webhooks/{id}{path}", body, key="acme")
            assert (answer.status, answer.problem["type"]) == (404, "unknown-webhook"), path
    assert api.sender.sent == []


@pytest.mark.parametrize(
    ("url", "said"),
    [("example.com/hook", "https://example.com"), ("ftp://example.com/", "https://"),
     ("https://u:p@example.com/", "signed"),
     ("https://example.com/#a", "#"), ("https://10.0.0.1/", "inner"), ("http://169.254.169.254/", "inner"),
     ("https://[::ffff:10.0.0.1]/", "inner"), ("https://2852039166/", "inner"), ("http://example.com/", "use https"),
     ("https://example.com:6379/", "port 6379"), ("https://exa mple.com/", "ASCII"), ("https://例子.com/", "xn--")],
)  # fmt: skip
async def test_an_address_that_will_not_do_is_refused_at_once(api: Bench, url: str, said: str) -> None:
    answer = await api.ask("POST", "/v1/webhooks", {"url": url})
    assert (answer.status, answer.problem["field"]) == (422, "url")
    assert said in answer.problem["detail"]
    id = (await made(api))["id"]
    assert (await api.ask("PATCH", f"/v1/webhooks/{id}", {"url": url})).status == 422


async def test_this_machine_may_be_reached_where_the_operator_allows_it(api: Bench) -> None:
    for url in ("http://127.0.0.1:4711/hook", "http://localhost:4711/", "http://[::1]:4711/"):
        assert (await made(api, url=url))["url"] == url


async def test_an_unknown_event_is_told_with_what_was_meant_and_what_there_is(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/webhooks", {"url": URL, "events": ["call.ended", "call.endet"]})
    assert (answer.status, answer.problem["field"]) == (422, "events.1")
    assert 'did you mean "call.ended"?' in answer.problem["detail"]
    assert all(name in answer.problem["detail"] for name in EVENTS)


async def test_there_is_a_limit_for_each_tenant(api: Bench) -> None:
    for _ in range(WEBHOOKS_MAX):
        await made(api, key="acme")
    assert (await api.ask("POST", "/v1/webhooks", {"url": URL}, key="acme")).problem["type"] == "too-many-webhooks"
    await made(api, key="zeta")


async def test_a_secret_is_replaced_and_the_old_one_signs_for_a_while(api: Bench) -> None:
    hook = await made(api)
    path = f"/v1/webhooks/{hook['id']}"
    fresh = (await api.ask("POST", f"{path}/secret", {"overlap_s": 60})).json
    assert fresh["secret"] != hook["secret"]
    assert at_ms(fresh["old_secret_until"]) / 1000 - time.time() == pytest.approx(60, abs=5)
    await api.ask("POST", f"{path}/test")
    _, body, headers = api.sender.sent[-1]
    for secret in (fresh["secret"], hook["secret"]):
        assert Receiver(secret).verify(body, headers)["type"] == "webhook.test"
    api.wall_ahead_ms = 60_001
    await api.ask("POST", f"{path}/test")
    assert len(api.sender.sent[-1][2]["webhook-signature"].split()) == 1
    assert "old_secret_until" not in (await api.ask("GET", path)).json


async def test_what_was_said_of_an_older_secret_holds_unless_all_are_to_end(api: Bench) -> None:
    hook = await made(api)
    path = f"/v1/webhooks/{hook['id']}"
    second = (await api.ask("POST", f"{path}/secret", {"overlap_s": 3_600})).json
    third = (await api.ask("POST", f"{path}/secret", {"overlap_s": 3})).json
    assert third["old_secret_until"] == second["old_secret_until"]
    api.wall_ahead_ms = 4_000
    await api.ask("POST", f"{path}/test")
    _, body, headers = api.sender.sent[-1]
    for secret in (hook["secret"], third["secret"]):
        assert Receiver(secret).verify(body, headers)["type"] == "webhook.test"
    assert len(headers["webhook-signature"].split()) == 2
    await api.ask("POST", f"{path}/secret", {"overlap_s": 0})
    await api.ask("POST", f"{path}/test")
    assert len(api.sender.sent[-1][2]["webhook-signature"].split()) == 1


async def test_no_more_secrets_hold_at_once_than_a_header_takes(api: Bench) -> None:
    path = f"/v1/webhooks/{(await made(api))['id']}/secret"
    for _ in range(SECRETS_MAX - 1):
        assert (await api.ask("POST", path, {})).status == 200
    assert (await api.ask("POST", path, {})).problem["type"] == "too-many-secrets"
    assert (await api.ask("POST", path, {"overlap_s": 0})).status == 200


async def test_a_test_says_what_came_of_it(api: Bench) -> None:
    id = (await made(api))["id"]
    told = (await api.ask("POST", f"/v1/webhooks/{id}/test")).json
    assert (told["delivered"], told["status"], told["why"], told["took_ms"]) == (True, 204, "", 12)
    url, body, headers = api.sender.sent[-1]
    assert (url, headers["webhook-id"], json.loads(body)["data"]) == (URL, told["event"], {"webhook": id})
    api.sender.answer = Answered(None, "timeout", 10_000)
    told = (await api.ask("POST", f"/v1/webhooks/{id}/test")).json
    assert (told["delivered"], told["status"], told["why"]) == (False, None, "timeout")
    for under_way in ({id}, {f"wh_{n}" for n in range(TESTS_MAX)}):
        api.doors.hooks.testing.update(under_way)
        assert (await api.ask("POST", f"/v1/webhooks/{id}/test")).problem["rule"] == "webhook-test"
        api.doors.hooks.testing.clear()


async def test_what_waits_when_it_is_no_longer_paused_is_sent_at_once(
    api: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurried: list[str] = []

    async def hurry(id: str, _at_ms: int) -> None:
        hurried.append(id)

    monkeypatch.setattr(api.webhooks, "hurry", hurry)
    id = (await made(api))["id"]
    kept = await api.webhooks.find(id)
    assert kept is not None
    await api.webhooks.change(replace(kept, is_paused=True, why_paused="it answered 410 Gone"))
    path = f"/v1/webhooks/{id}"
    assert (await api.ask("GET", path)).json["why_paused"] == "it answered 410 Gone"
    assert (await api.ask("PATCH", path, {"description": "x"})).json["paused"] is True
    assert hurried == []
    assert "why_paused" not in (await api.ask("PATCH", path, {"paused": False})).json
    assert hurried == [id]


async def test_a_change_of_somebody_else_at_the_same_moment_is_not_lost(
    api: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = (await made(api))["id"]
    change, others = api.webhooks.change, ["from elsewhere"]

    async def late(webhook: Any, was: Any = None) -> bool:
        if others:
            await change(replace(was, description=others.pop()))
        return await change(webhook, was)

    monkeypatch.setattr(api.webhooks, "change", late)
    changed = (await api.ask("PATCH", f"/v1/webhooks/{id}", {"paused": True})).json
    assert (changed["paused"], changed["description"]) == (True, "from elsewhere")


async def of_a_call(api: Bench, id: str = "c1") -> list[News]:
    await api.store(a_call(id), "queued", "ringing_caller", "ended")
    return await api.sources.news_of(Source("call", id))


async def replayed(api: Bench, id: str, body: dict[str, Any], key: str = "root") -> Answer:
    return await api.ask("POST", f"/v1/webhooks/{id}/replay", body, key=key)


async def waiting(api: Bench, id: str) -> int:
    return int((await api.ask("GET", f"/v1/webhooks/{id}")).json["waiting"])


async def test_a_call_is_told_again_as_far_as_the_webhook_wants_it(api: Bench) -> None:
    await of_a_call(api)
    all_of_it, its_end = (await made(api))["id"], (await made(api, events=["ended"]))["id"]
    assert (await replayed(api, all_of_it, {"call": "c1"})).json["replayed"] == 3
    assert (await replayed(api, all_of_it, {"call": "c1"})).json["replayed"] == 0, "they wait already"
    assert (await replayed(api, its_end, {"call": "c1"})).json["replayed"] == 1
    assert await waiting(api, all_of_it) == 3
    for nothing in ({"call": "c2"}, {"notice": "c1"}, {"call": "n/../1"}, {"notice": "n1"}):
        assert (await replayed(api, all_of_it, nothing)).json["replayed"] == 0


async def test_events_are_told_again_by_their_ids(api: Bench) -> None:
    news = await of_a_call(api)
    id = (await made(api))["id"]
    wrong = [news[0].id[:-8] + "00000000", "evt_c9_1_00000000", "nonsense"]
    told = (await replayed(api, id, {"events": [news[2].id, news[0].id, *wrong, news[0].id]})).json
    assert (told["replayed"], told["missing"]) == (2, wrong)
    others = (await made(api, key="acme"))["id"]
    told = (await replayed(api, others, {"events": [news[0].id]}, key="acme")).json
    assert (told["replayed"], told["missing"]) == (0, [news[0].id]), "another tenant's is not there"


async def in_the_feed(api: Bench, *ids: str) -> list[News]:
    """As the relay puts it there."""
    told = []
    for id in ids:
        news = await of_a_call(api, id)
        assert await MemoryOutbox(api.hook_feed).publish([(Source("call", id), Upto(), news)]) == [True]
        told += news
    return told


async def test_what_happened_since_a_time_is_told_again_as_far_as_the_feed_reaches(api: Bench) -> None:
    news = await in_the_feed(api, "c1", "c2")
    id = (await made(api, events=["ended"]))["id"]
    told = (await replayed(api, id, {"since": "2026-11-23T00:00:00Z"})).json
    assert told == {"replayed": 2, "missing": [], "gap": False, "cursor": None}
    assert await waiting(api, id) == sum(one.type == "call.ended" for one in news)
    for nothing in (
        {"since": "2026-11-24T00:00:00Z"},
        {"since": "2026-11-01T00:00:00Z", "until": "2026-11-22T00:00:00Z"},
    ):
        assert (await replayed(api, (await made(api))["id"], nothing)).json["replayed"] == 0
    his = (await made(api, key="acme"))["id"]
    assert (await replayed(api, his, {"since": "2026-11-23T00:00:00Z"}, key="acme")).json["replayed"] == 0


async def test_one_replay_looks_at_so_many_and_says_where_the_next_goes_on(
    api: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "AT_ONCE", 2)
    monkeypatch.setattr(replays, "LOOKED_AT_MAX", 4)
    news = await in_the_feed(api, "c1", "c2")
    id, body, answers = (await made(api))["id"], {"since": "2026-11-01T00:00:00Z"}, []
    while not answers or answers[-1]["cursor"]:
        answers.append((await replayed(api, id, body)).json)
        body["cursor"] = answers[-1]["cursor"]
    assert [one["replayed"] for one in answers] == [4, 2]
    assert await waiting(api, id) == len(news)
    wrong = await replayed(api, id, {"since": "2026-11-01T00:00:00Z", "cursor": "x"})
    assert wrong.problem["field"] == "cursor"
    assert (await replayed(api, id, {"dead": False})).problem["detail"] == "dead: expected true."


async def test_one_replay_of_a_webhook_at_a_time(api: Bench) -> None:
    id = (await made(api))["id"]
    api.doors.hooks.replaying.add(id)
    answer = await replayed(api, id, {"dead": True})
    assert (answer.problem["type"], answer.problem["rule"]) == ("too-many-requests", "webhook-replay")


async def test_what_was_given_up_is_told_again(api: Bench) -> None:
    news = await of_a_call(api)
    id = (await made(api))["id"]
    await api.webhooks.replay(id, news, NOW_MS)
    await api.webhooks.attempted(id, Attempt(news[0], NOW_MS, "dead", 12, 500))
    [dead] = (await api.ask("GET", f"/v1/webhooks/{id}/deliveries?outcome=dead")).json["deliveries"]
    assert (dead["event"], dead["type"], dead["status"], dead["n"]) == (news[0].id, "call.queued", 500, 12)
    assert (await api.ask("GET", f"/v1/webhooks/{id}")).json["dead"] == 1
    assert (await replayed(api, id, {"dead": True})).json["replayed"] == 1
    assert await waiting(api, id) == 3


@pytest.mark.parametrize(
    "body", [{}, {"dead": True, "call": "c1"}, {"dead": False}, {"until": "2026-11-23T08:00:00Z"}, {"events": []},
             {"since": "yesterday"}, {"since": "2026-11-23T08:00:00"}],
)  # fmt: skip
async def test_a_replay_of_what_is_not_clear_is_refused(api: Bench, body: dict[str, Any]) -> None:
    id = (await made(api))["id"]
    answer = await replayed(api, id, body)
    assert (answer.status, answer.problem["type"]) == (422, "malformed-body")


async def test_a_wrong_cursor_is_refused(api: Bench) -> None:
    id = (await made(api))["id"]
    assert (await api.ask("GET", f"/v1/webhooks/{id}/deliveries?cursor=x")).problem["field"] == "cursor"
