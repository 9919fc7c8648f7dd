"""A TOML file read statement by statement is what tomllib reads from it, and each value has its line."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.config.mistakes import Mistake
from ari_app.config.sample import toml
from ari_app.config.toml_lines import Mark, read

RICH = '''\
# a comment with [brackets] = "and quotes"
title = "a # that begins no comment"
text = """
[not.a.table]
key = 1
"""
many = [
  1,  # one
  2,
]
dotted.key."with.dots" = 'literal'
when = 2026-11-01T00:00:00Z
[a]
x = 1
[a.b]
x = 0x1F
inline = { one = 1, two = { three = 3.5 } }
 [ "quoted name" . c ]  # [[not a list]]
x = true
[a.d]
'''


def values(content: str) -> tuple[dict[tuple[str, ...], Any], list[Mistake]]:
    found: list[Mistake] = []
    return {e.path: e.value for e in read(content, "f", found) if not isinstance(e.value, Mark)}, found


def flat(parsed: dict[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    made: dict[tuple[str, ...], Any] = {}
    for name, value in parsed.items():
        made |= flat(value, (*path, name)) if isinstance(value, dict) else {(*path, name): value}
    return made


@pytest.mark.parametrize("content", [RICH, RICH.replace("\n", "\r\n"), "", "\n\n", "x = 1"])
def test_what_is_read_is_what_tomllib_reads(content: str) -> None:
    assert values(content) == (flat(tomllib.loads(content)), [])


def test_every_value_has_its_line() -> None:
    lines = {".".join(e.path): e.line for e in read(RICH, "f", []) if not isinstance(e.value, Mark)}

    assert lines == {
        "title": 2, "text": 3, "many": 7, "dotted.key.with.dots": 11, "when": 12, "a.x": 14, "a.b.x": 16,
        "a.b.inline.one": 17, "a.b.inline.two.three": 17, "quoted name.c.x": 19,
    }  # fmt: skip


NAMES = st.text("abc-_1.é ", min_size=1, max_size=4)
TABLES = st.dictionaries(
    NAMES,
    st.dictionaries(NAMES, st.integers() | st.booleans() | st.text(st.characters(min_codepoint=32, max_codepoint=126))),
)


@given(TABLES)
def test_any_file_without_mistakes_is_read_as_tomllib_does(tables: dict[str, dict[str, Any]]) -> None:
    content = "".join(
        f"[{toml(table)}]\n" + "".join(f"{toml(name)} = {toml(value)}\n" for name, value in inner.items())
        for table, inner in tables.items()
    )
    assert values(content) == (flat(tomllib.loads(content)), [])


@given(st.text(st.sampled_from("ab=1[]{}.\"'#,\n \t-_é\x00\u2028"), max_size=60))
def test_what_tomllib_refuses_is_a_mistake_and_nothing_else_is(content: str) -> None:
    try:
        expected = flat(tomllib.loads(content))
    except tomllib.TOMLDecodeError:
        assert values(content)[1]
    else:
        read_values, found = values(content)
        assert read_values == expected
        assert all("expected [" in one.what for one in found)  # [[a]], which is TOML, has no use here


@pytest.mark.parametrize(
    ("content", "line"),
    [("a.b = 1\n[a]\nc = 1\n", 2), ("a = 1\na.b = 2\n", 2), ("a = {}\n[a]\n", 2), ("[a.b]\n[a]\nb = 1\n", 3)],
)
def test_what_no_line_can_see_alone_is_told_too(content: str, line: int) -> None:
    (only,) = values(content)[1]
    assert only.place == f"f:{line}"


def test_what_a_terminal_would_obey_is_told_in_words_that_it_does_not() -> None:
    found: list[Mistake] = []
    read("[a\x1b[31m\x85\u2028b\n'c\x07\u2028\x85' = 1\n'c\x07\u2028\x85' = 2\n", "plans.toml", found)
    assert len(found) >= 2
    assert all(str(mistake).isprintable() for mistake in found), found
