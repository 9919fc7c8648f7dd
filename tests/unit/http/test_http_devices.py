"""/v1/users/{id}/devices: given with a password that is shown once, listed without it, changed, removed."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.ports.devices import DEVICE_ID, REALM, USERNAME, digest_of
from tests.unit.http.http_bench import Bench

ONCE = {"idempotency-key": "k1"}


async def given(api: Bench, user: str = "demo", body: Any = None, **headers: str) -> Any:
    answer = await api.ask("POST", f"/v1/users/{user}/devices", body or {}, **headers)
    assert answer.status == 201, answer.raw
    return answer.json


@pytest.fixture
async def demo(api: Bench) -> Bench:
    await api.put()
    return api


async def test_a_device_is_given_with_all_that_a_phone_must_be_told(demo: Bench) -> None:
    made = await given(demo, body={"name": "desk phone", "transport": "tls"})
    assert DEVICE_ID.fullmatch(made["id"])
    assert USERNAME.fullmatch(made["username"])
    assert "demo" not in made["username"]
    told = {name: made[name] for name in ("name", "transport", "server", "port", "realm", "at")}
    assert told == {
        "name": "desk phone", "transport": "tls", "server": "127.0.0.1", "port": 5061, "realm": REALM,
        "at": [{"node": "pbx1", "state": "offline"}],
    }  # fmt: skip
    assert (await given(demo))["port"] == 5060


async def test_its_password_is_shown_this_once_and_only_its_digest_is_kept(demo: Bench) -> None:
    made = await given(demo)
    password = made.pop("password")
    assert len(password) >= 24
    [kept] = await demo.devices.of("demo")
    assert kept.digest == digest_of(made["username"], password)
    listed = await demo.ask("GET", "/v1/users/demo/devices")
    assert listed.json == {"devices": [made]}
    assert kept.digest not in listed.raw.decode()


async def test_a_registered_device_is_shown_as_online(demo: Bench) -> None:
    demo.registered[(await given(demo))["username"]] = "online"
    [shown] = (await demo.ask("GET", "/v1/users/demo/devices")).json["devices"]
    assert shown["at"] == [{"node": "pbx1", "state": "online"}]


async def test_the_same_request_again_names_the_same_device_and_shows_no_password(demo: Bench) -> None:
    first = await given(demo, body={"name": "desk"}, **ONCE)
    again = await given(demo, body={"name": "desk"}, **ONCE)
    assert again == first | {"password": None}
    assert first["password"]
    assert len(await demo.devices.of("demo")) == 1


@pytest.mark.parametrize("body", [{"name": "other"}, {"name": "desk", "transport": "tcp"}])
async def test_the_same_key_for_another_device_is_a_conflict(demo: Bench, body: dict[str, str]) -> None:
    await given(demo, body={"name": "desk"}, **ONCE)
    answer = await demo.ask("POST", "/v1/users/demo/devices", body, **ONCE)
    assert (answer.status, answer.problem["type"]) == (409, "idempotency-conflict")


async def test_the_request_that_made_a_device_since_removed_makes_no_other_one(demo: Bench) -> None:
    made = await given(demo, **ONCE)
    await demo.ask("DELETE", f"/v1/users/demo/devices/{made['id']}")
    answer = await demo.ask("POST", "/v1/users/demo/devices", {}, **ONCE)
    assert (answer.status, answer.problem["type"]) == (409, "idempotency-conflict")
    assert await demo.devices.of("demo") == []


async def test_the_same_key_is_another_request_for_another_user_and_by_another_key(demo: Bench) -> None:
    await demo.put("other", "+8613900000002")
    made = [await given(demo, **ONCE), await given(demo, "other", **ONCE), await given(demo, key="dialler", **ONCE)]
    assert len({one["id"] for one in made}) == 3


async def test_a_user_has_no_more_devices_than_he_may(demo: Bench) -> None:
    for _ in range(3):
        made = await given(demo)
    answer = await demo.ask("POST", "/v1/users/demo/devices", {})
    assert (answer.status, answer.problem["type"]) == (409, "too-many-devices")
    await demo.ask("DELETE", f"/v1/users/demo/devices/{made['id']}")
    await given(demo)


async def test_another_password_replaces_the_one_that_was(demo: Bench) -> None:
    made = await given(demo)
    answer = await demo.ask("POST", f"/v1/users/demo/devices/{made['id']}/password")
    assert answer.status == 200, answer.raw
    assert {name for name in made if made[name] != answer.json[name]} == {"password"}
    [kept] = await demo.devices.of("demo")
    assert kept.digest == digest_of(made["username"], answer.json["password"])


async def test_a_device_that_is_removed_is_gone(demo: Bench) -> None:
    made = await given(demo)
    answer = await demo.ask("DELETE", f"/v1/users/demo/devices/{made['id']}")
    assert (answer.status, answer.json["id"]) == (200, made["id"])
    assert (await demo.ask("GET", "/v1/users/demo/devices")).json == {"devices": []}


@pytest.mark.parametrize(("method", "rest"), [("DELETE", ""), ("POST", "/password")])
@pytest.mark.parametrize("id", ["vaaaaaaaaaaaaaaaa", "a%20b", "%C3%A9"])
async def test_a_device_that_is_not_there_is_404(demo: Bench, method: str, rest: str, id: str) -> None:
    answer = await demo.ask(method, f"/v1/users/demo/devices/{id}{rest}")
    assert (answer.status, answer.problem["type"]) == (404, "unknown-device")


async def test_a_device_is_its_owners_alone(demo: Bench) -> None:
    await demo.put("other", "+8613900000002")
    made = await given(demo)
    for method, rest in (("DELETE", ""), ("POST", "/password")):
        answer = await demo.ask(method, f"/v1/users/other/devices/{made['id']}{rest}")
        assert (answer.status, answer.problem["type"]) == (404, "unknown-device")
    assert len(await demo.devices.of("demo")) == 1


async def test_a_user_that_is_not_there_is_404(api: Bench) -> None:
    for method in ("GET", "POST"):
        answer = await api.ask(method, "/v1/users/nobody/devices", {} if method == "POST" else None)
        assert (answer.status, answer.problem["type"]) == (404, "unknown-user")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"transport": "sctp"}, "transport"), ({"name": "x" * 101}, "name"), ({"name": "a\nb"}, "name"), ({"x": 1}, "x")],
)
async def test_what_no_device_can_have_is_422(demo: Bench, body: dict[str, Any], field: str) -> None:
    answer = await demo.ask("POST", "/v1/users/demo/devices", body)
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (422, "malformed-body", field)
