"""One carrier as pjsip.conf has it, put together from the sections that refer to each other. Knows what belongs where;
writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ari_app.trunk_tools.asterisk_conf import Block, Conf, Setting

URI = re.compile(
    r"(?:[^<]*<)?\s*(sips?):(?:(?P<user>[^@>;]*)@)?(?P<host>\[[^\]]+\]|[^:;>/?\s]+)(?::(?P<port>[0-9]{1,5}))?(?P<rest>[^>]*)"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Of a SIP address."""

    host: str
    port: str
    user: str
    transport: str


def place_of(uri: str) -> Place | None:
    found = URI.match(uri)
    if not found:
        return None
    transport = re.search(r";\s*transport=([a-z]+)", found["rest"], re.IGNORECASE)
    user = (found["user"] or "").partition(":")[0]  # a password may follow
    secure = "tls" if found[1] == "sips" else ""
    return Place(found["host"].strip("[]"), found["port"] or "", user, transport[1].lower() if transport else secure)


@dataclass
class FoundTrunk:
    """An endpoint with its parts; what it has none of is None or empty."""

    endpoint: Block
    aors: list[Block] = field(default_factory=list)
    auth: Block | None = None
    registration: Block | None = None
    identifies: list[Block] = field(default_factory=list)
    transport: str = ""  # its protocol

    @property
    def contacts(self) -> list[Setting]:
        return [
            Setting("contact", part.strip(), one.line)
            for aor in self.aors
            for one in aor.all("contact")
            for part in one.value.split(",")
            if part.strip()
        ]

    @property
    def place(self) -> tuple[Place, int] | None:
        """Where it is, by its contact, else by where it is registered; with the line."""
        server = self.registration.get("server_uri") if self.registration else None
        for one in [*self.contacts, *([server] if server else [])]:
            if place := place_of(one.value):
                return place, one.line
        for identify in self.identifies:
            for one in identify.all("match"):
                if bare := one.value.split(",")[0].strip().partition("/")[0]:
                    return Place(bare, "", "", ""), one.line
        return None


def found_trunks(conf: Conf) -> tuple[list[FoundTrunk], list[Block]]:
    """(carriers, endpoints that are none): a phone registers with us and has no place of its own."""
    parts = _Parts(conf)
    found = [parts.trunk(endpoint) for endpoint in conf.of("endpoint")]
    return [one for one in found if one.place], [one.endpoint for one in found if not one.place]


class _Parts:
    def __init__(self, conf: Conf) -> None:
        self.aors = _by_name(conf.of("aor"))
        self.auths = _by_name(conf.of("auth"))
        self.transports = _by_name(conf.of("transport"))
        self.registrations = conf.of("registration")
        self.identifies: dict[str, list[Block]] = {}
        for one in conf.of("identify"):
            self.identifies.setdefault(one.value("endpoint"), []).append(one)

    def trunk(self, endpoint: Block) -> FoundTrunk:
        names = _names(endpoint.value("aors")) or [endpoint.name]
        transport = self.transports.get(endpoint.value("transport"))
        found = FoundTrunk(
            endpoint,
            aors=[self.aors[name] for name in names if name in self.aors],
            auth=self.auths.get(endpoint.value("outbound_auth")),
            identifies=self.identifies.get(endpoint.name, []),
            transport=transport.value("protocol").lower() if transport else "",
        )
        found.registration = self._registration(found)
        if found.registration and not found.auth:
            found.auth = self.auths.get(found.registration.value("outbound_auth"))
        return found

    def _registration(self, found: FoundTrunk) -> Block | None:
        """By its own word, by the login that both use, or by the server's name."""
        auth = found.endpoint.value("outbound_auth")
        hosts = {place.host.lower() for one in found.contacts if (place := place_of(one.value))}
        for one in self.registrations:
            if one.value("endpoint") == found.endpoint.name:
                return one
        for one in self.registrations:
            server = place_of(one.value("server_uri"))
            if (auth and one.value("outbound_auth") == auth) or (server and server.host.lower() in hosts):
                return one
        return None


def _by_name(blocks: Iterable[Block]) -> dict[str, Block]:
    return {block.name: block for block in blocks}


def _names(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]
