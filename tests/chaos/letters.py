"""What a developer does for a notice: sends it, follows it, reminds, cancels; and hangs up the calls that connect
somebody to the sender."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.chaos.asked import Retries, Who
from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic
from tests.ringbridge import now_ms

OVER = ("done", "cancelled")
PATIENCE_S = 10.0
TEXT = "Ten."


class Letter:
    def __init__(self, desk: Desk, traffic: Traffic, who: Who, numbers: Sequence[str], tries: int) -> None:
        self._desk = desk
        body = {
            "sender": who.user, "recipients": list(numbers), "text": TEXT, "retry": {"tries": tries},
            "metadata": {"of": who.user},
        }  # fmt: skip
        self.asked = desk.begin(
            traffic, who, "/v1/notices", body, longest_s=0, numbers=set(numbers), retries=Retries(tries)
        )
        self._shown: dict[str, Any] = {}

    def until_done(self, talk_ms: int = 1_000) -> None:
        """All are told, or given up, and whoever wanted to talk to the sender has."""
        if self.asked.is_taken:
            self._desk.attend(self.asked, self._is_done, talk_ms, PATIENCE_S)

    def remind(self) -> None:
        if self.asked.is_taken and self.asked.retries is not None:
            self.asked.retries = Retries(self.asked.retries.tries, self.asked.retries.rounds + 1)
            self._ask("POST", "/remind", f"{self.asked.who.user}-remind", (200, 409))

    def cancel(self) -> None:
        if self.asked.is_taken:
            self.asked.cancelled_at_ms = self.asked.cancelled_at_ms or now_ms()
            self._ask("DELETE", "", None, (200, 202))

    def _ask(self, method: str, path: str, key: str | None, fine: Sequence[int]) -> None:
        answer = self._desk.sure(method, f"/v1/notices/{self.asked.id}{path}", None, key, self.asked)
        if answer is not None and answer.status not in fine:
            self.asked.oddities.append(f"{method} {path} was answered {answer.status} {answer.body}")

    def _is_done(self) -> bool:
        if self._desk.over.is_set() and self.asked.cancelled_at_ms is None and self._shown.get("state") not in OVER:
            self.cancel()
        answer = self._desk.house.api.ask("GET", f"/v1/notices/{self.asked.id}")
        if answer is None or answer.status != 200:
            return False
        self._shown = answer.body
        people = self._shown["recipients"]
        return self._shown["state"] in OVER and not any(
            one.get("recall") == "due" or one["state"] == "calling" for one in people
        )
