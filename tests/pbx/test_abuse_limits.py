"""Who calls too often or spends too much, on a real PBX and over two processes: refused with the rule that was hit;
nothing is held, and the carrier hears nothing of it. When the window has passed the call is placed.

The limits are short ones here; the numbers called are none of the prefix that is free of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conftest import nothing_is_left
from tests.ground import Ground, number
from tests.ringbridge import Answer, Ringbridge, seconds_between
from tests.support import until_sync

WINDOW_S = 4
TRUNKS = """\
[carrier]
host = 127.0.0.1
port = {port}
price = 0.06
rates = deck.csv
spend_alarm = 1.00
spend_max = 6.00
"""
SETTINGS = {
    "API_KEY": "a-key-for-two-processes",
    "NODE": "limits",  # the same for both: one has it, the other one stands by and hands its calls over
    "ARI_APP": "limits",
    "PAIR_LIMITS": f"2/{WINDOW_S}",
    "NUMBER_LIMITS": f"3/{WINDOW_S}",
    "MAX_LIVE_CALLS": "2",
    "USER_SPEND_ALARM": "1.00",
    "USER_SPEND_MAX": "2.06",  # of one dear call, a minute begun: what is reached is the stop
    "TEAM_SPEND_MAX": "2.00",
    "PLANS_FILE": str(Path(__file__).parent / "plans.toml"),  # where three are a team
    "SOUND_BUSY": "beep",
}
DEAR = "+86137"
_numbers = itertools.count(100_000)


def limited(phone: int, prefix: str = "+86138") -> str:
    """A number that the limits are for."""
    return f"{prefix}{next(_numbers):06d}{phone:02d}"


@dataclass(frozen=True)
class House:
    ground: Ground
    apps: tuple[Ringbridge, Ringbridge]

    def user(self) -> str:
        its = number(10)
        return self.apps[0].user(f"limits-{its[-8:]}", its)

    def place(self, user: str, callee: str, at: int = 0) -> Answer:
        return self.apps[at].ask("POST", "/v1/calls", {"caller": user, "callee": callee})

    def placed(self, user: str, callee: str, at: int = 0) -> dict[str, Any]:
        """And it is over."""
        answer = self.place(user, callee, at)
        assert answer.status == 201, answer
        return self.apps[at].until_ended(answer.body["id"])

    def talks(self, call: str) -> None:
        """For a moment, and it is over."""
        app = self.apps[0]
        app.until_state(call, "talking")
        app.hang_up(call)
        app.until_ended(call)

    def spend_until_stopped(self) -> None:
        """Each call costs a third of it."""
        for _ in range(4):
            answer = self.place(self.user(), limited(10, DEAR))
            if answer.status == 503:
                break
            self.talks(answer.body["id"])
        until_sync(lambda: self.is_stopped, 15, "both processes know that the trunk is at its stop")

    @property
    def is_stopped(self) -> bool:
        return all(app.metric('trunk_stopped{trunk="carrier"}') for app in self.apps)

    def alarms(self) -> list[float]:
        """Of users, by each process."""
        return [app.metric('spend_alarms_total{kind="user"}') for app in self.apps]

    def refused(self, user: str, callee: str, rule: str) -> Answer:
        """By both processes; nothing is held and nobody is rung."""
        rung, before = len(self.ground.carrier_calls()), self.apps[0].balance(user)
        answers = [self.place(user, callee, at) for at in (0, 1)]
        assert [(one.status, one.body["type"], one.body["rule"]) for one in answers] == [
            (429, "too-many-calls", rule)
        ] * 2
        assert (len(self.ground.carrier_calls()), self.apps[0].balance(user)) == (rung, before)
        return answers[0]

    def until_placed(self, user: str, callee: str) -> dict[str, Any]:
        """As soon as it may be, by the other process."""

        def asked() -> Answer | None:
            answer = self.place(user, callee, 1)
            assert answer.status in (201, 429), answer
            return answer if answer.status == 201 else None

        answer = until_sync(asked, WINDOW_S + 2, "the window has passed", every_s=0.2)
        return self.apps[1].until_ended(answer.body["id"])


@pytest.fixture(scope="module")
def house(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Beside the session's own app: with an application and a database of their own, in which the day is empty."""
    home, info = tmp_path_factory.mktemp("limits"), ground.info
    trunks = home / "trunks.conf"
    trunks.write_text(TRUNKS.format(port=info.carrier_sip_port))
    (home / "deck.csv").write_text(f"prefix,price,increment\n{DEAR},2.00,60/60\n")
    given = {**ground.as_ones_own(), **SETTINGS, "TRUNKS_FILE": str(trunks)}
    given["REDIS_URL"] = urlsplit(info.redis_url)._replace(path="/1").geturl()
    apps = []
    for name in ("first", "second"):
        (home / name).mkdir()
        apps.append(Ringbridge(home / name, **given))
        apps[-1].launch()
    try:
        yield House(ground, (apps[0].until_ready(), apps[1].until_ready()))
        for app in apps:
            nothing_is_left(ground, app)
    finally:
        codes = [app.terminate() for app in apps]
    assert (codes, [app.complaints() for app in apps]) == ([0, 0], [[], []])


def test_a_pair_may_call_so_often_whichever_process_is_asked(house: House) -> None:
    user, callee = house.user(), limited(22)
    asked = [house.apps[at].call(user, callee) for at in (0, 1)]
    calls = [house.apps[0].until_ended(call) for call in asked]
    assert [call["reason"] for call in calls] == ["callee_busy"] * 2

    answer = house.refused(user, callee, f"pair-2-in-{WINDOW_S}s")
    assert answer.headers["retry-after"] == str(answer.body["retry_after_s"])
    assert 1 <= answer.body["retry_after_s"] <= WINDOW_S
    assert (answer.body["field"], "id" in answer.body) == ("callee", False)
    assert house.placed(house.user(), callee)["reason"] == "callee_busy", "another user"

    again = house.until_placed(user, callee)
    assert seconds_between(calls[0]["created_at"], again["created_at"]) >= WINDOW_S
    assert len(house.ground.rings(callee)) == 4


def test_a_number_is_rung_so_often_by_all_users_together(house: House) -> None:
    callee, (user, *others) = limited(22), [house.user() for _ in range(4)]
    asked = [house.apps[n % 2].call(other, callee) for n, other in enumerate(others)]
    calls = [house.apps[0].until_ended(call) for call in asked]
    house.refused(user, callee, f"number-3-in-{WINDOW_S}s")
    assert house.placed(user, limited(22))["reason"] == "callee_busy", "another number"
    again = house.until_placed(user, callee)
    assert seconds_between(calls[0]["created_at"], again["created_at"]) >= WINDOW_S
    assert len(house.ground.rings(callee)) == 4


def test_of_many_asked_for_at_once_at_both_processes_only_so_many_are_placed(house: House) -> None:
    user, callee = house.user(), limited(22)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: house.place(user, callee, n % 2), range(8)))
    placed = [one.body["id"] for one in answers if one.status == 201]
    assert len(placed) == 2, answers
    assert {one.body["rule"] for one in answers if one.status != 201} == {f"pair-2-in-{WINDOW_S}s"}
    for call in placed:
        house.apps[0].until_ended(call)
    assert len(house.ground.rings(callee)) == 2


def test_the_same_call_asked_for_again_counts_once(house: House) -> None:
    user, callee = house.user(), limited(22)
    calls = {house.apps[n % 2].call(user, callee, key="once") for n in range(4)}
    assert len(calls) == 1
    house.apps[0].until_ended(calls.pop())
    assert house.placed(user, callee)["reason"] == "callee_busy"


def test_a_user_has_so_many_calls_at_once(house: House) -> None:
    user = house.user()
    callees = [limited(23), limited(23)]
    live = [house.apps[at].call(user, callees[at]) for at in (0, 1)]
    for call in live:
        house.apps[0].until_state(call, "ringing_callee")
    until_sync(lambda: all(house.ground.rings(one) for one in callees), 5, "the carrier has heard of both")
    house.refused(user, limited(22), "live-calls")
    for call in live:
        house.apps[0].hang_up(call)
        house.apps[0].until_ended(call)
    assert house.placed(user, limited(22))["reason"] == "callee_busy"


def test_numbers_of_the_simulated_carrier_s_prefix_are_free(house: House) -> None:
    user, callee = house.user(), number(22)
    for at in (0, 1, 0, 1):
        house.placed(user, callee, at)


def test_a_user_and_his_team_spend_so_much_a_day(house: House) -> None:
    app, members = house.apps[0], [house.user() for _ in range(3)]
    app.ask("PUT", "/v1/teams/spenders", {"name": "Spenders", "certified": False})
    for user in members:
        assert app.ask("PUT", f"/v1/teams/spenders/members/{user}").status == 200
    alarms = house.alarms()
    house.talks(app.call(members[0], limited(10, DEAR)))
    until_sync(lambda: house.alarms() != alarms, 10, "what it cost is noted, which comes after its end")

    answer = house.refused(members[0], number(22), "user-spend-a-day")
    assert 0 < answer.body["retry_after_s"] <= 86_400
    house.refused(members[1], number(22), "team-spend-a-day")
    assert house.placed(house.user(), number(22))["reason"] == "callee_busy"
    assert house.alarms()[0] == alarms[0] + 1
    told = [line for line in map(json.loads, app.log.read_text().splitlines()) if line["event"] == "spending alarm"]
    told = [line for line in told if line["kind"] == "user"]
    assert [(line["kind"], line["name"], line["spent"]) for line in told][:1] == [("user", members[0], "2.06 CNY")]


def test_a_trunk_at_its_stop_takes_no_more_calls(house: House) -> None:
    """It is the only one here; where there is another, that one takes them."""
    app = house.apps[0]
    user = house.user()
    house.spend_until_stopped()
    assert app.metric('trunk_spent{currency="CNY",trunk="carrier"}') >= 6
    rung = len(house.ground.carrier_calls())
    for at in (0, 1):
        answer = house.place(user, limited(22), at)
        assert (answer.status, answer.body["type"]) == (503, "no-capacity")
        assert answer.headers["retry-after"]
    assert len(house.ground.carrier_calls()) == rung
    assert app.balance(user)["held_s"] == 0
