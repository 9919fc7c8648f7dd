"""Where what a stranger names may lie: the addresses and hosts that our own machine may be made to speak to. Pure.

An address is refused unless it is one of the open Internet: whoever may name one could otherwise look, through us, at
what is meant for the inside alone. What the library calls global is not enough: see BESIDE.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_MAX = 2_000
INNER = "an inner address, which webhooks may not reach"
LOOPBACK = ("127.0.0.0/8", "::1/128")
BESIDE: tuple[Network, ...] = tuple(
    ip_network(one) for one in (
        "192.0.0.0/24",  # of protocols alone; one cloud has its metadata there
        "192.88.99.0/24",  # the way into 6to4
        "168.63.129.16/32",  # a cloud's own servant on every machine, under a public address
        "2001::/23", "2002::/16",  # Teredo and others, 6to4: an IPv4 address within, and a tunnel to it
        "2001:db8::/32", "3fff::/20",  # of documents
    )
)  # fmt: skip
"""Refused, though no list of private networks has all of them."""
OPEN6 = ip_network("2000::/3")
"""All that was ever given out of IPv6."""
NAT64 = ip_network("64:ff9b::/96")
PORTS_REFUSED = frozenset((
    1, 7, 9, 13, 19, 20, 21, 22, 23, 25, 53, 69, 79, 110, 111, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 445,
    465, 514, 515, 526, 530, 532, 548, 554, 563, 587, 636, 873, 990, 993, 995, 1433, 1521, 2049, 2375, 3306, 3389, 5038,
    5060, 5061, 5432, 5900, 6000, 6379, 6667, 9418, 11211, 27017,
))  # fmt: skip
"""Of servers that speak line by line and might take a request's lines for their own, or that nobody is to be made to
knock at: mail, remote shells, stores, telephony."""
NUMERIC = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)(\.(0[xX][0-9a-fA-F]*|[0-9]+)){0,3}\.?")
"""What many libraries read as an IPv4 address, in whichever way it is written."""


@dataclass(frozen=True, slots=True)
class Reach:
    """`networks` and `hosts` (names, in small letters): inner ones that are allowed all the same. `plain`: http may be
    spoken to anybody, not to those alone."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()
    plain: bool = False

    def may(self, address: str, host: str = "") -> bool:
        """Whether this address may be connected to; `host`: the name that led there."""
        return _name(host) in self.hosts or is_open(address) or self._is_allowed(address)

    def may_plain(self, host: str) -> bool:
        return self.plain or _name(host) in self.hosts or self._is_allowed(_literal(host))

    def fault(self, url: str) -> str:
        """What is wrong with it as the address of a webhook, as the end of a sentence; "": nothing that can be told
        before it is connected to."""
        parts = _parts(url)
        if isinstance(parts, str):
            return parts
        host = parts.hostname or ""
        if _is_inner_literal(host) and not (_name(host) in self.hosts or self._is_allowed(_literal(host))):
            return f"this is {INNER}: use a public one, or have the operator allow it (webhook_allow)"
        if parts.scheme == "http" and not self.may_plain(host):
            return "http is not allowed to this host: use https, or have the operator allow it (webhook_allow)"
        return ""

    def _is_allowed(self, address: str) -> bool:
        found = _read(address)
        return found is not None and any(found.version == one.version and found in one for one in self.networks)


def reach_of(allow: tuple[str, ...], plain: bool = False) -> Reach:
    """Of settings: networks (or single addresses) and names of hosts, mixed."""
    networks = tuple(network for one in allow if (network := network_of(one)) is not None)
    return Reach(networks, frozenset(_name(one) for one in allow if network_of(one) is None), plain)


def network_of(text: str) -> Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def is_open(address: str) -> bool:
    """Whether it is an address of the open Internet; what is not an address is not."""
    found = _read(address)
    if found is None or found.is_multicast or (found.is_reserved and not _in(found, NAT64)):
        return False
    if isinstance(found, IPv6Address) and _in(found, NAT64):  # where a machine has IPv6 alone
        return is_open(str(IPv4Address(int(found) & 0xFFFF_FFFF)))
    if isinstance(found, IPv6Address) and not _in(found, OPEN6):
        return False
    return found.is_global and not any(_in(found, one) for one in BESIDE)


def _in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _read(address: str) -> Address | None:
    """IPv4 written as IPv6 is what it stands for."""
    try:
        found = ip_address(address.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def _parts(url: str) -> SplitResult | str:
    """Of an absolute address that can be connected to; or what is wrong with it."""
    if len(url) > URL_MAX:
        return f"at most {URL_MAX} characters are allowed"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return "visible ASCII characters are expected, others as %xx, a name in other letters as xn--…"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "an address such as https://example.com/webhooks is expected"
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return "an address such as https://example.com/webhooks is expected"
    if "@" in parts.netloc:
        return "no user name or password is allowed in it: what is sent is signed"
    if "#" in url:
        return "nothing is allowed behind a #"
    if port in PORTS_REFUSED:
        return f"port {port} is another kind of server's"
    return parts


def _name(host: str) -> str:
    return host.lower().rstrip(".").strip("[]")


def _literal(host: str) -> str:
    """The address that a host stands for without being looked up, as far as it is one."""
    name = _name(host)
    return "127.0.0.1" if _is_localhost(name) else name


def _is_localhost(name: str) -> bool:
    return name == "localhost" or name.endswith(".localhost")


def _is_inner_literal(host: str) -> bool:
    """It says so itself, without being looked up."""
    name = _name(host)
    if _is_localhost(name):
        return True
    if _read(name) is not None:
        return not is_open(name)
    return NUMERIC.fullmatch(name) is not None
