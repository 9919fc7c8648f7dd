"""Seconds, billing increments and integer micro-currency: the only place that rounds. Knows no account and no clock."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from ari_app.domain.errors import CallerError

INCREMENT_MAX_S = 9_999
_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Increment:
    """A billing increment: the first `initial_s` are billed whole, then every `next_s` begun. Written `60/60`."""

    initial_s: int
    next_s: int

    def __post_init__(self) -> None:
        for part_s in (self.initial_s, self.next_s):
            if not 1 <= part_s <= INCREMENT_MAX_S:
                raise CallerError(f"a billing increment has parts of 1 to {INCREMENT_MAX_S} seconds, not {part_s}")

    @classmethod
    def parse(cls, written: str) -> Self:
        """Raises CallerError for anything but two whole numbers of seconds such as 60/60, 6/6, 60/1 or 1/1."""
        return cls(*_parts(written))

    def __str__(self) -> str:
        return f"{self.initial_s}/{self.next_s}"


@lru_cache(maxsize=256)
def _parts(written: str) -> tuple[int, int]:
    found = _WRITTEN.fullmatch(written)
    if found is None:
        raise CallerError(f"a billing increment is written initial/next in seconds, such as 60/60, not {written!r}")
    return int(found[1]), int(found[2])


def talk_s(talk_ms: int) -> int:
    """Cut down to whole seconds: under one second is 0 and costs nothing. A talk that ends before it began is 0."""
    return max(0, talk_ms) // 1000


def rounded_s(talk_s: int, increment: Increment) -> int:
    """Rounded up to whole increments; 0 stays 0."""
    if talk_s <= 0:
        return 0
    if talk_s <= increment.initial_s:
        return increment.initial_s
    return increment.initial_s + _up(talk_s - increment.initial_s, increment.next_s) * increment.next_s


def whole_increments(want_s: int, increment: Increment, already_held_s: int) -> int:
    """How much more to hold, at least want_s, so that all that is held is a whole number of increments."""
    return rounded_s(already_held_s + max(want_s, 1), increment) - already_held_s


def affordable_s(want_s: int, increment: Increment, already_held_s: int, available_s: int) -> int:
    """What a hold takes: whole increments; where less than one whole increment is left, what there is."""
    needed_s = whole_increments(want_s, increment, already_held_s)
    if needed_s <= available_s:
        return needed_s
    whole_s = _cut_to_increments(already_held_s + available_s, increment) - already_held_s
    return whole_s if whole_s > 0 else available_s


def cost_micro(duration_ms: int, price_micro_per_min: int, increment: Increment) -> int:
    """What a carrier bills for an answered leg, in millionths of the currency unit, never rounded in our favour.

    Begun increments of begun seconds count, then a begun millionth.
    """
    return _up(billed_s(duration_ms, increment) * price_micro_per_min, 60)


def billed_s(duration_ms: int, increment: Increment) -> int:
    """What a carrier counts of an answered leg: begun seconds, then begun increments. The answer begins the first
    second, also where the end came within the same millisecond by our clock: it need not by the carrier's."""
    return rounded_s(_up(max(1, duration_ms), 1000), increment)


def worth_micro(charged_s: int, worth_micro_per_min: int) -> int:
    """What charged seconds are worth to the operator, cut down to a millionth."""
    return charged_s * worth_micro_per_min // 60


def mean(values: Sequence[int]) -> int:
    """Up to a whole number; not of nothing."""
    return _up(sum(values), len(values))


def funds_end_ms(answers_ms: Sequence[int], held_s: int, increment: Increment) -> int | None:
    """When the minutes held end: the largest t with the sum of rounded(t - answer) over all legs <= held_s.

    Every begun second counts here, so that the end is never late. One leg may talk all that is held, also where that
    is less than a whole increment. None: nothing burns, as no leg has answered.
    """
    if not answers_ms:
        return None
    if len(answers_ms) == 1:
        return answers_ms[0] + max(0, held_s) * 1000
    early_ms, late_ms = min(answers_ms), max(answers_ms) + max(0, held_s) * 1000
    while early_ms < late_ms:
        middle_ms = (early_ms + late_ms + 1) // 2
        burnt_s = sum(rounded_s(_up(max(0, middle_ms - answer_ms), 1000), increment) for answer_ms in answers_ms)
        early_ms, late_ms = (middle_ms, late_ms) if burnt_s <= held_s else (early_ms, middle_ms - 1)
    return early_ms


def decimal(micro: int) -> str:
    """As people write it, exactly: 0.06 for 60000."""
    sign, (whole, fraction) = ("-" if micro < 0 else ""), divmod(abs(micro), 1_000_000)
    return f"{sign}{whole}.{f'{fraction:06d}'.rstrip('0').ljust(2, '0')}"


def _cut_to_increments(total_s: int, increment: Increment) -> int:
    if total_s < increment.initial_s:
        return 0
    return total_s - (total_s - increment.initial_s) % increment.next_s


def _up(value: int, step: int) -> int:
    return -(-value // step)
