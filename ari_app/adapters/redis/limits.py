"""The Limits port on Redis: a sorted set for each pair under its payer's tag, and for each number under its own.

Scripts of their own: that of the ledger is money's alone. Knows keys, arguments, answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ari_app.adapters.redis.link import Link
from ari_app.domain.ledger_types import check_ids
from ari_app.ports.limits import Counted, Limit, Over


class RedisLimits:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def mark(
        self, what: Counted, call: str, limits: Sequence[Limit], *, at_ms: int, keep_s: int
    ) -> Over | None:  # fmt: skip
        told = [part for limit in limits for part in (limit.most, 1000 * limit.window_s)]
        hit, *again_ms = await self._link.script("mark", _key(what), call, at_ms, 1000 * keep_s, *told)
        return Over(limits[hit - 1], again_ms[0]) if hit else None

    async def take_back(self, what: Counted, call: str) -> None:
        await self._link.command("ZREM", _key(what), call)

    async def marks(self, what: Counted) -> Mapping[str, int]:
        calls = await self._link.command("ZRANGE", _key(what), 0, -1)
        times = await self._link.command("ZMSCORE", _key(what), *calls) if calls else []
        pairs = zip(calls, times, strict=True)
        return {call.decode(): int(at_ms) for call, at_ms in pairs if at_ms is not None}

    async def lift(self, what: Counted) -> int:
        there, _ = await self._link.transaction([("ZCARD", _key(what)), ("DEL", _key(what))])
        return int(there)


def _key(what: Counted) -> str:
    check_ids(**what.ids)
    match what.kind:
        case "number":
            return f"{{d:{what.number}}}:rings"
        case "proof":
            return f"{{d:{what.number}}}:proofs"
        case "arrivals" | "pins":
            return f"{{d:{what.number}}}:{what.kind}"
        case "prover":
            return f"{{p:{what.payer}}}:proofs"
        case "partner":
            return f"{{t:{what.payer}}}:proofs"
        case "guess":
            return f"{{p:{what.payer}}}:guesses"
    return f"{{p:{what.payer}}}:to:{what.number}"
