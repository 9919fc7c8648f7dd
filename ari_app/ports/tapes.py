"""Recordings as the PBXes keep them: to be fetched, thrown away, looked through. By their files' names
(domain/recordings.py), wherever each is. Knows no call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Tape:
    """A WAV file. `size`: bytes, None where that is not known; `chunks` may raise Unavailable in the midst."""

    size: int | None
    chunks: AsyncIterator[bytes]


class Tapes(Protocol):
    """Every method may raise Unavailable: a PBX that might have it does not answer."""

    async def fetch(self, file: str) -> Tape | Literal["running"] | None:
        """None: no PBX has it (any more). `running`: it is not whole yet."""

    async def delete(self, file: str) -> bool:
        """False: no PBX has it."""

    async def files(self) -> Sequence[str]:
        """Of all PBXes that answer; those that are not ours among them. Raises nothing."""
