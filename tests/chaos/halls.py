"""What a developer does for a conference, beside what any call needs: adds phones, mutes them, takes them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.chaos.asked import Added, Asked, Who
from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic
from tests.ground import number
from tests.ringbridge import Answer

FINE = (200, 201, 404, 409)
"""It may have ended meanwhile, or the phone be gone."""


class Hall:
    """One conference."""

    def __init__(self, desk: Desk, traffic: Traffic, who: Who, phones: Sequence[int], **more: Any) -> None:
        self._desk = desk
        self.numbers = [number(phone) for phone in phones]
        body = {"host": who.user, "participants": self.numbers, **more}
        self.asked = desk.begin(
            traffic, who, "/v1/conferences", body, longest_s=more["max_duration_s"], numbers=set(self.numbers)
        )

    def add(self, phone: int) -> None:
        added = Added(number(phone))
        self.asked.numbers.add(added.number)
        self.asked.added.append(added)
        key = f"{self.asked.who.user}-add-{len(self.asked.added)}"
        answer = self._ask("POST", "/participants", {"participant": added.number}, key)
        added.is_done = answer is not None and answer.status == 201

    def mute(self, n: int, muted: bool) -> None:
        self._ask("PATCH", f"/participants/p{n + 1}", {"muted": muted})

    def remove(self, n: int) -> None:
        self.asked.removed.add(self.numbers[n])
        self._ask("DELETE", f"/participants/p{n + 1}")

    def pin(self) -> str:
        """`""`: it has ended."""
        answer = self._ask("POST", "/pins", None, f"{self.asked.who.user}-pin")
        return str(answer.body["pin"]) if answer is not None and answer.status == 201 else ""

    def _ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Answer | None:
        if not self.asked.is_taken:
            return None
        answer = self._desk.sure(method, f"/v1/conferences/{self.asked.id}{path}", body, key, self.asked)
        if answer is not None and answer.status not in FINE:
            self.asked.oddities.append(f"{method} {path} was answered {answer.status} {answer.body}")
        return answer


def until_talking(desk: Desk, asked: Asked) -> None:
    desk.until_state(asked, "talking")
