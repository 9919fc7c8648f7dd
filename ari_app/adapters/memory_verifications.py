"""The Verifications port in this process's memory, for tests."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ari_app.domain.ledger_types import check_ids
from ari_app.ports.verifications import Attempt, Code


@dataclass(slots=True)
class _Kept:
    code: Code
    left: int
    is_spent: bool = False


class MemoryVerifications:
    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def put(self, user: str, number: str, code: Code) -> bool:
        check_ids(payer=user, number=number)
        there = self._kept.get((user, number))
        if there is not None and there.code.call == code.call:
            there.code = replace(there.code, digest=code.digest)
        elif there is not None and there.code.asked_at_ms > code.asked_at_ms:
            return False
        else:
            self._kept[user, number] = _Kept(code, code.tries)
        return True

    async def attempt(self, user: str, number: str, now_ms: int) -> Attempt | None:
        there = self._kept.get((user, number))
        if there is None or now_ms >= there.code.expires_at_ms:
            return None
        there.left = max(there.left - 1, -1)
        return Attempt(there.code, there.left, there.is_spent)

    async def spend(self, user: str, number: str, call: str) -> None:
        there = self._kept.get((user, number))
        if there is not None and there.code.call == call:
            there.is_spent = True
