"""Who may be called, and which number is shown: policy over numbers that were read already.

Knows no numbering plan (that is the adapter's) and no user store: facts are passed in, refusals are values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Literal

ANY_COUNTRY = "*"


@dataclass(frozen=True, slots=True)
class Number:
    """A number as stored and dialled: E.164 with +, or a short or service number exactly as dialled."""

    text: str
    country: str  # two letters; "001" for a number of no country
    is_short: bool = False
    is_emergency: bool = False
    is_premium: bool = False

    def __str__(self) -> str:
        return self.text


class Why(StrEnum):
    """Why a number is refused; the same words as the API's problem types."""

    INVALID = "invalid-number"
    EMERGENCY = "emergency-number"
    BLOCKED = "destination-blocked"


@dataclass(frozen=True, slots=True)
class Refused:
    why: Why
    sentence: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The operator's limits. `countries`: two letters each, or "*"."""

    countries: tuple[str, ...]
    blocked_prefixes: tuple[str, ...] = ()
    block_premium: bool = True


def may_call(number: Number | None, rules: Rules) -> Refused | None:
    """None: it may be called. `number` is None where the text was not a number at all."""
    if number is None:
        return Refused(Why.INVALID, "This is not a phone number that can be called.")
    if number.is_emergency:
        return Refused(Why.EMERGENCY, "Emergency numbers cannot be called by callback; dial them on your phone.")
    if ANY_COUNTRY not in rules.countries and number.country not in rules.countries:
        return Refused(Why.BLOCKED, f"Numbers of this country ({number.country}) are not called.")
    if any(number.text.startswith(prefix) for prefix in rules.blocked_prefixes):
        return Refused(Why.BLOCKED, "Numbers that begin like this one are not called.")
    if rules.block_premium and number.is_premium:
        return Refused(Why.BLOCKED, "Premium-rate numbers are not called.")
    return None


Policy = Literal["platform", "verified", "fixed", "pool"]


@dataclass(frozen=True, slots=True)
class CallerId:
    """What a trunk lets us show. `numbers`: one for fixed, one or more for pool."""

    policy: Policy = "platform"
    numbers: tuple[str, ...] = ()


class WhyShown(StrEnum):
    TO_CALLER = "to_caller"  # the platform rings its own user
    TRUNK_POLICY = "trunk_policy"  # the trunk shows the platform's number, whoever calls
    NOT_VERIFIED = "not_verified"  # the trunk would, but the user has not proved the number
    VERIFIED = "verified"
    FIXED = "fixed"
    POOL = "pool"


@dataclass(frozen=True, slots=True)
class Shown:
    number: str
    why: WhyShown


@dataclass(frozen=True, slots=True)
class Own:
    """The number a user calls from, and whether he has proved that it is his."""

    number: str
    is_verified: bool


def shown(caller_id: CallerId, platform_number: str, own: Own | None, pair: str = "") -> Shown:
    """The number that a leg shows.

    `own` is None on the leg that rings the caller himself. `pair` names who calls whom: the pool gives one pair
    the same number every time, so that a contact comes to know it.
    """
    match caller_id.policy:
        case "fixed":
            return Shown(caller_id.numbers[0], WhyShown.FIXED)
        case "pool":
            return Shown(_of_pool(caller_id.numbers, pair), WhyShown.POOL)
    if own is None:
        return Shown(platform_number, WhyShown.TO_CALLER)
    if caller_id.policy != "verified":
        return Shown(platform_number, WhyShown.TRUNK_POLICY)
    if not own.is_verified:
        return Shown(platform_number, WhyShown.NOT_VERIFIED)
    return Shown(own.number, WhyShown.VERIFIED)


def _of_pool(numbers: Sequence[str], pair: str) -> str:
    """Rendezvous hashing: when the pool gains or loses a number, the other pairs keep theirs."""
    return max(numbers, key=lambda number: blake2b(f"{number}\0{pair}".encode(), digest_size=8).digest())


Format = Literal["e164", "digits", "00", "national"]


def formatted(number: str, form: Format, national: str = "") -> str:
    """The number as a carrier wants to read it. `national`: as it is dialled within the operator's own country; "": it
    is a number of another one, and goes as 00… then. What is not E.164, a short number, is the same in every format."""
    if not number.startswith("+"):
        return number
    match form:
        case "e164":
            return number
        case "digits":
            return number[1:]
        case "national" if national:
            return national
    return "00" + number[1:]


def mask(number: str) -> str:
    """For logs: +86138****0001. Short numbers are nobody's and stay."""
    if len(number) < 7:
        return number
    head, tail = (6, 4) if len(number) >= 12 else (3, 2)
    return number[:head] + "*" * min(4, len(number) - head - tail) + number[-tail:]
