"""/v1/nodes: the PBXes, which process has which, and whether new calls go there."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta

from ari_app.entrypoints.http.auth import operator
from ari_app.entrypoints.http.bodies import PutNode, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.ports.nodes import NodeNow

router = APIRouter(prefix="/v1/nodes", tags=["nodes"])

NodeId = Annotated[str, Path(description="The node's name, as in the settings.", max_length=40)]
State = Literal["open", "closed", "drained", "unowned"]
EndCalls = Annotated[
    bool, Query(description="Its PBX will never come back: end its calls, charged to when they were last seen alive.")
]
CALLS_LIVE = (
    "A process has this node, or calls live there. If its PBX will never come back, they can be ended with "
    "it: end_calls=true, or --end-calls."
)
CALLS_LEFT = "Calls of this node are left: their records cannot be read by this version, or are damaged."


class NodeView(msgspec.Struct):
    """A PBX. `closed`: its owner can place no call there now, and `why` says what is missing."""

    name: str
    state: Annotated[State, Meta(description="Whether new calls go there.")]
    why: str
    owner: Annotated[str | None, Meta(description="Host and pid of the process that has it; null: none.")]
    live: Annotated[int | None, Meta(description="Calls there now; null: nobody has told.")]
    max_calls: int | None
    told_at: Time | None


class ForgottenNode(NodeView):
    """As it was."""

    ended_calls: Annotated[int, Meta(description="Calls of it that were ended now.")] = 0


class Nodes(msgspec.Struct):
    """By name."""

    nodes: list[NodeView]


@router.get("", summary="List the PBXes", responses=gives("Nodes"))
async def list_nodes(request: Request) -> Response:
    """Who has which, as told within the last seconds."""
    await operator(request, "read")
    d = doors(request)
    await d.nodes.look()
    return reply(Nodes([view(one) for one in d.nodes.seen]))


@router.put(
    "/{name}", summary="Drain a PBX, or not", responses=gives("Node", 404, 413, 415), openapi_extra=takes(PutNode)
)  # fmt: skip
async def put_node(request: Request, name: NodeId) -> Response:
    """Drained, its live calls go on, and new ones go to the others."""
    await operator(request, "admin")
    body = await read(request, PutNode)
    d = doors(request)
    if not await d.nodes.drain(name, body.drained):
        raise _unknown()
    return reply(next(view(one) for one in d.nodes.seen if one.node == name))


@router.delete("/{name}", summary="Forget a PBX", responses=gives("ForgottenNode", 404, 409))
async def delete_node(request: Request, name: NodeId, end_calls: EndCalls = False) -> Response:
    """One that is gone for good. Not while a process has it, nor while calls live there, unless they shall be ended."""
    await operator(request, "admin")
    d = doors(request)
    await d.nodes.look()
    there = next((one for one in d.nodes.seen if one.node == name), None)
    if there is None:
        raise _unknown()
    ended = await _ended(d, name) if end_calls else 0
    if not await d.nodes.forget(name):
        are_left = end_calls and await d.calls.live(name)
        raise Problem("node-in-use", CALLS_LEFT if are_left else CALLS_LIVE, "name")
    return reply(ForgottenNode(**msgspec.structs.asdict(view(there)), ended_calls=ended))


async def _ended(d: Doors, name: str) -> int:
    """How many. Raises Problem (409, 503)."""
    try:
        ended = await d.nodes.end_calls(name)
    except TimeoutError:
        sentence = "Some of its calls live still. Ask again: it goes on."
        raise Problem("calls-not-ended", sentence, retry_after_s=1) from None
    if ended is None:
        sentence = "A process has this node, or waits for it. Take it out of the settings of all processes first."
        raise Problem("node-in-use", sentence, "name")
    return ended


def view(now: NodeNow) -> NodeView:
    told = now.told
    state: State = "drained" if now.is_drained else "unowned" if now.owner is None else "closed"
    state = "open" if now.is_open else state
    why = "" if now.is_open or now.is_drained else "no process owns it" if now.owner is None else "its owner is silent"
    return NodeView(
        name=now.node, state=state, why=told.why if told is not None else why, owner=_who(now.owner),
        live=told.live if told is not None else None, max_calls=told.calls_max if told is not None else None,
        told_at=rfc3339(told.at_ms) if told is not None else None,
    )  # fmt: skip


def _who(owner: str | None) -> str | None:
    """Of `host/…/pid/start` what a person looks for."""
    if owner is None:
        return None
    parts = owner.split("/")
    return f"{parts[0]} pid {parts[-2]}" if len(parts) > 2 else owner


def _unknown() -> Problem:
    return Problem("unknown-node", "No process has told of a node with this name.", "name")
