"""Conferences while the app is killed at random moments: adopted or settled, each leg charged what the carrier saw,
nobody rung twice for one try, nothing left behind. The witness is what the carrier wrote down."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ari_app.domain.ledger_laws import check_laws
from ari_app.stack.carrier import CarrierCall
from tests.conferences import Conference, View, legs
from tests.ground import Ground, laid, number
from tests.ringbridge import Ringbridge
from tests.support import until_sync

pytestmark = pytest.mark.soak("tests/chaos kills among conferences, too; the laws have the rest")

SEED = int(os.environ.get("SEED", "1"))
KILLS, AT_ONCE = int(os.environ.get("RINGBRIDGE_KILLS", "50")), 3
PHONES = (10, 11, 12, 13, 14, 15, 16, 17, 18, 21, 22, 24, 26, 29, 32)
RING_S = 25
MINUTES_S = 900_000
MOMENTS_S = (0.15, 0.6, 3.0)
"""Early, where much begins, and later."""


class Killed:
    """An app that is killed and started again, and one host who has many conferences at once."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.app = Ringbridge(
            ground.home, INCREMENT="1/1", SLICE_S="10", WARNING_S="3", MARGIN_S="2", MEDIA_TIMEOUT_S="0",
            CONFERENCE_PERSONAL_MAX="9", CONFERENCE_ALONE_S="3", CALLEE_RING_TIMEOUT_S=str(RING_S),
            CALLER_RING_TIMEOUT_S=str(RING_S), LEASE_TTL_S="1.5", LEASE_MARGIN_S="0.3", MAX_LIVE_CALLS="100",
        )  # fmt: skip
        self.app.start()
        self.users: list[str] = []
        self.kills = 0

    def user(self, phone: int) -> str:
        mine = number(phone)
        user = self.app.user(f"k{mine[1:]}", mine, bonus_s=MINUTES_S)
        self.users.append(user)
        return user

    def again(self) -> None:
        self.app.kill()
        self.kills += 1
        self.app.start(within_s=120)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    with laid(tmp_path_factory.mktemp("killed"), media_timeout_s=0) as ground:
        found = Killed(ground)
        yield found
        assert found.app.terminate() == 0, found.app.tail()
        assert found.app.complaints() == []


def test_killed_at_random_moments_they_go_on_or_are_settled(killed: Killed) -> None:
    rng, began_s = random.Random(SEED), time.monotonic()
    told: list[View] = []
    while killed.kills < KILLS:
        told += one_round(killed, rng)
    until_sync(lambda: not killed.app.live(), 10, "no call lives")
    until_sync(lambda: not killed.ground.on_the_pbx(), 10, f"no orphan is left: {killed.ground.on_the_pbx()}")
    rings = killed.ground.all_hung_up()
    show(killed, told, rings, time.monotonic() - began_s)
    assert [broken for shown in told for broken in wrong_with(shown, rings)] == []
    for user in killed.users:
        account = killed.ground.account(user)
        assert (check_laws(account), account.held_s) == ([], 0)
        charged_s = sum(shown["charged_s"] for shown in told if shown["payer"] == user)
        assert account.totals.spent_s == charged_s, user


def test_while_nobody_is_there_the_pbx_ends_it_when_the_minutes_do(killed: Killed) -> None:
    """Forty-five seconds for three are fifteen, whoever watches; and each is charged his."""
    mine = number(10)
    user = killed.app.user(f"k{mine[1:]}", mine)
    killed.ground.leave(user, 45)
    c = Conference.of(killed.app, 10, 11, 12, user=user)
    shown = c.until(lambda one: c.those_in(one) == {"host", "p1", "p2"} and one["held_s"] == 45, "all is held")
    killed.app.kill()
    phones = [one["number"] for one in shown["participants"]]
    until_sync(lambda: all(killed.ground.phone(one).ended_at_ms for one in phones), 25, "the PBX ends it")
    killed.app.start(within_s=120)
    over = c.until_ended()
    for phone in map(killed.ground.phone, phones):
        assert phone.answered_at_ms is not None
        assert phone.ended_at_ms is not None
        assert phone.ended_at_ms - phone.answered_at_ms == pytest.approx(15_500, abs=1_000)
    assert over["reason"] in ("balance_empty", "interrupted")
    assert (over["charged_s"], over["overrun_s"] <= 3) == (45, True)
    assert killed.ground.account(user).held_s == 0


def one_round(killed: Killed, rng: random.Random) -> list[View]:
    """Some conferences begin at once; the app is killed; they are changed, and ended."""
    asks = [(killed.user(rng.choice((10, 10, 10, 21))), rng.random() < 0.7) for _ in range(AT_ONCE)]
    others = [[rng.choice(PHONES) for _ in range(rng.choice((1, 2, 4)))] for _ in asks]
    moment_s = rng.choice(MOMENTS_S) * rng.random()

    def begin(n: int) -> Conference:
        user, ends_with_host = asks[n]
        return Conference.of(killed.app, 10, *others[n], user=user, ends_with_host=ends_with_host)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        going_on = list(pool.map(begin, range(AT_ONCE)))
    at_s = time.monotonic() + moment_s
    until_sync(lambda: time.monotonic() >= at_s, 10, "the moment came", every_s=0.005)
    killed.again()
    for c in going_on:
        change(c, rng)
    at_s = time.monotonic() + rng.choice((0.0, 1.0, 2.5))
    until_sync(lambda: time.monotonic() >= at_s, 10, "some time passed")
    return [c.end() for c in going_on]


def change(c: Conference, rng: random.Random) -> None:
    """As it is then; where it has ended meanwhile, that is the answer."""
    shown = c.show()
    somebody = rng.choice([one["leg"] for one in shown["participants"]])
    match rng.choice(("add", "mute", "remove", "nothing")):
        case "add":
            answer = c.app.ask("POST", f"/v1/conferences/{c.id}/participants", {"participant": number(11)})
        case "mute":
            answer = c.app.ask("PATCH", f"/v1/conferences/{c.id}/participants/{somebody}", {"muted": True})
        case "remove":
            answer = c.app.ask("DELETE", f"/v1/conferences/{c.id}/participants/{somebody}")
        case _:
            return
    assert answer.status in (200, 201, 409), answer


def wrong_with(shown: View, rings: list[CarrierCall]) -> Iterator[str]:
    """Held against what the carrier saw of each phone. Where an answer fell into our absence, the timer that the leg
    was born with struck: what was talked beyond what was held is nobody's, and told as the overrun."""
    call, all_talked_s = shown["id"], 0.0
    if shown["state"] != "ended":
        yield f"{call} is {shown['state']}"
    for leg, one in legs(shown).items():
        seen = [ring for ring in rings if ring.number == one["number"]]
        if len(seen) > 1:
            yield f"{call}.{leg} was rung {len(seen)} times"
        talked_s = sum((ring.ended_at_ms or 0) - ring.answered_at_ms for ring in seen if ring.answered_at_ms) / 1000
        all_talked_s += talked_s
        is_less = shown["overrun_s"] > 0
        if not (0 if is_less else talked_s - 1.1) <= one["charged_s"] <= talked_s + 1.1:
            yield f"{call}.{leg} talked {talked_s} s and is charged {one['charged_s']}: {one}"
    if abs(shown["charged_s"] + shown["overrun_s"] - all_talked_s) > 1.1 * len(shown["participants"]):
        yield f"{call}: {all_talked_s} s were talked, {shown['charged_s']} charged, {shown['overrun_s']} beyond"
    if shown["overrun_s"] > (2 + RING_S) * len(shown["participants"]):
        yield f"{call} has an overrun of {shown['overrun_s']} s"
    if shown["charged_s"] != sum(one["charged_s"] for one in shown["participants"]):
        yield f"{call}: the parts are not the whole"


def show(killed: Killed, told: list[View], rings: list[CarrierCall], took_s: float) -> None:
    """For a soak's record."""
    reasons = dict(Counter(shown["reason"] for shown in told))
    print(f"{len(told)} conferences, {len(rings)} calls: {reasons}; {killed.kills} kills, {took_s:.0f} s")  # noqa: T201
