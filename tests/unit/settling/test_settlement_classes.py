"""Each class of a difference, as the story of one call on a bill."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.domain.billing_match import Class
from ari_app.domain.costing import LegCost
from ari_app.domain.units import Increment, cost_micro
from ari_app.trunk_tools.settlement import Difference
from tests.unit.settling.bills import FROM_MS, Line, Way, cel_rows, leg, line_of, settled, write, write_cel

OURS = leg()  # 61 s at 0.06 by 6/6: 66 s are billed
MINUTE_MS = 60_000


@pytest.fixture
def bill(tmp_path: Path) -> Path:
    return tmp_path / "bill.csv"


def one(bill: Path, legs: list[LegCost], lines: list[Line], *, cel: list[str] | None = None) -> Difference:
    """The only difference there is."""
    record = () if cel is None else (write_cel(bill.with_name("cel.csv"), cel),)
    found, differences = settled(write(bill, lines), legs, cel=record)
    [difference] = differences
    assert found.count(difference.what) == 1
    return difference


def agree(bill: Path, legs: list[LegCost], lines: list[Line]) -> bool:
    found, differences = settled(write(bill, lines), legs)
    return found.is_agreed and not differences and found.count(Class.AGREED) == len(lines)


# ---- agreed ---------------------------------------------------------------------------------------------------------


def test_a_line_that_says_what_we_say_is_agreed(bill: Path) -> None:
    assert agree(bill, [OURS], [line_of(OURS)])


def test_the_duration_may_be_the_talk_or_what_is_billed_of_it_and_a_second_does_not_matter(bill: Path) -> None:
    for talk_ms in (60_000, 61_000, 62_000, 66_000):
        assert agree(bill, [OURS], [line_of(OURS, talk_ms=talk_ms)]), talk_ms


def test_a_try_that_nobody_answered_may_be_on_the_bill_for_nothing_or_not_at_all(bill: Path) -> None:
    tried = leg("c2", is_answered=False, at_ms=OURS.at_ms - 40_000)
    assert agree(bill, [OURS, tried], [line_of(OURS), line_of(tried)])
    assert agree(bill, [OURS, tried], [line_of(OURS)])


# ---- missing --------------------------------------------------------------------------------------------------------


def test_a_line_without_a_leg_is_missing_here(bill: Path) -> None:
    other = line_of(OURS, number="+8613900000099")
    difference = one(bill, [OURS], [line_of(OURS), other])
    assert (difference.what, difference.micro) == (Class.MISSING_HERE, other.cost_micro)
    assert "no leg of ours to this number" in difference.why


def test_a_line_too_far_away_in_time_is_another_call(bill: Path) -> None:
    far = line_of(OURS, at_ms=OURS.at_ms + 121_000)
    found, differences = settled(write(bill, [far]), [OURS])
    assert sorted(d.what for d in differences) == [Class.MISSING_HERE, Class.MISSING_THERE]
    assert found.totals()["CNY"].our_micro == found.totals()["CNY"].their_micro


def test_a_leg_without_a_line_is_missing_there(bill: Path) -> None:
    unbilled = leg("c2", "+8613900000002")
    difference = one(bill, [OURS, unbilled], [line_of(OURS)])
    assert (difference.what, difference.micro) == (Class.MISSING_THERE, -unbilled.cost_micro)


def test_legs_of_the_months_beside_are_not_missed_but_are_found(bill: Path) -> None:
    before = leg("c2", "+8613900000002", at_ms=FROM_MS - 5000)
    assert agree(bill, [OURS, before], [line_of(OURS)])
    assert agree(bill, [OURS, before], [line_of(OURS), line_of(before)])


# ---- duration -------------------------------------------------------------------------------------------------------


def longer(ours: LegCost, talk_ms: int) -> Line:
    """Billed for a longer talk, and right by its own figures."""
    cost = cost_micro(talk_ms, ours.price_micro_per_min, Increment.parse(ours.increment))
    return line_of(ours, talk_ms=talk_ms, cost_micro=cost)


def test_another_duration_differs_also_where_it_costs_the_same(bill: Path) -> None:
    difference = one(bill, [OURS], [longer(OURS, 200_000)])
    assert difference.what is Class.DURATION_DIFFERS
    assert (difference.why, difference.micro) == ("200 s on the bill, 61 s with us", 204_000 - 66_000)
    assert one(bill, [OURS], [longer(OURS, 64_000)]).what is Class.DURATION_DIFFERS


def test_a_try_that_nobody_answered_billed_as_a_talk_differs_in_its_duration(bill: Path) -> None:
    tried = leg("c2", is_answered=False)
    assert one(bill, [tried], [longer(tried, 60_000)]).what is Class.DURATION_DIFFERS


def test_a_begun_minute_for_a_try_that_nobody_answered_is_no_rounding_of_nothing(bill: Path) -> None:
    tried = leg("c2", is_answered=False)
    bill.write_text("number;answered;billed;cost\n+8613900000001;2026-11-01 01:00:00;60;0.06\n")
    assert settled(bill, [tried], "")[1][0].what is Class.DURATION_DIFFERS


def test_asterisks_record_that_agrees_with_us_refutes_the_line(bill: Path) -> None:
    difference = one(bill, [OURS], [longer(OURS, 200_000)], cel=cel_rows(OURS))
    assert (difference.what, difference.witness) == (Class.DISPUTED, (OURS.at_ms, 61_000))
    assert "agrees with us" in difference.why


def test_asterisks_record_that_agrees_with_the_bill_leaves_it_a_duration(bill: Path) -> None:
    difference = one(bill, [OURS], [longer(OURS, 200_000)], cel=cel_rows(OURS, 200_400))
    assert (difference.what, difference.witness) == (Class.DURATION_DIFFERS, (OURS.at_ms, 200_400))
    assert "agrees with the bill" in difference.why


# ---- rate and rounding ----------------------------------------------------------------------------------------------


def test_another_rate_for_the_same_talk_differs(bill: Path) -> None:
    difference = one(bill, [OURS], [line_of(OURS, cost_micro=77_000, rate_micro=70_000)])
    assert (difference.what, difference.micro) == (Class.RATE_DIFFERS, 11_000)
    assert difference.why == "billed at 0.07 a minute, by our deck 0.06"


def test_another_currency_is_another_rate_and_nothing_is_taken_from_one_for_the_other(bill: Path) -> None:
    found, [difference] = settled(write(bill, [line_of(OURS, currency="EUR")]), [OURS])
    assert (difference.what, difference.currency, difference.micro) == (Class.RATE_DIFFERS, "EUR", OURS.cost_micro)
    sums = {currency: (total.our_micro, total.their_micro) for currency, total in found.totals().items()}
    assert sums == {"CNY": (OURS.cost_micro, 0), "EUR": (0, OURS.cost_micro)}


def test_a_price_for_a_try_that_nobody_answered_is_no_rounding(bill: Path) -> None:
    tried = leg("c2", is_answered=False)
    text = Way().text([line_of(tried, cost_micro=60_000)]).replace(";Rate;", ";;").replace("0.060000;0.060000", ";0.06")
    bill.write_text(text)
    profile = Way().profile().replace('rate = "Rate"', 'rate = ""')
    [difference] = settled(bill, [tried], profile)[1]
    assert difference.what is Class.RATE_DIFFERS
    assert "nobody answered" in difference.why


def test_begun_minutes_in_place_of_begun_six_seconds_are_rounding(bill: Path) -> None:
    difference = one(bill, [OURS], [line_of(OURS, cost_micro=120_000)])
    assert (difference.what, difference.why) == (Class.ROUNDING, "rounded by 60/60 instead of 6/6")
    assert difference.micro == 54_000


def test_a_second_that_begins_another_increment_is_rounding(bill: Path) -> None:
    ours = leg(talk_ms=60_300, increment="60/60")
    difference = one(bill, [ours], [line_of(ours, talk_ms=60_000, cost_micro=60_000)])
    assert (difference.what, "a second more or less" in difference.why) == (Class.ROUNDING, True)


def test_a_bill_in_cents_is_rounding_where_less_than_a_cent_differs(bill: Path) -> None:
    bill.write_text(Way().text([line_of(OURS)]).replace("0.060000;0.066000", "0.06;0.07"))
    found, [difference] = settled(bill, [OURS])
    assert (difference.what, difference.micro, found.is_agreed) == (Class.ROUNDING, 4_000, True)
    assert difference.why == "less than the last digit that the bill writes"


def test_a_bill_that_leaves_zeros_out_is_not_believed_to_round_to_tenths(bill: Path) -> None:
    bill.write_text("number;answered;duration;cost\n+8613900000001;2026-11-01 01:00:00;61;0.1\n")
    assert settled(bill, [OURS], "")[1][0].what is Class.RATE_DIFFERS
    assert settled(bill, [OURS], "cost_decimals = 1")[1][0].what is Class.ROUNDING


def test_an_increment_of_the_carriers_own_is_known_from_the_profile(bill: Path) -> None:
    odd = line_of(OURS, cost_micro=100_000)  # by 50/50
    assert one(bill, [OURS], [odd]).what is Class.DISPUTED
    [difference] = settled(bill, [OURS], Way().profile() + 'increments = ["50/50"]')[1]
    assert (difference.what, difference.why) == (Class.ROUNDING, "rounded by 50/50 instead of 6/6")


# ---- disputed -------------------------------------------------------------------------------------------------------


def test_a_call_that_is_billed_twice_is_disputed_once(bill: Path) -> None:
    difference = one(bill, [OURS], [line_of(OURS), line_of(OURS)])
    assert (difference.what, difference.micro, difference.line) == (Class.DISPUTED, OURS.cost_micro, 3)
    assert difference.why == "billed twice: line 2 is the same call"


def test_a_call_that_we_do_not_have_and_is_billed_twice_is_missing_once_and_disputed_once(bill: Path) -> None:
    other = line_of(OURS, number="+8613900000099")
    _, differences = settled(write(bill, [line_of(OURS), other, other]), [OURS])
    assert [(d.what, d.line) for d in differences] == [(Class.MISSING_HERE, 3), (Class.DISPUTED, 4)]


def test_a_call_that_is_billed_twice_is_not_taken_for_the_try_before_it_that_nobody_answered(bill: Path) -> None:
    tried = leg("c2", is_answered=False, at_ms=OURS.at_ms - 60_000)
    difference = one(bill, [OURS, tried], [line_of(OURS), line_of(OURS)])
    assert (difference.what, difference.why[:12]) == (Class.DISPUTED, "billed twice")


def test_two_calls_of_ours_at_the_same_second_are_not_one_billed_twice(bill: Path) -> None:
    second = leg("c2")
    assert agree(bill, [OURS, second], [line_of(OURS), line_of(second)])


def test_a_line_whose_cost_is_not_its_rate_times_its_duration_contradicts_itself(bill: Path) -> None:
    difference = one(bill, [OURS], [line_of(OURS, cost_micro=73_777)])
    assert difference.what is Class.DISPUTED
    assert difference.why == "it contradicts itself: 61 s at 0.06 a minute are not 0.073777"


def test_a_billed_duration_that_no_increment_makes_contradicts_itself(bill: Path) -> None:
    bill.write_text(
        "number;answered;duration;billed;cost\n+8613900000001;2026-11-01 01:00:00;61;66;0.066\n"
        "+8613900000002;2026-11-01 01:00:00;61;300;0.30\n"
    )
    _, [difference] = settled(bill, [OURS, leg("c2", "+8613900000002")], "")
    assert (difference.what, difference.line) == (Class.DISPUTED, 3)


def test_a_billed_duration_by_another_increment_is_rounding(bill: Path) -> None:
    bill.write_text("number;answered;billed;cost\n+8613900000001;2026-11-01 01:00:00;120;0.12\n")
    _, [difference] = settled(bill, [OURS], "")
    assert (difference.what, difference.why) == (Class.ROUNDING, "rounded by 60/60 instead of 6/6")


def test_a_line_of_which_neither_we_nor_asterisk_know_is_disputed(bill: Path) -> None:
    other = line_of(OURS, number="+8613900000099", at_ms=OURS.at_ms + 30 * MINUTE_MS)
    difference = one(bill, [OURS], [line_of(OURS), other], cel=cel_rows(OURS))
    assert (difference.what, difference.witness) == (Class.DISPUTED, (None, None))
    assert "by Asterisk's record nobody answered" in difference.why


def test_a_call_that_asterisk_has_and_we_lost_is_missing_here(bill: Path) -> None:
    lost = leg("c9", "+8613900000099", at_ms=OURS.at_ms + 30 * MINUTE_MS)
    rows = [*cel_rows(OURS), *cel_rows(lost)]
    difference = one(bill, [OURS], [line_of(OURS), line_of(lost)], cel=rows)
    assert (difference.what, difference.witness) == (Class.MISSING_HERE, (lost.at_ms, 61_000))
    assert "c9.callee.0" in difference.why


def test_an_answer_on_another_trunk_excuses_no_line_of_this_one(bill: Path) -> None:
    other = leg("c9", "+8613900000099", at_ms=OURS.at_ms + 30 * MINUTE_MS)
    rows = [row.replace('","","{', '","PJSIP/acme-0000002b","{') for row in cel_rows(other, trunk="west")]
    difference = one(bill, [OURS], [line_of(OURS), line_of(other)], cel=[*cel_rows(OURS), *rows])
    assert difference.what is Class.DISPUTED


def test_a_record_that_does_not_reach_so_far_refutes_nothing(bill: Path) -> None:
    other = line_of(OURS, number="+8613900000099", at_ms=OURS.at_ms + 30 * MINUTE_MS)
    cel = write_cel(bill.with_name("cel.csv"), cel_rows(OURS), until_ms=OURS.at_ms + 20 * MINUTE_MS)
    [difference] = settled(write(bill, [line_of(OURS), other]), [OURS], cel=(cel,))[1]
    assert difference.what is Class.MISSING_HERE


def test_a_record_that_was_rotated_and_packed_is_read_with_the_others(bill: Path, tmp_path: Path) -> None:
    import gzip

    cel = write_cel(tmp_path / "cel.csv", [], from_ms=FROM_MS + 86_400_000)
    old = write_cel(tmp_path / "cel.csv.1", cel_rows(OURS, 200_400))
    (tmp_path / "cel.csv.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    [difference] = settled(write(bill, [longer(OURS, 200_000)]), [OURS], cel=(cel,))[1]
    assert "agrees with the bill" in difference.why


# ---- unreadable -----------------------------------------------------------------------------------------------------


def test_a_line_that_cannot_be_read_is_told_with_its_place_and_stops_no_other(bill: Path) -> None:
    found, [difference] = settled(write(bill, [line_of(OURS), Line("", 0, 0, 0, 0, raw="OUT;nobody;;;;;")]), [OURS])
    assert (difference.what, difference.line, difference.raw) == (Class.UNREADABLE, 3, "OUT;nobody;;;;;")
    assert found.unreadable == [(3, "'' is no amount")]
    assert not found.is_agreed
    assert found.count(Class.AGREED) == 1


def test_a_quote_that_is_never_closed_spoils_its_own_line_alone(bill: Path) -> None:
    odd = Line("", 0, 0, 0, 0, raw='OUT;"+8613900000001;x;1;1;1;CNY')
    found, [difference] = settled(write(bill, [odd, line_of(OURS)]), [OURS])
    assert (difference.line, found.count(Class.AGREED)) == (2, 1)
