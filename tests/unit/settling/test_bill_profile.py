"""The profile of a bill, and a bill that does not fit: every mistake at once, with its place and what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from ari_app.config.mistakes import Mistakes
from ari_app.trunk_tools.bill_profile import Profile, load_profile, parse_profile, reference, sample, table
from tests.unit.settling.bills import Way, leg, line_of, settled, write

DOCS = Path(__file__).parents[3] / "docs"


def told(content: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        parse_profile(content, "acme.toml")
    return str(caught.value).splitlines()


def refused(bill: Path, profile: str = "") -> list[str]:
    with pytest.raises(Mistakes) as caught:
        settled(bill, [leg()], profile)
    return str(caught.value).splitlines()


def test_the_page_has_the_table_of_options() -> None:
    assert reference() in (DOCS / "settlement.md").read_text("utf-8")


def test_the_sample_with_its_marks_taken_away_says_what_none_says() -> None:
    assert parse_profile(sample(), "sample.toml") == Profile(file="sample.toml")
    lines = [
        line.removeprefix("#") if line.startswith("#") and line[1:2].isalpha() else line
        for line in sample().splitlines()
    ]
    read = parse_profile("\n".join(lines), "sample.toml")
    assert read.given == set(table())
    assert {name: getattr(read, field) for name, (field, _, _) in table().items()} == {
        name: default for name, (_, _, default) in table().items()
    }


def test_every_mistake_is_told_at_once_with_its_line_and_what_was_expected() -> None:
    found = told(
        'numbr = "To"\ntime_format = "yesterday"\nskip_first = "many"\n[columns]\ncost = "x"\nduration_format = "h"\n'
        'region = "XX"\ntimezone = "Mars"\ntime_tolerance_s = -1\nrate_per = hour\n'
    )  # fmt: skip
    assert [line.split(" ")[0] for line in found] == [f"acme.toml:{n}:" for n in (1, 2, 3, 4, 6, 7, 8, 9, 10)]
    assert found[0] == 'acme.toml:1: unknown option "numbr"; did you mean "number"?'
    assert "expected auto, iso, epoch_s, epoch_ms, or a pattern" in found[1]
    assert "no tables here" in found[3]


def test_a_profile_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(Mistakes, match=r"nowhere\.toml: cannot be read: No such file"):
        load_profile("nowhere.toml")


def test_columns_that_the_bill_does_not_have_are_told_together(tmp_path: Path) -> None:
    bill = write(tmp_path / "bill.csv", [line_of(leg())])
    found = refused(bill, 'number = "B-Numbre"\nduration = "Long"\ncost = "Money"\n')
    assert found[0] == 'profile.toml: number: the bill has no column "B-Numbre"; did you mean "B-Number"?'
    assert "profile.toml: duration: the bill has no column" in found[1]
    assert f"{bill}:1: no column for time is to be found" in found[2]
    assert "name it in a profile" in found[2]


def test_a_bill_that_is_read_wholly_wrong_stops_with_its_first_lines(tmp_path: Path) -> None:
    bill = write(tmp_path / "bill.csv", [line_of(leg(f"c{n}")) for n in range(70)])
    found = refused(bill, Way(duration="hh:mm:ss").profile())
    assert found[0] == f"{bill}:2: '61' is no duration written as hh:mm:ss"
    assert found[50] == f"{bill}: and 20 more"
    assert "70 of 70 lines cannot be read: say in a profile how it is written" in found[51]


def test_times_that_may_be_read_in_two_ways_are_not_guessed(tmp_path: Path) -> None:
    bill = write(tmp_path / "bill.csv", [line_of(leg())], Way(time="%d/%m/%Y %H:%M:%S"))
    profile = Way(time="auto").profile()
    [what] = refused(bill, profile)
    assert "the times may be %d/%m/%Y %H:%M:%S or %m/%d/%Y %H:%M:%S: say time_format in a profile" in what
    late = leg("c2", at_ms=leg().at_ms + 20 * 86_400_000)
    write(bill, [line_of(leg()), line_of(late)], Way(time="%d/%m/%Y %H:%M:%S"))
    assert settled(bill, [leg(), late], profile)[0].is_agreed


def test_another_time_zone_is_told_and_not_taken_for_a_month_of_missing_calls(tmp_path: Path) -> None:
    legs = [leg(f"c{n}", f"+86139000{n:05d}", talk_ms=60_000 + 7000 * n) for n in range(20)]
    bill = write(tmp_path / "bill.csv", [line_of(one) for one in legs], Way(zone="UTC"))
    with pytest.raises(Mistakes, match=r"its times are 8:00:00 behind ours .*set timezone"):
        settled(bill, legs, Way().profile())


def test_a_clock_that_is_ahead_is_told_and_taken_away(tmp_path: Path) -> None:
    legs = [leg(f"c{n}", f"+86139000{n:05d}", talk_ms=60_000 + 7000 * n) for n in range(20)]
    bill = write(tmp_path / "bill.csv", [line_of(one, at_ms=one.at_ms + 200_000) for one in legs])
    found, differences = settled(bill, legs)
    assert (found.skew_ms, differences) == (200_000, [])


def test_what_makes_everything_differ_is_asked_about(tmp_path: Path) -> None:
    bill = write(tmp_path / "bill.csv", [line_of(leg())])
    found, _ = settled(bill, [leg()], Way(rate_per="s").profile())
    assert found.notes == [
        "more than half of the lines contradict themselves: are rate, rate_per and duration_format right?"
    ]
    assert settled(bill, [])[0].notes == ["no leg of acme is known in 2026-11: is the name of the trunk right?"]


@pytest.mark.parametrize("content", ["", "\n\n", "B-Number;When;How long;Money;Rate;Cur;Dir\n"])
def test_a_bill_without_a_line_of_a_call_says_so_or_misses_every_leg(tmp_path: Path, content: str) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text(content)
    if content.strip():
        assert settled(bill, [leg()], Way().profile())[1][0].what == "missing_there"
    else:
        assert refused(bill) == [f"{bill}: there are no lines in it"]
