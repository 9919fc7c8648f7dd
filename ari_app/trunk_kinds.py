"""What the values of sip_trunks.conf look like: lists, numbers, times, causes. Knows no option by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from ari_app.config.kinds import Kind, Unfit
from ari_app.config.mistakes import did_you_mean
from ari_app.domain.causes import Outcome
from ari_app.domain.numbers import CallerId
from ari_app.domain.trunks import Window

E164 = re.compile(r"\+[1-9][0-9]{5,14}")
PREFIX = re.compile(r"\+[1-9][0-9]{0,14}|[0-9*#]{1,6}")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MIN = 1440
ENDINGS = tuple(
    str(one) for one in (Outcome.BUSY, Outcome.NO_ANSWER, Outcome.REJECTED, Outcome.UNREACHABLE, Outcome.TRUNK_FAILED)
)
"""What a leg that was never answered can come to by the carrier's word."""


def choice(*choices: str) -> Kind:
    """As they are written here; capitals do not matter."""
    known = {one.lower(): one for one in choices}

    def parse(raw: Any) -> str:
        word = str(raw).strip()
        if word.lower() not in known:
            raise Unfit(did_you_mean(word, choices))
        return known[word.lower()]

    return Kind(f"one of {', '.join(choices)}", parse)


def yes_or_no() -> Kind:
    truths = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False, "0": False}

    def parse(raw: Any) -> bool:
        word = str(raw).strip().lower()
        if word not in truths:
            raise Unfit
        return truths[word]

    return Kind("yes or no", parse, lambda value: "yes" if value else "no")


def listed(words: str, item: Callable[[str], Any], show: Callable[[Any], str] = str, *, empty: bool = True) -> Kind:
    """Commas between, none twice; a tuple. `item` raises Unfit."""

    def one(part: str) -> Any:
        try:
            return item(part)
        except Unfit as why:
            raise Unfit(f"; not so is {part[:40]!r}{why}") from None

    def parse(raw: Any) -> tuple[Any, ...]:
        parts = [part.strip() for part in str(raw).split(",")]
        if parts == [""]:
            if not empty:
                raise Unfit
            return ()
        return none_twice(one(part) for part in parts)

    return Kind(words + (" (or nothing)" if empty else ""), parse, lambda value: ", ".join(show(one) for one in value))


def none_twice(values: Iterable[Any]) -> tuple[Any, ...]:
    found: dict[Any, None] = {}
    for value in values:
        if value in found:
            raise Unfit(f"; given twice is {str(value)[:40]!r}")
        found[value] = None
    return tuple(found)


# ---- numbers ------------------------------------------------------------------------------------------------------


def caller_id() -> Kind:
    policies = ("platform", "verified", "fixed", "pool")
    words = "platform, verified, fixed +NUMBER, or pool +NUMBER, +NUMBER"

    def parse(raw: Any) -> CallerId:
        policy, _, rest = str(raw).strip().partition(" ")
        numbers = none_twice(part.strip() for part in rest.split(",") if part.strip())
        if policy not in policies:
            raise Unfit(did_you_mean(policy, policies))
        if not all(E164.fullmatch(number) for number in numbers):
            raise Unfit
        match policy, len(numbers):
            case "platform", 0:
                return CallerId("platform")
            case "verified", 0:
                return CallerId("verified")
            case "fixed", 1:
                return CallerId("fixed", numbers)
            case "pool", n if n:
                return CallerId("pool", numbers)
        raise Unfit

    return Kind(words, parse, lambda value: " ".join([value.policy, ", ".join(value.numbers)]).strip())


def prefixes() -> Kind:
    def one(part: str) -> str:
        if part.startswith("00"):
            raise Unfit(f'; did you mean "+{part[2:]}"?' if part[2:].isdecimal() else "")
        if not PREFIX.fullmatch(part):
            raise Unfit(f'; did you mean "+{part}"?' if re.fullmatch(r"[1-9][0-9]{6,14}", part) else "")
        return part

    return listed(
        "a list (commas between) of beginnings: E.164 with its + such as +8613, or up to six digits of a short number",
        one,
    )


# ---- times --------------------------------------------------------------------------------------------------------


def hours() -> Kind:
    return listed(
        "a list (commas between) such as mon-fri 08:00-20:00, sat 09:00-12:00; without days it is every day", window,
        show_window,
    )  # fmt: skip


def window(part: str) -> Window:
    """Raises Unfit."""
    *days, times = part.lower().split() or [""]
    found = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})-([0-9]{1,2}):([0-9]{2})", times)
    if not found:
        raise Unfit
    from_min, until_min = (minute_of(*found.group(1, 2)), minute_of(*found.group(3, 4)))
    if from_min == until_min:
        raise Unfit(": it never opens; a whole day is 00:00-24:00")
    if from_min == DAY_MIN or until_min == 0:
        raise Unfit("; a day begins at 00:00 and ends at 24:00")
    open_on = frozenset(day for one in days for day in days_of(one)) or frozenset(range(7))
    return Window(open_on, from_min, until_min)


def minute_of(hour: str, minute: str) -> int:
    at = int(hour) * 60 + int(minute)
    if int(minute) > 59 or at > DAY_MIN:
        raise Unfit
    return at


def days_of(word: str) -> list[int]:
    """`mon`, or `fri-mon` over the week's end."""
    names = word.split("-")
    if len(names) > 2:
        raise Unfit
    for name in names:
        if name not in DAYS:
            raise Unfit(did_you_mean(name, DAYS))
    first, last = DAYS.index(names[0]), DAYS.index(names[-1])
    return [(first + n) % 7 for n in range((last - first) % 7 + 1)]


def show_window(value: Window) -> str:
    days = "" if len(value.days) == 7 else " ".join(DAYS[day] for day in sorted(value.days)) + " "
    return days + "-".join(f"{at // 60:02d}:{at % 60:02d}" for at in (value.from_min, value.until_min))


# ---- what an ending means -----------------------------------------------------------------------------------------


def causes() -> Kind:
    def one(part: str) -> tuple[int, str]:
        number, _, ending = (word.strip() for word in part.partition("="))
        if not re.fullmatch(r"[1-9][0-9]{0,2}", number) or not (int(number) < 128 or 300 <= int(number) <= 699):
            raise Unfit
        if ending not in ENDINGS:
            raise Unfit(did_you_mean(ending, ENDINGS))
        return int(number), ending

    words = (
        "a list (commas between) such as 486=trunk_failed, 21=busy: a SIP status from 300 to 699 or a Q.850 cause "
        f"below 128, and one of {', '.join(ENDINGS)}"
    )
    listing = listed(words, one, lambda value: f"{value[0]}={value[1]}")

    def parse(raw: Any) -> tuple[tuple[int, str], ...]:
        found: tuple[tuple[int, str], ...] = listing.parse(raw)
        none_twice(key for key, _ in found)
        return found

    return Kind(listing.words, parse, listing.show)
