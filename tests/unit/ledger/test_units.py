"""Rounding, in the one place that rounds."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.errors import CallerError
from ari_app.domain.units import (
    Increment,
    affordable_s,
    billed_s,
    cost_micro,
    funds_end_ms,
    mean,
    rounded_s,
    talk_s,
    whole_increments,
    worth_micro,
)

MINUTE, SECONDS_6, THEN_EACH, EACH = Increment(60, 60), Increment(6, 6), Increment(60, 1), Increment(1, 1)
increments = st.builds(Increment, st.integers(1, 120), st.integers(1, 120))


@pytest.mark.parametrize("written", ["60/60", "6/6", "60/1", "1/1", "30/6"])
def test_an_increment_is_written_as_it_is_read(written: str) -> None:
    assert str(Increment.parse(written)) == written


@pytest.mark.parametrize("written", ["", "60", "60/", "/60", "60/60/60", "a/b", "-6/6", "6.0/6", "60 / 60", "99999/1"])
def test_what_is_no_increment_is_said_so_with_an_example(written: str) -> None:
    with pytest.raises(CallerError, match="initial/next in seconds, such as 60/60, not"):
        Increment.parse(written)


def test_an_increment_of_nothing_is_no_increment() -> None:
    for written in ("0/60", "60/0"):
        with pytest.raises(CallerError, match="1 to 9999 seconds, not 0"):
            Increment.parse(written)


def test_talk_is_cut_down_to_whole_seconds_and_under_one_second_is_nothing() -> None:
    assert [talk_s(ms) for ms in (-5, 0, 1, 999, 1000, 1999, 60_000, 60_999)] == [0, 0, 0, 0, 1, 1, 60, 60]


@pytest.mark.parametrize(
    ("increment", "talks", "billed"),
    [
        (MINUTE, (0, 1, 59, 60, 61, 120, 121), (0, 60, 60, 60, 120, 120, 180)),
        (SECONDS_6, (0, 1, 6, 7, 12), (0, 6, 6, 12, 12)),
        (THEN_EACH, (0, 1, 60, 61, 62), (0, 60, 60, 61, 62)),
        (EACH, (0, 1, 2), (0, 1, 2)),
        (Increment(30, 7), (30, 31, 37, 38), (30, 37, 37, 44)),
    ],
)
def test_talk_is_rounded_up_to_whole_increments(
    increment: Increment, talks: tuple[int, ...], billed: tuple[int, ...]
) -> None:
    assert tuple(rounded_s(talk, increment) for talk in talks) == billed


@given(st.integers(0, 5000), increments)
def test_rounding_again_changes_nothing_and_never_rounds_down(talk: int, increment: Increment) -> None:
    once = rounded_s(talk, increment)

    assert once >= talk
    assert rounded_s(once, increment) == once
    assert once == 0 or rounded_s(once - 1, increment) == once or once == 1 or increment.next_s == 1


@given(st.integers(1, 600), increments, st.integers(0, 600))
def test_what_is_held_is_whole_and_covers_what_was_wanted(want: int, increment: Increment, held: int) -> None:
    more = whole_increments(want, increment, held)

    assert more >= want
    assert rounded_s(held + more, increment) == held + more


@given(st.integers(1, 600), increments, st.integers(0, 600), st.integers(0, 900))
def test_a_hold_takes_whole_increments_or_all_there_is(
    want: int, increment: Increment, held: int, available: int
) -> None:
    taken = affordable_s(want, increment, held, available)

    assert 0 <= taken <= available
    assert (taken == 0) == (available == 0)
    is_whole = rounded_s(held + taken, increment) == held + taken
    assert is_whole or taken == available
    if not is_whole:  # not one whole increment more could be paid
        assert whole_increments(1, increment, held) > available


def test_what_a_carrier_bills_is_never_rounded_in_our_favour() -> None:
    price = 65_000  # 0.065 a minute
    assert cost_micro(-1, price, MINUTE) == 65_000  # an end before its answer, by two clocks
    assert cost_micro(0, price, MINUTE) == 65_000  # answered, and over within the millisecond
    assert cost_micro(1, price, MINUTE) == 65_000
    assert cost_micro(60_000, price, MINUTE) == 65_000
    assert cost_micro(60_001, price, MINUTE) == 130_000
    assert cost_micro(6_001, price, SECONDS_6) == 13_000
    assert cost_micro(1_000, 100, EACH) == 2  # 1.67 millionths
    assert cost_micro(60_000, 0, MINUTE) == 0
    assert [billed_s(ms, SECONDS_6) for ms in (-1, 0, 1, 6_000, 6_001)] == [6, 6, 6, 6, 12]


def test_what_minutes_are_worth_is_never_rounded_in_our_favour() -> None:
    assert [worth_micro(s, 100_000) for s in (0, 1, 60, 90)] == [0, 1_666, 100_000, 150_000]
    assert (mean([1, 2]), mean([4]), mean([0, 0, 0])) == (2, 4, 0)


def test_one_leg_may_talk_all_that_is_held() -> None:
    assert funds_end_ms([5_000], 60, MINUTE) == 65_000
    assert funds_end_ms([5_000], 70, MINUTE) == 75_000  # less than an increment may be talked too
    assert funds_end_ms([5_000], 0, MINUTE) == 5_000
    assert funds_end_ms([], 60, MINUTE) is None


def test_three_legs_and_a_fourth_that_joins_after_five_minutes_burn_35_minutes_in_ten() -> None:
    answers = [0, 0, 0, 300_000]

    assert funds_end_ms(answers, 35 * 60, MINUTE) == 600_000
    assert funds_end_ms(answers, 35 * 60 - 1, MINUTE) == 540_000


def test_a_host_who_is_called_a_minute_before_the_others_burns_from_then_on() -> None:
    assert funds_end_ms([0, 60_000, 60_000], (11 + 10 + 10) * 60, MINUTE) == 660_000


@given(st.lists(st.integers(0, 200_000), min_size=2, max_size=6), st.integers(0, 900), increments)
def test_the_funds_end_is_the_last_moment_at_which_all_legs_are_paid(
    answers: list[int], held: int, increment: Increment
) -> None:
    end = funds_end_ms(answers, held, increment)
    assert end is not None

    def burnt(at_ms: int) -> int:
        return sum(rounded_s(-(-max(0, at_ms - answer) // 1000), increment) for answer in answers)

    assert burnt(end) <= held < burnt(end + 1)
    charged = sum(rounded_s(talk_s(max(0, end - answer)), increment) for answer in answers)
    assert charged <= held, "what is charged is never more than was held"


def test_whole_increments_of_the_slices_of_a_long_call() -> None:
    slices = [whole_increments(20, SECONDS_6, held) for held in (0, 24, 48)]
    assert list(itertools.accumulate(slices)) == [24, 48, 72]
