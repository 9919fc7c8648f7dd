"""Bills, profiles and records that nobody would write: a sentence each, never a traceback, and nothing half written."""

from __future__ import annotations

import os
import random
from pathlib import Path

from ari_app.cells import guarded
from ari_app.config.mistakes import Mistakes
from ari_app.domain.billing_match import Class
from ari_app.trunk_tools.bill_profile import parse_profile, sample
from ari_app.trunk_tools.dispute_file import writer
from ari_app.trunk_tools.settling import Asked, settle
from tests.ground import SOAK
from tests.unit.settling.bills import (
    MONTH,
    SHANGHAI,
    Line,
    Way,
    cel_rows,
    leg,
    line_of,
    settled,
    some_legs,
    write,
    write_cel,
)

SEED = int(os.environ.get("SEED", "1"))
RUNS = 20_000 if SOAK else 300
LEGS = some_legs(12, 1)
GOOD = Way().text([line_of(one) for one in LEGS if one.answered_at_ms is not None]).encode()
ODD = (
    b"\0", b'"', b'""', b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n", b";" * 50, b"9" * 400, b"-", b"1e308",
    b"=cmd|' /C calc'!A0", b"+" * 30, "\u0663\u0664".encode(), "\uff11\uff12".encode(), b"nan", b"inf",
    b"9999-12-31 23:59:59", b"0001-01-01 00:00:00", b"\x1f\x8b", b"24:00:00", b"0.0000000000000000000000001",
    b"A" * 30_000, b",", b"\t", b"%s%n", b"\xf0\x9f\x98\x80", b" ", b"0",
)  # fmt: skip
WAYS = (
    Way().profile(), "", Way(decimal="comma", time="auto", number="auto", duration="auto").profile(),
    Way(number="national", duration="hh:mm:ss", encoding="utf-16").profile(), Way("00", "%d/%m/%Y %H:%M").profile(),
    'header = false\nnumber = "#2"\ntime = "#3"\nduration = "#4"\ncost = "#6"\nskip_last = 3\nencoding = "gb18030"\n',
)  # fmt: skip


def spoilt(good: bytes, chance: random.Random) -> bytes:
    """Pieces taken out, put in twice, put elsewhere, or made odd."""
    content = bytearray(good)
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        at = chance.randrange(len(content) + 1)
        until = min(len(content), at + chance.choice((0, 1, 3, 20, 200)))
        match chance.randrange(4):
            case 0:
                content[at:until] = chance.choice(ODD)
            case 1:
                del content[at:until]
            case 2:
                content[at:at] = content[at:until]
            case _:
                content[at:until] = chance.randbytes(until - at)
    return bytes(content)


def told(why: Mistakes, *places: str) -> None:
    """Every line of it has its place."""
    assert all(line.startswith(places) for line in str(why).splitlines()), why


def test_a_spoilt_bill_is_settled_as_far_as_it_can_be_read_or_refused_with_a_sentence(tmp_path: Path) -> None:
    bill, chance, refused, agreed = tmp_path / "bill.csv", random.Random(SEED), 0, 0
    for n in range(RUNS):
        bill.write_bytes(spoilt(GOOD, chance))
        profile, month = (WAYS[n % len(WAYS)] if n % 2 else WAYS[0]), chance.choice((MONTH, ""))
        try:
            found, differences = settled(bill, LEGS, profile, month=month)
        except Mistakes as why:
            refused += 1
            told(why, str(bill), "profile.toml")
            continue
        agreed += found.count(Class.AGREED)
        assert found.count(Class.UNREADABLE) == sum(one.what is Class.UNREADABLE for one in differences)
        total = sum(sums.their_micro - sums.our_micro for sums in found.by_class.values())
        assert total == sum(one.micro for one in differences) + sum(
            sums.their_micro - sums.our_micro for (what, _), sums in found.by_class.items() if what is Class.AGREED
        ) or any(one.theirs and one.theirs.currency not in ("", "CNY") for one in differences)
    assert 0 < refused < RUNS
    assert agreed > RUNS
    print(f"spoilt bills: {RUNS} operations, refused: {refused}, lines agreed all the same: {agreed}")  # noqa: T201


def test_a_spoilt_profile_is_taken_or_every_mistake_of_it_told(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    good = "".join(line.removeprefix("#") + "\n" for line in sample().splitlines() if not line.startswith("# "))
    for _ in range(RUNS // 2):
        content = spoilt(good.encode(), chance).decode(errors="replace")
        try:
            parse_profile(content, "acme.toml")
        except Mistakes as why:
            told(why, "acme.toml:")


def test_a_spoilt_record_of_asterisk_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    chance, bill = random.Random(SEED), write(tmp_path / "bill.csv", [line_of(one) for one in LEGS])
    good = write_cel(tmp_path / "cel.csv", [row for one in LEGS for row in cel_rows(one)]).read_bytes()
    for _ in range(RUNS // 10):
        (tmp_path / "cel.csv").write_bytes(spoilt(good, chance))
        try:
            settled(bill, LEGS, cel=(tmp_path / "cel.csv",))
        except Mistakes as why:
            told(why, str(tmp_path / "cel.csv"))


def test_what_a_spreadsheet_would_take_for_a_formula_is_only_text(tmp_path: Path) -> None:
    for cell in ("=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "+86 139", "=+8613900000001"):
        assert guarded(cell) == f"'{cell}"
    for cell in ("+8613900000001", "-0.12", "12", "", "billed twice"):
        assert guarded(cell) == cell
    hostile = Line("", 0, 0, 0, 0, raw="=HYPERLINK(1);2")
    bill = write(tmp_path / "bill.csv", [line_of(leg()), hostile])
    with (tmp_path / "disputes.csv").open("wb") as file:
        asked = Asked(bill, "acme", SHANGHAI, "CN", parse_profile(Way().profile(), "p"), MONTH)
        settle(asked, lambda _days: [leg()], writer(file))
    assert b",'=HYPERLINK(1);2" in (tmp_path / "disputes.csv").read_bytes()


def test_the_same_line_a_thousand_times_fills_neither_memory_nor_time(tmp_path: Path) -> None:
    lines = [line_of(leg())] * 1000
    found, _ = settled(write(tmp_path / "bill.csv", lines), [leg()])
    assert (found.count(Class.AGREED), found.count(Class.DISPUTED)) == (1, 999)
