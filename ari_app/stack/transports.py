"""The PBX's own end of SIP: on which addresses it listens, and by which transport it speaks to a trunk.

IPv4 over udp and tcp is in asterisk_conf/pbx/pjsip.conf; what is written here comes live when a reload finds it first,
and no reload changes it after that (`allow_reload` is off): the calls that use it go on.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from ari_app.domain.trunks import Trunk
from ari_app.stack.pjsip import Section

SYSTEM_CAS = "/etc/ssl/certs"
TLS = "tlsv1_2"
"""Asterisk's default is TLS 1.0 and nothing else, which no carrier takes any more."""


@dataclass(frozen=True, slots=True)
class OurEnd:
    """What is the same for all trunks of one PBX."""

    sip_port: int = 5060
    tls_port: int = 5061
    tls_ca_file: str = ""  # those who may vouch for a carrier's name; empty: whom the machine trusts
    media_timeout_s: int = 0  # a leg that hears nothing so long is hung up; 0 is never


def bind_address(trunks: Iterable[Trunk]) -> str:
    """For IPv4. A PBX whose carriers are all on this machine is not to be reached from outside."""
    return "127.0.0.1" if all(is_local(trunk) for trunk in trunks) else "0.0.0.0"


def is_local(trunk: Trunk) -> bool:
    return all(host == "localhost" or _is_loopback(host) for host in _hops(trunk))


def is_ipv6(trunk: Trunk) -> bool:
    """Whether SIP goes there by IPv6: told by the address that is written down; a host name is looked up for IPv4."""
    return isinstance(address_of(_hops(trunk)[0]), IPv6Address)


def transport_of(trunk: Trunk) -> str:
    return f"transport-{trunk.transport}{'6' if is_ipv6(trunk) else ''}"


def transport_sections(trunks: Iterable[Trunk], end: OurEnd) -> Iterator[Section]:
    """Those that some trunk uses, and pjsip.conf does not have."""
    known = list(trunks)
    for protocol in ("udp", "tcp", "tls"):
        for ipv6 in (False, True):
            users = [trunk for trunk in known if trunk.transport == protocol and is_ipv6(trunk) is ipv6]
            if users and (ipv6 or protocol == "tls"):
                yield _transport(users, known, end)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """None: a name."""
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def split_port(hop: str) -> tuple[str, str]:
    """host, host:port, [v6]:port, or a bare v6 address → host and port; "" where there is none."""
    if address_of(hop) is not None:
        return hop.strip("[]"), ""
    host, _, port = hop.rpartition(":")
    return (host.strip("[]"), port) if host and port.isascii() and port.isdigit() else (hop, "")


def _transport(users: list[Trunk], known: list[Trunk], end: OurEnd) -> Section:
    first = users[0]
    port = end.tls_port if first.transport == "tls" else end.sip_port
    bind = _ipv6_bind(users) if is_ipv6(first) else bind_address(known)
    values = [("protocol", first.transport), ("bind", f"{bind}:{port}")]
    if first.transport == "tls":
        # a trunk that cannot prove its name is not the trunk; having no certificate of its own, it takes no calls
        trusted = ("ca_list_file", end.tls_ca_file) if end.tls_ca_file else ("ca_list_path", SYSTEM_CAS)
        values += [("method", TLS), ("verify_server", "yes"), trusted, ("allow_wildcard_certs", "yes")]
    return Section(transport_of(first), "transport", tuple(values))


def _ipv6_bind(users: list[Trunk]) -> str:
    return "[::1]" if all(is_local(trunk) for trunk in users) else "[::]"


def _hops(trunk: Trunk) -> tuple[str, ...]:
    """Where SIP is sent: first the proxy, if there is one; and the carrier's own host, from where calls may come."""
    proxy = (split_port(trunk.outbound_proxy)[0],) if trunk.outbound_proxy else ()
    return (*proxy, trunk.host)


def _is_loopback(host: str) -> bool:
    address = address_of(host)
    return address is not None and address.is_loopback
