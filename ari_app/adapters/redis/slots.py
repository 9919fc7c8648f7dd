"""Which slot of a cluster a command goes to. Knows where in a command its first key stands; no connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from ari_app.adapters.redis.wire import Arg
from ari_app.domain.errors import Unavailable

SLOTS = REDIS_CLUSTER_HASH_SLOTS

KEYLESS = frozenset({
    "ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "ECHO", "EXEC", "FLUSHALL", "FLUSHDB", "INFO", "KEYS",
    "LATENCY", "MULTI", "PING", "ROLE", "SCRIPT", "SLOWLOG", "TIME", "WAIT", "WAITAOF",
})  # fmt: skip
"""They name no key. On a cluster such a command goes to every master, and the answer is the first one's (of an error:
the first error). So PING says whether all are there, FLUSHALL empties all, and INFO tells of one only."""
_KEY_AT = {"EVAL": 3, "EVALSHA": 3, "MEMORY": 2, "OBJECT": 2}  # of the others the first argument is the key


def key_of(command: Sequence[Arg]) -> Arg | None:
    """Its first key; all others must lie in the same slot, which the server sees to."""
    name = str(command[0]).upper()
    return None if name in KEYLESS else command[_KEY_AT.get(name, 1)]


def slot_of(key: Arg) -> int:
    return int(key_slot(key if isinstance(key, bytes) else str(key).encode()))


def name_in(is_ours: Callable[[int], bool], turn: int, name: str) -> str:
    """A key in one of our slots; another one for each turn, as far as there are more."""
    for n in range(turn * SLOTS, (turn + 1) * SLOTS):
        if is_ours(slot_of(key := f"{name}:{{{n}}}")):
            return key
    raise Unavailable("a node of the cluster that has no slots (any more)")
