"""When a trunk is rested and when it comes back: the breaker's laws over random lives, and its examples."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.breaker import RECENT_MIN, RECENT_MS, Breaker, Rule, failed, worked

RULE = Rule(after=3, rest_ms=1_000, rest_max_ms=5_000)


def failing(b: Breaker, times: int, at_ms: int = 0) -> Breaker:
    for _ in range(times):
        b = failed(b, at_ms, "SIP 503", RULE)
    return b


def test_it_rests_after_so_many_failures_in_a_row_and_not_before() -> None:
    assert failing(Breaker(), 2).standing(0) == "works"
    assert failing(worked(failing(Breaker(), 2), 0), 2).standing(0) == "works"
    rested = failing(Breaker(), 3, at_ms=7)
    assert (rested.standing(7), rested.standing(1_006), rested.standing(1_007)) == ("rests", "rests", "probation")
    assert (rested.since_ms, rested.until_ms, rested.why) == (7, 1_007, "SIP 503")


def test_each_further_failure_lets_it_rest_twice_as_long_up_to_a_limit() -> None:
    b, at_ms, rests = failing(Breaker(), 3), 0, []
    for _ in range(5):
        assert b.until_ms is not None
        rests.append(b.until_ms - b.since_ms)
        at_ms = b.until_ms
        b = failed(b, at_ms, "silent", RULE)
    assert rests == [1_000, 2_000, 4_000, 5_000, 5_000]


def test_one_success_brings_it_back_and_its_next_rest_is_a_short_one_again() -> None:
    b = failing(Breaker(), 3)
    b = failed(b, 1_000, "silent", RULE)
    b = worked(b, 3_000)
    assert b.standing(3_000) == "works"
    again = failing(b, 3, at_ms=4_000)
    assert again.until_ms == 5_000


def test_what_fails_while_it_rests_changes_nothing_and_what_works_brings_it_back() -> None:
    b = failing(Breaker(), 3)
    assert failing(b, 50, at_ms=500) == b
    assert worked(b, 500).standing(500) == "works"


def test_one_that_fails_more_often_than_not_is_rested_though_some_calls_work() -> None:
    b, at_ms = Breaker(), 0
    while b.until_ms is None and at_ms < 1_000:
        at_ms += 1
        b = worked(b, at_ms) if at_ms % 5 in (0, 2) else failed(b, at_ms, "SIP 503", RULE)
    assert at_ms == RECENT_MIN + 1
    slowly, at_ms = Breaker(), 0
    for at_ms in range(0, 100 * RECENT_MS, RECENT_MS // 10):
        slowly = worked(slowly, at_ms) if at_ms % (RECENT_MS // 2) == 0 else failed(slowly, at_ms, "x", Rule(after=99))
    assert slowly.standing(at_ms) == "works", "too few in a minute to tell"


steps = st.lists(st.tuples(st.booleans(), st.integers(0, 3_000)), max_size=80)


@given(steps)
def test_its_laws_hold_in_every_life(life: list[tuple[bool, int]]) -> None:
    b, at_ms = Breaker(), 1
    for works, in_ms in life:
        at_ms += in_ms
        before, b = b, worked(b, at_ms) if works else failed(b, at_ms, "why", RULE)
        if works:
            assert b.standing(at_ms) == "works", "a success always brings it back"
        if b.until_ms is not None and b.until_ms != before.until_ms:
            rest_ms = b.until_ms - at_ms
            assert RULE.rest_ms <= rest_ms <= RULE.rest_max_ms
            assert before.standing(at_ms) != "rests", "a rest is never made longer before it is over"
            if before.until_ms is not None:
                assert rest_ms >= before.until_ms - before.since_ms
        assert b.standing(at_ms + RULE.rest_max_ms) != "rests", "it never rests for ever"
