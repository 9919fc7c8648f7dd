"""Trunks as data, and the order in which they are tried for a number: longest prefix, then priority, then weight.

Knows no Asterisk, no file, and nothing of what is full or has failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import log
from typing import Literal

from ari_app.domain.numbers import CallerId, Format, formatted
from ari_app.domain.rates import Rate, rate_of

PLATFORM = CallerId("platform")


@dataclass(frozen=True, slots=True)
class Window:
    """A time of the week, by the operator's clock. `days`: 0 is Monday. Minutes of the day; `until_min` up to 1440; a
    window that ends before it begins goes on into the next day."""

    days: frozenset[int]
    from_min: int
    until_min: int


@dataclass(frozen=True, slots=True)
class Trunk:
    """One carrier as the operator describes it in sip_trunks.conf. What is 0 or empty is not limited, or not used."""

    name: str  # of its section, and of its PJSIP endpoint
    host: str
    port: int = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    srtp: Literal["no", "sdes"] = "no"
    codecs: tuple[str, ...] = ("alaw", "ulaw")
    # who we are to it: by our address, or by name and password, also registered
    username: str = ""
    password: str = field(default="", repr=False)
    register: bool = False
    expires_s: int = 3600
    from_user: str = ""
    from_domain: str = ""
    outbound_proxy: str = ""  # host or host:port
    match: tuple[str, ...] = ()  # addresses that it sends from, besides its own
    # numbers
    number_format: Format = "e164"
    prepend: str = ""  # dialled before the number, such as a carrier's access code
    caller_id: CallerId = PLATFORM
    caller_id_format: Format = "e164"
    identity: Literal["pai", "rpid", "none"] = "pai"  # the header that asserts who calls
    privacy: bool = False  # the number shown is asserted to the carrier, and hidden from the called person
    diversion: bool = False  # a Diversion header with the platform's number, wherever another number is shown
    stir_shaken: Literal["no", "A", "B", "C"] = "no"  # calls are signed with this attestation
    stir_shaken_key: str = ""  # path
    stir_shaken_cert_url: str = ""
    # routing
    priority: int = 10  # the smaller goes first
    weight: int = 0  # share among equals; 0: after those with a weight, the cheaper first
    prefixes: tuple[str, ...] = ()  # none: every number
    hours: tuple[Window, ...] = ()  # none: always
    max_channels: int = 0
    max_cps: int = 0
    causes: tuple[tuple[int, str], ...] = ()  # SIP status or cause → outcome, before the common table
    # money
    price_micro_per_min: int = 0
    price_increment: str = "60/60"
    currency: str = "CNY"
    rates: tuple[Rate, ...] = ()  # by prefix; for a number that they do not name, the price above
    spend_alarm_micro: int = 0  # a day
    spend_max_micro: int = 0
    endpoint: tuple[tuple[str, str], ...] = ()  # raw options of the PJSIP endpoint

    def reach(self, number: str) -> int | None:
        """Length of the longest prefix that fits, 0 if the trunk takes every number, None if it does not take it."""
        if not self.prefixes:
            return 0
        return max((len(prefix) for prefix in self.prefixes if number.startswith(prefix)), default=None)


def in_order(number: str, trunks: Sequence[Trunk], key: str = "", at_ms: int = 0) -> tuple[Trunk, ...]:
    """Every trunk that takes the number, the first to try first: longest prefix, smaller priority, weight, price.

    `key` (the call's id) shares calls out among those with a weight, and among those of one price; the same key gives
    the same order, after a restart too.
    """
    fit = [(reach, trunk) for trunk in trunks if (reach := trunk.reach(number)) is not None]

    def place(one: tuple[int, Trunk]) -> tuple[float, ...]:
        reach, trunk = one
        price = price_of(trunk, number, at_ms).price_micro_per_min
        return (-reach, trunk.priority, -_draw(trunk, key), price, -_chance(trunk, key))

    return tuple(trunk for _, trunk in sorted(fit, key=place))


def price_of(trunk: Trunk, number: str, at_ms: int) -> Rate:
    """By its deck, else its one price."""
    return rate_of(number, at_ms, trunk.rates) or Rate("", trunk.price_micro_per_min, trunk.price_increment)


def dialled(trunk: Trunk, number: str, national: str = "") -> str:
    """What this trunk is asked for; see numbers.formatted. A short or service number goes as it was dialled, without
    `prepend` too: with digits before it, it would be another number."""
    return trunk.prepend + formatted(number, trunk.number_format, national) if number.startswith("+") else number


def _draw(trunk: Trunk, key: str) -> float:
    """Weighted rendezvous hashing: a trunk wins in proportion to its weight, and when one goes only its calls move."""
    return trunk.weight / -log(_chance(trunk, key)) if trunk.weight > 0 else 0.0


def _chance(trunk: Trunk, key: str) -> float:
    """Between 0 and 1, the same for the same trunk and key."""
    drawn = int.from_bytes(blake2b(f"{trunk.name}\0{key}".encode(), digest_size=6).digest(), "big") + 1
    return drawn / (2**48 + 1)
