"""A carrier's price deck: what is read, what it says to mistakes, and that finding a price is quick and right."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from ari_app.config import Mistakes
from ari_app.domain.rates import Deck, Rate, rate_of
from ari_app.domain.trunks import price_of
from ari_app.rate_deck import load_deck, parse_deck
from ari_app.trunks_file import load_trunks
from tests.ground import SOAK

DECEMBER_MS = 1_796_054_400_000  # 2026-12-01 00:00 in Shanghai


def deck(*lines: str, increment: str = "60/60") -> Deck:
    return parse_deck("\n".join(lines), "d.csv", timezone="Asia/Shanghai", increment=increment)


def mistakes(*lines: str) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        deck(*lines)
    return [str(one) for one in caught.value.found]


def test_a_deck_is_read_as_carriers_send_it() -> None:
    assert deck(
        "# valid for wholesale",
        'prefix;destination;price;increment;valid_from',
        '86;"China; all";0.0655;6/6;2026-12-01',
        "",
        "+86139;China Mobile;0.06;;2026-12-01T00:00:00+08:00",
        "*;elsewhere;1;1/1;",
    ) == (
        Rate("+86", 65_500, "6/6", DECEMBER_MS),
        Rate("+86139", 60_000, "60/60", DECEMBER_MS),
        Rate("", 1_000_000, "1/1"),
    )  # fmt: skip


def test_tabs_capitals_and_increments_in_two_columns_are_as_good(tmp_path: Path) -> None:
    file = tmp_path / "d.csv"
    file.write_bytes("\ufeffPrefix\tPrice\tInitial\tNext\r\n852\t0.1\t30\t6\r\n".encode())
    assert load_deck(file, timezone="Asia/Shanghai") == (Rate("+852", 100_000, "30/6"),)


def test_a_line_without_an_increment_has_the_trunk_s(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("prefix,price\n86,0.06\n")
    (tmp_path / "t.conf").write_text("[t]\nhost = h\nincrement = 6/6\nrates = d.csv\n[u]\nhost = u\nrates = d.csv\n")
    first, second = load_trunks(tmp_path / "t.conf")
    assert (first.rates[0].increment, second.rates[0].increment) == ("6/6", "60/60")
    assert price_of(first, "+8613900000001", 0) == Rate("+86", 60_000, "6/6")


@pytest.mark.parametrize(
    ("path", "why"), [("none.csv", "No such file"), (".", "it is no file"), ("9" * 400, "File name too long")]
)
def test_a_deck_that_is_none_is_told_at_the_line_that_names_it(tmp_path: Path, path: str, why: str) -> None:
    (tmp_path / "t.conf").write_text(f"[t]\nhost = h\nrates = {path}\n")
    with pytest.raises(Mistakes, match=f"t.conf:3: rates: .* cannot be read: {why}"):
        load_trunks(tmp_path / "t.conf")


def test_every_mistake_of_a_deck_is_told_with_its_line() -> None:
    told = mistakes(
        "prefix,price,increment,valid_from",
        "86,0.06,60/60,2026-12-01",
        "+86,0.07,60/60,2026-12-01T00:00:00+08:00",
        "0086,much,60,2026-11-31",
        '"86,1,1/1,',
        "852",
        "8.6E+10,1e3,0/0,tomorrow",
        "853,0.06,60/60,2026-12-01T00:00:00",
    )
    assert [one.split(" ")[0] + " " + one.split(" ")[1] for one in told] == [
        "d.csv:3: prefix:", "d.csv:4: prefix:", "d.csv:4: price:", "d.csv:4: increment:", "d.csv:4: valid_from:",
        "d.csv:5: a", "d.csv:6: 1", "d.csv:7: prefix:", "d.csv:7: price:", "d.csv:7: increment:",
        "d.csv:7: valid_from:", "d.csv:8: valid_from:",
    ]  # fmt: skip
    assert told[0] == "d.csv:3: prefix: +86 is given twice for the same time, first in line 2"


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("prefix,prise", "d.csv:1: unknown column 'prise'; did you mean \"price\"?"),
        ("prefix,cost", "d.csv:1: unknown column 'cost'; expected prefix, price, increment"),
        ("prefix", "d.csv:1: no column price"),
        ("prefix,price,price", "d.csv:1: column 'price': given twice"),
        ("prefix,price,initial", "d.csv:1: expected either the column increment, or initial and next"),
        ("prefix,price", "d.csv:1: no price stands below the header"),
        ("", "d.csv: no line here"),
    ],
)
def test_a_header_that_will_not_do_is_the_only_mistake(header: str, told: str) -> None:
    [only] = mistakes(header)
    assert only.startswith(told)


def test_of_many_mistakes_fifty_are_told_and_the_others_counted() -> None:
    told = mistakes("prefix,price", *(f"86{n},no" for n in range(120)))
    assert len(told) == 51
    assert told[-1] == "d.csv:51: and 70 more mistakes from here on"


def test_a_deck_finds_what_the_plain_search_finds() -> None:
    dice = random.Random(7)
    for _ in range(60):
        rates = [Rate(_beginning(dice), n, "6/6", dice.choice((0, 5, 9))) for n in range(dice.randrange(40))]
        rates += [Rate("", 7, "1/1", 3)] if dice.random() < 0.3 else []
        whole = Deck(rates)
        for _ in range(40):
            number, at_ms = f"+{dice.randrange(1, 10**6)}"[dice.randrange(2) :], dice.randrange(12)
            assert rate_of(number, at_ms, whole) == rate_of(number, at_ms, rates)


def _beginning(dice: random.Random) -> str:
    return "+"[: dice.randrange(2)] + str(dice.randrange(1, 10 ** dice.randrange(1, 5)))


def test_a_great_deck_is_read_and_asked_in_bounded_time() -> None:
    lines = 200_000 if SOAK else 20_000
    content = "prefix,price,increment,valid_from\n" + "".join(
        f"{10_000_000 + n},0.{n % 1000:03d},6/6,2026-12-0{1 + n % 9}\n" for n in range(lines)
    )
    began = time.process_time()
    found = parse_deck(content, "d.csv", timezone="Asia/Shanghai")
    read_s = time.process_time() - began
    assert len(found) == lines
    assert read_s < 100e-6 * lines, "20 s for 200,000"
    began = time.process_time()
    for n in range(10_000):
        assert rate_of(f"+{10_000_000 + n}55555", 2 * DECEMBER_MS, found) is found[n]
    assert time.process_time() - began < 2
