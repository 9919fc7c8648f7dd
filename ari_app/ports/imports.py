"""Which file was sent under the name of an import. Shapes and the contract only."""

from __future__ import annotations

from typing import Protocol


class ImportedFiles(Protocol):
    """May raise Unavailable; asking again is harmless."""

    async def first(self, name: str, digest: str, keep_ms: int) -> str:
        """The digest of the file that came first under this name: from now on this one, where none did."""
