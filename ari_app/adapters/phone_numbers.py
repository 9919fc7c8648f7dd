"""Reads what people write as a phone number, by Google's metadata. Knows the numbering plans; decides nothing.

What may be called is policy: domain/numbers.py.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ShortNumberCost, shortnumberinfo

from ari_app.domain.numbers import ANY_COUNTRY, Number

# As people write them; letters are refused, since "bob-13900000001" is a user's id and not a number.
WRITTEN = re.compile(r"\+?[0-9][0-9 ()./-]{0,38}|\([0-9][0-9 ()./-]{0,38}")
SHORT_DIGITS_MAX = 6

# GSM phones reach help by these anywhere; the second table is what the metadata leaves out: traffic police, police by
# text, forest fire, rescue at sea.
EMERGENCY_ANYWHERE = frozenset({"112", "911"})
EMERGENCY_TOO = {"CN": frozenset({"122", "12110", "12119", "12395"})}


class PhoneNumbers:
    """`region`: whose numbers are understood without a country code. `countries`: whose emergency numbers are known
    besides. `must_be_valid`: the range must be known to be in use, else the length alone must be right."""

    def __init__(self, region: str, countries: Iterable[str] = (), *, must_be_valid: bool = True) -> None:
        self._region = region
        self._countries = tuple(dict.fromkeys([region, *(c for c in countries if c != ANY_COUNTRY)]))
        self._must_be_valid = must_be_valid
        self.read = lru_cache(maxsize=10_000)(self._read)

    def _read(self, written: str) -> Number | None:
        """The number that was meant, or None if it is none."""
        line = unicodedata.normalize("NFKC", written).strip()
        if not WRITTEN.fullmatch(line):
            return None
        digits = re.sub(r"[^0-9]", "", line)
        if not line.startswith("+"):
            if self._is_emergency_as_dialled(digits):
                return Number(digits, self._region, is_short=True, is_emergency=True)
            if len(digits) <= SHORT_DIGITS_MAX:
                return self._short(digits)
        try:
            parsed = phonenumbers.parse(line, self._region)
        except phonenumbers.NumberParseException:
            return None
        return self._long(parsed)

    def _long(self, parsed: PhoneNumber) -> Number | None:
        country = _country(parsed)
        national = phonenumbers.national_significant_number(parsed)
        if _is_emergency_of(national, country):
            return Number(_e164(parsed), country, is_emergency=True)
        fits = phonenumbers.is_valid_number if self._must_be_valid else phonenumbers.is_possible_number
        if not fits(parsed):
            return None
        is_premium = phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE
        return Number(_e164(parsed), country, is_premium=is_premium)

    def _short(self, digits: str) -> Number | None:
        parsed = PhoneNumber(
            country_code=phonenumbers.country_code_for_region(self._region), national_number=int(digits)
        )
        if digits.startswith("0") or not shortnumberinfo.is_valid_short_number_for_region(parsed, self._region):
            return None
        cost = shortnumberinfo.expected_cost_for_region(parsed, self._region)
        return Number(digits, self._region, is_short=True, is_premium=cost == ShortNumberCost.PREMIUM_RATE)

    def _is_emergency_as_dialled(self, digits: str) -> bool:
        """A switch may stop reading at 110 and connect. Only our own region's does; elsewhere that would take
        15300000001 for France's 15."""
        return (
            digits in EMERGENCY_ANYWHERE
            or any(_is_emergency_of(digits, country) for country in self._countries)
            or shortnumberinfo.connects_to_emergency_number(digits, self._region)
        )


def _is_emergency_of(digits: str, country: str) -> bool:
    return digits in EMERGENCY_TOO.get(country, ()) or shortnumberinfo.is_emergency_number(digits, country)


def _country(parsed: PhoneNumber) -> str:
    exact = phonenumbers.region_code_for_number(parsed)
    return exact or phonenumbers.region_code_for_country_code(parsed.country_code or 0)


def _e164(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
