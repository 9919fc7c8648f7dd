"""Many calls while the app is killed, or its link is cut, at moments that nobody chose. Each call keeps the laws."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
import redis

from ari_app.stack.carrier import CarrierCall
from tests.acceptance.drive import Drive
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import Verdict

SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", "1"))
ROUNDS = 50
IN_A_ROW = 500
LEAVE = [("10", "26", "completed")] + ([("26", "23", "caller_gave_up")] if SOAK else [])
REJECT = [("caller", "22", "busy"), ("callee", "38", "rejected")]
REJECT += [("callee", "22", "busy"), ("caller", "38", "rejected")] if SOAK else []
WARM = IN_A_ROW // 5
GREW_KB_MAX = 5
"""For each call; a live one takes 13 KB, so that it would show if they were kept."""
PER_S = 10
CALLERS = ("10", "11", "12", "26", "22", "21")
CALLEES = ("10", "13", "14", "21", "22", "24", "26", "27", "32")


def storm(house: House, disturb: Callable[[Drive], object]) -> dict[str, Verdict]:
    """Rounds of three calls, with a disturbance at a random moment of each."""
    rng, drive, calls = random.Random(SEED), Drive(house), []
    house.have()
    for _ in range(ROUNDS):
        house.until(lambda: is_ready(house), 10, "calls can be placed")
        calls += [placed(house, drive, rng.choice(CALLERS), rng.choice(CALLEES)) for _ in range(3)]
        moment = time.monotonic() + rng.choice((0.02, 0.3, 2.0)) * rng.random()
        house.until(lambda at=moment: time.monotonic() >= at, 5, "the moment came")  # type: ignore[misc]
        disturb(drive)
    verdicts = drive.verdicts(calls)
    tell(verdicts)
    assert sum(v.charged_s > 0 for v in verdicts.values()) >= ROUNDS / 3, "hardly anybody talked"
    return verdicts


def placed(house: House, drive: Drive, caller: str, callee: str) -> Placed:
    """Asked again while the answer is 503: the last disturbance may only now be felt."""

    def place() -> Placed | None:
        try:
            return drive.place(caller, callee)
        except AssertionError as refused:
            if "status=503" not in str(refused):
                raise
            return None

    call = house.until(place, 10, "the call is taken")
    assert call is not None
    return call


def phone_of(house: House, number: str) -> CarrierCall | None:
    """The carrier's record of a phone, once it was rung."""
    return next(iter(house.ground.rings(number)), None)


def is_ready(house: House) -> bool:
    return house.app.ask("GET", "/readyz").status == 200


def tell(verdicts: dict[str, Verdict]) -> None:
    """For a soak's record."""
    print(len(verdicts), "calls:", dict(Counter(v.shown["reason"] for v in verdicts.values())))  # noqa: T201


@pytest.mark.soak("test_blows.py hits every step")
def test_killed_at_random_moments(house: House) -> None:
    def kill(drive: Drive) -> None:
        house.again()
        drive.deaths += 1

    storm(house, kill)


@pytest.mark.soak("test_blows.py hits every step")
def test_the_link_cut_at_random_moments(house: House) -> None:
    storm(house, lambda _drive: house.do(house.ari.cut))


@pytest.mark.soak("what grows shows in long rows only")
def test_calls_in_a_row(house: House) -> None:
    """Ten a second: all end, the ledger is what the carrier saw, and the app grows no fatter."""
    drive, calls = Drive(house, talk_ms=1000), list[Placed]()
    app = house.have()
    begun, early_kb = time.monotonic(), 0
    for n in range(IN_A_ROW):
        house.until(lambda at=begun + n / PER_S: time.monotonic() >= at, 5, "its turn came")  # type: ignore[misc]
        calls.append(drive.place("10", "26" if n % 4 == 0 else "10"))
        if n == WARM:
            early_kb = rss_kb(app.process.pid if app.process else 0)
        for call in calls[max(0, n - 30) : max(0, n - 20)]:
            app.ask("DELETE", f"/v1/calls/{call.id}")
    took_s = time.monotonic() - begun
    verdicts = drive.verdicts(calls)
    tell(verdicts)
    late_kb = rss_kb(app.process.pid if app.process else 0)
    print(f"{len(calls)} calls: {early_kb} KB after {WARM}, {late_kb} KB after all")  # noqa: T201
    assert all(v.shown["reason"] == "completed" for v in verdicts.values())
    assert took_s < 1.1 * IN_A_ROW / PER_S + 1, "the pace was not kept"
    assert late_kb - early_kb < GREW_KB_MAX * (IN_A_ROW - WARM)


def rss_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.parametrize(("caller", "callee", "reason"), LEAVE)
def test_a_phone_hangs_up_while_the_app_is_dead(house: House, caller: str, callee: str, reason: str) -> None:
    """Nobody is there; the next app knows, and rings nobody again."""
    house.have()
    drive = Drive(house)
    call = drive.place(caller, callee)
    leaver = call.callee if caller == "10" else call.caller
    house.until(lambda: phone_of(house, call.callee), 5, "the callee's phone was rung")
    house.kill()
    assert not is_over(house, leaver)
    house.until(lambda: is_over(house, leaver), 10, "the phone hung up")
    house.again()
    assert drive.verdict(call).reason == reason


@pytest.mark.parametrize(("who", "phone", "word"), REJECT)
def test_a_phone_rejects_while_the_app_is_dead(house: House, who: str, phone: str, word: str) -> None:
    """Killed as soon as the phone was asked for: its answer reaches nobody. The next app knows it, and who gave it."""
    house.have()
    # As 24, but not within the few ms in which the PBX itself hangs up what it cannot give to an application.
    house.ground.add_phone("38", "Wait(0.1)", "Hangup(16)")
    drive = Drive(house)
    trap = house.kill_at(house.ari, lambda said: f".{who}.0/dial" in said, "after")
    call = drive.place(phone if who == "caller" else "10", phone if who == "callee" else "10")
    house.until(trap.sprung.is_set, 5, "the app asked for the phone")
    house.until(lambda: house.is_dead or drive.deaths, 5, "the app is dead, or was and is asked again for the call")
    house.until(lambda: is_over(house, call.caller if who == "caller" else call.callee), 10, "the phone has answered")
    house.again()
    verdict = drive.verdict(call)
    assert (verdict.reason, verdict.by) == (f"{who}_{word}", who)
    assert verdict.charged_s == 0


def is_over(house: House, number: str) -> bool:
    return bool((phone := phone_of(house, number)) and phone.ended_at_ms)


def test_nobody_starts_it_again_and_the_pbx_cuts_at_what_is_held(house: House) -> None:
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10", minutes_s=4)
    app.until_state(call.id, "talking")
    house.kill()
    house.until(lambda: (p := phone_of(house, call.callee)) and p.ended_at_ms, 15, "the PBX cut the talk")
    phone = phone_of(house, call.callee)
    assert phone is not None
    assert phone.talked_ms is not None
    assert 3_900 <= phone.talked_ms <= 6_100
    house.again()
    verdict = drive.verdict(call)
    assert verdict.charged_s == 4
    assert verdict.shown["reason"] == "balance_empty"


@pytest.mark.soak("the test before it has the PBX cut at what is held, too")
def test_killed_before_the_timers_are_set_and_nobody_starts_it_again(house: House) -> None:
    """The one overrun that the laws allow beyond 2 s: the callee's phone lives as long as it was made for, the ring
    time-out. What was held is charged, the rest is the operator's, and is told."""
    held_s, ring_s = 4, 8
    house.have(CALLEE_RING_TIMEOUT_S=str(ring_s))
    drive = Drive(house)
    trap = house.kill_at(house.ari, lambda said: ".callee.0/variables" in said, "before")
    call = drive.place("10", "10", minutes_s=held_s)
    house.until(trap.sprung.is_set, 10, "the callee has answered")
    house.until(lambda: is_over(house, call.callee), ring_s + 5, "the PBX cut the talk")
    house.again()
    verdict = drive.verdict(call, overrun_max_s=ring_s - held_s + 2)
    assert verdict.reason == "balance_empty"
    assert verdict.charged_s == held_s
    assert verdict.shown["overrun_s"] >= ring_s - held_s - 1


@pytest.mark.soak("test_deploy.py hands talks on to a new version")
def test_sigterm_leaves_the_talk_running_and_the_next_app_takes_it_up(house: House) -> None:
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10")
    app.until_state(call.id, "talking")
    assert app.terminate() == 0
    phone = phone_of(house, call.callee)
    assert phone is not None
    assert phone.ended_at_ms is None
    house.again()
    shown = drive.sure(lambda: house.have().show(call.id))
    assert shown["state"] == "talking"
    assert drive.verdict(call).shown["reason"] == "completed"


def test_a_redis_that_answers_and_takes_no_write_is_not_ready(house: House) -> None:
    """Full memory here; a full disk and a replica say so likewise. The talk that is held for goes on."""
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10")
    app.until_state(call.id, "talking")
    with redis.Redis.from_url(house.ground.info.redis_url) as store:
        store.config_set("maxmemory", 1)
        try:
            house.until(lambda: not is_ready(house), 5, "the app says that it cannot place calls")
            [part] = [part for part in app.ask("GET", "/readyz").body["parts"] if part["name"] == "redis"]
            assert not part["ok"]
            assert "no write" in part["why"]
            assert app.ask("POST", "/v1/calls", {"caller": call.user, "callee": call.callee}).status == 503
        finally:
            store.config_set("maxmemory", 0)
    house.until(lambda: is_ready(house), 10, "the app is ready again")
    assert drive.verdict(call).reason == "completed"


@pytest.mark.soak("in the next test Redis dies in a talk, too, which goes on")
def test_redis_killed_in_the_talk(house: House) -> None:
    """The talk goes on, and is hung up over the API when Redis is back."""
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10")
    app.until_state(call.id, "talking")
    kill_redis(house)
    house.ground.stack.start()
    house.until(lambda: is_ready(house), 15, "the app is ready again")
    phone = phone_of(house, call.callee)
    assert phone is not None
    assert phone.ended_at_ms is None
    assert drive.verdict(call).shown["reason"] == "completed"


def test_a_talk_that_ends_while_redis_is_dead_is_charged_once_when_it_is_back(house: House) -> None:
    """Nobody can be told of the settlement then, nor of a new call: it waits, and that is refused."""
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "26")
    app.until_state(call.id, "talking")
    kill_redis(house)
    try:
        assert not is_over(house, call.callee)
        assert app.ask("POST", "/v1/calls", {"caller": call.user, "callee": call.callee}).status == 503
        house.until(lambda: is_over(house, call.callee), 10, "the callee hung up")
        assert not is_ready(house), "Redis was away all the time"
    finally:
        house.ground.stack.start()
    house.until(lambda: is_ready(house), 15, "the app is ready again")
    verdict = drive.verdict(call)
    assert (verdict.reason, verdict.by) == ("completed", "callee")
    [spent] = [line for line in app.statement(call.user) if line["what"] == "spent"]
    assert (spent["call"], -spent["seconds"]) == (call.id, verdict.charged_s)
    assert 4 <= verdict.charged_s <= 6


def kill_redis(house: House) -> None:
    """Until the app knows it."""
    house.ground.kill("redis")
    house.until(lambda: not is_ready(house), 6, "the app says that it cannot place calls")
