"""What an address may look like in sip_trunks.conf: a carrier's, its proxy's, that of whatever it sends from."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from ari_app.config.kinds import Kind, Unfit
from ari_app.trunk_kinds import listed

LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
NAME_OF_HOST = re.compile(rf"(?=.{{1,253}}$)(?:{LABEL}\.)*{LABEL}")
WIDEST = {4: 8, 6: 16}
"""Of a network that one carrier sends from: in a wider one everybody would be that carrier."""
SOURCES_MAX, SOURCES_CHARACTERS_MAX = 50, 1_600
"""They stand in one line of Asterisk's, which has room for 2,000 characters."""


def address(raw: str) -> str:
    """A host name or an IP address, without a port and without brackets. Raises Unfit."""
    word = raw.strip()
    bare = word[1:-1] if word.startswith("[") and word.endswith("]") else word
    try:
        found = ipaddress.ip_address(bare)
    except ValueError:
        last = word.rpartition(".")[2]
        if not NAME_OF_HOST.fullmatch(word) or last.isdecimal():  # 192.0.2.300 is no name
            raise Unfit from None
        return word
    if "%" in bare or found.is_unspecified or found.is_multicast:
        raise Unfit
    return str(found)


def host() -> Kind:
    return Kind("a host name, an IPv4 or an IPv6 address, without a port", lambda raw: address(str(raw)))


def optional_host() -> Kind:
    return Kind("a host name or an address (or nothing)", lambda raw: address(str(raw)) if str(raw).strip() else "")


def host_and_port() -> Kind:
    def parse(raw: Any) -> str:
        word = str(raw).strip()
        if not word:
            return ""
        found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([1-9][0-9]{0,4}))?", word)
        if not found or int(found[2] or 1) > 65535:
            raise Unfit
        place = address(found[1])
        place = f"[{place}]" if ":" in place else place
        return f"{place}:{found[2]}" if found[2] else place

    return Kind("a host or host:port, an IPv6 address in [brackets] (or nothing)", parse)


def source(raw: str) -> str:
    """An address or a network that a carrier sends from. Raises Unfit."""
    if "/" not in raw:
        return address(raw)
    try:
        network = ipaddress.ip_network(raw)
    except ValueError:
        loose = _loose(raw)
        raise Unfit(f'; did you mean "{loose}"?' if loose else "") from None
    if network.prefixlen < WIDEST[network.version]:
        raise Unfit(f": wider than /{WIDEST[network.version]}, everybody would be this carrier")
    return str(network)


def _loose(raw: str) -> str:
    """The network that 192.0.2.7/24 lies in."""
    try:
        return str(ipaddress.ip_network(raw, strict=False))
    except ValueError:
        return ""


def sources() -> Kind:
    words = f"a list (commas between) of at most {SOURCES_MAX} addresses, networks such as 192.0.2.0/28, or host names"
    listing = listed(words, source)

    def parse(raw: Any) -> tuple[str, ...]:
        found: tuple[str, ...] = listing.parse(raw)
        if len(found) > SOURCES_MAX or len(",".join(found)) > SOURCES_CHARACTERS_MAX:
            raise Unfit
        return found

    return Kind(listing.words, parse, listing.show)
