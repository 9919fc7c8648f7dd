"""/v1/nodes: what is shown of each PBX, and who may drain or forget one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.errors import Unavailable
from ari_app.ports.nodes import NodeNow, NodeState
from tests.unit.http.http_bench import NOW_MS, Bench

OWNER = "host7/2b1c/ns4026531836/4711/90210"


def a_node(name: str = "pbx1", why: str = "", live: int = 3, **more: Any) -> NodeNow:
    told = NodeState(name, OWNER, 7, not why, why, live, 200, NOW_MS)
    return replace(NodeNow(name, OWNER, 900, False, None, told), **more)


async def test_nodes_are_listed_with_their_owners_calls_and_states(api: Bench) -> None:
    api.nodes.seen = [
        a_node("a"), a_node("b", why="no link: refused"), a_node("c", is_drained=True),
        a_node("d", owner=None, told=None), a_node("e", told=None),
    ]  # fmt: skip
    told = (await api.ask("GET", "/v1/nodes", key="viewer")).json["nodes"]
    assert told[0] == {
        "name": "a", "state": "open", "why": "", "owner": "host7 pid 4711", "live": 3, "max_calls": 200,
        "told_at": "2026-11-23T08:33:12.123Z",
    }  # fmt: skip
    assert [(one["state"], one["why"]) for one in told] == [
        ("open", ""), ("closed", "no link: refused"), ("drained", ""), ("unowned", "no process owns it"),
        ("closed", "its owner is silent"),
    ]  # fmt: skip
    assert [told[3][name] for name in ("owner", "live", "max_calls", "told_at")] == [None] * 4
    assert told[4]["owner"] == "host7 pid 4711"


async def test_before_any_process_has_told_of_a_node_there_is_none(api: Bench) -> None:
    assert (await api.ask("GET", "/v1/nodes")).json == {"nodes": []}


async def test_a_node_is_drained_and_taken_back(api: Bench) -> None:
    api.nodes.seen = [a_node("a"), a_node("b")]
    for drained, state in ((True, "drained"), (True, "drained"), (False, "open")):
        answer = await api.ask("PUT", "/v1/nodes/b", {"drained": drained})
        assert (answer.status, answer.json["name"], answer.json["state"]) == (200, "b", state)
        listed = (await api.ask("GET", "/v1/nodes")).json["nodes"]
        assert [one["state"] for one in listed] == ["open", state]


async def test_a_node_that_nobody_has_is_forgotten_and_one_that_is_in_use_is_not(api: Bench) -> None:
    api.nodes.seen = [a_node("a"), a_node("b", owner=None, told=None)]
    refused = await api.ask("DELETE", "/v1/nodes/a")
    assert (refused.status, refused.problem["type"], refused.problem["field"]) == (409, "node-in-use", "name")
    gone = await api.ask("DELETE", "/v1/nodes/b")
    assert (gone.status, gone.json["name"], gone.json["state"]) == (200, "b", "unowned")
    assert [one["name"] for one in (await api.ask("GET", "/v1/nodes")).json["nodes"]] == ["a"]


async def test_a_node_with_calls_is_forgotten_where_they_shall_be_ended(api: Bench) -> None:
    api.nodes.seen = [a_node("a"), a_node("b", owner=None, told=None)]
    api.nodes.calls_there = {"a": 1, "b": 2}
    refused = await api.ask("DELETE", "/v1/nodes/b")
    assert (refused.status, refused.problem["type"]) == (409, "node-in-use")
    assert "end_calls=true" in refused.problem["detail"]
    owned = await api.ask("DELETE", "/v1/nodes/a?end_calls=true")
    assert (owned.status, owned.problem["type"]) == (409, "node-in-use")
    assert (await api.ask("DELETE", "/v1/nodes/b?end_calls=perhaps")).status == 422
    assert api.nodes.calls_there == {"a": 1, "b": 2}
    gone = await api.ask("DELETE", "/v1/nodes/b?end_calls=true")
    assert (gone.status, gone.json["name"], gone.json["ended_calls"]) == (200, "b", 2)


@pytest.mark.parametrize(("method", "body"), [("PUT", {"drained": True}), ("DELETE", None)])
async def test_a_node_that_is_not_there_is_unknown(api: Bench, method: str, body: Any) -> None:
    answer = await api.ask(method, "/v1/nodes/pbx9", body)
    assert (answer.status, answer.problem["type"]) == (404, "unknown-node")


@pytest.mark.parametrize(
    ("method", "body", "keys"),
    [("GET", None, {"viewer": 200, "root": 200, None: 401}),
     ("PUT", {"drained": True}, {"viewer": 403, "dialler": 403, "root": 200, None: 401}),
     ("DELETE", None, {"viewer": 403, "dialler": 403, "root": 409, None: 401})],
)  # fmt: skip
async def test_everybody_who_reads_may_look_and_an_admin_alone_may_change(
    api: Bench, method: str, body: Any, keys: dict[str | None, int]
) -> None:
    api.nodes.seen = [a_node("a")]
    path = "/v1/nodes" if method == "GET" else "/v1/nodes/a"
    assert {key: (await api.ask(method, path, body, key=key)).status for key in keys} == keys
    if keys.get("viewer") == 403:
        assert (await api.ask("GET", "/v1/nodes")).json["nodes"][0]["state"] == ("drained" if body else "open")


@pytest.mark.parametrize("body", [{}, {"drained": "maybe"}, {"drained": True, "for_s": 60}, [], {"drained": None}])
async def test_a_malformed_body_changes_nothing(api: Bench, body: Any) -> None:
    api.nodes.seen = [a_node("a")]
    answer = await api.ask("PUT", "/v1/nodes/a", body)
    assert (answer.status, answer.problem["type"]) == (422, "malformed-body")
    assert not api.nodes.seen[0].is_drained


async def test_while_redis_is_away_that_is_said(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise Unavailable("Redis does not answer")

    api.nodes.seen = [a_node("a")]
    for name in ("look", "drain", "forget"):
        monkeypatch.setattr(api.nodes, name, away)
    for method, path, body in (
        ("GET", "/v1/nodes", None), ("PUT", "/v1/nodes/a", {"drained": True}), ("DELETE", "/v1/nodes/a", None),
    ):  # fmt: skip
        answer = await api.ask(method, path, body)
        assert (answer.status, answer.problem["type"]) == (503, "no-capacity")
        assert answer.headers["retry-after"]


async def test_the_description_knows_the_states_of_a_node(api: Bench) -> None:
    openapi = (await api.ask("GET", "/openapi.json", key=None)).json
    node = openapi["components"]["schemas"]["Node"]
    assert set(node["properties"]["state"]["enum"]) == {"open", "closed", "drained", "unowned"}
    assert set(node["required"]) == node["properties"].keys()
    assert set(openapi["paths"]["/v1/nodes/{name}"]) == {"put", "delete"}
    assert {"404", "409"} <= openapi["paths"]["/v1/nodes/{name}"]["delete"]["responses"].keys()
    put = openapi["paths"]["/v1/nodes/{name}"]["put"]
    assert put["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/PutNode")
    assert openapi["components"]["schemas"]["PutNode"]["required"] == ["drained"]
