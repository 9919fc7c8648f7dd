"""Many calls while the app is killed, or its link is cut, at moments that nobody chose. Each call keeps the laws."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest

from ari_app.stack.carrier import CarrierCall
from tests.acceptance.drive import Drive
from tests.acceptance.house import House, Placed
from tests.acceptance.judge import Verdict
from tests.ringbridge import now_ms

SOAK = bool(os.environ.get("SOAK"))
SEED = int(os.environ.get("SEED", "1"))
ROUNDS = 50 if SOAK else 6
IN_A_ROW = 500 if SOAK else 40
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


soak_only = pytest.mark.skipif(
    not SOAK, reason="random moments are for `make soak`; test_blows.py hits every step here"
)


@soak_only
def test_killed_at_random_moments(house: House) -> None:
    def kill(drive: Drive) -> None:
        house.again()
        drive.deaths += 1

    storm(house, kill)


@soak_only
def test_the_link_cut_at_random_moments(house: House) -> None:
    storm(house, lambda _drive: house.do(house.ari.cut))


def test_calls_in_a_row(house: House) -> None:
    """Ten a second: all end, the ledger is what the carrier saw, and the app grows no fatter."""
    drive, calls = Drive(house, talk_ms=1000), list[Placed]()
    app = house.have()
    begun, early_kb = time.monotonic(), 0
    for n in range(IN_A_ROW):
        house.until(lambda at=begun + n / PER_S: time.monotonic() >= at, 5, "its turn came")  # type: ignore[misc]
        calls.append(drive.place("10", "26" if n % 4 == 0 else "10"))
        if n == IN_A_ROW // 5:
            early_kb = rss_kb(app.process.pid if app.process else 0)
        for call in calls[max(0, n - 30) : max(0, n - 20)]:
            app.ask("DELETE", f"/v1/calls/{call.id}")
    verdicts = drive.verdicts(calls)
    tell(verdicts)
    late_kb = rss_kb(app.process.pid if app.process else 0)
    assert all(v.shown["reason"] == "completed" for v in verdicts.values())
    assert late_kb - early_kb < 16_000, f"{early_kb} KB after a fifth of the calls, {late_kb} KB after all"


def rss_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


@pytest.mark.parametrize(
    ("caller", "callee", "reason"),
    [
        ("10", "26", "completed"),
        ("26", "23", "caller_gave_up"),
        ("24", "10", "caller_rejected"),
        ("10", "24", "callee_rejected"),
    ],
)
def test_a_phone_acts_while_the_app_is_dead(house: House, caller: str, callee: str, reason: str) -> None:
    """It hangs up or rejects, nobody is there; the next app knows, and rings nobody again."""
    app = house.have()
    drive = Drive(house)
    call = drive.place(caller, callee)
    last = call.caller if caller != "10" else call.callee
    house.until(lambda: phone_of(house, last), 5, "the phone was rung")
    house.kill()
    assert not app.is_running
    if reason != "caller_gave_up":
        house.until(lambda: (p := phone_of(house, last)) and p.ended_at_ms, 10, "the phone is done")
    else:
        house.until(lambda: (p := phone_of(house, call.caller)) and p.ended_at_ms, 10, "the caller is gone")
    house.again()
    verdict = drive.verdict(call)
    assert verdict.shown["reason"] in (reason, "trunk_failed" if "rejected" in reason else reason)


def test_nobody_starts_it_again_and_the_pbx_cuts_at_what_is_held(house: House) -> None:
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10", minutes_s=6)
    app.until_state(call.id, "talking")
    house.kill()
    house.until(lambda: (p := phone_of(house, call.callee)) and p.ended_at_ms, 15, "the PBX cut the talk")
    phone = phone_of(house, call.callee)
    assert phone is not None
    assert phone.talked_ms is not None
    assert 5_900 <= phone.talked_ms <= 8_100
    house.again()
    verdict = drive.verdict(call)
    assert verdict.charged_s == 6
    assert verdict.shown["reason"] == "balance_empty"


def test_sigterm_leaves_the_talk_running_and_the_next_app_takes_it_up(house: House) -> None:
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10")
    app.until_state(call.id, "talking")
    assert app.terminate() == 0
    phone = phone_of(house, call.callee)
    assert phone is not None
    assert phone.ended_at_ms is None
    began_ms = now_ms()
    house.again()
    assert now_ms() - began_ms < 5_000
    shown = drive.sure(lambda: house.have().show(call.id))
    assert shown["state"] == "talking"
    assert drive.verdict(call).shown["reason"] == "completed"


def test_redis_killed_in_the_talk(house: House) -> None:
    """The talk goes on; it is settled once, when Redis is back."""
    app = house.have()
    drive = Drive(house)
    call = drive.place("10", "10")
    app.until_state(call.id, "talking")
    redis = next(part for part in house.ground.stack.status() if part.part == "redis")
    assert redis.pid is not None
    os.kill(redis.pid, 9)
    house.until(lambda: not is_ready(house), 6, "the app says that it cannot place calls")
    house.ground.stack.start()
    house.until(lambda: is_ready(house), 15, "the app is ready again")
    phone = phone_of(house, call.callee)
    assert phone is not None
    assert phone.ended_at_ms is None
    assert drive.verdict(call).shown["reason"] == "completed"
