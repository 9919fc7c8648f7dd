"""`ringbridge nodes` and `ringbridge node`, against an API over memory."""

from __future__ import annotations

import json

from tests.unit.cli.conftest import Run, Served
from tests.unit.cli.test_cli_keys import said
from tests.unit.http.test_http_nodes import a_node


def test_nodes_are_a_table_of_who_has_which_and_why_one_is_closed(run: Run, served: Served) -> None:
    assert "no process has told of a node yet" in run("nodes").err
    served.bench.nodes.seen = [
        a_node("pbx1"),
        a_node("pbx2", why="no link: refused"),
        a_node("pbx3", owner=None, told=None),
    ]
    ran = run("nodes")
    rows = [" ".join(line.split()) for line in ran.out.splitlines() if line.startswith(("node ", "pbx"))]
    assert rows == [
        "node state calls owner why",
        "pbx1 open 3 of 200 host7 pid 4711",
        "pbx2 closed 3 of 200 host7 pid 4711 no link: refused",
        "pbx3 unowned - - no process owns it",
    ]
    assert json.loads(said(run("nodes", "--json")))["nodes"][1]["why"] == "no link: refused"


def test_a_node_is_drained_and_resumed(run: Run, served: Served) -> None:
    served.bench.nodes.seen = [a_node("pbx1"), a_node("pbx3", owner=None, told=None)]
    assert said(run("node", "drain", "pbx1")) == "pbx1 is drained, 3 calls live there"
    assert served.bench.nodes.seen[0].is_drained
    assert json.loads(said(run("node", "drain", "pbx1", "--json")))["state"] == "drained"
    assert said(run("node", "resume", "pbx1")) == "pbx1 is open, 3 calls live there"
    assert said(run("node", "drain", "pbx3")) == "pbx3 is drained"


def test_a_node_is_forgotten_unless_it_is_in_use(run: Run, served: Served) -> None:
    served.bench.nodes.seen = [
        a_node("pbx1"),
        a_node("pbx2", owner=None, told=None),
        a_node("pbx3", owner=None, told=None),
        a_node("pbx4", owner=None, told=None),
    ]
    served.bench.nodes.calls_there = {"pbx4": 2}
    assert "end_calls=true" in run("node", "forget", "pbx4").err
    assert said(run("node", "forget", "pbx4", "--end-calls")) == "pbx4 is forgotten, 2 calls of it ended"
    refused = run("node", "forget", "pbx1")
    assert (refused.code, "node-in-use" in refused.err) == (1, True)
    assert said(run("node", "forget", "pbx2")) == "pbx2 is forgotten"
    assert json.loads(said(run("node", "forget", "pbx3", "--json"))) == {"forgotten": "pbx3", "ended_calls": 0}
    assert [one.node for one in served.bench.nodes.seen] == ["pbx1"]


def test_a_node_that_is_not_there_and_a_key_that_may_not_are_one_sentence(run: Run, served: Served) -> None:
    served.bench.nodes.seen = [a_node("pbx1")]
    for word in ("drain", "resume", "forget"):
        ran = run("node", word, "pbx9")
        assert (ran.code, "unknown-node" in ran.err) == (1, True)
        assert "forbidden" in run("node", word, "pbx1", "--key", "rb_viewer").err
    assert run("nodes", "--key", "rb_viewer").code == 0
    assert not served.bench.nodes.seen[0].is_drained
