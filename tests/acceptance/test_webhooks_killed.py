"""Calls while the app is killed at random moments and the receiver of their events is down, slow, broken or hangs: when
both are well, every event of every call has come, in order, none is lost; and a replay has the ids that they had."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from typing import Any

import pytest

from tests.ground import Ground, laid, number
from tests.ports import claim
from tests.receivers import Receiver
from tests.ringbridge import Ringbridge
from tests.support import until_sync

pytestmark = pytest.mark.soak("tests/chaos kills among webhooks, too; tests/contract have each step of a lane")

SEED = int(os.environ.get("SEED", "1"))
KILLS, AT_ONCE = int(os.environ.get("RINGBRIDGE_KILLS", "50")), 3
PHONES = (10, 11, 12, 13, 14, 21, 22, 24, 26, 29, 32)
MOODS = ("ok", "ok", "slow", "500", "429", "reset", "hang", "down")
MOMENTS_S = (0.2, 0.8, 3.0)
"""Early, where much begins, and later."""
WELL_WITHIN_S = 90.0


class Killed:
    """The app, the receiver, and all that was called. What came is verified round by round: later it is too old."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.app = Ringbridge(
            ground.home, MEDIA_TIMEOUT_S="0", LEASE_TTL_S="1.5", LEASE_MARGIN_S="0.3", MAX_LIVE_CALLS="100",
            WEBHOOK_TIMEOUT_S="1",
        ).start()  # fmt: skip
        self.receiver = Receiver(port=claim()[0], retry_after="1").start()
        made = self.app.ask("POST", "/v1/webhooks", {"url": self.receiver.url})
        assert made.status == 201, made
        self.hook = dict(made.body)
        self.calls: list[str] = []
        self.kills = self.verified = 0

    def mood(self, mood: str) -> None:
        self.receiver.stop()
        self.receiver.mode = "ok" if mood == "down" else mood
        if mood != "down":
            self.receiver.start()

    def again(self) -> None:
        self.app.kill()
        self.kills += 1
        self.app.start(within_s=120)

    def place(self, caller: int, callee: int) -> str:
        """Asked until there is an answer, by one key: the app may be killed in the midst of it."""
        until_s = time.monotonic() + 60
        mine, to, once = number(caller), number(callee), os.urandom(8).hex()
        while time.monotonic() < until_s:
            with suppress(OSError, HTTPException, AssertionError):
                user = self.app.user(f"h{mine[1:]}", mine)
                return self.app.call(user, to, key=once)
            time.sleep(0.05)
        raise AssertionError(f"not placed: {self.app.tail()}")

    def end(self, call: str) -> None:
        self.app.ask("DELETE", f"/v1/calls/{call}")
        self.app.until_ended(call)

    def verify(self) -> None:
        got = list(self.receiver.got)
        fresh = Receiver(got=got[self.verified :])
        assert fresh.unsigned(self.hook["secret"]) == []
        self.verified = len(got)

    def events(self, call: str) -> list[tuple[int, str]]:
        told = self.app.ask("GET", f"/v1/calls/{call}/events").body["events"]
        return [(one["seq"], f"call.{one.get('what') or one['state']}") for one in told]

    def told(self, call: str) -> list[tuple[int, str]]:
        bodies = [one.json for one in list(self.receiver.got)]
        return [(one["data"]["seq"], one["type"]) for one in bodies if one["data"].get("call") == call]


@pytest.fixture
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    with laid(tmp_path_factory.mktemp("hooked"), media_timeout_s=0) as ground:
        found = Killed(ground)
        try:
            yield found
        finally:
            found.receiver.stop()
        assert found.app.terminate() == 0, found.app.tail()


@pytest.mark.timeout(3_600)
def test_killed_at_random_moments_every_event_comes_in_order(killed: Killed) -> None:
    rng, began = random.Random(SEED), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while killed.kills < KILLS:
            one_round(killed, rng, pool)
    killed.mood("ok")
    wanted = {call: killed.events(call) for call in killed.calls}
    until_sync(lambda: not missing(killed, wanted), WELL_WITHIN_S, f"all has come: {missing(killed, wanted)}")
    killed.verify()
    for call, events in wanted.items():
        told = killed.told(call)
        assert told == sorted(told, key=lambda one: one[0]), f"{call}: in order, though some came twice"
        assert sorted(set(told)) == sorted(events), call
    until_sync(lambda: killed.app.ask("GET", hook(killed)).body["waiting"] == 0, 30, "nothing waits")
    ids = set(killed.receiver.ids())
    show(killed, ids)
    came_again(killed, began, ids)


def one_round(killed: Killed, rng: random.Random, pool: ThreadPoolExecutor) -> None:
    """Some calls begin at once; the app is killed; they are ended."""
    killed.mood(rng.choice(MOODS))
    asked: list[Future[str]] = [
        pool.submit(killed.place, rng.choice((10, 10, 11, 21, 22)), rng.choice(PHONES)) for _ in range(AT_ONCE)
    ]
    killed.receiver.hold(rng.choice(MOMENTS_S) * rng.random())
    killed.again()
    calls = [one.result(60) for one in asked]
    killed.calls += calls
    for call in calls:
        killed.end(call)
    killed.verify()


def hook(killed: Killed) -> str:
    return f"/v1/webhooks/{killed.hook['id']}"


def missing(killed: Killed, wanted: dict[str, list[tuple[int, str]]]) -> dict[str, Any]:
    return {call: left for call, events in wanted.items() if (left := set(events) - set(killed.told(call)))}


def came_again(killed: Killed, since: str, ids: set[str]) -> None:
    """All that there was, under the ids that it had, and nothing else."""
    before = len(killed.receiver.got)
    answer = killed.app.ask("POST", f"{hook(killed)}/replay", {"since": since}).body
    assert (answer["replayed"], answer["gap"], answer["cursor"]) == (len(ids), False, None)
    until_sync(lambda: set(killed.receiver.ids()[before:]) >= ids, WELL_WITHIN_S, "all has come again")
    assert set(killed.receiver.ids()[before:]) == ids


def show(killed: Killed, ids: set[str]) -> None:
    twice = len(killed.receiver.got) - len(ids)
    print(f"{killed.kills} kills, {len(killed.calls)} calls, {len(ids)} events, {twice} of them more than once")  # noqa: T201
