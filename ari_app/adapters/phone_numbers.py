"""Reads what people write as a phone number, by Google's metadata. Knows the numbering plans; decides nothing.

What may be called is policy: domain/numbers.py.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import (
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ShortNumberCost,
    ValidationResult,
    shortnumberinfo,
)

from ari_app.domain.numbers import ANY_COUNTRY, Number

# As people write them; letters are refused, since "bob-13900000001" is a user's id and not a number.
WRITTEN = re.compile(r"\+?[0-9][0-9 ()./-]{0,38}|\([0-9][0-9 ()./-]{0,38}")
KEYED = re.compile(r"[0-9 ()./+*#,;-]{1,40}")  # with what else a phone can dial
SHORT_DIGITS_MAX = 6

# GSM phones reach help by these anywhere; the second table is what the metadata leaves out: traffic police, police by
# text, forest fire, rescue at sea.
EMERGENCY_ANYWHERE = frozenset({"112", "911"})
EMERGENCY_TOO = {"CN": frozenset({"122", "12110", "12119", "12395"})}
AREA_CODE = {"CN": re.compile(r"10|2[0-9]|[3-9][0-9]{2}")}
"""Where an area code before the number reaches another town's police, or its local premium lines."""

NO_COUNTRY = "001"
FREE_ANYWHERE = 800
COSTLY = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.PERSONAL_NUMBER})
"""A personal number rings wherever its owner likes, at his price."""


class PhoneNumbers:
    """`region`: whose numbers are understood without a country code. `countries`: whose emergency numbers are known
    besides. `must_be_valid`: the range must be known to be in use, else the length alone must be right."""

    def __init__(self, region: str, countries: Iterable[str] = (), *, must_be_valid: bool = True) -> None:
        self._region = region
        self._countries = tuple(dict.fromkeys([region, *(c for c in countries if c != ANY_COUNTRY)]))
        self._must_be_valid = must_be_valid
        self._before = tuple(_before_a_number(region, self._countries))
        self.read = lru_cache(maxsize=10_000)(self._read)
        self.national = lru_cache(maxsize=10_000)(self._national)

    def _read(self, written: str) -> Number | None:
        """The number that was meant, or None if it is none."""
        line = _plain(written)
        number = self._number(line) if WRITTEN.fullmatch(line) else None
        if number is None and KEYED.fullmatch(line):
            digits = re.sub(r"[^0-9]", "", line)
            if self._is_emergency_somehow(digits):
                return Number(digits, self._region, is_short=True, is_emergency=True)
        return number

    def _national(self, number: str) -> str:
        """Of an E.164 number: as it is dialled within the region's country, "" if it is not of that country."""
        parsed = _parsed(number, self._region)
        if parsed is None or parsed.country_code != phonenumbers.country_code_for_region(self._region):
            return ""
        return re.sub(r"[^0-9]", "", phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL))

    def _number(self, line: str) -> Number | None:
        digits = re.sub(r"[^0-9]", "", line)
        if not line.startswith("+"):
            if self._is_emergency_as_dialled(digits):
                return Number(digits, self._region, is_short=True, is_emergency=True)
            if len(digits) <= SHORT_DIGITS_MAX:
                return self._short(digits)
        parsed = _parsed(line, self._region)
        return self._long(parsed) if parsed else None

    def _long(self, parsed: PhoneNumber) -> Number | None:
        country, text = _country(parsed), _e164(parsed)
        if self._reaches_help(parsed, country):
            return Number(text, country, is_emergency=True)
        is_valid = phonenumbers.is_valid_number(parsed)
        if not is_valid and (self._must_be_valid or not _is_possible(parsed) or self._is_emergency_somehow(text[1:])):
            return None
        return Number(text, country, is_premium=_is_costly(parsed, country, is_valid=is_valid))

    def _short(self, digits: str) -> Number | None:
        parsed = PhoneNumber(
            country_code=phonenumbers.country_code_for_region(self._region), national_number=int(digits)
        )
        if digits.startswith("0") or not shortnumberinfo.is_valid_short_number_for_region(parsed, self._region):
            return None
        cost = shortnumberinfo.expected_cost_for_region(parsed, self._region)
        return Number(digits, self._region, is_short=True, is_premium=cost == ShortNumberCost.PREMIUM_RATE)

    # ---- help ---------------------------------------------------------------------------------------------------

    def _is_emergency_as_dialled(self, digits: str) -> bool:
        """A switch may stop reading at 110 and connect. Only our own region's does; elsewhere that would take
        15300000001 for France's 15."""
        return self._is_emergency(digits) or shortnumberinfo.connects_to_emergency_number(digits, self._region)

    def _is_emergency(self, digits: str) -> bool:
        if not 2 <= len(digits) <= SHORT_DIGITS_MAX:  # spares asking many countries of many numbers
            return False
        return digits in EMERGENCY_ANYWHERE or any(_is_emergency_of(digits, country) for country in self._countries)

    def _reaches_help(self, parsed: PhoneNumber, country: str) -> bool:
        """As its own country dials it, also where a carrier is given the number in the national format."""
        nsn = phonenumbers.national_significant_number(parsed)
        if any(_is_emergency_of(digits, country) for digits in (nsn, *_without_area_code(nsn, country))):
            return True
        dialled = self._national(_e164(parsed))
        return bool(dialled) and shortnumberinfo.connects_to_emergency_number(dialled, self._region)

    def _is_emergency_somehow(self, digits: str) -> bool:
        """Of what is no number otherwise: whether it is one for help, with anything before it that could be dialled
        first: zeros, a country's code, a carrier's, and an area's at last."""
        seen, left = {digits}, [digits]
        while left:
            tail = left.pop()
            if any(self._is_emergency(one) for one in (tail, *_without_area_code(tail, self._region))):
                return True
            shorter = {tail[match.end() :] for before in self._before if (match := before.match(tail))}
            left += shorter - seen
            seen |= shorter
        return False


def _plain(written: str) -> str:
    """With the digits and dashes of ASCII, without the marks that nobody sees and that a copied number brings along."""
    signs = []
    for sign in unicodedata.normalize("NFKC", written):
        match unicodedata.category(sign):
            case "Nd":
                signs.append(str(unicodedata.decimal(sign)))
            case "Pd":
                signs.append("-")
            case "Cf":
                pass
            case _:
                signs.append(sign)
    return "".join(signs).strip()


def _parsed(line: str, region: str) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(line, region)
    except phonenumbers.NumberParseException:
        return None


def _before_a_number(region: str, countries: Iterable[str]) -> Iterator[re.Pattern[str]]:
    """What may be dialled before a number: what leads out of the country, the country's code, a carrier's choice (the
    metadata calls it the national prefix)."""
    yield re.compile(r"0+")
    for country in countries:
        yield re.compile(str(phonenumbers.country_code_for_region(country)))
    plan = PhoneMetadata.metadata_for_region(region)
    for pattern in (plan.international_prefix, plan.national_prefix_for_parsing) if plan else ():
        if pattern:
            yield re.compile(pattern)


def _is_emergency_of(digits: str, country: str) -> bool:
    return digits in EMERGENCY_TOO.get(country, ()) or shortnumberinfo.is_emergency_number(digits, country)


def _without_area_code(nsn: str, country: str) -> tuple[str, ...]:
    match = AREA_CODE[country].match(nsn) if country in AREA_CODE else None
    return (nsn[match.end() :],) if match else ()


def _is_possible(parsed: PhoneNumber) -> bool:
    """Long enough to be dialled from anywhere, and written as E.164 has it: with the 0 that leads out of a town still
    in front, it would not begin as other numbers of that town do."""
    plan = PhoneMetadata.metadata_for_region(_country(parsed))
    keeps_prefix = bool(parsed.italian_leading_zero) and plan is not None and plan.national_prefix == "0"
    return not keeps_prefix and phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE


def _is_costly(parsed: PhoneNumber, country: str, *, is_valid: bool) -> bool:
    """Premium lines; numbers that are no country's, of satellites for the greater part; and what only begins like
    a premium line, where the range need not be known: a switch stops reading there."""
    if country == NO_COUNTRY:
        return parsed.country_code != FREE_ANYWHERE
    nsn = phonenumbers.national_significant_number(parsed)
    could_be = [nsn, *_without_area_code(nsn, country)]
    if not is_valid:
        could_be += [nsn[:end] for end in range(4, len(nsn))]
    return any(_type(f"+{parsed.country_code}{digits}") in COSTLY for digits in could_be)


def _type(number: str) -> int:
    parsed = _parsed(number, NO_COUNTRY)
    return phonenumbers.number_type(parsed) if parsed else PhoneNumberType.UNKNOWN


def _country(parsed: PhoneNumber) -> str:
    exact = phonenumbers.region_code_for_number(parsed)
    return exact or phonenumbers.region_code_for_country_code(parsed.country_code or 0)


def _e164(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
