"""Kinds of calls: each is a class here, and is found by being here. What a call type adds later is a file of its own.

A kind is drawn from the plan's random numbers, so that a seed tells all of it, and then does what a developer and the
phones would do. It judges nothing: that is the auditor's.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from tests.chaos.desk import Desk


@dataclass(frozen=True)
class Traffic(ABC):
    """One call, with all that is asked of the API for it. Its fields are what was drawn. `of`: the call type."""

    of: ClassVar[str] = "callback"

    @classmethod
    def weight(cls) -> int:
        """How often it comes, beside the others."""
        return 1

    @classmethod
    @abstractmethod
    def draw(cls, rng: random.Random) -> Self: ...

    @abstractmethod
    def run(self, desk: Desk) -> None:
        """From the first request to the end of the call."""
