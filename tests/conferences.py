"""Conferences over the API, as a developer begins and changes them. For tests on the real PBX; knows no witness."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ari_app.entrypoints.views import at_ms
from tests.ground import number
from tests.ringbridge import Ringbridge, now_ms
from tests.support import until_sync

View = dict[str, Any]


class Conference:
    def __init__(self, app: Ringbridge, id: str) -> None:
        self.app, self.id = app, id

    @classmethod
    def of(cls, app: Ringbridge, host: int, *others: int | str, user: str = "", **asks: Any) -> Conference:
        """`host`, `others`: the last digits of phones, or whole numbers; each gets a number of its own. `user`: who has
        his minutes already, and a number of such a phone."""
        if not user:
            mine = number(host)
            user = app.user(f"h{mine[1:]}", mine)
        participants = [one if isinstance(one, str) else number(one) for one in others]
        answer = app.ask("POST", "/v1/conferences", {"host": user, "participants": participants, **asks})
        assert answer.status == 201, answer
        return cls(app, answer.body["id"])

    def ask(self, method: str, path: str = "", body: Any = None, status: int = 200) -> View:
        answer = self.app.ask(method, f"/v1/conferences/{self.id}{path}", body)
        assert answer.status == status, answer
        return dict(answer.body)

    def show(self) -> View:
        return self.ask("GET")

    def until(self, wanted: Callable[[View], bool], what: str, within_s: float = 20) -> View:
        def there() -> View | None:
            shown = self.show()
            return shown if wanted(shown) else None

        try:
            return until_sync(there, within_s, what, every_s=0.1)
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.show()}\n{self.app.tail(15)}") from e

    def until_in(self, *legs: str, within_s: float = 20) -> View:
        """These are there, and nobody else."""
        return self.until(lambda shown: self.those_in(shown) == set(legs), f"{legs} are in", within_s)

    def until_ended(self, within_s: float = 60) -> View:
        return self.until(lambda shown: shown["state"] == "ended", "it has ended", within_s)

    @staticmethod
    def those_in(shown: View) -> set[str]:
        return {one["leg"] for one in shown["participants"] if one["state"] == "in"}

    def add(self, phone: int) -> str:
        """The leg of one more."""
        to = number(phone)
        shown = self.ask("POST", "/participants", {"participant": to}, 201)
        return str(next(one["leg"] for one in shown["participants"] if one["number"] == to))

    def ring(self, leg: str) -> str:
        return str(self.ask("POST", f"/participants/{leg}/ring", status=201)["participants"][-1]["leg"])

    def mute(self, leg: str, muted: bool) -> None:
        self.ask("PATCH", f"/participants/{leg}", {"muted": muted})

    def remove(self, leg: str) -> None:
        self.ask("DELETE", f"/participants/{leg}")

    def end(self) -> View:
        assert self.app.ask("DELETE", f"/v1/conferences/{self.id}").status in (200, 202)
        return self.until_ended()

    def after(self, seconds: float) -> None:
        """So long after the host's answer, by the clock that it is charged by."""
        answered_ms = at_ms(str(legs(self.show())["host"]["answered_at"]))
        until_sync(lambda: now_ms() >= answered_ms + 1000 * seconds, seconds + 10, f"{seconds} s of talk")


def legs(shown: View) -> dict[str, View]:
    return {one["leg"]: one for one in shown["participants"]}
