"""What a shop does that wants to know whether a number is its user's: has a code read out, and gives back what he
heard."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from urllib.parse import quote

from tests.chaos.cases import LONGEST_S
from tests.chaos.desk import Desk
from tests.chaos.traffic import Traffic
from tests.ground import Ground
from tests.heard_digits import digit_prompts, heard_digits
from tests.ringbridge import Answer
from tests.who_heard import Samples

DIGITS = 6
_turn = threading.Lock()


class Proof:
    def __init__(self, desk: Desk, traffic: Traffic, phone: int) -> None:
        self._desk, self._shop = desk, desk.house.shop
        who = desk.user(phone, bearer=self._shop)
        self._number = f"/v1/users/{who.user}/numbers/{quote(who.number)}"
        self.asked = desk.begin(
            traffic, who, f"{self._number}/verify", None, bearer=self._shop, longest_s=LONGEST_S, callee=who.number
        )

    def guess(self) -> None:
        """Nobody has heard this one."""
        answer = self._confirm(_next_to(self.heard()))
        if answer is not None and answer.status == 200:
            self.asked.oddities.append(f"a wrong code was taken: {answer.body}")

    def give_back(self) -> None:
        """What was heard, if it was heard twice and whole: it must be right, whatever died meanwhile."""
        code = self.heard()
        answer = self._confirm(code) if code else None
        if answer is not None and (answer.status != 200 or self.asked.who.number not in answer.body["verified"]):
            self.asked.oddities.append(f"the code that was heard was not taken: {answer.status} {answer.body}")

    def heard(self) -> str:
        ground = self._desk.house.ground
        rings = [
            ring for one in self._desk.house.servers.carriers.values() for ring in one.rings(self.asked.who.number)
        ]
        found = [Path(ring.recording) for ring in rings if ring.recording and ring.ended_at_ms]
        if len(found) != 1:
            return ""
        with _turn:
            digits = heard_digits(found[0], _prompts(ground))
        is_whole = len(digits) >= 2 * DIGITS and digits[:DIGITS] == digits[DIGITS : 2 * DIGITS]
        return digits[:DIGITS] if is_whole else ""

    def _confirm(self, code: str) -> Answer | None:
        if not self.asked.is_taken:
            return None
        return self._desk.sure("POST", f"{self._number}/confirm", {"code": code}, None, self.asked, bearer=self._shop)


@cache
def _prompts(ground: Ground) -> Mapping[str, Samples]:
    return digit_prompts(ground.stack)


def _next_to(code: str) -> str:
    return f"{(int(code or '0') + 1) % 10**DIGITS:0{DIGITS}}"
