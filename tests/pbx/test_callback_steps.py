"""Cancelling at every step, hanging up while the other phone rings, pressing 1, and asking twice with one key."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from ari_app.entrypoints.views import at_ms
from ari_app.stack.carrier import CarrierCall
from tests.conftest import nothing_is_left
from tests.ground import Ground, number
from tests.ringbridge import Answer, Ringbridge, now_ms
from tests.stories import Board, Shown, talked_s, tell
from tests.support import until_sync

AT_ONCE_MS = 1000


@dataclass(frozen=True)
class Asked:
    """A call, and when it is cancelled by the API (None: not at all)."""

    caller: int
    callee: int
    at: str | None = None
    asks: dict[str, Any] = field(default_factory=dict)


CALLS = {
    "ringing_caller": Asked(23, 10, "ringing_caller"),
    "caller_answered": Asked(11, 12, "caller_answered", {"confirm_caller": True}),
    "ringing_callee": Asked(13, 23, "ringing_callee"),
    "ringing_callee, music": Asked(13, 23, "ringing_callee", {"waiting": "music"}),
    "early media": Asked(13, 27, "ringing_callee"),
    "talking": Asked(14, 15, "talking"),
    "announcement": Asked(16, 22, "announcement"),
    "gives up": Asked(26, 23),
    "presses 1": Asked(28, 26, None, {"confirm_caller": True}),
    "presses nothing": Asked(17, 18, None, {"confirm_caller": True}),
}
CANCELLED = [name for name, call in CALLS.items() if call.at not in (None, "talking", "announcement")]


@dataclass(frozen=True)
class Told:
    shown: Shown
    states: list[str]
    cancelled_ms: int
    phones: dict[str, list[CarrierCall]]
    balance: dict[str, Any]

    def phone(self, role: str) -> CarrierCall:
        [one] = self.phones[role]
        return one


@pytest.fixture(scope="module")
def told(ringbridge: Ringbridge, ground: Ground) -> dict[str, Told]:
    numbers = {name: (number(call.caller), number(call.callee)) for name, call in CALLS.items()}
    cancelled_ms: dict[str, int] = {}

    def story(name: str, asked: Asked) -> Callable[[Board], Shown]:
        def go(board: Board) -> Shown:
            user = ringbridge.user(f"steps {name}".replace(" ", "-").replace(",", ""), numbers[name][0])
            call = ringbridge.call(user, numbers[name][1], **asked.asks)
            if asked.at is not None:
                board.until(call, lambda one: has_come_to(one, asked.at or ""), 30, asked.at)
                cancelled_ms[name] = now_ms()
                ringbridge.hang_up(call)
            return board.until_ended(call)

        return go

    shown = tell(ringbridge, {name: story(name, call) for name, call in CALLS.items()})
    ground.all_hung_up(*(to for both in numbers.values() for to in both))
    until_sync(
        lambda: all(ringbridge.states(one["id"])[-1] == "ended" for one in shown.values()), 5, "all is written down"
    )
    return {
        name: Told(
            shown[name], ringbridge.states(shown[name]["id"]), cancelled_ms.get(name, 0),
            {"caller": ground.rings(numbers[name][0]), "callee": ground.rings(numbers[name][1])},
            ringbridge.balance(shown[name]["payer"]),
        )
        for name in CALLS
    }  # fmt: skip


def has_come_to(shown: Shown, at: str) -> bool:
    """`announcement`: the callee's phone has refused, and the caller is being told so. `ringing_caller`: the phone
    says that it rings; in that state it may not even have been dialled, and who is cancelled then is never rung."""
    if at == "ringing_caller":
        return shown["state"] == at and shown["legs"][0]["rang_at"] is not None
    if at == "announcement":
        return shown["legs"][1]["ended_at"] is not None
    if at == "talking":
        return talked_s(shown) > 1.2  # under a second costs nothing
    return bool(shown["state"] == at)


@pytest.mark.parametrize("name", CANCELLED)
def test_a_call_can_be_cancelled_at_every_step_and_costs_nothing(told: dict[str, Told], name: str) -> None:
    call = told[name]
    assert (call.shown["reason"], call.shown["hung_up_by"]) == ("cancelled", "api")
    assert call.states[-2:] == [CALLS[name].at, "ended"]
    assert call.shown["charged_s"] == 0
    assert (call.balance["held_s"], call.balance["available_s"]) == (0, 3600)


@pytest.mark.parametrize("name", [*CANCELLED, "talking", "announcement"])
def test_every_phone_is_quiet_within_a_second_of_the_cancelling(told: dict[str, Told], name: str) -> None:
    rung = [phone for phones in told[name].phones.values() for phone in phones if phone.hung_up_by != "phone"]
    assert rung
    for phone in rung:
        assert phone.hung_up_by == "platform"
        assert phone.ended_at_ms is not None
        assert phone.ended_at_ms - told[name].cancelled_ms <= AT_ONCE_MS


@pytest.mark.parametrize("name", ["ringing_caller", "caller_answered", "presses nothing"])
def test_the_callee_is_not_rung_where_the_caller_did_not_come_so_far(told: dict[str, Told], name: str) -> None:
    assert told[name].phones["callee"] == []


def test_a_talk_that_is_ended_by_the_api_is_completed(told: dict[str, Told]) -> None:
    shown = told["talking"].shown
    assert (shown["reason"], shown["hung_up_by"], shown["charged_s"]) == ("completed", "api", 60)


def test_an_announcement_can_be_cut_short_and_the_reason_stays(told: dict[str, Told]) -> None:
    shown = told["announcement"].shown
    assert (shown["reason"], shown["hung_up_by"], shown["charged_s"]) == ("callee_busy", "callee", 0)


def test_a_caller_who_hangs_up_stops_the_ringing_of_the_callee_at_once(told: dict[str, Told]) -> None:
    call = told["gives up"]
    assert (call.shown["reason"], call.shown["hung_up_by"]) == ("caller_gave_up", "caller")
    caller, callee = call.phone("caller"), call.phone("callee")
    assert caller.ended_at_ms is not None
    assert callee.ended_at_ms is not None
    assert (caller.hung_up_by, callee.hung_up_by, callee.answered_at_ms) == ("phone", "platform", None)
    assert 0 <= callee.ended_at_ms - caller.ended_at_ms <= AT_ONCE_MS


def test_a_caller_who_presses_1_is_connected(told: dict[str, Told]) -> None:
    call = told["presses 1"]
    assert (call.shown["reason"], call.shown["hung_up_by"]) == ("completed", "callee")
    caller, callee = call.phone("caller"), call.phone("callee")
    assert caller.answered_at_ms is not None
    # 28 presses its key 3 s after the answer, a quarter of a second long; it is waited for until 6 s
    assert 3000 <= callee.invited_at_ms - caller.answered_at_ms <= 5500


def test_a_caller_who_presses_nothing_is_hung_up_in_time(told: dict[str, Told], ringbridge: Ringbridge) -> None:
    call = told["presses nothing"]
    assert (call.shown["reason"], call.shown["hung_up_by"]) == ("caller_not_confirmed", "system")
    assert call.states == ["queued", "ringing_caller", "caller_answered", "ended"]
    talked_ms = call.phone("caller").talked_ms
    assert talked_ms is not None
    assert -500 <= talked_ms - 1000 * int(ringbridge.settings["CONFIRM_TIMEOUT_S"]) <= 2000


def test_cancelling_again_what_has_ended_changes_nothing(told: dict[str, Told], ringbridge: Ringbridge) -> None:
    shown = told["talking"].shown
    again = ringbridge.ask("DELETE", f"/v1/calls/{shown['id']}")
    assert again.status == 200
    assert again.body == shown


# --- one key, one call ------------------------------------------------------------------------------------------------
def test_the_same_request_ten_times_at_once_is_one_call_and_one_ring(ringbridge: Ringbridge, ground: Ground) -> None:
    mine, theirs = number(10), number(23)
    ringbridge.user("keyed", mine)
    together = threading.Barrier(10)

    def ask(_: int) -> Answer:
        together.wait()
        return ringbridge.ask("POST", "/v1/calls", {"caller": "keyed", "callee": theirs}, Idempotency_Key="once")

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(10)))
    assert {answer.status for answer in answers} == {201}
    [call] = {answer.body["id"] for answer in answers}
    until_sync(lambda: ground.rings(theirs), 10, "the callee's phone rings")
    ringbridge.hang_up(call)
    ended = ringbridge.until_ended(call)
    assert [len(ground.rings(one)) for one in (mine, theirs)] == [1, 1]

    after = ringbridge.ask("POST", "/v1/calls", {"caller": "keyed", "callee": theirs}, Idempotency_Key="once")
    assert (after.status, after.body["id"], after.body["state"]) == (201, call, "ended")
    other = ringbridge.ask("POST", "/v1/calls", {"caller": "keyed", "callee": number(23)}, Idempotency_Key="once")
    assert (other.status, other.body["type"].rpartition("/")[2]) == (409, "idempotency-conflict")
    assert [len(ground.rings(one)) for one in (mine, theirs)] == [1, 1], "and nobody is rung again"
    assert at_ms(ended["ended_at"]) >= at_ms(ended["created_at"])


def test_nothing_is_left_behind(told: dict[str, Told], ground: Ground, ringbridge: Ringbridge) -> None:
    assert told
    nothing_is_left(ground, ringbridge)
