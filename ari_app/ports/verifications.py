"""What is kept of a code that was read out to a number, until it runs out: never the code itself. One for each user and
number; a newer one takes an older one's place.

Shapes and the contract only; what makes a code right is policy elsewhere (desks/proving.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Code:
    """`call`: by which it was read out. `digest`: of the code, as a text. `tries`: how often it may be guessed."""

    call: str
    digest: str
    asked_at_ms: int
    expires_at_ms: int
    tries: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a code. `left`: how many there are after this one; less than 0: there was none any more. `is_spent`:
    the code was right once already."""

    code: Code
    left: int
    is_spent: bool = False


class Verifications(Protocol):
    """Every method may raise Unavailable; asking again does no harm, but that a try is one try more."""

    async def put(self, user: str, number: str, code: Code) -> bool:
        """From now on this code counts, with all its tries, unless a later one was asked for. Of the same call: its
        digest is the one that is given last, and its tries stay as they are. False: a later one stands."""

    async def attempt(self, user: str, number: str, now_ms: int) -> Attempt | None:
        """Take one try. None: no code is under way, or it has run out."""

    async def spend(self, user: str, number: str, call: str) -> None:
        """It was right: once for all. Nothing, where another call's code has taken its place."""
