"""Who serves which slots of a Redis Cluster, as its nodes tell it. Asks them; keeps nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import hiredis

from ari_app.adapters.redis.address import Address, ask
from ari_app.domain.errors import Unavailable

ASK_TIMEOUT_MS = 1_000

Node = tuple[str, int]  # host, port


@dataclass(frozen=True, slots=True)
class Topology:
    """`ranges`: first slot, last slot, master. `nodes`: replicas, too."""

    is_ok: bool
    epoch: int  # the highest is the newest
    ranges: tuple[tuple[int, int, Node], ...]
    nodes: frozenset[Node]


async def topology(nodes: Iterable[Address], timeout_ms: int) -> Topology:
    """The newest that any of them knows: one that was cut off from the others tells old things. Raises Unavailable."""
    timeout_ms = min(timeout_ms, ASK_TIMEOUT_MS)
    told = await asyncio.gather(*(_told_by(node, timeout_ms) for node in nodes), return_exceptions=True)
    known = [one for one in told if isinstance(one, Topology) and one.ranges]
    if known:
        return max(known, key=lambda one: (one.is_ok, one.epoch))
    why = [str(one) or "no answer in time" for one in told if isinstance(one, Exception)]
    raise Unavailable(f"no node of the Redis Cluster tells who serves what: {why[0] if why else 'no slots yet'}")


async def _told_by(node: Address, timeout_ms: int) -> Topology:
    *_, info, slots = await ask(node, timeout_ms, [*node.greeting, ("CLUSTER", "INFO"), ("CLUSTER", "SLOTS")])
    for reply in (info, slots):
        if isinstance(reply, hiredis.ReplyError):
            raise Unavailable(f"{node!r}: {reply}")
    said = dict(line.partition(":")[::2] for line in info.decode().split())
    ranges, nodes = [], set()
    for first, last, *servers in slots:
        its = [_node(server, node) for server in servers]
        ranges.append((first, last, its[0]))
        nodes.update(its)
    return Topology(
        said.get("cluster_state") == "ok", int(said.get("cluster_current_epoch", 0)), tuple(ranges), frozenset(nodes)
    )


def _node(told: list[bytes | int | None], asked: Address) -> Node:
    """A node that does not know its own name is known by the one under which it was asked."""
    host = told[0].decode() if isinstance(told[0], bytes) else ""
    return (host if host not in ("", "?") else asked.host), int(told[1] or 0)
