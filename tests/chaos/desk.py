"""What a developer does for one call: asks, with a key, and asks again where there is no answer; watches; hangs up.

Writes down what was asked and answered, by the clock of the tests. Judges nothing.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ari_app.entrypoints.views import at_ms
from tests.chaos.apps import Api
from tests.chaos.traffic import Traffic
from tests.ground import number
from tests.ringbridge import Answer, now_ms

AGAIN_S = 0.2
LOOKS_EVERY_S = 0.2
ASKS_FOR_S = 120.0
"""How long somebody who gets no answer goes on asking."""
MONTH_S = 3_600
STEPS = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")
_users = itertools.count(1)


@dataclass(frozen=True)
class Who:
    user: str
    number: str
    has_s: int | None = None
    """All that is left of the month; None: more than any call can talk."""


@dataclass
class TopUp:
    key: str
    seconds: int
    is_done: bool = False
    """It was answered so. If not, it may have been done all the same."""


@dataclass
class Asked:
    """A call as it was asked for, and what was answered."""

    kind: str
    story: str
    who: Who
    callee: str
    key: str
    longest_s: int
    confirms: bool = False
    at_ms: int = 0
    ids: set[str] = field(default_factory=set)
    """Every id that was answered to this key: one, if at all."""
    refused: str = ""
    hung_up_at_ms: int | None = None
    """When it was first asked to end."""
    top_ups: list[TopUp] = field(default_factory=list)
    oddities: list[str] = field(default_factory=list)
    """Answers that no fault excuses."""
    went_back: list[str] = field(default_factory=list)
    """From which state to which, where one was shown that stands before one that was shown already."""
    shown: dict[str, Any] = field(default_factory=dict)
    shown_at_ms: int = 0

    @property
    def is_taken(self) -> bool:
        return bool(self.ids)

    @property
    def id(self) -> str:
        return next(iter(self.ids), "")

    @property
    def state(self) -> str:
        return str(self.shown.get("state", ""))


class Desk:
    def __init__(self, api: Api, over: threading.Event, book: list[Asked]) -> None:
        """`over`: everybody winds up now. `book`: where the call is written down."""
        self._api = api
        self._over = over
        self._book = book

    # ---- before the call ----------------------------------------------------------------------------------------

    def user(self, phone: int, minutes_s: int | None = None) -> Who:
        name, its = f"chaos{next(_users)}", number(phone)
        self._sure("PUT", f"/v1/users/{name}", {"numbers": [its]})
        if minutes_s is not None:
            less = {"seconds": minutes_s - MONTH_S, "reason": "chaos"}
            self._sure("POST", f"/v1/users/{name}/corrections", less, f"{name}-less")
        return Who(name, its, minutes_s)

    def call(self, traffic: Traffic, who: Who, callee: int, **more: Any) -> Asked:
        asked = Asked(
            type(traffic).__name__, str(traffic), who, number(callee), f"{who.user}-call", more["max_duration_s"],
            bool(more.get("confirm_caller")), now_ms(),
        )  # fmt: skip
        self._book.append(asked)
        self._body = {"caller": who.user, "callee": asked.callee, **more}
        self.ask_again(asked)
        return asked

    def ask_again(self, asked: Asked) -> None:
        """The same request with the same key, until there is an answer."""
        answer = self._sure("POST", "/v1/calls", self._body, asked.key, asked)
        if answer is None:
            return
        if answer.status == 201:
            asked.ids.add(str(answer.body["id"]))
            self._see(asked, answer)
        else:
            asked.refused = answer.body["type"].rpartition("/")[2] if isinstance(answer.body, dict) else "?"

    # ---- the call -----------------------------------------------------------------------------------------------

    def until_state(self, asked: Asked, state: str) -> None:
        """Or past it, or everything is over."""
        self._watch(asked, lambda: STEPS.index(asked.state) >= STEPS.index(state))

    def talks(self, asked: Asked, talk_ms: int) -> None:
        """They have talked for so long, or it has ended before."""

        def has_talked() -> bool:
            began = asked.shown.get("talking_at")
            return asked.state == "ended" or (began is not None and now_ms() - at_ms(began) >= talk_ms)

        self._watch(asked, has_talked)

    def pause(self, ms: int) -> None:
        self._over.wait(ms / 1000)

    def top_up(self, asked: Asked, seconds: int) -> None:
        if not asked.is_taken:
            return
        asked.top_ups.append(top_up := TopUp(f"{asked.who.user}-top-up-{len(asked.top_ups)}", seconds))
        body = {"kind": "bonus", "seconds": seconds}
        answer = self._sure("POST", f"/v1/users/{asked.who.user}/grants", body, top_up.key, asked)
        top_up.is_done = answer is not None and answer.status == 201

    def hang_up(self, asked: Asked) -> None:
        if not asked.is_taken or asked.state == "ended":
            return
        asked.hung_up_at_ms = asked.hung_up_at_ms or now_ms()
        answer = self._sure("DELETE", f"/v1/calls/{asked.id}", asked=asked)
        if answer is not None and answer.status not in (200, 202):
            asked.oddities.append(f"DELETE was answered {answer.status} {answer.body}")

    def until_ended(self, asked: Asked) -> None:
        self._watch(asked, lambda: asked.state == "ended")
        if asked.is_taken and asked.state != "ended":  # everything is over
            self.hang_up(asked)
            deadline = time.monotonic() + ASKS_FOR_S
            while asked.state != "ended" and time.monotonic() < deadline:
                self._look(asked)
                time.sleep(LOOKS_EVERY_S)

    # ---- inner --------------------------------------------------------------------------------------------------

    def _watch(self, asked: Asked, is_there: Callable[[], bool]) -> None:
        while asked.is_taken and not is_there() and not self._over.wait(LOOKS_EVERY_S):
            self._look(asked)

    def _look(self, asked: Asked) -> None:
        answer = self._api.ask("GET", f"/v1/calls/{asked.id}")
        if answer is not None and answer.status == 200:
            self._see(asked, answer)
        elif answer is not None and answer.status != 503:
            asked.oddities.append(f"GET was answered {answer.status} {answer.body}")

    def _see(self, asked: Asked, answer: Answer) -> None:
        if asked.state and STEPS.index(answer.body["state"]) < STEPS.index(asked.state):
            asked.went_back.append(f"from {asked.state} to {answer.body['state']}")
        asked.shown, asked.shown_at_ms = answer.body, now_ms()

    def _sure(
        self, method: str, path: str, body: Any = None, key: str | None = None, asked: Asked | None = None
    ) -> Answer | None:
        """None: there was no answer for very long."""
        deadline = time.monotonic() + ASKS_FOR_S
        while time.monotonic() < deadline:
            answer = self._api.ask(method, path, body, key)
            if answer is not None and answer.status not in (503, 429):
                if answer.status >= 500 and asked is not None:
                    asked.oddities.append(f"{method} was answered {answer.status} {answer.body}")
                return answer
            time.sleep(AGAIN_S)
        return None
