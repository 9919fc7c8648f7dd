"""Which of a payer's live calls are counted together. Told by a call's id alone, so that an account need not know what
kind of call each hold of it is.

Calls that the platform places by itself for somebody, many at once (a notice's), are counted among themselves: they
neither keep him from calling nor are kept from being placed by a call of his.
"""

from __future__ import annotations

from collections.abc import Iterable

BESIDE = "c00"
"""So begins the id of a call that is counted apart. No other id does: what is random in it has the digits 2 to 7
alone. As the script adapters/redis/lua/hold-6.lua has it, too."""


def is_beside(call: str) -> bool:
    return call.startswith(BESIDE)


def counted_with(call: str, others: Iterable[str]) -> int:
    """How many of these calls are counted together with this one."""
    return sum(is_beside(other) is is_beside(call) for other in others)
