"""One cell of a bill: a number, a time, a duration, an amount, read as it is written there. Each reader raises
Unreadable with a sentence. Knows no columns and no file."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import phonenumbers

SHORT_DIGITS_MAX = 6
"""A number of so few digits is a short one, and has no country."""
EARLIEST_MS, LATEST_MS = 946_684_800_000, 4_102_444_800_000  # 2000 to 2100
DURATION_MAX_MS = 31 * 86_400_000
SAID_MAX = 40
_BETWEEN = str.maketrans("", "", " \t\u00a0()-./'")
_PLAIN = re.compile(r"[0-9]{1,15}")
_WITH_PLUS = re.compile(r"\+[0-9]{7,15}")
_SECONDS = re.compile(r"([0-9]{1,10})(?:[.,]([0-9]{1,9}))?")
_CLOCK = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,5}):([0-9]{2})(?:[.,]([0-9]{1,9}))?")
_EXCEL = re.compile(r"[0-9][.,][0-9]+E\+?[0-9]+", re.IGNORECASE)


class Unreadable(ValueError):
    """What is wrong with the cell."""


class Amount(NamedTuple):
    nano: int  # billionths
    decimals: int  # as many as are written


def said(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= SAID_MAX else shown[:SAID_MAX] + "…"


def printable(text: str) -> str:
    """A title of a stranger's, fit for a terminal."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text.strip()[:60])


# ---- numbers --------------------------------------------------------------------------------------------------------


def number_reader(form: str, strip: str, region: str) -> Callable[[str], str]:
    """To E.164; short numbers as they are."""
    forms = {"e164": _with_its_plus, "digits": _as_digits, "00": _after_00}
    by_form = forms[form] if form in forms else _national(region)

    def read(text: str) -> str:
        line = text.translate(_BETWEEN)
        if strip and line.startswith(strip):
            line = line[len(strip) :]
        if _WITH_PLUS.fullmatch(line):
            return line
        if not _PLAIN.fullmatch(line.removeprefix("00")):
            hint = "; a spreadsheet took its digits away" if _EXCEL.fullmatch(text.strip()) else ""
            raise Unreadable(f"{said(text)} is no phone number{hint}")
        if len(line) <= SHORT_DIGITS_MAX:
            return line
        return by_form(line)

    return read


def _with_its_plus(line: str) -> str:
    raise Unreadable(f"{said(line)} has no + and no country code")


def _as_digits(line: str) -> str:
    if line.startswith("0") or len(line) > 15:
        raise Unreadable(f"{said(line)} does not begin with a country code")
    return f"+{line}"


def _after_00(line: str) -> str:
    if not line.startswith("00") or not 7 <= len(line) - 2 <= 15:
        raise Unreadable(f"{said(line)} does not begin with 00 and a country code")
    return f"+{line[2:]}"


def _national(region: str) -> Callable[[str], str]:
    @lru_cache(maxsize=10_000)
    def read(line: str) -> str:
        try:
            parsed = phonenumbers.parse(line, region)
        except phonenumbers.NumberParseException:
            raise Unreadable(f"{said(line)} is no number of {region}") from None
        return f"+{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"

    return read


# ---- times ----------------------------------------------------------------------------------------------------------


def time_reader(form: str, timezone: str) -> Callable[[str], int]:
    """To ms since 1970. `timezone`: of what has no offset."""
    zone = ZoneInfo(timezone)
    if form in ("epoch_s", "epoch_ms"):
        return _epoch(1000 if form == "epoch_s" else 1)
    parse: Callable[[str], datetime] = datetime.fromisoformat if form == "iso" else lambda t: datetime.strptime(t, form)

    def read(text: str) -> int:
        line = text.strip()
        try:
            at = parse(line)
            if at.tzinfo is None:
                at = at.replace(tzinfo=zone)
            at_ms = round(at.timestamp() * 1000)
        except (ValueError, OverflowError, re.error):
            raise Unreadable(f"{said(line)} is no time written as {form}") from None
        if not EARLIEST_MS <= at_ms <= LATEST_MS or (form == "iso" and len(line) < 13):
            raise Unreadable(f"{said(line)} is no time of a call")
        return at_ms

    return read


def _epoch(unit_ms: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        found = _SECONDS.fullmatch(text.strip()) if unit_ms == 1000 else None
        digits = text.strip()
        if found:
            at_ms = int(found[1]) * 1000 + int((found[2] or "")[:3].ljust(3, "0"))
        elif unit_ms == 1 and _PLAIN.fullmatch(digits):
            at_ms = int(digits)
        else:
            at_ms = 0
        if not EARLIEST_MS <= at_ms <= LATEST_MS:
            raise Unreadable(f"{said(digits)} is no time since 1970 in {'s' if unit_ms == 1000 else 'ms'}")
        return at_ms

    return read


# ---- durations ------------------------------------------------------------------------------------------------------


def duration_reader(form: str) -> Callable[[str], int]:
    """To ms."""
    unit_ms = {"s": 1000, "ms": 1, "min": 60_000}.get(form)
    hours = form == "hh:mm:ss"

    def read(text: str) -> int:
        line = text.strip()
        got = _clock(line, hours) if unit_ms is None else _counted(line, unit_ms)
        if got is None or got > DURATION_MAX_MS:
            raise Unreadable(f"{said(line)} is no duration written as {form}")
        return got

    return read


def _counted(line: str, unit_ms: int) -> int | None:
    found = _SECONDS.fullmatch(line)
    if not found:
        return None
    return round(Decimal(f"{found[1]}.{found[2] or 0}") * unit_ms)


def _clock(line: str, hours: bool) -> int | None:
    found = _CLOCK.fullmatch(line)
    if not found or (found[1] is not None) != hours or int(found[3]) > 59 or (hours and int(found[2]) > 59):
        return None
    whole_s = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
    return whole_s * 1000 + int((found[4] or "")[:3].ljust(3, "0"))


# ---- amounts --------------------------------------------------------------------------------------------------------


def amount_reader(decimal: str) -> Callable[[str], Amount]:
    """With thousands in groups, and with a currency before or after, if so written."""
    point, group = (",", r"[. '\u00a0\u202f]") if decimal == "comma" else (r"\.", r"[, '\u00a0\u202f]")
    around = r"[^\W\d_]{0,3}[^\w\s.,+-]{0,2}\s?"
    form = re.compile(
        rf"{around}([+-]?)(?:{around})?([0-9]{{1,3}}(?:{group}[0-9]{{3}}){{1,3}}|[0-9]{{1,12}})"
        rf"(?:{point}([0-9]{{1,18}}))?\s?{around}"
    )

    plain = re.compile(rf"([0-9]{{1,12}}){point}([0-9]{{1,9}})")

    def read(text: str) -> Amount:
        if quick := plain.fullmatch(text):  # nearly all of them
            return Amount(int(quick[1] + quick[2].ljust(9, "0")), len(quick[2]))
        found: Any = form.fullmatch(text.strip())
        if not found:
            raise Unreadable(f"{said(text.strip())} is no amount")
        digits = found[3] or ""
        whole = int(re.sub(r"[^0-9]", "", found[2]))
        nano = whole * 10**9 + int(digits[:9].ljust(9, "0")) + (digits[9:10] >= "5")
        return Amount(-nano if found[1] == "-" else nano, len(digits))

    return read


def micro_of(amount: Amount) -> int:
    """To the nearest millionth."""
    return (amount.nano + 500) // 1000
