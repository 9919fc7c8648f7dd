"""Notices as a developer sees them, for tests on real servers: sent, followed, and what the carrier saw of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from ari_app.stack.carrier import CarrierCall
from tests.ground import Ground, number
from tests.ringbridge import Answer, Ringbridge
from tests.support import until_sync

Shown = dict[str, Any]
OPEN = ("pending", "calling", "waiting")
TEXT = "The fire drill is at ten."


class Sender:
    """A user with minutes of his own who sends notices."""

    def __init__(self, app: Ringbridge, ground: Ground, minutes: int = 600) -> None:
        self.app, self.ground = app, ground
        self.number = number(10)
        self.user = app.user(f"sender-{self.number[-8:]}", self.number, bonus_s=60 * minutes)

    def asks(self, recipients: Sequence[str], *, key: str | None = None, **more: Any) -> Answer:
        words: Mapping[str, Any] = {} if "audio" in more else {"text": TEXT}
        body = {"sender": self.user, "recipients": [*recipients], **words, **more}
        return self.app.ask("POST", "/v1/notices", body, **({"Idempotency_Key": key} if key else {}))

    def sends(self, *recipients: str, **more: Any) -> str:
        answer = self.asks(recipients, **more)
        assert answer.status == 201, answer
        return str(answer.body["id"])

    # ---- what is known of it ------------------------------------------------------------------------------------

    def shown(self, notice: str) -> Shown:
        answer = self.app.ask("GET", f"/v1/notices/{notice}?limit=500")
        assert answer.status == 200, answer
        return dict(answer.body)

    def people(self, notice: str) -> dict[str, Shown]:
        """By their numbers."""
        return {one["number"]: one for one in self.shown(notice)["recipients"]}

    def events(self, notice: str) -> list[Shown]:
        return list(self.app.ask("GET", f"/v1/notices/{notice}/events").body["events"])

    def until(self, notice: str, is_so: Any, within_s: float = 30, what: str = "") -> Shown:
        """`is_so`: of the notice as it is shown."""

        def there() -> Shown | None:
            shown = self.shown(notice)
            return shown if is_so(shown) else None

        try:
            return until_sync(there, within_s, what or "the notice is so", every_s=0.1)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.shown(notice)}\n{self.app.tail(15)}") from e

    def until_done(self, notice: str, within_s: float = 60) -> Shown:
        return self.until(notice, lambda shown: shown["state"] == "done", within_s, "the notice is done")


def rung_twice(rings: Sequence[CarrierCall]) -> list[str]:
    """Numbers that the carrier had two calls of at the same time: nobody is rung while he is being rung."""
    by_number: dict[str, list[CarrierCall]] = {}
    for ring in rings:
        by_number.setdefault(ring.number, []).append(ring)
    return [
        number
        for number, calls in by_number.items()
        for one, other in pairwise(calls)
        if one.ended_at_ms is None or other.invited_at_ms < one.ended_at_ms
    ]


def outcomes(person: Shown) -> list[str]:
    return [one["outcome"] for one in person["tries"]]
