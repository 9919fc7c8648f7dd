"""The Board port on Redis: everything of one node under its tag `{n:<node>}`, and the names of all under `nodes`."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.wire import Arg, Reply
from ari_app.ports.leases import Lease
from ari_app.ports.nodes import NodeNow, NodeState, Order, What

NAMES = "nodes"
ORDERS_MAX = 10_000  # about; the oldest of more are dropped, and their calls are found in the node's live set
ORDERS_AT_ONCE = 200
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(NodeState).decode


class RedisBoard:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def all(self) -> list[NodeNow]:
        names = sorted(raw.decode() for raw in await self._link.command("SMEMBERS", NAMES))
        asked: list[tuple[Arg, ...]] = []
        for node in names:
            lease = _key(node, "lease")
            asked += [("GET", lease), ("PTTL", lease), ("MGET", *(_key(node, k) for k in ("drained", "home", "state")))]
        replies = await self._link.commands(asked, in_order=False)
        return [_now(node, *replies[3 * at : 3 * at + 3]) for at, node in enumerate(names)]

    async def tell(self, state: NodeState, ttl_ms: int) -> None:
        told = ("SET", _key(state.node, "state"), _encode(state), "PX", ttl_ms)
        await self._link.commands([("SADD", NAMES, state.node), told], in_order=False)

    async def want(self, node: str, owner: str, ttl_ms: int) -> None:
        await self._link.command("SET", _key(node, "home"), owner, "PX", ttl_ms)

    async def wanted_by(self, node: str) -> str | None:
        raw = await self._link.get(_key(node, "home"))
        return None if raw is None else raw.decode()

    async def drain(self, node: str, is_drained: bool) -> bool:
        if not await self._link.command("SISMEMBER", NAMES, node):
            return False
        key = _key(node, "drained")
        await self._link.command(*(("SET", key, 1) if is_drained else ("DEL", key)))
        return True

    async def forget(self, node: str) -> bool:
        keys = (_key(node, k) for k in ("lease", "live", "orders", "drained", "alive"))
        if not await self._link.command("SISMEMBER", NAMES, node) or not await self._link.script("scrap", *keys):
            return False
        await self._link.command("SREM", NAMES, node)
        return True

    async def order(self, node: str, what: What, call: str, payload: str = "") -> None:
        said: tuple[Arg, ...] = ("what", what, "call", call)
        if payload:
            said += ("payload", payload)
        await self._link.command("XADD", _key(node, "orders"), "MAXLEN", "~", ORDERS_MAX, "*", *said)

    async def orders(self, node: str, after: str) -> Sequence[Order]:
        """However many that this version does not know stand before those that it does."""
        start = f"({after}" if after else "-"
        while found := await self._link.command("XRANGE", _key(node, "orders"), start, "+", "COUNT", ORDERS_AT_ONCE):
            known = [order for order_id, fields in found if (order := _order(order_id, fields)) is not None]
            if known:
                return known
            start = f"({found[-1][0].decode()}"
        return []

    async def done(self, lease: Lease, order_id: str) -> bool:
        stored = f"{lease.number} {lease.owner}"
        keys = _key(lease.node, "lease"), _key(lease.node, "orders")
        return bool(await self._link.script("done", *keys, stored, order_id) == 1)


def _key(node: str, what: str) -> str:
    return f"{{n:{node}}}:{what}"


def _now(node: str, lease: bytes | None, lease_ms: int, told: list[bytes | None]) -> NodeNow:
    number, _, owner = (lease or b"").decode().partition(" ")
    drained, home, state = told
    said = _told(state)
    is_his = said is not None and lease is not None and (str(said.number), said.owner) == (number, owner)
    wanted_by = None if home is None else home.decode()
    return NodeNow(node, owner or None, max(0, lease_ms), drained is not None, wanted_by, said if is_his else None)


def _told(state: bytes | None) -> NodeState | None:
    """None, too, where another version tells it otherwise."""
    try:
        return None if state is None else _decode(state)
    except msgspec.MsgspecError:
        return None


def _order(order_id: bytes, fields: Reply) -> Order | None:
    """None for an order that this version does not know: it is left for one that does."""
    said = dict(zip((f.decode() for f in fields[::2]), (f.decode() for f in fields[1::2]), strict=True))
    match said.get("what"):
        case "begin" | "cancel" | "tell" as what if said.get("call"):
            return Order(order_id.decode(), what, said["call"], said.get("payload", ""))
    return None
