"""A trunk as Asterisk is told of it: PJSIP sections, as data, and the text of pjsip_trunks.conf.

Knows what a trunk is called, where it is and who we are to it, not what it costs or which number it shows."""

import re
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from urllib.parse import quote

from ari_app.domain.trunks import Trunk
from ari_app.stack.errors import StackError
from ari_app.stack.pjsip import Section, text_of
from ari_app.stack.shaken import profile_of
from ari_app.stack.transports import OurEnd, address_of, is_ipv6, split_port, transport_of, transport_sections

HEAD = "; Written by Ringbridge from the trunks' settings: changes made here are lost.\n"

QUALIFY_S, QUALIFY_TIMEOUT_S = 3, 1.5
"""How often a trunk is asked whether it is there, and how long its answer may take: a dead one goes unnoticed for the
sum of both, which must stay under the 5 s within which /readyz tells. A lost question is sent again within the time."""

RETRY_S = 30
"""When a registrar did not answer, or said "not now"."""
REFUSED_RETRY_S = 300
"""When it said no: a password that was changed there may be put right there, and who asks too often is locked out."""
FOR_EVER = 1_000_000
"""Tries of a registration. Asterisk gives up after ten, and then nobody registers when the carrier is back."""

LOGIN = "@login"
"""In a registration: it is made anew when its own section changes, not when the password in the auth section does."""

HOST = re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}")
USER_SAFE = "-_.!~*'()&=+$,/"  # RFC 3261, 25.1, `user`, without what Asterisk or a URI could stumble over


def render_trunks(trunks: Iterable[Trunk], end: OurEnd | None = None) -> str:
    """pjsip_trunks.conf. Raises StackError for a value that no line of it can hold."""
    return HEAD + text_of(sections_of(tuple(trunks), end or OurEnd()))


def sections_of(trunks: Sequence[Trunk], end: OurEnd) -> Iterator[Section]:
    """Everything in pjsip_trunks.conf: transports that pjsip.conf does not have, then each trunk. The same for the same
    trunks, always."""
    yield from transport_sections(trunks, end)
    for trunk in trunks:
        yield from trunk_sections(trunk, end)


def trunk_sections(trunk: Trunk, end: OurEnd) -> Iterator[Section]:
    """endpoint, aor, identify; with a username also auth, and registration where it registers. All have its name."""
    _check(trunk)
    yield Section(trunk.name, "endpoint", tuple(_endpoint(trunk, end)))
    yield Section(trunk.name, "aor", tuple(_aor(trunk)))
    yield Section(trunk.name, "identify", (("endpoint", trunk.name), ("match", ",".join(_matches(trunk)))))
    if trunk.username:
        yield Section(trunk.name, "auth", tuple(_auth(trunk)))
    if trunk.register:
        yield Section(trunk.name, "registration", tuple(_registration(trunk)))


def _endpoint(trunk: Trunk, end: OurEnd) -> list[tuple[str, str]]:
    """`trunk.endpoint` stands as it is, and wins."""
    own = {key for key, _ in trunk.endpoint}
    ours = [*_manners(trunk, end), *_identity(trunk), *_optional(trunk)]
    return [*((key, value) for key, value in ours if key not in own), *trunk.endpoint]


def _manners(trunk: Trunk, end: OurEnd) -> Iterator[tuple[str, str]]:
    yield "transport", transport_of(trunk)
    yield "context", "ringbridge-inbound"
    yield "disallow", "all"
    yield "allow", ",".join(trunk.codecs) or "ulaw,alaw"
    yield "aors", trunk.name
    # by its address alone: by the From header anybody who knows its name would be this trunk
    yield "identify_by", "ip"
    # sound goes through this PBX: the call can be recorded, warned, and cut when the minutes end
    yield "direct_media", "no"
    # no re-INVITE tells one leg's carrier who the other leg is
    yield "send_connected_line", "no"
    # a refresh that a carrier answers wrongly ends a good call; rtp_timeout finds dead ones sooner
    yield "timers", "no"
    # a phone's REFER would place a call that nobody pays for
    yield "allow_transfer", "no"
    yield "allow_subscribe", "no"
    yield "rtp_timeout", str(end.media_timeout_s)
    yield "rtp_timeout_hold", str(end.media_timeout_s)


def _identity(trunk: Trunk) -> Iterator[tuple[str, str]]:
    """Which headers may carry the number; which number that is, and whether it is private, each channel says."""
    yield "send_pai", _yes(trunk.identity == "pai")
    yield "send_rpid", _yes(trunk.identity == "rpid")
    # also when it is private: the carrier is told, the called person is not
    yield "trust_id_outbound", "yes"
    yield "send_diversion", _yes(trunk.diversion)


def _optional(trunk: Trunk) -> Iterator[tuple[str, str]]:
    if trunk.username:
        yield "outbound_auth", trunk.name
    if trunk.from_user:
        yield "from_user", trunk.from_user
    if trunk.from_domain:
        yield "from_domain", trunk.from_domain
    if trunk.outbound_proxy:
        yield "outbound_proxy", _proxy(trunk)
    if trunk.srtp != "no":
        yield "media_encryption", trunk.srtp  # enforced: a carrier that answers in the clear has no call
    if is_ipv6(trunk):
        yield "rtp_ipv6", "yes"
    if trunk.stir_shaken != "no":
        yield "stir_shaken_profile", profile_of(trunk)


def _aor(trunk: Trunk) -> Iterator[tuple[str, str]]:
    yield "contact", _uri(trunk)
    yield "qualify_frequency", str(QUALIFY_S)
    yield "qualify_timeout", str(QUALIFY_TIMEOUT_S)
    if trunk.outbound_proxy:
        yield "outbound_proxy", _proxy(trunk)


def _auth(trunk: Trunk) -> Iterator[tuple[str, str]]:
    yield "auth_type", "digest"
    yield "username", trunk.username
    yield "password", trunk.password


def _registration(trunk: Trunk) -> Iterator[tuple[str, str]]:
    """Without `line`: it makes whoever guesses 28 bits the trunk. Where calls come from, `match` says."""
    user = quote(trunk.username, safe=USER_SAFE)
    yield "transport", transport_of(trunk)
    yield "server_uri", _uri(trunk)
    yield "client_uri", f"sip:{user}@{trunk.from_domain or _bracketed(trunk.host)}"
    yield "contact_user", user
    yield "outbound_auth", trunk.name
    yield LOGIN, _digest_of(trunk.username, trunk.password)
    yield "expiration", str(trunk.expires_s)
    yield "retry_interval", str(RETRY_S)
    yield "forbidden_retry_interval", str(REFUSED_RETRY_S)
    yield "fatal_retry_interval", str(REFUSED_RETRY_S)
    yield "max_retries", str(FOR_EVER)
    yield "max_random_initial_delay", "1"  # whoever changes a trunk sees at once whether it registers
    if trunk.outbound_proxy:
        yield "outbound_proxy", _proxy(trunk)


def _uri(trunk: Trunk) -> str:
    return f"sip:{_bracketed(trunk.host)}:{trunk.port}{_by(trunk)}"


def _proxy(trunk: Trunk) -> str:
    host, port = split_port(trunk.outbound_proxy)
    return f"sip:{_bracketed(host)}{':' * bool(port)}{port}{_by(trunk)};lr"


def _by(trunk: Trunk) -> str:
    return "" if trunk.transport == "udp" else f";transport={trunk.transport}"


def _matches(trunk: Trunk) -> list[str]:
    """Where its calls come from: from any port of these addresses; on loopback the port is all that tells two trunks
    apart."""
    proxy = split_port(trunk.outbound_proxy)
    hops = [(trunk.host.strip("[]"), str(trunk.port)), *([proxy] if trunk.outbound_proxy else [])]
    return [*(_match(host, port) for host, port in hops), *trunk.match]


def _match(host: str, port: str) -> str:
    address = address_of(host)
    return f"{_bracketed(host)}:{port}" if address is not None and address.is_loopback and port else host


def _bracketed(host: str) -> str:
    return f"[{host.strip('[]')}]" if ":" in host else host


def _digest_of(*words: str) -> str:
    return sha256("\0".join(words).encode()).hexdigest()[:8]


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _check(trunk: Trunk) -> None:
    """Of what becomes a part of a longer value: it must not become another part."""
    hosts = [trunk.host, trunk.from_domain, trunk.outbound_proxy, *(one.partition("/")[0] for one in trunk.match)]
    for host in filter(None, hosts):
        if not HOST.fullmatch(host):
            raise StackError(f"[{trunk.name}]: “{host[:80]}” is no host name or address")
    if trunk.register and not trunk.username:
        raise StackError(f"[{trunk.name}]: registers, and has no username")
