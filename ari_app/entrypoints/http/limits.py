"""How often may be asked: token buckets by name, in this process's memory. Knows no request and no clock.

A bucket is one number: when it will be full again (GCRA). Full ones need no place, so that what is kept is bounded.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ari_app.ports.keys import ApiKey
from ari_app.ports.tenants import Tenant

S_NS = 1_000_000_000
UNKNOWN = "unknown"
NAMES_MAX = 10_000
ADMIN_TIMES = 10
"""So much more often may the operator's own key with the scope admin ask: it follows many calls."""
BURST_S = 2
"""Of a tenant that was given a rate and no burst: so many seconds' worth of it at once."""


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
    """0: no limit. A tenant's are for all its keys together."""

    key_rate: int = 100  # requests a second
    key_burst: int = 200
    tenant_rate: int = 200
    tenant_burst: int = 400
    wrong_keys_max: int = 20  # a minute and address
    proxies: tuple[str, ...] = ()
    """Addresses whose X-Forwarded-For is believed."""

    def of(self, key: ApiKey, tenant: Tenant | None) -> Rate | None:
        """A tenant that was given more than a key has may ask that often with one key, too."""
        if not self.key_rate:
            return None
        rate, burst = self.key_rate, self.key_burst
        if key.is_operators_word:
            rate, burst = rate * ADMIN_TIMES, burst * ADMIN_TIMES
        elif tenant is not None and tenant.requests_per_s is not None and tenant.requests_per_s > rate:
            return self.of_tenant(tenant)
        return Rate(burst, S_NS // rate)

    def of_tenant(self, tenant: Tenant) -> Rate | None:
        given = tenant.requests_per_s
        rate = self.tenant_rate if given is None else given
        burst = self.tenant_burst if given is None else given * BURST_S
        return Rate(tenant.requests_burst or burst, S_NS // rate) if rate else None

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

    def __len__(self) -> int:
        return len(self._full_at_ns)

    def _empty_ns(self, name: str, now_ns: int) -> int:
        """How long the bucket takes to be full."""
        return max(0, self._full_at_ns.get(name, 0) - now_ns)


@dataclass(frozen=True, slots=True)
class Count:
    """One rule that a request is counted by, and whose bucket that is."""

    rule: Literal["key", "tenant"]
    name: str
    rate: Rate
    buckets: Buckets

    def wait_ns(self, now_ns: int) -> int:
        return self.buckets.wait_ns(self.name, self.rate, now_ns)

    def take(self, now_ns: int) -> None:
        self.buckets.take(self.name, self.rate, now_ns)

    def policy(self) -> bytes:
        """Of the header RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers): so many in so many seconds."""
        return b'"%b";q=%d;w=%d' % (self.rule.encode(), self.rate.burst, whole_s(self.rate.refill_ns))

    def state(self, now_ns: int) -> bytes:
        """Of the header RateLimit: so many left, all of them again in so many seconds."""
        left = self.buckets.left(self.name, self.rate, now_ns)
        full_s = whole_s(self.buckets.full_in_ns(self.name, now_ns))
        return b'"%b";r=%d;t=%d' % (self.rule.encode(), left, full_s)


def counted(counts: Sequence[Count], now_ns: int) -> Count | None:
    """None: it may be asked, and was counted by each. Else the one that has to be waited for longest; what is refused
    is counted by none, or who is refused by one rule would use up another."""
    longest = max(counts, key=lambda one: one.wait_ns(now_ns))
    if longest.wait_ns(now_ns):
        return longest
    for one in counts:
        one.take(now_ns)
    return None


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
