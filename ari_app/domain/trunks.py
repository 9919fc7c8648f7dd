"""Trunks as data, and which of them carries a number: longest prefix, then priority, then weight.

Knows no Asterisk and no file; what is full or has failed is passed in.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import log

from ari_app.domain.numbers import CallerId
from ari_app.domain.units import Increment, cost_micro

PLATFORM = CallerId("platform")


@dataclass(frozen=True, slots=True)
class Trunk:
    name: str  # of its section, and of its PJSIP endpoint
    host: str
    port: int = 5060
    transport: str = "udp"
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    number_format: str = "e164"
    caller_id: CallerId = PLATFORM
    priority: int = 10  # the smaller goes first
    weight: int = 100  # share among equals; 0: only when no other is left
    prefixes: tuple[str, ...] = ()  # none: every number
    max_channels: int = 0  # 0: no limit
    max_cps: int = 0
    price_micro_per_min: int = 0
    price_increment: str = "60/60"
    currency: str = "CNY"
    causes: tuple[tuple[int, str], ...] = ()  # SIP status or cause → outcome, before the common table
    endpoint: tuple[tuple[str, str], ...] = ()  # raw options of the PJSIP endpoint

    def reach(self, number: str) -> int | None:
        """Length of the longest prefix that fits, 0 if the trunk takes every number, None if it does not take it."""
        if not self.prefixes:
            return 0
        return max((len(prefix) for prefix in self.prefixes if number.startswith(prefix)), default=None)


def in_order(number: str, trunks: Sequence[Trunk], key: str = "") -> tuple[Trunk, ...]:
    """Every trunk that takes the number, the first to try first.

    `key` (the call's id) shares calls out among equals by weight; the same key gives the same order, after a
    restart too.
    """
    fit = [(reach, trunk) for trunk in trunks if (reach := trunk.reach(number)) is not None]
    return tuple(trunk for _, trunk in sorted(fit, key=lambda one: (-one[0], one[1].priority, -_draw(one[1], key))))


def route(
    number: str, trunks: Sequence[Trunk], tried: Collection[str], full: Collection[str] = (), key: str = ""
) -> Trunk | None:
    """The trunk to try next, or None. `tried`, `full`: names that failed, or are at capacity."""
    for trunk in in_order(number, trunks, key):
        if trunk.name not in tried and trunk.name not in full:
            return trunk
    return None


def cost(trunk: Trunk, duration_ms: int) -> int:
    """What the carrier will want for one answered leg, in micros of the trunk's currency."""
    return cost_micro(duration_ms, trunk.price_micro_per_min, Increment.parse(trunk.price_increment))


def dialled(trunk: Trunk, number: str) -> str:
    """The number in the trunk's own format: `e164` with the +, `digits` without. Short numbers stay as they are."""
    return number.removeprefix("+") if trunk.number_format == "digits" else number


def _draw(trunk: Trunk, key: str) -> float:
    """Weighted rendezvous hashing: a trunk wins in proportion to its weight, and when one goes only its calls move."""
    if trunk.weight <= 0:
        return float("-inf")
    drawn = int.from_bytes(blake2b(f"{trunk.name}\0{key}".encode(), digest_size=6).digest(), "big") + 1
    return trunk.weight / -log(drawn / (2**48 + 1))
