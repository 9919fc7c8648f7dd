"""What no option of sip_trunks.conf can see alone: options of one trunk that do not go together, trunks that cannot be
told apart. Mistakes, and warnings of what is allowed and probably not meant. Knows trunks and their lines, no file."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ari_app.config.mistakes import Mistake
from ari_app.config.sections import Section
from ari_app.domain.trunks import Trunk

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
OF_PJSIP = ("global", "general", "system", "default", "transport", "anonymous", "default_outbound_endpoint")
TAKEN = frozenset({*OF_PJSIP, "attestation", "verification"})
"""Sections that pjsip.conf or stir_shaken.conf has already, or names that mean something to Asterisk."""
TAKEN_BEGINS = "transport-"


@dataclass(slots=True)
class Found:
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)


def taken(name: str) -> str:
    """Why a trunk cannot have this name, or ""."""
    is_taken = name.lower() in TAKEN or name.lower().startswith(TAKEN_BEGINS)
    return "Asterisk uses this name itself" if is_taken else ""


Told = Iterator[tuple[str, str]]
"""(option at fault, what is wrong)"""


def check_trunk(trunk: Trunk, section: Section, file: str, found: Found, unread: Collection[str] = ()) -> None:
    """Its mistakes. `unread`: options whose value is a mistake itself, and of which nothing more can be said."""
    for check, options in MISTAKES.items():
        if not any(option in unread for option in options):
            _tell(check(trunk), section, file, found.mistakes)


def warn_of_trunk(trunk: Trunk, section: Section, file: str, found: Found) -> None:
    for check in WARNINGS:
        _tell(check(trunk), section, file, found.warnings)


def _tell(told: Told, section: Section, file: str, to: list[Mistake]) -> None:
    for option, what in told:
        to.append(Mistake(f"{file}:{section.lines.get(option, section.line)}", f"{option}: {what}"))


def _login(trunk: Trunk) -> Told:
    if trunk.register and not (trunk.username and trunk.password):
        yield "register", "needs username and password too"
    elif trunk.password and not trunk.username:
        yield "password", "needs username too"
    elif trunk.username and not trunk.password:
        yield "username", "needs password too"


def _signature(trunk: Trunk) -> Told:
    given = {"stir_shaken_key": trunk.stir_shaken_key, "stir_shaken_cert_url": trunk.stir_shaken_cert_url}
    missing = [name for name, value in given.items() if not value]
    if trunk.stir_shaken != "no" and missing:
        yield "stir_shaken", f"needs {' and '.join(missing)} too"
    if trunk.stir_shaken == "no":
        yield from ((name, "needs stir_shaken too, with A, B or C") for name, value in given.items() if value)


def _spending(trunk: Trunk) -> Told:
    if 0 < trunk.spend_max_micro < trunk.spend_alarm_micro:
        yield "spend_alarm", "must not be more than spend_max: the trunk would stop before anybody is told"


def _clear_keys(trunk: Trunk) -> Told:
    if trunk.srtp == "sdes" and trunk.transport != "tls":
        yield "srtp", f"its keys travel in clear over {trunk.transport}: set transport = tls"
    if trunk.srtp == "no" and trunk.transport == "tls":
        yield "transport", "tls hides who calls whom, and not what is said: set srtp = sdes if the carrier has it"


def _nobody_shown(trunk: Trunk) -> Told:
    if trunk.from_user and trunk.identity == "none":
        yield "from_user", "stands where the number shown would, and with identity = none no other header has that"
    if trunk.privacy and trunk.identity == "none":
        yield "privacy", "with identity = none the carrier does not learn who calls either"


def _unused(trunk: Trunk) -> Told:
    is_free = not trunk.price_micro_per_min and not any(rate.price_micro_per_min for rate in trunk.rates)
    for name, value in (("spend_max", trunk.spend_max_micro), ("spend_alarm", trunk.spend_alarm_micro)):
        if value and is_free:
            yield name, "nothing is ever spent here: the trunk has no price"


def _one_line(trunk: Trunk) -> Told:
    if trunk.max_channels == 1:
        yield (
            "max_channels",
            "a call takes two lines where both its phones are rung over this trunk: none ever would",
        )


Check = Callable[[Trunk], Told]
MISTAKES: Mapping[Check, Sequence[str]] = {
    _login: ("register", "username", "password"),
    _signature: ("stir_shaken", "stir_shaken_key", "stir_shaken_cert_url"),
    _spending: ("spend_alarm", "spend_max"),
}
"""With the options that each is about."""
WARNINGS: Sequence[Check] = (_clear_keys, _nobody_shown, _unused, _one_line)


# ---- trunks beside each other -------------------------------------------------------------------------------------

Placed = Sequence[tuple[Trunk, Section]]


def check_together(placed: Placed, file: str, found: Found) -> None:
    _twice(placed, file, found.mistakes)
    _told_apart(placed, file, found.warnings)
    _shares(placed, file, found.warnings)


def _twice(placed: Placed, file: str, mistakes: list[Mistake]) -> None:
    """Allowed is one carrier as several trunks, each with its own account, access code, prefixes, or caller id."""
    first: dict[tuple[str, int], list[tuple[Trunk, str]]] = {}
    for trunk, section in placed:
        bare = replace(trunk, name="", priority=0, weight=0)
        others = first.setdefault((trunk.host.lower(), trunk.port), [])
        same = next((name for other, name in others if other == bare), "")
        if same:
            what = f"host: [{trunk.name}] is [{same}] once more: the same address, and nothing that tells them apart"
            mistakes.append(Mistake(f"{file}:{section.lines.get('host', section.line)}", what))
        else:
            others.append((bare, trunk.name))


def _told_apart(placed: Placed, file: str, warnings: list[Mistake]) -> None:
    """Asterisk tells who calls in by the address alone; where two have it, either may be taken for the other."""
    names: dict[str, str] = {}
    networks: list[tuple[Network, str]] = []
    for trunk, section in placed:
        for source, option in _sources(trunk):
            other = names.get(source) or (_owner(source, networks) if _is_network(source) else "")
            if other and other != trunk.name:
                what = f"{option}: {source} is [{other}]'s too: a call that comes in may be taken for either's"
                warnings.append(Mistake(f"{file}:{section.lines.get(option, section.line)}", what))
            names.setdefault(source, trunk.name)
            if _is_network(source):
                networks.append((ipaddress.ip_network(source), trunk.name))


def _sources(trunk: Trunk) -> Iterator[tuple[str, str]]:
    host = trunk.host.lower()
    try:  # on loopback the port is part of who sends
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = False
    yield (f"{host}:{trunk.port}" if is_loopback else host), "host"
    for source in trunk.match:
        yield source.lower(), "match"


def _is_network(source: str) -> bool:
    return _network(source) is not None


def _network(source: str) -> Network | None:
    try:
        return ipaddress.ip_network(source)
    except ValueError:
        return None


def _owner(source: str, networks: Iterable[tuple[Network, str]]) -> str:
    here = _network(source)
    for other, name in networks:
        if here and here.version == other.version and here.overlaps(other):
            return name
    return ""


def _shares(placed: Placed, file: str, warnings: list[Mistake]) -> None:
    """A weight beside none: who has none gets what the others do not take."""
    weighted = {(trunk.priority, trunk.prefixes): trunk.name for trunk, _ in placed if trunk.weight}
    for trunk, section in placed:
        if not trunk.weight and (other := weighted.get((trunk.priority, trunk.prefixes))):
            what = f"weight: [{trunk.name}] has none, [{other}] of the same priority has one and goes first"
            warnings.append(Mistake(f"{file}:{section.lines.get('priority', section.line)}", what))
