"""Notices to many while the app is killed at random moments: everybody gets what is his, nobody is rung twice for one
try, and the carrier is never asked for more than it has sold. The witness is what the carrier wrote down."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from ari_app.domain.ledger_laws import check_laws
from ari_app.entrypoints.views import at_ms
from ari_app.stack.carrier import CarrierCall
from tests.ground import SOAK, Ground, laid, number
from tests.notices import OPEN, Sender, Shown, rung_twice
from tests.ringbridge import Ringbridge
from tests.support import until_sync

SEED = int(os.environ.get("SEED", "1"))
NOTICES, RECIPIENTS, KILLS = (2, 500, 25) if SOAK else (1, 6, 1)
TRIES, GAP_S = 2, 2
PARALLEL, MAX_CHANNELS, MAX_CPS = (30, 32, 12) if SOAK else (6, 8, 6)
WITHIN_S = 1_500 if SOAK else 60
PHONES = ("28",) * 9 + ("22",) * 3 + ("24",) * 2 + ("25", "37", "37") + (("26", "26", "29") if SOAK else ())
"""37: answers, and hangs up at once."""
TRUNKS = f"""\
[carrier]
host = 127.0.0.1
port = {{port}}
caller_id = verified
max_channels = {MAX_CHANNELS}
max_cps = {MAX_CPS}
"""
IN_DOUBT = ("trunk_failed", "interrupted", "no_answer")
"""Of a call that was begun as the app was killed nobody may know whether its phone rang: it counts as a try of his."""
LATE_MS = 400


class Killed:
    """An app that is killed and started again, and the notices that it works on meanwhile."""

    def __init__(self, ground: Ground, trunks: str) -> None:
        self.ground = ground
        self.app = Ringbridge(
            ground.home, TRUNKS_FILE=trunks, NOTICE_GAP_S=str(GAP_S), NOTICE_PARALLEL=str(PARALLEL),
            NOTICE_LINES_PERCENT="100", NOTICE_ROUNDS="1", INCREMENT="1/1", SLICE_S="60", WARNING_S="0", MARGIN_S="2",
            LEASE_TTL_S="1.5", LEASE_MARGIN_S="0.3", SOUNDS_DIR=str(ground.home / "sounds"), **ground.as_ones_own(),
        )  # fmt: skip
        self.app.start()
        self.sender = Sender(self.app, ground, minutes=6_000)
        self.kills = 0

    def again(self) -> None:
        self.app.kill()
        self.kills += 1
        self.app.start(within_s=120)

    def left(self, notices: Sequence[str]) -> int:
        shown = [self.app.ask("GET", f"/v1/notices/{id}?limit=1").body["counts"] for id in notices]
        return sum(counts.get(state, 0) for counts in shown for state in OPEN)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    home = tmp_path_factory.mktemp("notices")
    with laid(home) as ground:
        file = home / "limited.conf"
        file.write_text(TRUNKS.format(port=ground.info.carrier_sip_port))
        ground.add_phone("37", "Answer()", "Hangup(16)")
        found = Killed(ground, str(file))
        yield found
        assert found.app.terminate() == 0, found.app.tail()
        assert found.app.complaints() == []


@pytest.mark.soak("minutes of restarts; tests/chaos kills the app among notices, too")
def test_killed_at_random_moments_everybody_gets_what_is_his(killed: Killed) -> None:
    rng, sender = random.Random(SEED), killed.sender
    before = killed.ground.account(sender.user)
    people = [[number(int(rng.choice(PHONES))) for _ in range(RECIPIENTS)] for _ in range(NOTICES)]
    began_s = time.monotonic()
    notices = [sender.sends(*numbers, text="Ten.", retry={"tries": TRIES}) for numbers in people]
    kill_at_random(killed, notices, rng)
    until_sync(lambda: not killed.left(notices), WITHIN_S, "nobody is left", every_s=0.5)
    took_s = time.monotonic() - began_s
    shown = [sender.until(id, lambda one: one["state"] == "done", 20) for id in notices]

    until_sync(lambda: not killed.app.live(), 10, "no call lives")
    until_sync(lambda: not killed.ground.on_the_pbx(), 10, f"no orphan is left: {killed.ground.on_the_pbx()}")
    everybody = [one for notice in shown for one in notice["recipients"]]
    rings = killed.ground.all_hung_up()
    tell(killed, everybody, rings, took_s)
    assert rung_twice(rings) == []
    assert [broken for one in everybody for broken in wrong_with(one, rings)] == []
    assert [one["seq"] for one in sender.events(notices[0])][-1] == len(sender.events(notices[0]))
    missed = [one for id in notices for one in sender.events(id) if one["type"] == "notice_not_answered"]
    assert len(missed) == sum(one["state"] != "confirmed" for one in everybody), "each is told of once"
    account = killed.ground.account(sender.user)
    assert check_laws(account) == []
    assert account.held_s == 0
    charged_s = sum(sender.app.show(t["call"])["charged_s"] for one in everybody for t in one["tries"])
    assert account.totals.spent_s - before.totals.spent_s >= charged_s
    paced(rings)


def kill_at_random(killed: Killed, notices: Sequence[str], rng: random.Random) -> None:
    """Early, where much begins, and later; until all have had their turn."""
    for _ in range(KILLS):
        moment_s = time.monotonic() + rng.choice((0.1, 1.0, 6.0)) * rng.random()
        until_sync(lambda at_s=moment_s: time.monotonic() >= at_s, 10, "the moment came")  # type: ignore[misc]
        if not killed.left(notices):
            return
        killed.again()


def wrong_with(one: Shown, rings: Sequence[CarrierCall]) -> Iterator[str]:
    """Held against what the carrier saw of this phone."""
    seen = [ring for ring in rings if ring.number == one["number"]]
    sent = [t for t in one["tries"] if t["outcome"] not in IN_DOUBT or t["rang_at"]]
    in_doubt = len(one["tries"]) - len(sent)
    if not len(sent) <= len(seen) <= len(sent) + in_doubt:
        yield f"{one['number']} was rung {len(seen)} times for {len(sent)} tries: {one}"
    if len(one["tries"]) > TRIES:
        yield f"{one['number']} has {len(one['tries'])} tries"
    confirms = [n for n, t in enumerate(sent) if t["outcome"] == "confirmed"]
    if confirms and confirms != [len(sent) - 1]:
        yield f"{one['number']} was called again after it had confirmed"
    if (one["state"] == "confirmed") != bool(confirms):
        yield f"{one['number']} is {one['state']}, with {sent}"
    if not confirms and len(one["tries"]) < TRIES:
        yield f"{one['number']} was not tried often enough: {one}"
    for t, ring in zip(sent, seen, strict=False) if not in_doubt else ():
        if t["answered_at"] and abs(at_ms(t["answered_at"]) - (ring.answered_at_ms or 0)) > LATE_MS:
            yield f"{one['number']} answered at {ring.answered_at_ms}, on record is {t['answered_at']}"
        if (t["answered_at"] is None) != (ring.answered_at_ms is None):
            yield f"{one['number']}: {t}, the carrier saw {ring}"


def paced(rings: Sequence[CarrierCall]) -> None:
    begun = sorted(ring.invited_at_ms for ring in rings)
    pairs = zip(begun, begun[MAX_CPS:], strict=False)
    closest_ms = min((later - one for one, later in pairs), default=60_000)
    assert closest_ms >= 1_000, f"{MAX_CPS + 1} calls were begun within {closest_ms} ms"
    ends = [(ring.invited_at_ms, 1) for ring in rings] + [(ring.ended_at_ms or 0, -1) for ring in rings]
    there = most = 0
    for _, change in sorted(ends):
        there += change
        most = max(most, there)
    assert most <= MAX_CHANNELS, f"{most} calls at once"


def tell(killed: Killed, people: Sequence[Shown], rings: Sequence[CarrierCall], took_s: float) -> None:
    """For a soak's record."""
    states = dict(Counter(one["state"] for one in people))
    outcomes = dict(Counter(t["outcome"] for one in people for t in one["tries"]))
    print(  # noqa: T201
        f"{len(people)} recipients, {len(rings)} calls: {states}, {outcomes}; {killed.kills} kills, {took_s:.0f} s"
    )
