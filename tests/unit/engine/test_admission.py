"""Admission control on a clock of the test's own, before a PBX that is a queue: what begins waits until all that began
before it is set up."""

from __future__ import annotations

from collections import deque
from itertools import count

import pytest

from ari_app.engine.admission import BURST_MAX, BURST_MIN, Admission, Why

LAG_MAX_S = 0.15
CALM_S = 0.02
"""What the set-up of one call takes where nobody else calls."""


class Scene:
    """`each_s`: the PBX is busy so long with one call."""

    def __init__(self, per_s: float = 50, lag_max_s: float = LAG_MAX_S) -> None:
        self.now_s = 1_000.0
        self.per_s = per_s
        self.stuck_lag_s = 0.0
        self.refusals: list[Why] = []
        self.set_ups_s: list[float] = []
        self._queue: deque[tuple[str, float, float]] = deque()  # call, begun, done
        self._ids = count()
        self.admission = Admission(self.lag_s, lag_max_s, self.refusals.append, clock=lambda: self.now_s)

    def lag_s(self) -> float:
        oldest_s = self.now_s - self._queue[0][1] if self._queue else 0.0
        return max(self.stuck_lag_s, oldest_s)

    def ask(self) -> bool:
        """Its request is answered at once; its set-up takes as long as it takes."""
        call = f"c{next(self._ids)}"
        if not self.admission.admit(call):
            return False
        self.admission.placed(call, has_begun=True)
        self.admission.dialled(call)
        free_s = max(self.now_s, self._queue[-1][2] if self._queue else self.now_s)
        self._queue.append((call, self.now_s, free_s + 1 / self.per_s))
        return True

    def at(self, rate_per_s: float, for_s: float) -> int:
        """An even load; how many were let in."""
        let_in = 0
        for _ in range(round(rate_per_s * for_s)):
            let_in += self.ask()
            self.wait(1 / rate_per_s)
        return let_in

    def wait(self, for_s: float) -> None:
        self.now_s += for_s
        while self._queue and self._queue[0][2] <= self.now_s:
            _, begun_s, done_s = self._queue.popleft()
            self.set_ups_s.append(done_s - begun_s)


def test_of_a_burst_as_many_begin_as_are_set_up_soon() -> None:
    scene = Scene()
    assert BURST_MIN < sum(scene.ask() for _ in range(500)) <= BURST_MAX


def test_a_load_that_the_pbx_bears_is_soon_borne_whole() -> None:
    """Slow start: the rate doubles and doubles again, as nothing lags."""
    scene = Scene(per_s=1_000)
    scene.at(200, for_s=1)
    scene.refusals.clear()
    assert scene.at(200, for_s=5) == 1_000
    assert scene.refusals == []


def test_a_load_that_begins_gently_is_never_refused() -> None:
    scene = Scene(per_s=1_000)
    for rate_per_s in (10, 20, 40, 80, 160):
        scene.at(rate_per_s, for_s=1)
    assert scene.refusals == []


@pytest.mark.parametrize("times", [1.2, 2, 5, 20])
@pytest.mark.parametrize("per_s", [20, 50, 200])
def test_beyond_capacity_the_pbx_is_kept_busy_and_nobody_waits_long(per_s: float, times: float) -> None:
    scene = Scene(per_s)
    scene.at(per_s * times, for_s=5)
    begun_before = len(scene.set_ups_s)
    scene.at(per_s * times, for_s=20)
    late = scene.set_ups_s[begun_before:]
    assert len(late) > 0.7 * 20 * per_s, f"of {20 * per_s:.0f} that it could do, it did {len(late)}"
    assert max(late) < max(0.4, 3 / per_s)
    assert max(scene.set_ups_s) < max(0.6, BURST_MAX / per_s + LAG_MAX_S), "nor did they while it was learnt"


def test_a_pbx_that_becomes_slower_is_asked_for_less_at_once() -> None:
    scene = Scene(per_s=100)
    scene.at(200, for_s=10)
    scene.per_s = 20
    scene.set_ups_s.clear()
    scene.at(200, for_s=10)
    assert max(scene.set_ups_s) < 1.0
    assert len(scene.set_ups_s) > 0.7 * 10 * 20


def test_after_the_overload_it_is_as_before() -> None:
    scene = Scene()
    scene.at(100, for_s=30)
    scene.wait(1)
    scene.set_ups_s.clear()
    assert scene.ask()
    scene.wait(1)
    assert scene.set_ups_s == [pytest.approx(CALM_S)]
    scene.at(25, for_s=4)
    scene.refusals.clear()
    assert scene.at(25, for_s=10) == 250
    assert scene.refusals == []


def test_one_lag_however_long_costs_a_part_of_the_rate() -> None:
    """Its backlog has to be worked off, and says nothing new meanwhile."""
    scene = Scene(per_s=1_000)
    scene.at(100, for_s=5)
    before = scene.admission.rate_per_s
    scene.stuck_lag_s = 0.5
    scene.at(100, for_s=0.9)
    assert before / 2 < scene.admission.rate_per_s < before


def test_however_it_lags_one_call_a_second_may_try() -> None:
    scene = Scene()
    scene.stuck_lag_s = 60
    let_in = scene.at(100, for_s=10)
    assert 9 <= let_in <= 11
    assert set(scene.refusals) == {"lag"}


def test_the_first_call_of_all_begins() -> None:
    scene = Scene()
    scene.stuck_lag_s = 60  # of the start
    assert scene.ask()


def test_a_clock_that_stands_lets_in_no_more_than_a_burst() -> None:
    scene = Scene(per_s=1e9)
    assert sum(scene.ask() for _ in range(10_000)) <= BURST_MAX
    scene.wait(10)
    assert scene.ask()


def test_a_process_that_was_stopped_does_not_make_good_what_it_missed() -> None:
    scene = Scene(per_s=1_000)
    scene.at(10, for_s=5)
    scene.wait(60)
    assert BURST_MIN < sum(scene.ask() for _ in range(500)) <= BURST_MAX


def test_a_clock_that_steps_back_costs_nobody_anything() -> None:
    scene = Scene(per_s=1_000)
    scene.ask()
    scene.now_s -= 30
    assert scene.ask()


def test_a_store_that_hangs_gathers_a_limited_number() -> None:
    scene = Scene(per_s=1_000)
    waiting = []
    for n in range(30_000):
        if scene.admission.admit(f"w{n}"):
            waiting.append(f"w{n}")
        scene.wait(0.01)
    assert len(waiting) <= 100
    for call in waiting:
        scene.admission.placed(call, has_begun=False)
    scene.wait(1)
    scene.at(20, for_s=4)
    scene.refusals.clear()
    assert scene.at(20, for_s=5) == 100
    assert scene.refusals == []


def test_calls_that_wait_for_us_keep_others_out() -> None:
    """Let in, answered, and not dialled: the PBX knows nothing of them yet."""
    scene = Scene(per_s=1_000)
    assert scene.admission.admit("slow")
    scene.admission.placed("slow", has_begun=True)
    scene.wait(LAG_MAX_S + 0.01)
    assert not scene.ask()
    scene.admission.dialled("slow")
    assert scene.ask()


@pytest.mark.parametrize("is_answered", [True, False])
def test_one_that_hangs_keeps_no_others_out(is_answered: bool) -> None:
    scene = Scene(per_s=1_000)
    assert scene.admission.admit("hangs")
    if is_answered:
        scene.admission.placed("hangs", has_begun=True)
    scene.wait(2)
    assert scene.at(20, for_s=5) == 100
    scene.admission.dialled("hangs")
    assert scene.at(20, for_s=1) == 20


def test_what_was_asked_for_wrongly_takes_no_place_from_others() -> None:
    scene = Scene(per_s=1_000)
    for n in range(200):
        assert scene.admission.admit(f"x{n}")
        scene.admission.placed(f"x{n}", has_begun=False)
    assert scene.ask()


def test_an_operator_may_want_none_of_it() -> None:
    scene = Scene(per_s=1, lag_max_s=0)
    assert scene.at(100, for_s=3) == 300
    assert scene.admission.worst_lag_s > 1, "it is still told"


def test_the_worst_lag_is_told_for_a_while() -> None:
    scene = Scene()
    scene.stuck_lag_s = 0.3
    scene.ask()
    scene.stuck_lag_s = 0
    scene.wait(25)
    assert scene.admission.worst_lag_s == pytest.approx(0.3)
    scene.wait(60)
    assert scene.admission.worst_lag_s == 0
