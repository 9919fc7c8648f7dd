"""How often may be asked: token buckets by name, in this process's memory. Knows no request and no clock.

A bucket is one number: when it will be full again (GCRA). Full ones need no place, so that what is kept is bounded.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

from ari_app.ports.keys import ApiKey

S_NS = 1_000_000_000
UNKNOWN = "unknown"
NAMES_MAX = 10_000
ADMIN_TIMES = 10
"""So much more often may a key with the scope admin ask: it is the operator's own, and a follower of many calls."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, and one more every `interval_ns`."""

    burst: int
    interval_ns: int

    @property
    def refill_ns(self) -> int:
        return self.burst * self.interval_ns


@dataclass(frozen=True, slots=True)
class Limits:
    """0: no limit."""

    key_rate: int = 100  # requests a second
    key_burst: int = 200
    wrong_keys_max: int = 20  # a minute and address
    proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For is believed."""

    def of(self, key: ApiKey) -> Rate | None:
        times = ADMIN_TIMES if key.may("admin") else 1
        return Rate(self.key_burst * times, S_NS // (self.key_rate * times)) if self.key_rate else None

    @property
    def of_guesses(self) -> Rate | None:
        return Rate(self.wrong_keys_max, 60 * S_NS // self.wrong_keys_max) if self.wrong_keys_max else None


class Buckets:
    """Beyond `most` names the one that was asked for longest ago is forgotten, which fills its bucket."""

    def __init__(self, most: int = NAMES_MAX) -> None:
        self._full_at_ns: OrderedDict[str, int] = OrderedDict()
        self._most = most

    def wait_ns(self, name: str, rate: Rate, now_ns: int) -> int:
        """Until there is a token; 0: there is one."""
        return max(0, self._empty_ns(name, now_ns) + rate.interval_ns - rate.refill_ns)

    def take(self, name: str, rate: Rate, now_ns: int) -> None:
        """One token, also where there is none: then it takes longer until there is one again."""
        self._full_at_ns[name] = now_ns + self._empty_ns(name, now_ns) + rate.interval_ns
        self._full_at_ns.move_to_end(name)
        if len(self._full_at_ns) > self._most:
            self._full_at_ns.popitem(last=False)

    def left(self, name: str, rate: Rate, now_ns: int) -> int:
        return max(0, rate.burst - -(-self._empty_ns(name, now_ns) // rate.interval_ns))

    def full_in_ns(self, name: str, now_ns: int) -> int:
        return self._empty_ns(name, now_ns)

    def forget(self, name: str) -> None:
        self._full_at_ns.pop(name, None)

    def __len__(self) -> int:
        return len(self._full_at_ns)

    def _empty_ns(self, name: str, now_ns: int) -> int:
        """How long the bucket takes to be full."""
        return max(0, self._full_at_ns.get(name, 0) - now_ns)


def whole_s(wait_ns: int) -> int:
    """For Retry-After: whole seconds, never too few."""
    return -(-wait_ns // S_NS)


def customer_of(address: str) -> str:
    """By whom it is counted: of IPv6 the network (/64), which is as much as one customer has. What is no address, a
    proxy's own words perhaps, is UNKNOWN."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    if isinstance(found, ipaddress.IPv4Address):
        return address
    if found.ipv4_mapped is not None:  # as one socket for both tells it
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))
