"""What each call type is charged. The two published examples are here, on the rules alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain import ledger
from ari_app.domain.call import CALLEE, CALLER
from ari_app.domain.charging import (
    RULES,
    Charge,
    LegCharge,
    Rule,
    Talk,
    charge,
    conversation,
    each_leg,
    funds_end_ms,
    nothing,
    settled,
    shared,
)  # fmt: skip
from ari_app.domain.ledger_types import Account, Held, Kind, MonthGrant, Settled
from ari_app.domain.units import Increment

MINUTE, SECONDS_6, THEN_EACH, EACH = Increment(60, 60), Increment(6, 6), Increment(60, 1), Increment(1, 1)
NOW_MS = 10_000_000


def at(clock: str) -> int:
    """Minutes and seconds as on a stop-watch: "11:20"."""
    minutes, seconds = clock.split(":")
    return 1000 * (60 * int(minutes) + int(seconds))


def talk(role: str, answered: str, ended: str | None) -> Talk:
    return Talk(role, at(answered), None if ended is None else at(ended))


def minutes(of: Charge) -> dict[str, float]:
    return {leg.role: leg.rounded_s / 60 for leg in of.legs}


# ---- the published examples -----------------------------------------------------------------------------------------


def test_a_with_b_and_c_for_five_minutes_then_d_joins_for_five_more_is_35_minutes() -> None:
    conference = [talk(who, "0:00", "10:00") for who in "ABC"] + [talk("D", "5:00", "10:00")]

    of = charge(each_leg, conference, NOW_MS, MINUTE)

    assert minutes(of) == {"A": 10, "B": 10, "C": 10, "D": 5}
    assert (of.used_s, of.rounded_s) == (35 * 60, 35 * 60)
    assert charge(each_leg, conference, NOW_MS, EACH).rounded_s == 35 * 60, "whole minutes in any increment"


HOST_FIRST = [
    # A is called at 0:00 and B and C a minute later, at 1:00. A lets it ring for 20 s, the others for 10: A's talk is
    # 11 minutes, theirs are ten and ten seconds of an eleventh. A begun minute counts, so it is 11 for each of the
    # three. (With B and C on the line for ten minutes to the second it would be 34.)
    talk("A", "0:20", "11:20"),
    talk("B", "1:10", "11:20"),
    talk("C", "1:10", "11:20"),
    talk("D", "8:20", "11:20"),
]


def test_a_is_called_a_minute_before_the_others_who_talk_ten_and_d_three_is_36_minutes() -> None:
    of = charge(each_leg, HOST_FIRST, NOW_MS, MINUTE)

    assert minutes(of) == {"A": 11, "B": 11, "C": 11, "D": 3}
    assert of.rounded_s == 36 * 60
    assert of.used_s == 34 * 60 + 20, "what was talked; the rest is begun minutes"


def test_the_begun_minute_is_what_makes_it_36() -> None:
    to_the_second = [replace(leg, answered_at_ms=at("1:20")) if leg.role in "BC" else leg for leg in HOST_FIRST]

    assert minutes(charge(each_leg, to_the_second, NOW_MS, MINUTE)) == {"A": 11, "B": 10, "C": 10, "D": 3}
    assert charge(each_leg, HOST_FIRST, NOW_MS, EACH).rounded_s == 34 * 60 + 20


# ---- callback -------------------------------------------------------------------------------------------------------


def callback(caller_ended: int | None, callee_ended: int | None, **callee: bool) -> list[Talk]:
    return [Talk(CALLER, 1_000, caller_ended), Talk(CALLEE, 20_000, callee_ended, **callee)]


@pytest.mark.parametrize("ends", [(81_500, 81_900), (81_900, 81_500)], ids=["the caller", "the callee"])
def test_a_callback_is_charged_once_up_to_the_first_hang_up_by(ends: tuple[int, int]) -> None:
    of = charge(conversation, callback(*ends), NOW_MS, MINUTE)

    assert of == Charge((LegCharge(CALLEE, used_s=61, rounded_s=120),)), "from the callee's answer, on the callee's leg"


def test_a_caller_who_waits_and_a_callee_who_does_not_answer_cost_nothing() -> None:
    waits, rings = Talk(CALLER, 0, None), Talk(CALLEE, None, None)

    assert charge(conversation, [waits], 60_000, MINUTE).rounded_s == 0
    assert charge(conversation, [waits, rings], 60_000, MINUTE).rounded_s == 0
    assert charge(conversation, [replace(waits, ended_at_ms=30_000), rings], 60_000, MINUTE).rounded_s == 0
    assert charge(conversation, [], 60_000, MINUTE) == Charge()


def test_a_callee_who_answers_when_the_caller_has_gone_costs_nothing() -> None:
    assert charge(conversation, callback(19_000, 25_000), NOW_MS, MINUTE).rounded_s == 0


def test_a_talk_that_goes_on_is_charged_up_to_now() -> None:
    assert charge(conversation, callback(None, None), 25_999, EACH).used_s == 5
    assert charge(conversation, callback(None, 24_000), 25_999, EACH).used_s == 4


def test_a_callback_is_free_only_if_both_ends_are_on_net() -> None:
    caller, callee = callback(80_000, 80_000)
    app, desk = replace(caller, is_on_net=True), replace(callee, is_on_net=True)

    assert charge(conversation, [app, desk], NOW_MS, MINUTE) == Charge()
    assert charge(conversation, [app, callee], NOW_MS, MINUTE).rounded_s == 60
    assert charge(conversation, [caller, desk], NOW_MS, MINUTE).rounded_s == 60


# ---- conference and notice ------------------------------------------------------------------------------------------


def test_who_dialled_in_himself_costs_nothing() -> None:
    guest = Talk("guest", 0, 600_000, called_by_us=False)

    assert charge(each_leg, [talk("host", "0:00", "10:00"), guest], NOW_MS, MINUTE).rounded_s == 600
    assert charge(each_leg, [guest], NOW_MS, MINUTE) == Charge()


def test_an_on_net_leg_of_a_conference_is_free_and_stays_so_when_a_phone_joins() -> None:
    app, desk = (Talk(who, 0, 600_000, is_on_net=True) for who in ("app", "desk"))
    phone = Talk("phone", 540_000, 600_000)

    assert charge(each_leg, [app, desk], NOW_MS, MINUTE) == Charge()
    assert minutes(charge(each_leg, [app, desk, phone], NOW_MS, MINUTE)) == {"phone": 1}


def test_a_leg_that_leaves_and_comes_back_is_two_legs_and_a_host_alone_is_charged_too() -> None:
    conference = [talk("host", "0:00", "3:00"), talk("B", "0:00", "0:10"), talk("B again", "2:00", "2:10")]

    assert minutes(charge(each_leg, conference, NOW_MS, MINUTE)) == {"host": 3, "B": 1, "B again": 1}


def test_each_recipient_of_a_notice_is_charged_from_the_answer() -> None:
    notice = [Talk("1", 5_000, 17_000), Talk("2", 9_000, 9_800), Talk("3", None, 40_000), Talk("4", 50_000, None)]

    of = charge(each_leg, notice, 61_000, SECONDS_6)

    assert [(leg.role, leg.used_s, leg.rounded_s) for leg in of.legs] == [("1", 12, 12), ("2", 0, 0), ("4", 11, 12)]


def test_the_platform_s_own_errand_costs_nothing() -> None:
    assert charge(nothing, [Talk("to", 0, 60_000)], NOW_MS, MINUTE) == Charge()


def test_where_what_was_held_did_not_last_each_leg_s_part_adds_up_to_what_was_charged() -> None:
    legs = (("host", 120), ("p1", 60), ("p2", 60))

    assert shared(legs, 240) == {"host": 120, "p1": 60, "p2": 60}
    assert shared(legs, 150) == {"host": 120, "p1": 30, "p2": 0}


# ---- rounding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("increment", "rounded"), [(MINUTE, 60 + 120), (SECONDS_6, 12 + 66), (THEN_EACH, 60 + 61), (EACH, 7 + 61)]
)
def test_each_leg_is_cut_down_and_rounded_alone(increment: Increment, rounded: int) -> None:
    legs = [Talk("short", 0, 7_999), Talk("long", 0, 61_999), Talk("under a second", 0, 999)]

    of = charge(each_leg, legs, NOW_MS, increment)

    assert (of.used_s, of.rounded_s) == (7 + 61, rounded)
    assert of.legs[-1] == LegCharge("under a second", 0, 0)


@pytest.mark.parametrize(
    ("held_s", "charged_s", "overrun_s"),
    [(200, 180, 0), (180, 180, 0), (150, 150, 0), (122, 122, 0), (121, 121, 1), (0, 0, 122)],
)
def test_rounding_is_never_an_overrun(held_s: int, charged_s: int, overrun_s: int) -> None:
    notice = charge(each_leg, [Talk("A", 0, 2_000), Talk("B", 0, 120_000)], NOW_MS, MINUTE)
    assert (notice.used_s, notice.rounded_s) == (122, 180)

    assert settled(notice, held_s) == (charged_s, overrun_s)


# ---- for any legs ---------------------------------------------------------------------------------------------------

increments = st.builds(Increment, st.integers(1, 120), st.integers(1, 120))
times = st.integers(0, 400_000)
legs = st.builds(
    lambda role, answered, lasted, called, on_net: Talk(
        role, answered, None if answered is None or lasted is None else answered + lasted, called, on_net
    ),
    st.sampled_from([CALLER, CALLEE, "B", "C"]), st.none() | times, st.none() | times, st.booleans(), st.booleans(),
)  # fmt: skip
talks = st.lists(legs, max_size=6, unique_by=lambda leg: leg.role)
rules = st.sampled_from(RULES)


@given(rules, talks, times, increments)
def test_the_whole_is_its_parts_and_each_rounds_up_by_less_than_an_increment(
    rule: Rule, talks: list[Talk], now_ms: int, increment: Increment
) -> None:
    of = charge(rule, talks, now_ms, increment)

    assert of.used_s == sum(leg.used_s for leg in of.legs)
    assert of.rounded_s == sum(leg.rounded_s for leg in of.legs)
    for leg in of.legs:
        assert 0 <= leg.used_s <= leg.rounded_s
        assert leg.rounded_s - leg.used_s < max(increment.initial_s, increment.next_s)
        assert (leg.rounded_s == 0) == (leg.used_s == 0)


@given(rules, talks, times, times, increments)
def test_it_never_shrinks_as_time_goes_on(
    rule: Rule, talks: list[Talk], now_ms: int, more_ms: int, increment: Increment
) -> None:
    before, after = (charge(rule, talks, at_ms, increment) for at_ms in (now_ms, now_ms + more_ms))

    assert before.used_s <= after.used_s
    assert before.rounded_s <= after.rounded_s


@given(rules, talks.flatmap(lambda some: st.tuples(st.just(some), st.permutations(some))), times, increments)
def test_the_order_of_the_legs_does_not_matter(
    rule: Rule, talks: tuple[list[Talk], list[Talk]], now_ms: int, increment: Increment
) -> None:
    one, other = (set(charge(rule, some, now_ms, increment).legs) for some in talks)

    assert one == other


@given(talks, times, increments)
def test_a_conference_is_charged_leg_by_leg(talks: list[Talk], now_ms: int, increment: Increment) -> None:
    alone = [charge(each_leg, [leg], now_ms, increment).rounded_s for leg in talks]

    assert charge(each_leg, talks, now_ms, increment).rounded_s == sum(alone)


@given(rules, talks, times, increments, st.integers(0, 1000))
def test_it_is_settled_as_the_ledger_settles(
    rule: Rule, talks: list[Talk], now_ms: int, increment: Increment, held_s: int
) -> None:
    of = charge(rule, talks, now_ms, increment)

    charged_s, overrun_s = settled(of, held_s)

    assert 0 <= charged_s <= held_s
    assert overrun_s == max(0, of.used_s - held_s)
    assert (charged_s, overrun_s) == settled_by_the_ledger(of, held_s)


def settled_by_the_ledger(of: Charge, held_s: int) -> tuple[int, int]:
    account, month = Account(), MonthGrant("1970-01", 0, NOW_MS * 2)
    if held_s:
        account, _ = ledger.grant(account, op="g", kind=Kind.BONUS, seconds=held_s, now_ms=NOW_MS)
        account, held = ledger.hold(
            account, op="c:h0", call="c", want_s=held_s, increment=EACH, now_ms=NOW_MS, month=month, max_live_calls=1
        )
        assert isinstance(held, Held)
    _, answer = ledger.settle(account, op="c:s", call="c", used_s=of.used_s, rounded_s=of.rounded_s, now_ms=NOW_MS)
    assert isinstance(answer, Settled)
    return answer.charged_s, answer.overrun_s


# ---- when the funds end ---------------------------------------------------------------------------------------------


def test_35_minutes_held_end_with_the_first_example() -> None:
    up = [talk(who, "0:00", None) for who in "ABC"] + [talk("D", "5:00", None)]

    assert funds_end_ms(up, 35 * 60, MINUTE) == at("10:00")


def test_who_left_burns_no_more_and_what_he_burnt_is_gone() -> None:
    left = [talk("A", "0:00", None), talk("B", "0:00", None), talk("C", "0:00", "2:30")]

    assert funds_end_ms(left, (10 + 10 + 3) * 60, MINUTE) == at("10:00")
    assert funds_end_ms(left, (10 + 10 + 3) * 60 - 1, MINUTE) == at("9:00"), "his begun minute counts whole"


def test_nobody_burns_who_dialled_in_is_on_net_or_still_rings() -> None:
    free = [Talk("guest", 0, called_by_us=False), Talk("app", 0, is_on_net=True), Talk("rings", None)]

    assert funds_end_ms(free, 600, MINUTE) is None
    assert funds_end_ms([*free, Talk("A", 0), Talk("B", 0)], 600, MINUTE) == at("5:00")


@given(talks, st.integers(0, 2000), increments)
def test_nothing_is_talked_beyond_what_is_held_before_the_funds_end(
    talks: list[Talk], held_s: int, increment: Increment
) -> None:
    end_ms = funds_end_ms(talks, held_s, increment)
    gone_s = charge(each_leg, [leg for leg in talks if leg.ended_at_ms is not None], 0, increment).rounded_s

    if end_ms is not None and gone_s <= held_s:
        assert settled(charge(each_leg, talks, end_ms, increment), held_s)[1] == 0
