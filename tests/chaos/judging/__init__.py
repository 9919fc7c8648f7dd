"""How each call type is judged: one file for each, of its name, found by being there. What all have in common is in
reasons.py and auditor.py.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Protocol, cast

from tests.chaos.cases import Case, Span


class Judge(Protocol):
    TYPE: str

    def spans(self, case: Case) -> Sequence[Span]:
        """What is charged of it."""

    def fitting(self, case: Case) -> set[str]:
        """Every reason that is possible and true."""

    def was_up(self, case: Case) -> bool:
        """Whether there was something that a fault could have ended."""

    def ended_by_us(self, case: Case) -> bool:
        """Whether it was ended by no phone, nor the API, nor the minutes, nor its own course."""


@cache
def judges() -> dict[str, Judge]:
    """By call type."""
    found = (importlib.import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__))
    return {cast(Judge, one).TYPE: cast(Judge, one) for one in found}


def judge_of(case: Case) -> Judge:
    return judges()[case.type]
