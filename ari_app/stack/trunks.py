"""Writes the PJSIP sections of the trunks. Knows what a trunk is called and where it is, not what it costs."""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Protocol

QUALIFY_S, QUALIFY_TIMEOUT_S = 3, 1.5
"""How often a trunk is asked whether it is there, and how long its answer may take: a dead one goes unnoticed for the
sum of both, which must stay under the 5 s within which /readyz tells. A lost question is sent again within the time."""


class TrunkLike(Protocol):
    """What is read of a trunk. `endpoint` goes into its endpoint section as it stands, and wins."""

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def transport(self) -> str: ...
    @property
    def codecs(self) -> Sequence[str]: ...
    @property
    def endpoint(self) -> Sequence[tuple[str, str]]: ...


def render_trunks(trunks: Iterable[TrunkLike], *, media_timeout_s: int = 0, tls_bind: str = "127.0.0.1:5061") -> str:
    """pjsip_trunks.conf for `trunks`.

    `media_timeout_s`: a leg that hears nothing so long is hung up; 0 is never. `tls_bind`: the local end of calls over
    TLS; written only where a trunk uses it, because it needs the machine's certificates.
    """
    known = list(trunks)
    head = "; Written by Ringbridge from the trunks' settings: changes made here are lost.\n"
    if any(trunk.transport == "tls" for trunk in known):
        # a trunk that cannot prove its name is not the trunk; having no certificate of its own, it takes no calls
        tls = {"protocol": "tls", "bind": tls_bind, "verify_server": "yes", "ca_list_path": "/etc/ssl/certs"}
        head += _section("transport-tls", "transport", tls.items())
    return head + "".join(_sections(trunk, media_timeout_s) for trunk in known)


def _sections(trunk: TrunkLike, media_timeout_s: int) -> str:
    endpoint = {
        "transport": f"transport-{trunk.transport}",
        "context": "ringbridge-inbound",
        "disallow": "all",
        "allow": ",".join(trunk.codecs) or "ulaw,alaw",
        "aors": trunk.name,
        # by its address alone: by the From header anybody who knows its name would be this trunk
        "identify_by": "ip",
        # sound goes through this PBX: the call can be recorded, warned, and cut when the minutes end
        "direct_media": "no",
        # the number shown travels in From and P-Asserted-Identity, also when the user withholds it
        "send_pai": "yes",
        "trust_id_outbound": "yes",
        # no re-INVITE tells one leg's carrier who the other leg is
        "send_connected_line": "no",
        # a refresh that a carrier answers wrongly ends a good call; rtp_timeout finds dead ones sooner
        "timers": "no",
        # a phone's REFER would place a call that nobody pays for
        "allow_transfer": "no",
        "allow_subscribe": "no",
        "rtp_timeout": str(media_timeout_s),
        "rtp_timeout_hold": str(media_timeout_s),
    }
    own = {key for key, _ in trunk.endpoint}
    lines = [*((key, value) for key, value in endpoint.items() if key not in own), *trunk.endpoint]
    host = f"[{trunk.host}]" if _is_ipv6(trunk.host) else trunk.host
    transport = "" if trunk.transport == "udp" else f";transport={trunk.transport}"
    aor = {
        "contact": f"sip:{host}:{trunk.port}{transport}",
        "qualify_frequency": str(QUALIFY_S),
        "qualify_timeout": str(QUALIFY_TIMEOUT_S),
    }
    identify = {"endpoint": trunk.name, "match": _match(trunk)}
    return (
        _section(trunk.name, "endpoint", lines)
        + _section(trunk.name, "aor", aor.items())
        + _section(trunk.name, "identify", identify.items())
    )


def _section(name: str, kind: str, values: Iterable[tuple[str, str]]) -> str:
    lines = [("type", kind), *values]
    escaped = ((key, value.replace(";", "\\;")) for key, value in lines)  # a bare semicolon begins a comment
    return f"\n[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in escaped)


def _match(trunk: TrunkLike) -> str:
    """A carrier may call from any port of its address; on loopback the port is all that tells two trunks apart."""
    try:
        loopback = ipaddress.ip_address(trunk.host).is_loopback
    except ValueError:
        return trunk.host
    if not loopback:
        return trunk.host
    return f"[{trunk.host}]:{trunk.port}" if _is_ipv6(trunk.host) else f"{trunk.host}:{trunk.port}"


def _is_ipv6(host: str) -> bool:
    return ":" in host
