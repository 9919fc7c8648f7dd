"""What a developer does for one call: asks, with a key, and asks again where there is no answer; watches; hangs up.
What else some call types need is in files of their own (halls.py, letters.py, phones.py, proofs.py).

Writes down what was asked and answered, by the clock of the tests. Judges nothing.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ari_app.entrypoints.views import at_ms
from tests.chaos.asked import Asked, TopUp, Who
from tests.chaos.traffic import Traffic
from tests.ground import number
from tests.ringbridge import Answer, now_ms

if TYPE_CHECKING:
    from tests.chaos.house import ChaosHouse

AGAIN_S = 0.2
CALM_S = 0.5
READS_OUT = "notice"
"""A call that has a course of its own: nobody hangs it up in the midst of it."""
LOOKS_EVERY_S = 0.2
ASKS_FOR_S = 120.0
"""How long somebody who gets no answer goes on asking."""
MONTH_S = 3_600
STEPS = ("queued", "ringing_caller", "caller_answered", "ringing_callee", "talking", "ended")
_users = itertools.count(1)


class Desk:
    def __init__(self, house: ChaosHouse, over: threading.Event, book: list[Asked]) -> None:
        """`over`: everybody winds up now. `book`: where the call is written down."""
        self.house = house
        self.over = over
        self._api = house.api
        self._book = book

    # ---- before the call ----------------------------------------------------------------------------------------

    def user(self, phone: int, minutes_s: int | None = None, *, bearer: str = "") -> Who:
        """`bearer`: whose word it is that the number is his."""
        name, its = f"chaos{next(_users)}", number(phone)
        self.sure("PUT", f"/v1/users/{name}", {"numbers": [its]}, bearer=bearer)
        if minutes_s is not None:
            less = {"seconds": minutes_s - MONTH_S, "reason": "chaos"}
            self.sure("POST", f"/v1/users/{name}/corrections", less, f"{name}-less")
        return Who(name, its, minutes_s)

    def stranger(self, number: str) -> Who:
        """Nobody's number."""
        return Who(f"stranger{next(_users)}", number)

    def call(self, traffic: Traffic, who: Who, callee: int, **more: Any) -> Asked:
        its = number(callee)
        body = {"caller": who.user, "callee": its, **more}
        confirms = bool(more.get("confirm_caller"))
        return self.begin(
            traffic, who, "/v1/calls", body, callee=its, confirms=confirms, longest_s=more["max_duration_s"]
        )

    def begin(
        self, traffic: Traffic, who: Who, path: str, body: Any, *, bearer: str = "", longest_s: int, callee: str = "",
        **more: Any,
    ) -> Asked:  # fmt: skip
        """`more`: of Asked."""
        asked = self.note(traffic, who, callee=callee, longest_s=longest_s, **more)
        self._request = ("POST", path, body)
        self._bearer = bearer
        self.ask_again(asked)
        return asked

    def note(self, traffic: Traffic, who: Who, *, callee: str = "", longest_s: int = 0, **more: Any) -> Asked:
        asked = Asked(
            type(traffic).__name__, str(traffic), who, callee, f"{who.user}-call", longest_s, at_ms=now_ms(), **more
        )
        self._book.append(asked)
        return asked

    def ask_again(self, asked: Asked) -> None:
        """The same request with the same key, until there is an answer."""
        answer = self.sure(*self._request, asked.key, asked, bearer=self._bearer)
        if answer is None:
            return
        if answer.status == 201:
            asked.ids.add(str(answer.body.get("id") or answer.body["call"]))
            if answer.body.get("type"):
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
        self.over.wait(ms / 1000)

    def top_up(self, asked: Asked, seconds: int) -> None:
        if not asked.is_taken:
            return
        asked.top_ups.append(top_up := TopUp(f"{asked.who.user}-top-up-{len(asked.top_ups)}", seconds))
        body = {"kind": "bonus", "seconds": seconds}
        answer = self.sure("POST", f"/v1/users/{asked.who.user}/grants", body, top_up.key, asked)
        top_up.is_done = answer is not None and answer.status == 201

    def hang_up(self, asked: Asked) -> None:
        if not asked.is_taken or asked.state == "ended":
            return
        self.hang_up_call(asked, asked.id)

    def hang_up_call(self, asked: Asked, call: str) -> None:
        asked.hung_ups.setdefault(call, now_ms())
        answer = self.sure("DELETE", f"/v1/calls/{call}", asked=asked)
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
        while asked.is_taken and not is_there() and not self.over.wait(LOOKS_EVERY_S):
            self._look(asked)

    def _look(self, asked: Asked) -> None:
        answer = self._api.ask("GET", f"/v1/calls/{asked.id}")
        if answer is not None and answer.status == 200:
            self._see(asked, answer)
        elif answer is not None and answer.status != 503:
            asked.oddities.append(f"GET was answered {answer.status} {answer.body}")

    def attend(self, asked: Asked, is_over: Callable[[], bool], talk_ms: int, patience_s: float) -> None:
        """Calls of this user that come by themselves are hung up when they have talked for so long; until `is_over`,
        and all are over, and so long no other one has come as one is still to follow."""
        quiet_s: float | None = None
        while True:
            calls = self._calls_of(asked)
            for call in calls or ():
                began, is_asked = call.get("talking_at"), call["id"] in asked.hung_ups
                has_talked = began is not None and now_ms() - at_ms(began) >= talk_ms
                is_due = (has_talked and call["type"] != READS_OUT) or self.over.is_set()
                if call["state"] != "ended" and not is_asked and is_due:
                    self.hang_up_call(asked, call["id"])
            if calls is None or not is_over() or any(call["state"] != "ended" for call in calls):
                quiet_s = None
            else:
                quiet_s = quiet_s or time.monotonic()
                is_to_come = len(calls) == 1 and asked.follows
                if time.monotonic() - quiet_s > (patience_s if is_to_come else CALM_S):
                    return
            time.sleep(LOOKS_EVERY_S)

    def _calls_of(self, asked: Asked) -> list[dict[str, Any]] | None:
        answer = self._api.ask("GET", f"/v1/calls?user={asked.who.user}")
        asked.shown_at_ms = now_ms()
        return list(answer.body["calls"]) if answer is not None and answer.status == 200 else None

    def _see(self, asked: Asked, answer: Answer) -> None:
        if asked.state and STEPS.index(answer.body["state"]) < STEPS.index(asked.state):
            asked.went_back.append(f"from {asked.state} to {answer.body['state']}")
        asked.shown, asked.shown_at_ms = answer.body, now_ms()

    def sure(
        self, method: str, path: str, body: Any = None, key: str | None = None, asked: Asked | None = None, *,
        bearer: str = "",
    ) -> Answer | None:  # fmt: skip
        """None: there was no answer for very long."""
        deadline = time.monotonic() + ASKS_FOR_S
        while time.monotonic() < deadline:
            answer = self._api.ask(method, path, body, key, bearer)
            if answer is not None and answer.status not in (503, 429):
                if answer.status >= 500 and asked is not None:
                    asked.oddities.append(f"{method} was answered {answer.status} {answer.body}")
                return answer
            time.sleep(AGAIN_S)
        return None
