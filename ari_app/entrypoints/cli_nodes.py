"""Commands about nodes: who has which PBX, and whether new calls go there. Clients of the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, example, new_app, out, out_json, say, table
from ari_app.entrypoints.client import connect

node_app = new_app("Take a PBX out of service and back.")
EndCallsOpt = Annotated[
    bool,
    typer.Option(
        "--end-calls", help="Its Asterisk will never come back: end its calls, charged to when last seen alive."
    ),
]
NodeArg = Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")]


def register(app: typer.Typer) -> None:
    app.command("nodes", epilog=example("nodes"))(nodes)
    app.add_typer(node_app, name="node")


def nodes(api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """List the PBXes: which process has which, how many calls are there, and whether new ones go there."""
    found = connect(api, key).get("v1", "nodes")
    if as_json:
        return out_json(found)
    if not found["nodes"]:
        return say("no process has told of a node yet")
    return table(("node", "state", "calls", "owner", "why"), (_row(one) for one in found["nodes"]))


@node_app.command("drain", epilog=example("node drain pbx2"))
def drain(node: NodeArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Send new calls to the other PBXes. Live calls go on; undone by `node resume`."""
    _set(node, True, api, key, as_json)


@node_app.command("resume", epilog=example("node resume pbx2"))
def resume(node: NodeArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Let new calls go there again."""
    _set(node, False, api, key, as_json)


@node_app.command("forget", epilog=example("node forget pbx2"))
def forget(
    node: NodeArg, end_calls: EndCallsOpt = False, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False
) -> None:  # fmt: skip
    """Take a PBX that is gone for good off the list. Refused while a process has it or calls live there."""
    gone = connect(api, key).delete("v1", "nodes", node, end_calls="true" if end_calls else None)
    if as_json:
        return out_json({"forgotten": node, "ended_calls": gone["ended_calls"]})
    ended = f", {gone['ended_calls']} calls of it ended" if end_calls else ""
    return out(f"{node} is forgotten{ended}")


def _set(node: str, drained: bool, api: str | None, key: str | None, as_json: bool) -> None:
    now = connect(api, key).put("v1", "nodes", node, body={"drained": drained})
    if as_json:
        return out_json(now)
    live = "" if now["live"] is None else f", {now['live']} calls live there"
    return out(f"{node} is {now['state']}{live}")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    calls = "-" if one["live"] is None else f"{one['live']} of {one['max_calls']}"
    return one["name"], one["state"], calls, one["owner"] or "-", one["why"]
