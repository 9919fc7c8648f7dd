"""What a value may look like: a kind parses one raw value and can say in words what it expects.

Raw values are text (environment, INI) or what TOML gives (int, float, bool, str, list).
Knows no option by name.
"""

import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from ari_app.domain.errors import CallerError
from ari_app.domain.limits import Limit
from ari_app.domain.units import Increment

OFTEN_WRITTEN = {"UK": "GB", "EN": "GB", "JA": "JP", "CHN": "CN", "CHINA": "CN"}
"""What people take for the two letters of a country, where its first two are not meant."""


class Unfit(ValueError):
    """The value is not of the kind; the caller says what was expected. Its text, if any, ends that sentence."""


@dataclass(frozen=True, slots=True)
class Kind:
    words: str  # ends the sentence "expected …"
    parse: Callable[[Any], Any]  # raises Unfit
    show: Callable[[Any], object] = lambda value: value  # the value as a file would have it


@dataclass(frozen=True, slots=True)
class Option:
    """One line of an option table; the field's name and default complete it."""

    kind: Kind
    help: str
    section: str = ""
    unit: str = ""
    secret: bool = False


def option(default: Any, kind: Kind, help: str, *, section: str = "", unit: str = "", secret: bool = False) -> Any:
    """A dataclass field that is also a line of the option table. MISSING as default: must be given."""
    meta = {"option": Option(kind, help, section, unit, secret)}
    if default is MISSING:
        return field(metadata=meta, repr=not secret)
    return field(default=default, metadata=meta, repr=not secret)


def whole(low: int, high: int) -> Kind:
    def parse(raw: Any) -> int:
        if isinstance(raw, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", raw.strip()):
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int) or not low <= raw <= high:
            raise Unfit
        return raw

    return Kind(f"a whole number from {low} to {high}", parse)


def seconds(low_ms: int, high_s: int) -> Kind:
    """A wait: seconds outside (fractions allowed), integer milliseconds inside."""

    def parse(raw: Any) -> int:
        if isinstance(raw, bool) or not isinstance(raw, int | float | str):
            raise Unfit
        try:
            exact_ms = Decimal(str(raw).strip()) * 1000
        except InvalidOperation as error:
            raise Unfit from error
        if not exact_ms.is_finite() or not low_ms <= exact_ms <= high_s * 1000 or exact_ms % 1:
            raise Unfit
        return int(exact_ms)

    def show(value_ms: int) -> object:
        return value_ms // 1000 if value_ms % 1000 == 0 else value_ms / 1000

    return Kind(f"seconds from {low_ms / 1000:g} to {high_s}, to the millisecond", parse, show)


def flag() -> Kind:
    truths = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

    def parse(raw: Any) -> bool:
        if isinstance(raw, bool):
            return raw
        if isinstance(raw, str) and raw.strip().lower() in truths:
            return truths[raw.strip().lower()]
        raise Unfit

    return Kind("true or false", parse)


def text(words: str = "text", pattern: str = r".+", empty: bool = False) -> Kind:
    """One line of text that fits the pattern. `empty`: nothing at all is a value too."""

    def parse(raw: Any) -> str:
        if not isinstance(raw, str):
            raise Unfit
        line = raw.strip()
        if not (empty and not line) and not re.fullmatch(pattern, line):
            raise Unfit
        return line

    return Kind(words + (" (or nothing)" if empty else ""), parse)


def one_of(*choices: str) -> Kind:
    def parse(raw: Any) -> str:
        if not isinstance(raw, str) or raw.strip().lower() not in choices:
            raise Unfit
        return raw.strip().lower()

    return Kind("one of " + ", ".join(choices), parse)


def several(item: Kind, least: int = 0) -> Kind:
    """A list: commas in text, an array in TOML."""

    def parse(raw: Any) -> tuple[Any, ...]:
        if isinstance(raw, str):
            raw = [part for part in raw.split(",") if part.strip()]
        if not isinstance(raw, list | tuple) or len(raw) < least:
            raise Unfit
        return tuple(one(part) for part in raw)

    def one(part: Any) -> Any:
        try:
            return item.parse(part)
        except Unfit as why:
            raise Unfit(f"; not so is {part!r}{why}") from None

    return Kind(f"a list (commas between), each {item.words}", parse, lambda value: [item.show(v) for v in value])


def zone() -> Kind:
    def parse(raw: Any) -> str:
        try:
            return ZoneInfo(raw).key if isinstance(raw, str) and raw else _unfit()
        except (ValueError, OSError, KeyError) as error:
            raise Unfit from error

    return Kind("a time zone such as Asia/Shanghai", parse)


def country(*others: str) -> Kind:
    """Two letters by which the numbering plans know a country (libphonenumber), or one of `others`."""

    def parse(raw: Any) -> str:
        line = raw.strip() if isinstance(raw, str) else ""
        if line in others:
            return line
        from phonenumbers import SUPPORTED_REGIONS  # its tables take a while: only who sets a country waits for them

        if line not in SUPPORTED_REGIONS:
            word = line.upper()
            near = OFTEN_WRITTEN.get(word, word[:2] if len(word) <= 3 else "")  # USA, Cn
            raise Unfit(f'; did you mean "{near}"?' if near in SUPPORTED_REGIONS else "")
        return line

    return Kind(", or ".join(("a country's two letters such as CN", *others)), parse)


def redis_address() -> Kind:
    """A sign of a password that is not escaped would end the host's place, and what follows be told as its port."""
    form = text(
        "an address such as redis://127.0.0.1:6379/0, redis+cluster://host1:6379,host2:6379 or "
        "redis+sentinel://host1:26379,host2:26379/mymaster, with @ : / ? # % of a password as %40 %3A %2F %3F %23 %25",
        r"(rediss?|unix)://\S+|rediss?\+cluster://[^\s/?]+\S*|rediss?\+sentinel://[^\s/?]+/[^\s/?]+\S*",
        empty=True,
    )
    host = re.compile(r"([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")

    def parse(raw: Any) -> str:
        line: str = form.parse(raw)
        scheme, _, rest = line.partition("://")
        hosts = re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]
        if line and scheme != "unix" and not all(host.fullmatch(one) for one in hosts.split(",")):
            raise Unfit
        return line

    return Kind(form.words, parse)


def rounding() -> Kind:
    """A billing increment; it stays text, which is how calls keep it."""

    def parse(raw: Any) -> str:
        if not isinstance(raw, str):
            raise Unfit
        try:
            return str(Increment.parse(raw))
        except ValueError as error:
            raise Unfit from error

    return Kind("a billing increment such as 60/60 or 6/6, each at most an hour", parse)


def price() -> Kind:
    """Money a minute: a decimal in the currency outside, integer micros inside."""

    def parse(raw: Any) -> int:
        found = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", raw.strip()) if isinstance(raw, str) else None
        if not found:
            raise Unfit
        return int(Decimal(found[0]) * 1_000_000)

    def show(micro: int) -> str:
        return f"{(Decimal(micro) / 1_000_000).normalize():f}"

    return Kind("a price a minute such as 0.06, with at most six decimals", parse, show)


def money() -> Kind:
    """An amount of money: a decimal outside, integer micros inside."""

    def parse(raw: Any) -> int:
        text = str(raw).strip() if isinstance(raw, str | int | float) and not isinstance(raw, bool) else ""
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
            raise Unfit
        return int(Decimal(text) * 1_000_000)

    def show(micro: int) -> object:
        return f"{(Decimal(micro) / 1_000_000).normalize():f}" if micro % 1_000_000 else micro // 1_000_000

    return Kind("an amount such as 500 or 99.50, with at most six decimals", parse, show)


def limits() -> Kind:
    """So many in so many seconds, for one or more lengths of time. A variable cannot be empty: hence the word."""
    listed = several(_limit())

    def parse(raw: Any) -> tuple[Limit, ...]:
        is_off = isinstance(raw, str) and raw.strip().lower() == "off"
        found: tuple[Limit, ...] = () if is_off else listed.parse(raw)
        return found

    return Kind(f"{listed.words}; or off", parse, listed.show)


def _limit() -> Kind:
    def parse(raw: Any) -> Limit:
        try:
            return Limit.parse(raw) if isinstance(raw, str) else _unfit()
        except CallerError as error:
            raise Unfit from error

    return Kind("so many in so many seconds, such as 3/300", parse, str)


def _unfit() -> Any:
    raise Unfit
