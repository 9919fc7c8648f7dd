"""However a carrier writes its bill: our own legs written as one settle to nothing but agreed."""

from __future__ import annotations

import os
import random
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ari_app.domain.billing_match import Class
from ari_app.trunk_tools.settlement import Settlement
from tests.ground import SOAK
from tests.unit.settling.bills import Way, leg, line_of, settled, some_legs, write

SEED = int(os.environ.get("SEED", "1"))
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia")
PATTERNS = ("%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M%S", "%m/%d/%Y %I:%M:%S %p", "%d.%m.%y %H:%M:%S")
WAYS = st.builds(
    Way, number=st.sampled_from(("e164", "digits", "00", "national")),
    time=st.sampled_from(("iso", "epoch_s", "epoch_ms", *PATTERNS)), zone=st.sampled_from(ZONES),
    duration=st.sampled_from(("s", "ms", "min", "mm:ss", "hh:mm:ss")), decimal=st.sampled_from(("point", "comma")),
    separator=st.sampled_from((",", ";", "\t", "|")),
    encoding=st.sampled_from(("utf-8", "utf-16", "latin-1", "gb18030")), rate_per=st.sampled_from(("min", "s")),
)  # fmt: skip


def agrees(way: Way, profile: str, of: int) -> Settlement:
    legs = [one for one in some_legs(60, of) if one.answered_at_ms is not None]
    legs += [leg("short", "10086"), leg("abroad", "+4915123456789"), leg("far", "+390612345678")]
    lines = [line_of(one) for one in legs]
    random.Random(of).shuffle(lines)
    with TemporaryDirectory() as folder:
        found, differences = settled(write(Path(folder, "bill.csv"), lines, way), legs, profile)
    assert not differences, differences[:3]
    assert found.count(Class.AGREED) == len(legs)
    return found


@seed(SEED)
@settings(max_examples=2_000 if SOAK else 15, deadline=None)
@given(WAYS, st.integers(0, 1_000_000))
def test_our_own_legs_as_a_bill_are_agreed_however_it_is_written(way: Way, of: int) -> None:
    agrees(way, way.profile(), of)


@pytest.mark.parametrize(
    "way",
    [Way(), Way("digits", "epoch_s", duration="mm:ss", separator=","), Way("00", "epoch_ms", duration="hh:mm:ss"),
     Way("national", "%d.%m.%Y %H:%M:%S", decimal="comma", separator="\t"), Way(encoding="utf-16", separator="|")],
)  # fmt: skip
def test_without_a_word_in_the_profile_it_is_read_by_what_it_looks_like(way: Way) -> None:
    columns = [
        line for line in way.profile().splitlines() if line.split()[0] in ("number", "time", "duration", "cost", "rate")
    ]
    found = agrees(way, "\n".join(columns), 7)
    assert {said.partition(":")[0] for said in found.took} >= {"encoding", "separator", "numbers", "times", "decimals"}
    assert f"numbers: {way.number}" in found.took


def test_usual_names_of_columns_are_found_and_told(tmp_path: Path) -> None:
    one = leg()
    bill = tmp_path / "bill.csv"
    heads = ("Called Number,Start Time,Duration,Amount", "Destination;Connect time;Billed duration;Total cost",
             "被叫号码,开始时间,通话时长,费用", "dst\tcalldate\tbillsec\tcost")  # fmt: skip
    for head in heads:
        separator = next(sign for sign in ",;\t" if sign in head)
        cells = ("8613900000001", "2026-11-01 01:00:00", "66", "0.066")
        bill.write_text(head + "\n" + separator.join(cells) + "\n")
        found, differences = settled(bill, [one], "")
        assert (found.is_agreed, differences) == (True, []), head
        title = head.split(separator)[0]
        assert f'number: column "{title}"' in found.took


def test_day_and_time_in_two_columns_are_one_time(tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("Date,Time,Number,Duration,Cost\n2026-11-01,01:00:00,+8613900000001,61,0.066\n")
    assert settled(bill, [leg()], "")[0].is_agreed


def test_lines_before_the_header_and_sums_at_the_end_are_no_calls(tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    text = Way().text([line_of(leg())])
    bill.write_text("ACME Telecom\nInvoice 77\n" + text + "Total;;;;;0.066;CNY\n\n")
    found, differences = settled(bill, [leg()], Way().profile() + "skip_first = 2\nskip_last = 1\n")
    assert (found.lines, differences) == (1, [])


def test_columns_can_be_named_by_their_place(tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text("+8613900000001,x,2026-11-01T01:00:00+08:00,61,0.066\n")
    profile = 'header = false\nnumber = "#1"\ntime = "#3"\nduration = "#4"\ncost = "#5"\n'
    assert settled(bill, [leg()], profile)[0].is_agreed


def test_calls_to_us_are_left_out_by_their_direction(tmp_path: Path) -> None:
    inbound = line_of(leg(number="+8613900000055"), direction="in")
    found, differences = settled(write(tmp_path / "bill.csv", [line_of(leg()), inbound]), [leg()])
    assert (found.lines, found.left_out, differences) == (1, 1, [])


def test_an_access_code_is_taken_from_the_front(tmp_path: Path) -> None:
    bill = write(tmp_path / "bill.csv", [line_of(leg(), number="99#8613900000001")])
    profile = Way().profile().replace('number_format = "e164"', 'number_format = "digits"') + 'number_strip = "99#"\n'
    assert settled(bill, [leg()], profile)[0].is_agreed


def test_the_time_of_the_dial_can_be_what_the_bill_has(tmp_path: Path) -> None:
    one = leg()
    bill = write(tmp_path / "bill.csv", [line_of(one, at_ms=one.dialled_at_ms)])
    profile = Way().profile() + 'time_is = "start"\ntime_tolerance_s = 1\n'
    assert settled(bill, [one], profile)[0].is_agreed
    assert not settled(bill, [one], profile.replace("start", "answer"))[0].is_agreed
