"""A burst of requests at two processes, each with a PBX of its own, and one carrier that has sold ten channels and five
calls a second: as the carrier counts them, there are never more."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.domain.trunks import Trunk
from ari_app.stack import Stack, StackOptions
from ari_app.stack.carrier import CarrierCall
from tests.acceptance.crew import Crew, crew
from tests.acceptance.house import Placed
from tests.ground import SOAK, Ground, skipping
from tests.ringbridge import Ringbridge
from tests.support import until_sync

MAX_CHANNELS, MAX_CPS = 10, 5
REQUESTS = 200 if SOAK else 30
ASKING_S = 60.0 if SOAK else 5.0
"""A request that is told that there is no room now is made again, for so long."""
AT_ONCE = 40 if SOAK else 16
SECOND_MS = 1_000 if SOAK else 850  # beside other tests the carrier itself may be late to look at one of them
CALLER, CALLEE = "35", "37"  # 37: answers, and hangs up soon
TRUNKS = f"""\
[carrier]
host = 127.0.0.1
port = {{port}}
max_channels = {MAX_CHANNELS}
max_cps = {MAX_CPS}
"""


@pytest.fixture(scope="module")
def both(silent_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """Two nodes, each with its process; one carrier and one Redis for both."""
    home = tmp_path_factory.mktemp("limits")
    with a_pbx(home / "second", silent_ground) as second, crew(home / "crew", one=silent_ground, two=second) as them:
        file = trunks_file(home, silent_ground)
        silent_ground.add_phone(CALLEE, "Answer()", "Wait(0.5)", "Hangup(16)")
        first = them.start("one", TRUNKS_FILE=file, TRUNK_WAIT_S="4")
        them.start("two", TRUNKS_FILE=file, TRUNK_WAIT_S="4")
        for node in them.nodes:
            them.until_owned(first, node, by=node, within_s=15)
        yield them


@contextmanager
def a_pbx(home: Path, first: Ground) -> Iterator[Any]:
    """Another one, whose trunk leads to the first one's carrier. It has no carrier of its own, and is no Ground."""
    trunk = Trunk("carrier", "127.0.0.1", first.info.carrier_sip_port)
    stack = Stack(StackOptions(state_dir=home, redis=False, carrier=False, media_timeout_s=0, trunks=(trunk,)))
    with skipping():
        info = stack.start()
    try:
        yield SimpleNamespace(info=info)
    finally:
        stack.stop()


def trunks_file(home: Path, ground: Ground) -> str:
    file = home / "limited.conf"
    file.write_text(TRUNKS.format(port=ground.info.carrier_sip_port))
    return str(file)


def test_a_burst_never_exceeds_what_the_carrier_sold(both: Crew) -> None:
    apps = list(both.apps.values())
    people = [(app, *both.user(app, CALLER), both.user(app, CALLEE)[1]) for app in apps for _ in range(REQUESTS // 2)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        placed = [one for one in pool.map(lambda who: place(*who), people) if one is not None]
    shown = [apps[0].until_ended(call.id, within_s=30) for call in placed]
    rings = rings_of(both.ground, placed)

    until_sync(lambda: lines_in_use(apps[0]) == 0, 5, "every line is given back")
    until_sync(lambda: all(one.ended_at_ms for one in rings_of(both.ground, placed)), 5, "every phone is down")
    rings = rings_of(both.ground, placed)
    closest_ms = closest(sorted(one.invited_at_ms for one in rings))
    talking = peak((one.answered_at_ms, one.ended_at_ms) for one in rings)
    there = peak((one.invited_at_ms, one.ended_at_ms) for one in rings)
    reasons = Counter(one["reason"] for one in shown)
    whys = Counter((leg["role"], why) for one in shown for leg in one["legs"] for why in leg["passed_over"].values())
    tell(
        f"{len(people)} calls: {dict(reasons)} {dict(whys)}, {len(people) - len(placed)} refused; "
        f"{len(rings)} INVITEs, {MAX_CPS + 1} of them in {closest_ms} ms at least; "
        f"{talking} answered at once, {there} at all"
    )
    assert talking <= MAX_CHANNELS
    assert there <= MAX_CHANNELS
    assert closest_ms >= SECOND_MS
    assert talking >= MAX_CHANNELS - 3, "the lines that there are, are used"
    assert reasons["completed"] >= 5, shown
    assert len({one.number for one in rings}) == len(rings), "nobody was rung twice"
    assert all('"call talking"' in app.log.read_text() for app in apps), "both PBXes carried calls"


@pytest.mark.soak("the laws show it in memory; here a node's lease has to run out")
def test_the_lines_of_a_killed_process_are_counted_on_by_its_successor(both: Crew) -> None:
    one, two = both.apps["one"], both.apps["two"]
    call = both.place(one, "35", "35")
    one.until_state(call.id, "talking")
    until_sync(lambda: lines_in_use(two) == 2, 5, "both phones are counted")
    one.kill()
    both.until_owned(two, "one", by="two", within_s=15)
    assert two.show(call.id)["state"] == "talking"
    assert lines_in_use(two) == 2
    two.hang_up(call.id)
    until_sync(lambda: lines_in_use(two) == 0, 5, "and given back by the successor")


def place(app: Ringbridge, user: str, caller: str, callee: str) -> Placed | None:
    """None: there was no room, all the time."""
    until_s = time.monotonic() + ASKING_S
    while time.monotonic() < until_s:
        answer = app.ask("POST", "/v1/calls", {"caller": user, "callee": callee})
        if answer.status == 201:
            return Placed(answer.body["id"], user, caller, callee)
        assert (answer.status, answer.body["type"]) == (503, "no-capacity"), answer
        assert answer.headers["retry-after"]
        time.sleep(0.2)  # as a client that does not listen to Retry-After
    return None


def rings_of(ground: Ground, placed: Sequence[Placed]) -> list[CarrierCall]:
    numbers = {one for call in placed for one in (call.caller, call.callee)}
    return [one for one in ground.carrier_calls() if one.number in numbers]


def closest(invited_ms: Sequence[int]) -> int:
    """The shortest time in which one more began than may."""
    pairs = zip(invited_ms, invited_ms[MAX_CPS:], strict=False)
    return min((later - one for one, later in pairs), default=60_000)


def peak(intervals: Any) -> int:
    """How many of them were there at the same time. One that ends as another begins makes room for it."""
    steps = [step for one, end in intervals if one is not None for step in ((one, 1), (end, -1))]
    most = now = 0
    for _, by in sorted(steps):
        now += by
        most = max(most, now)
    return most


def lines_in_use(app: Ringbridge) -> float:
    return app.metric('trunk_lines{trunk="carrier"}')


def tell(figures: str) -> None:
    print(figures)  # noqa: T201 - for a soak's record
