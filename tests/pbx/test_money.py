"""Minutes on real calls: what is charged to the second, the warning in the ear, the cut, and ten calls on three slices.

The app here charges by the second (1/1), holds 12 s at a time, and warns 10 s before the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ari_app.domain.costing import LegCost, day_of
from ari_app.domain.ledger_laws import check_laws
from ari_app.ports.ledger import Account
from ari_app.stack.carrier import CarrierCall
from tests.conftest import PAYING, nothing_is_left, running
from tests.ear import Ear
from tests.ground import ROUNDS, SOAK, Ground, laid, number
from tests.ringbridge import Answer, Ringbridge
from tests.stories import Board, Shown, talked_s, tell
from tests.support import until_sync

pytestmark = pytest.mark.timeout(1800 if SOAK else 120)  # the full counts take minutes

SLICE_S, WARNING_S = int(PAYING["SLICE_S"]), int(PAYING["WARNING_S"])
TOP_UP_S = 60


@dataclass(frozen=True)
class Spends:
    """`left_s`: all the minutes that the user has (None: the whole month's). `talk_s`: hung up by the API then."""

    caller: int
    callee: int
    left_s: int | None = None
    talk_s: float | None = None
    top_up: bool = False
    asks: dict[str, Any] = field(default_factory=dict)


CALLS = {
    "runs out": Spends(4, 5, left_s=20),
    "topped up": Spends(6, 7, left_s=20, talk_s=22.5, top_up=True),
    "less than a warning": Spends(4, 5, left_s=4),
    "longest": Spends(8, 9, asks={"max_duration_s": 3}),
    "silent": Spends(10, 35, talk_s=6.5),
    "by the phone": Spends(11, 26),
    "by the api": Spends(12, 13, talk_s=3.5),
    "a moment": Spends(14, 32),
}


@dataclass(frozen=True)
class Spent:
    shown: Shown
    account: Account
    balance: dict[str, Any]
    caller: CarrierCall
    callee: CarrierCall

    @property
    def answered_ms(self) -> int:
        assert self.callee.answered_at_ms is not None
        return self.callee.answered_at_ms

    @property
    def talked_ms(self) -> int:
        """The carrier's word: from the callee's answer to the first end."""
        assert self.callee.ended_at_ms is not None
        assert self.caller.ended_at_ms is not None
        return min(self.callee.ended_at_ms, self.caller.ended_at_ms) - self.answered_ms


def spend(app: Ringbridge, ground: Ground, calls: dict[str, Spends]) -> dict[str, Spent]:
    """All at the same time."""
    numbers = {name: (number(call.caller), number(call.callee)) for name, call in calls.items()}
    users = {name: f"m{mine[1:]}" for name, (mine, _) in numbers.items()}

    def story(name: str, one: Spends) -> Callable[[Board], Shown]:
        def go(board: Board) -> Shown:
            user = app.user(users[name], numbers[name][0])
            if one.left_s is not None:
                ground.leave(user, one.left_s)
            call = app.call(user, numbers[name][1], **one.asks)
            if one.top_up:
                board.until(call, lambda shown: talked_s(shown) > (one.left_s or 0) - WARNING_S + 2, 60, "the warning")
                app.grant(user, TOP_UP_S)
            return board.until_ended(call, 100) if one.talk_s is None else board.hang_up(call, after_s=one.talk_s)

        return go

    shown = tell(app, {name: story(name, one) for name, one in calls.items()})
    return {
        name: Spent(
            shown[name], ground.account(users[name]), app.balance(users[name]), *map(ground.hung_up, numbers[name])
        )
        for name in calls
    }


@pytest.fixture(scope="module")
def spent(paying: Ringbridge, paying_ground: Ground) -> dict[str, Spent]:
    return spend(paying, paying_ground, CALLS)


@pytest.mark.parametrize("name", list(CALLS))
def test_what_was_talked_is_charged_to_the_second(spent: dict[str, Spent], name: str) -> None:
    call = spent[name]
    charged_s, overrun_s = call.shown["charged_s"], call.shown["overrun_s"]
    assert overrun_s == 0
    # whole seconds of talk are what counts; the two sides see the end a moment apart
    assert -150 <= call.talked_ms - 1000 * charged_s <= 1150
    left_s = CALLS[name].left_s
    had_s = (3600 if left_s is None else left_s) + (TOP_UP_S if CALLS[name].top_up else 0)
    assert (call.balance["available_s"], call.balance["held_s"]) == (had_s - charged_s, 0)


@pytest.mark.parametrize("name", list(CALLS))
def test_the_laws_of_the_ledger_hold_after_the_call(spent: dict[str, Spent], name: str) -> None:
    account = spent[name].account
    assert check_laws(account) == []
    assert min(line.balance_after_s for line in account.lines) >= 0


@pytest.mark.parametrize(
    ("name", "reason", "by"),
    [
        ("runs out", "balance_empty", "system"),
        ("topped up", "completed", "api"),
        ("less than a warning", "balance_empty", "system"),
        ("longest", "max_duration", "system"),
        ("silent", "completed", "api"),
        ("by the phone", "completed", "callee"),
        ("by the api", "completed", "api"),
        ("a moment", "completed", "callee"),
    ],
)
def test_why_the_talk_ended(spent: dict[str, Spent], name: str, reason: str, by: str) -> None:
    shown = spent[name].shown
    assert (shown["reason"], shown["hung_up_by"]) == (reason, by)


@pytest.mark.parametrize(("name", "seconds"), [("runs out", 20), ("less than a warning", 4), ("longest", 3)])
def test_the_talk_is_cut_on_the_second_and_all_of_it_is_charged(
    spent: dict[str, Spent], name: str, seconds: int
) -> None:
    assert spent[name].talked_ms == pytest.approx(1000 * seconds, abs=1000)
    assert spent[name].shown["charged_s"] == seconds


def test_the_payer_is_warned_before_the_end_while_the_talk_goes_on(spent: dict[str, Spent]) -> None:
    warned_while_talking(spent["runs out"], 20, 10, caller_hz=500, callee_hz=550)


def warned_while_talking(call: Spent, had_s: int, warning_s: int, *, caller_hz: float, callee_hz: float) -> None:
    payer, other = Ear(call.caller), Ear(call.callee)
    due_ms, end_ms = call.answered_ms + 1000 * (had_s - warning_s), min(payer.ends_ms, other.ends_ms) - 100
    begin_ms = call.answered_ms + 300
    assert payer.other_ms(begin_ms, due_ms - 500, callee_hz) < 200, "not earlier"
    assert payer.other_ms(due_ms - 500, due_ms + 5000, callee_hz) > 1000, "it is spoken"
    assert payer.gaps(callee_hz, begin_ms, end_ms) == [], "and the other one is still heard"
    assert other.other_ms(begin_ms, end_ms, caller_hz) < 200, "who himself hears nothing of it"
    assert other.gaps(caller_hz, begin_ms, end_ms) == [], "and hears the payer all the while"


def test_a_top_up_after_the_warning_keeps_the_call_alive(spent: dict[str, Spent]) -> None:
    call = spent["topped up"]
    assert call.talked_ms > 22_000
    assert call.shown["charged_s"] >= 22, "more where the hang-up comes late; to the second it is looked at above"
    payer = Ear(call.caller)
    assert payer.gaps(300 + 50 * 7, call.answered_ms + 300, payer.ends_ms - 100) == []


def test_without_minutes_nobody_is_rung(paying: Ringbridge, paying_ground: Ground) -> None:
    mine, theirs = number(10), number(11)
    user = paying.user("penniless", mine)
    paying_ground.leave(user, 0)
    answer = paying.ask("POST", "/v1/calls", {"caller": user, "callee": theirs})
    assert (answer.status, answer.body["type"].rpartition("/")[2]) == (402, "balance-empty")
    ended = paying.until_ended(answer.body["call"])
    assert (ended["reason"], ended["hung_up_by"], ended["charged_s"]) == ("balance_empty", "system", 0)
    assert paying_ground.rings(mine) == paying_ground.rings(theirs) == []
    paying.grant(user, 10)
    paying.hang_up(paying.call(user, theirs))


@pytest.mark.parametrize("n", range(ROUNDS))
def test_ten_calls_at_once_on_three_slices_are_three_talks(paying: Ringbridge, paying_ground: Ground, n: int) -> None:
    callees = [number(phone) for phone in range(10, 20)]
    user = paying.user(f"ten-{n}", number(10))
    paying_ground.leave(user, 3 * SLICE_S)
    together = threading.Barrier(len(callees))

    def ask(callee: str) -> Answer:
        together.wait()
        return paying.ask("POST", "/v1/calls", {"caller": user, "callee": callee})

    with ThreadPoolExecutor(len(callees)) as pool:
        answers = list(pool.map(ask, callees))
    refused = [answer for answer in answers if answer.status == 402]
    placed = [answer.body["id"] for answer in answers if answer.status == 201]
    assert (len(placed), len(refused)) == (3, 7)
    assert paying.balance(user)["available_s"] == 0

    def talk(call: str) -> Callable[[Board], Shown]:
        return lambda board: board.hang_up(call, after_s=1.5)

    ended = tell(paying, {call: talk(call) for call in placed})
    charged_s = sum(call["charged_s"] for call in ended.values())
    assert 3 <= charged_s <= 9
    assert [call["overrun_s"] for call in ended.values()] == [0, 0, 0]
    assert sum(len(paying_ground.rings(callee)) for callee in callees) == 3
    account = paying_ground.account(user)
    assert check_laws(account) == []
    assert (account.available_s, account.held_s) == (3 * SLICE_S - charged_s, 0)
    assert min(line.balance_after_s for line in account.lines) >= 0


# ---- what the carrier is owed ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def owed(spent: dict[str, Spent], paying: Ringbridge, paying_ground: Ground) -> dict[str, LegCost]:
    """All legs of all calls of the app so far, once the last of them is noted."""
    found: dict[str, LegCost] = {}

    def are_noted() -> bool:
        if paying.live() or paying.metric("calls_unsaved"):  # what is owed is noted after the end is told
            return False
        found.update(paying_ground.legs(*months(spent)))
        return all(f"{one.shown['id']}.{role}.0" in found for one in spent.values() for role in ("caller", "callee"))

    until_sync(are_noted, 10, "the legs are noted")
    return found


def months(spent: dict[str, Spent]) -> set[str]:
    return {day_of(one.answered_ms, "Asia/Shanghai")[:7] for one in spent.values()}


@pytest.mark.parametrize("name", list(CALLS))
def test_each_leg_is_owed_as_the_carrier_timed_it(spent: dict[str, Spent], owed: dict[str, LegCost], name: str) -> None:
    call = spent[name]
    for leg, seen, shown in zip(("caller", "callee"), (call.caller, call.callee), call.shown["legs"], strict=True):
        cost = owed[f"{call.shown['id']}.{leg}.0"]
        assert seen.answered_at_ms is not None
        assert seen.ended_at_ms is not None
        # the PBX and the carrier hear of each other when the machine lets them
        assert cost.answered_at_ms == pytest.approx(seen.answered_at_ms, abs=500)
        assert cost.ended_at_ms == pytest.approx(seen.ended_at_ms, abs=500)
        assert "+" + cost.dialled.removeprefix("+") == cost.number == "+" + seen.number.removeprefix("+")
        assert shown["cost"] == {"micro": cost.cost_micro, "currency": cost.currency}
        # who hangs up in the moment of his answer does so within the same millisecond, by either of the two clocks
        lasted_ms = max(seen.ended_at_ms - seen.answered_at_ms, cost.ended_at_ms - (cost.answered_at_ms or 0), 1)
        assert cost.cost_micro == 60_000 * -(-lasted_ms // 60_000), "0.06 for each begun minute"


def test_the_report_is_the_sum_of_what_every_call_has_cost(
    spent: dict[str, Spent], owed: dict[str, LegCost], paying: Ringbridge
) -> None:
    reports = [paying.ask("GET", f"/v1/reports/settlement?month={month}").body for month in months(spent)]
    shown, cursor = [], ""
    while cursor is not None:
        page = paying.ask("GET", f"/v1/calls?limit=100{cursor and f'&cursor={cursor}'}").body
        shown += [leg for call in page["calls"] for leg in call["legs"] if leg["tried"]]
        cursor = page["cursor"]
    reported = sum(cost["micro"] for report in reports for cost in report["total"]["cost"])
    assert reported == sum(leg["cost"]["micro"] for leg in shown) == sum(leg.cost_micro for leg in owed.values()) > 0
    assert sum(report["total"]["legs"] for report in reports) == len(owed) >= len(shown)
    assert sum(report["total"]["charged_s"] for report in reports) == sum(leg["charged_s"] for leg in shown)


@pytest.mark.soak("takes a real minute")
def test_sixty_five_seconds_with_the_real_warning_twenty_times(tmp_path: Path) -> None:
    settings = PAYING | {"SLICE_S": "60", "WARNING_S": "60", "MARGIN_S": "15", "HOLD_RETRY_S": "3"}
    calls = {f"call {n}": Spends(4, 5, left_s=65) for n in range(20)}
    with laid(tmp_path / "ground", media_timeout_s=0) as ground, running(ground.home, **settings) as app:
        for call in spend(app, ground, calls).values():
            assert (call.shown["reason"], call.shown["charged_s"]) == ("balance_empty", 65)
            assert call.shown["overrun_s"] == 0
            assert call.talked_ms == pytest.approx(65_000, abs=1000)
            assert check_laws(call.account) == []
            warned_while_talking(call, 65, 60, caller_hz=500, callee_hz=550)
        nothing_is_left(ground, app)


def test_nothing_is_left_behind(spent: dict[str, Spent], paying: Ringbridge, paying_ground: Ground) -> None:
    assert spent
    nothing_is_left(paying_ground, paying)
