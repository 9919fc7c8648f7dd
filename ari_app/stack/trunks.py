"""Writes the PJSIP sections of the trunks. Knows what a trunk is called and where it is, not what it costs."""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

QUALIFY_S = 5  # how often a trunk is asked whether it is there; so long may a dead one go unnoticed
QUALIFY_TIMEOUT_S = 2


class TrunkLike(Protocol):
    """What is read of a trunk. `extra` goes into the endpoint section as it stands, and wins."""

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
    def extra(self) -> Mapping[str, str]: ...


def render_trunks(trunks: Iterable[TrunkLike], *, media_timeout_s: int = 0) -> str:
    """pjsip_trunks.conf for `trunks`. `media_timeout_s`: a leg that hears nothing so long is hung up; 0 is never."""
    head = "; Written by Ringbridge from the trunks' settings: changes made here are lost.\n"
    return head + "".join(_sections(trunk, media_timeout_s) for trunk in trunks)


def _sections(trunk: TrunkLike, media_timeout_s: int) -> str:
    endpoint = {
        "transport": f"transport-{trunk.transport}",
        "context": "ringbridge-inbound",
        "disallow": "all",
        "allow": ",".join(trunk.codecs) or "ulaw,alaw",
        "aors": trunk.name,
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
    endpoint.update(trunk.extra)
    host = f"[{trunk.host}]" if _is_ipv6(trunk.host) else trunk.host
    transport = "" if trunk.transport == "udp" else f"\\;transport={trunk.transport}"
    aor = {
        "contact": f"sip:{host}:{trunk.port}{transport}",
        "qualify_frequency": str(QUALIFY_S),
        "qualify_timeout": str(QUALIFY_TIMEOUT_S),
    }
    identify = {"endpoint": trunk.name, "match": _match(trunk)}
    return (
        _section(trunk.name, "endpoint", endpoint)
        + _section(trunk.name, "aor", aor)
        + _section(trunk.name, "identify", identify)
    )


def _section(name: str, kind: str, values: Mapping[str, str]) -> str:
    return f"\n[{name}]\ntype = {kind}\n" + "".join(f"{key} = {value}\n" for key, value in values.items())


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
