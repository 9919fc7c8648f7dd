"""plans.toml: what it means, and what is said about mistakes."""

import re
from pathlib import Path

import pytest

from ari_app.config import Mistakes
from ari_app.domain.plans import Plan
from ari_app.plans_file import load_plans, parse_plans, sample, shipped
from ari_app.plans_options import OPTIONS, STEP_KEY, reference

ROOT = Path(__file__).parents[3]

GOOD = """\
version = "2026-11"

[personal]
minutes = 60

[team.minutes]
6 = 90
10 = 150

[certified.minutes]
6 = 400
"""


def mistakes(content: str, margin_s: int = 1) -> list[str]:
    with pytest.raises(Mistakes) as caught:
        parse_plans(content, "p.toml", margin_s=margin_s)
    return [str(mistake) for mistake in caught.value.found]


def changed(line: int, *instead: str) -> str:
    """The good file with one line replaced (none: left out); the first line is 1."""
    lines = GOOD.splitlines()
    return "\n".join([*lines[: line - 1], *instead, *lines[line:]]) + "\n"


# ---- what it means --------------------------------------------------------------------------------------------------


def test_the_shipped_table_is_the_published_one() -> None:
    plans = shipped()

    assert plans.personal == Plan("personal", ((0, 60),))
    assert plans.team == Plan("team", ((6, 90), (10, 150), (20, 200), (50, 300), (100, 400)))
    assert plans.certified == Plan("certified", ((6, 400), (20, 500), (50, 700), (100, 1000)))
    assert (plans.version, plans.team_min) == ("2026-11", 6)


def test_the_shipped_file_shows_every_option() -> None:
    every = re.sub(r"^# (?=[a-z_]+ = )", "", sample(), flags=re.MULTILINE)
    shown = set(re.findall(r"^([a-z_]+) = ", every, flags=re.MULTILINE))
    assert shown == set(OPTIONS) - {STEP_KEY}

    personal = parse_plans(every).personal
    assert personal == Plan("personal", ((0, 60),), increment="60/60", max_live_calls=2, slice_s=60)


def test_every_option_is_explained_on_the_page() -> None:
    page = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    assert reference() in page
    for name, option in OPTIONS.items():
        assert f"| `{name}` |" in reference()
        assert option.help.endswith("."), name


def test_the_example_on_the_page_is_a_plans_file() -> None:
    page = (ROOT / "docs" / "plans.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", page, flags=re.DOTALL)
    assert parse_plans(example).team.increment


def test_each_plan_may_have_its_own_terms() -> None:
    plans = parse_plans(
        'version = "b_2.1-x"\nteam_min = 3\n'
        "[personal]\nminutes = 0\nslice_s = 30\n"
        '[team]\nincrement = "6/6"\nmax_live_calls = 5\nslice_s = 120\n[team.minutes]\n20 = 200\n3 = 90\n'
        "[certified]\nminutes = { 3 = 400, 1000000 = 100000 }\n"
    )

    assert (plans.version, plans.team_min) == ("b_2.1-x", 3)
    assert plans.personal == Plan("personal", ((0, 0),), slice_s=30)
    assert plans.team == Plan("team", ((3, 90), (20, 200)), "6/6", 5, 120)
    assert plans.certified == Plan("certified", ((3, 400), (1_000_000, 100_000)))


@pytest.mark.parametrize(
    "content",
    [
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("[team.minutes]", ' [ "team" . minutes ] # who is in a team'),
        GOOD.replace("6 = 90", '"6" = 9_0'),
        'version = """\n2026-11"""\npersonal = { minutes = 0x3C }\nteam.minutes.6 = 90\nteam.minutes.10 = 150\n'
        "certified = { minutes = { 6 = 400 } }\n",
    ],
    ids=["windows", "header", "numbers", "dotted"],
)
def test_every_way_in_which_toml_writes_it_is_understood(content: str) -> None:
    assert parse_plans(content) == parse_plans(GOOD)


def test_a_file_that_notepad_saved_is_read(tmp_path: Path) -> None:
    file = tmp_path / "plans.toml"
    file.write_bytes(("\ufeff" + GOOD.replace("\n", "\r\n")).encode())

    assert load_plans(file) == parse_plans(GOOD)


# ---- what is said about mistakes ------------------------------------------------------------------------------------


def test_every_mistake_is_told_at_once_in_the_order_of_the_lines() -> None:
    assert mistakes(
        "version = 2026-11\n"  # 1
        "team_min = 1\n"
        'color = "red"\n'
        "[personal]\n"
        "minutes = 60.0\n"  # 5
        "minutes = 61\n"
        'increment = "60"\n'
        "max_live_call = 2\n"
        "nonsense\n"
        "[team]\n"  # 10
        "slice_s = 15\n"
        "max_live_calls = true\n"
        "[team.minutes]\n"
        "6 = -90\n"
        '10 = "150"\n'  # 15
        "six = 90\n"
        "20 = 200\n"
        "50 = 150\n"
        "[certified.minuts]\n"
        "6 = 100001\n"  # 20
        "[gold]\n"
        "minutes = true\n"
        "[personal]\n",
        margin_s=15,
    ) == [
        "p.toml:1: not TOML: Expected newline or end of document after a statement; "
        'text stands in quotes: version = "2026-11"',
        "p.toml:2: team_min: 1 will not do; expected a whole number from 2 to 1000",
        'p.toml:3: unknown option "color"',
        "p.toml:5: personal.minutes: 60.0 will not do; expected a whole number from 0 to 100000; did you mean 60?",
        "p.toml:6: personal.minutes: given twice, first in line 5",
        "p.toml:7: personal.increment: '60' will not do; expected a billing increment such as 60/60 or 6/6, each at "
        "most an hour",
        'p.toml:8: unknown option "max_live_call"; did you mean "max_live_calls"?',
        "p.toml:9: not TOML: Expected '=' after a key in a key/value pair",
        "p.toml:11: team.slice_s: 15 must be greater than the setting margin_s (15)",
        "p.toml:12: team.max_live_calls: true will not do; expected a whole number from 1 to 1000",
        "p.toml:14: team.minutes.6: -90 will not do; expected a whole number from 0 to 100000",
        "p.toml:15: team.minutes.10: '150' will not do; expected a whole number from 0 to 100000; did you mean 150?",
        "p.toml:16: team.minutes.six: expected members = minutes such as 6 = 90, the members a whole number from 1 to "
        "1000000",
        "p.toml:18: team.minutes.50: 150 minutes are less than the 200 from 20 members on; expected at least as many "
        "in a greater team",
        "p.toml:19: unknown table [certified.minuts]; did you mean [certified.minutes]?",
        "p.toml:20: certified.minutes.6: 100001 will not do; expected a whole number from 0 to 100000",
        "p.toml:21: unknown table [gold]; expected one of [personal], [team], [certified], [team.minutes], "
        "[certified.minutes]",
        "p.toml:23: [personal]: given twice, first in line 4",
    ]


WHOLE = "expected a whole number from 0 to 100000"
STEP = "expected members = minutes such as 6 = 90, the members a whole number from 1 to 1000000"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (changed(1), '1: no version; expected version = "…", text of letters, digits, . _ and -, at most 20'),
        (changed(1, 'verson = "1"'), '1: unknown option "verson"; did you mean "version"?'),
        (changed(1, 'version = ""'), "1: version: '' will not do; expected text of letters"),
        (changed(1, 'version = "a|b"'), "1: version: 'a|b' will not do"),
        (changed(1, f'version = "{"x" * 21}"'), f"1: version: '{'x' * 21}' will not do"),
        (changed(1, f'version = "{"x" * 999}"'), f"1: version: '{'x' * 59}… will not do"),
        (changed(1, "version = 2026"), "1: version: 2026 will not do; expected text"),
        (changed(1, "version = 2026-11-01"), "1: version: 2026-11-01 will not do; expected text"),
        (changed(1, 'version = ["a"]'), "1: version: ['a'] will not do; expected text"),
        (changed(2, "team_min = 1001"), "2: team_min: 1001 will not do; expected a whole number from 2 to 1000"),
        (changed(2, "minutes = 60"), '2: unknown option "minutes"; it stands in [personal]'),
        (changed(2, '"a\\nb\\u0000" = 1'), r'2: unknown option "a\nb\u0000"'),
        (changed(2, "team = 90", "x.y = 1"), "2: team: 90 will not do; expected a table [team]"),
        (changed(4), "3: [personal] has no minutes; expected a whole number from 0 to 100000"),
        (changed(4, "minuts = 60"), '4: unknown option "minuts"; did you mean "minutes"?'),
        (changed(4, "minutes = 60", "team_min = 6"), '5: unknown option "team_min"; it stands above the first [table]'),
        (changed(4, "minutes = 60", "6 = 90"), '5: unknown option "6"'),
        (changed(4, "minutes = 100001"), f"4: personal.minutes: 100001 will not do; {WHOLE}"),
        (changed(4, "minutes = -1"), f"4: personal.minutes: -1 will not do; {WHOLE}"),
        (changed(4, "minutes = 60.5"), f"4: personal.minutes: 60.5 will not do; {WHOLE}"),
        (changed(4, "minutes = inf"), f"4: personal.minutes: inf will not do; {WHOLE}"),
        (changed(4, "minutes = nan"), f"4: personal.minutes: nan will not do; {WHOLE}"),
        (changed(4, "minutes = false"), f"4: personal.minutes: false will not do; {WHOLE}"),
        (changed(4, 'minutes = " 60 "'), f"4: personal.minutes: ' 60 ' will not do; {WHOLE}; did you mean 60?"),
        (changed(4, "minutes = {}"), f"4: personal.minutes: a table will not do; {WHOLE}"),
        (changed(4, "", "[personal.minutes]", "6 = 1"), f"5: personal.minutes: a table will not do; {WHOLE}"),
        (changed(4, "minutes = " + "9" * 5000), "4: not TOML: too long or too deep"),
        (changed(4, "minutes = " + "[" * 5000), "4: not TOML: "),
        (changed(4, "minutes = 0x" + "F" * 5000), f"4: personal.minutes: so large a number will not do; {WHOLE}"),
        (changed(4, "minutes = 60 # \x01"), "4: not TOML: "),
        (changed(4, "minutes = 60", "increment = 6/6"), '5: not TOML: Expected newline or end of document after a '
            'statement; text stands in quotes: increment = "6/6"'),
        (changed(4, "minutes = 60", 'increment = "0/6"'), "5: personal.increment: '0/6' will not do; expected a bil"),
        (changed(4, "minutes = 60", "max_live_calls = 0"), "5: personal.max_live_calls: 0 will not do; expected a"),
        (changed(4, "minutes = 60", "max_live_calls = 1001"), "5: personal.max_live_calls: 1001 will not do"),
        (changed(4, "minutes = 60", "slice_s = 3601"), "5: personal.slice_s: 3601 will not do; expected a whole"),
        (changed(4, "minutes = 60", "slice_s = 1"), "5: personal.slice_s: 1 will not do; expected a whole"),
        (changed(6, "[team.minutes"), "6: '[team.minutes' will not do; expected [team.minutes]"),
        (changed(6, "[[team.minutes]]"), "6: '[[team.minutes]]' will not do; expected [team.minutes]"),
        (changed(6, "[teem.minutes]"), "6: unknown table [teem.minutes]; did you mean [team.minutes]?"),
        (changed(6, "[team]"), '7: unknown option "6"; did you mean to put it under [team.minutes]?'),
        (changed(6, '["team.minutes"]'), '6: unknown table ["team.minutes"]; did you mean [team.minutes]?'),
        (changed(6, "[team]", "minutes = 90", "[x]"), "7: team.minutes: 90 will not do; expected a table [team.min"),
        (changed(7, "5 = 90"), "7: team.minutes.5: expected at least 6 members (team_min): in a smaller team the per"),
        (changed(7, "06 = 90"), f"7: team.minutes.06: {STEP}"),
        (changed(7, "0 = 90"), f"7: team.minutes.0: {STEP}"),
        (changed(7, "-6 = 90"), f"7: team.minutes.-6: {STEP}"),
        (changed(7, "1000001 = 90"), f"7: team.minutes.1000001: {STEP}"),
        (changed(7, "6.5 = 90"), f"7: team.minutes.6: {STEP}"),
        (changed(7, '"six" = 90'), f"7: team.minutes.six: {STEP}"),
        (changed(7, '"\uff16" = 90'), f'7: team.minutes."\uff16": {STEP}'),
        (changed(7, '"' + "6" * 5000 + '" = 90'), f'7: team.minutes."{"6" * 60}": {STEP}'),
        (changed(7, "6 = {}"), f"7: team.minutes.6: {STEP}"),
        (changed(7, "6 = 151"), "8: team.minutes.10: 150 minutes are less than the 151 from 6 members on; expected"),
        (changed(8, "6 = 90"), "8: team.minutes.6: given twice, first in line 7"),
        (changed(8, "[team.minutes]"), "8: [team.minutes]: given twice, first in line 6"),
        (changed(10, "[certified]"), '11: unknown option "6"; did you mean to put it under [certified.minutes]?'),
        (changed(11), "10: [certified.minutes] is empty; expected members = minutes such as 6 = 90"),
        (changed(11, "6 = 400", "[team]", "x = {"), "13: not TOML: "),
        (GOOD.replace("[certified.minutes]\n6 = 400\n", ""), "1: no [certified]; expected a table [certified.minutes]"),
        (GOOD.replace("[certified.minutes]\n6 = 400\n", "[certified]\nslice_s = 9\n"),
            "10: [certified] has no minutes; expected a table [certified.minutes] of members = minutes"),
        (GOOD + "[certified]\nminutes.20 = 500\n", "13: not TOML: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_was_expected(content: str, told: str) -> None:
    assert mistakes(content)[0].startswith(f"p.toml:{told}")


@pytest.mark.parametrize(
    "content",
    [
        changed(1, 'verson = "1"'), changed(1, "version = 1.2.3"), changed(4, "minuts = 60"),
        changed(4, "minutes = {}"), changed(6, "[team.minuts]"), changed(6, "[teem.minutes]"), changed(7, "6 = 9O"),
        changed(7, "5 = 90"), changed(8, "10 = 89"), changed(10, "[certfied.minutes]"),
        changed(10, "[certified.minutes"),
    ],
)  # fmt: skip
def test_one_slip_is_one_mistake(content: str) -> None:
    assert len(mistakes(content)) == 1


def test_a_mistake_in_the_writing_hides_no_other() -> None:
    told = mistakes('version = "1\nteam_min = 0\n[personal\nminutes = -1\n= 5\n[team.minutes\n6 = 1.5\n10 = 150 min\n')

    assert [one.split(": ")[0] for one in told] == [f"p.toml:{line}" for line in (1, 1, 2, 3, 4, 5, 6, 7, 8)]
    assert "no [certified]" in told[1]


def test_a_name_in_two_tables_is_told_with_the_line_of_its_own() -> None:
    told = mistakes(GOOD.replace("6 = 400", "6 = 4.5").replace("6 = 90", "6 = 9.5"))

    assert [one.split(" ")[:2] for one in told] == [
        ["p.toml:7:", "team.minutes.6:"],
        ["p.toml:11:", "certified.minutes.6:"],
    ]


@pytest.mark.parametrize(
    ("slice_s", "margin_s", "is_wrong"), [(15, 14, False), (15, 15, True), (15, 16, True), (2, 1, False)]
)
def test_a_slice_is_longer_than_the_margin(slice_s: int, margin_s: int, is_wrong: bool) -> None:
    content = changed(4, "minutes = 60", f"slice_s = {slice_s}")
    if is_wrong:
        (only,) = mistakes(content, margin_s)
        assert only == f"p.toml:5: personal.slice_s: {slice_s} must be greater than the setting margin_s ({margin_s})"
    else:
        assert parse_plans(content, margin_s=margin_s).personal.slice_s == slice_s


def test_an_empty_file_is_told_what_it_lacks() -> None:
    for content in ("", "# nothing\n\n", "\n" * 100_000):
        assert [one.partition(";")[0] for one in mistakes(content)] == [
            "p.toml:1: no version", "p.toml:1: no [personal]", "p.toml:1: no [team]", "p.toml:1: no [certified]",
        ]  # fmt: skip


def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    for name, why in (("none.toml", "No such file"), (".", "Is a directory"), ("binary.toml", "not text in UTF-8")):
        with pytest.raises(Mistakes, match=f"cannot be read: .*{why}"):
            load_plans(tmp_path / name)


def test_a_file_of_mistakes_alone_is_read_quickly() -> None:
    assert len(mistakes("x = [\n" * 3000 + 'y = """\n' * 3000)) > 5000
