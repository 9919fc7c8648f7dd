"""A number is proved on the real PBX: what the phone hears is the code, what is given back is what it heard, and the
number is shown from then on, as the carrier saw it. And phones that are busy, ring on, or are voicemail."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.stack.carrier import CarrierCall
from tests.ground import Ground, number
from tests.heard_digits import digit_prompts, heard_digits, heard_prompts
from tests.ringbridge import Answer, Ringbridge
from tests.stories import Board, Shown, tell
from tests.support import until_sync
from tests.who_heard import Samples

RECORDS, TALKS, ANSWERS = 5, 4, 10
BUSY, RINGS, HANGS_UP, VOICEMAIL = 22, 23, 26, 29


class Shop:
    """A developer who may place calls, and whose word proves nothing."""

    def __init__(self, app: Ringbridge) -> None:
        made = app.ask("POST", "/v1/keys", {"name": "shop", "scopes": ["call", "read"]})
        self._app, self._key = app, made.body["secret"]

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        return self._app.ask(method, path, body, Authorization=f"Bearer {self._key}")

    def user(self, phone: int) -> tuple[str, str]:
        """A new one: his id, and his number, which is not proved."""
        his = number(phone)
        made = self.ask("PUT", f"/v1/users/u{his[1:]}", {"numbers": [his]})
        assert made.body["verified"] == []
        return made.body["id"], his

    def verifies(self, user: str, his: str) -> str:
        """The call that reads the code out."""
        begun = self.ask("POST", f"/v1/users/{user}/numbers/%2B{his[1:]}/verify")
        assert begun.status == 201, begun
        assert not any(isinstance(told, str) and told.isdigit() for told in begun.body.values())
        return str(begun.body["call"])

    def gives(self, user: str, his: str, code: str) -> Answer:
        return self.ask("POST", f"/v1/users/{user}/numbers/%2B{his[1:]}/confirm", {"code": code})


@pytest.fixture(scope="module")
def shop(ringbridge: Ringbridge) -> Shop:
    return Shop(ringbridge)


@dataclass(frozen=True)
class Read:
    """A call that read a code out, as it ended."""

    user: str
    number: str
    call: Shown


@pytest.fixture(scope="module")
def told(ringbridge: Ringbridge, shop: Shop) -> dict[int, Read]:
    """By the phone: one of each, at the same time."""

    def story(phone: int) -> Callable[[Board], Read]:
        def go(board: Board) -> Read:
            user, his = shop.user(phone)
            if phone == RECORDS:
                calls = shop.ask("POST", "/v1/calls", {"caller": his, "callee": number(TALKS)})
                assert calls.body["type"] == "number-not-verified"
            call = shop.verifies(user, his)
            if phone == RINGS:
                board.until(call, lambda one: one["legs"][0]["rang_at"] is not None, 10, "it rings")
                ringbridge.hang_up(call)
            return Read(user, his, board.until_ended(call))

        return go

    return tell(ringbridge, {phone: story(phone) for phone in (RECORDS, BUSY, RINGS, HANGS_UP, VOICEMAIL)})


@pytest.fixture(scope="module")
def prompts(ground: Ground) -> dict[str, Samples]:
    return digit_prompts(ground.stack)


def heard_by(ground: Ground, his: str) -> Path:
    def recorded() -> CarrierCall | None:
        phone = ground.phone(his)
        return phone if phone.recording and phone.ended_at_ms else None

    found = until_sync(recorded, 10, "the phone has recorded what it heard")
    return Path(str(found.recording))


def test_the_code_is_heard_given_back_and_the_number_shown_from_then_on(
    ground: Ground, ringbridge: Ringbridge, shop: Shop, prompts: Mapping[str, Samples], told: Mapping[int, Read]
) -> None:
    user, his, reading = told[RECORDS].user, told[RECORDS].number, told[RECORDS].call
    assert (reading["type"], reading["reason"], reading["hung_up_by"]) == ("verification", "completed", "system")
    assert (reading["payer"], reading["charged_s"]) == ("", 0)
    assert reading["legs"][0]["shown"] == "+864001234567"
    sound = heard_by(ground, his)
    digits = heard_digits(sound, prompts)
    assert len(digits) == 12, f"{digits}: {heard_prompts(sound, prompts)}"
    code = digits[:6]
    assert digits == code + code
    no_word_of(code, ringbridge, reading)

    wrong = f"{(int(code) + 1) % 10**6:06}"
    assert shop.gives(user, his, wrong).body["type"] == "wrong-code"
    proved = shop.gives(user, his, code)
    assert (proved.status, proved.body["verified"]) == (200, [his])
    callee = number(TALKS)
    placed = shop.ask("POST", "/v1/calls", {"caller": his, "callee": callee})
    assert placed.status == 201, placed
    ringbridge.until_state(placed.body["id"], "talking")
    ringbridge.hang_up(placed.body["id"])
    ended = ringbridge.until_ended(placed.body["id"])
    assert (ended["legs"][1]["shown"], ended["legs"][1]["why"]) == (his, "verified")
    assert ground.phone(callee).from_user == his


def no_word_of(code: str, app: Ringbridge, shown: Shown) -> None:
    """In no line of the log, but by chance in a time; in no view, and in no event."""
    for line in app.log.read_text().splitlines():
        told = json.loads(line) if line.startswith("{") else {"event": line}
        told.pop("timestamp", None)
        assert code not in json.dumps(told)
    events = app.ask("GET", f"/v1/calls/{shown['id']}/events").body
    for view in (shown, events):
        assert code not in json.dumps({**view, "metadata": {}}).replace(shown["id"], "").replace(
            shown.get("legs", [{}])[0].get("number", "-"), ""
        )


def test_wrong_codes_are_limited(ringbridge: Ringbridge, shop: Shop) -> None:
    user, his = shop.user(ANSWERS)
    reading = shop.verifies(user, his)
    said = [shop.gives(user, his, f"{guess:06}") for guess in range(6)]
    assert [one.body["type"] for one in said] == ["wrong-code"] * 5 + ["too-many-codes"]
    assert 0 < int(said[5].headers["retry-after"]) <= 600
    ringbridge.hang_up(reading)
    ringbridge.until_ended(reading)
    assert ringbridge.ask("GET", f"/v1/users/{user}").body["verified"] == []


def test_a_phone_that_is_busy_rings_on_hangs_up_or_is_voicemail_ends_the_call_sensibly(
    ground: Ground, told: Mapping[int, Read]
) -> None:
    ends = {phone: (read.call["reason"], read.call["hung_up_by"]) for phone, read in told.items()}
    assert ends == {
        RECORDS: ("completed", "system"),
        BUSY: ("callee_busy", "callee"),
        RINGS: ("cancelled", "api"),
        HANGS_UP: ("completed", "callee"),
        VOICEMAIL: ("completed", "system"),
    }
    assert ground.complaints() == []
