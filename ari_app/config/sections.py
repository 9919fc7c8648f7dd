"""Files of [sections] with `option = value`, as telecom admins know them: read whole, every mistake with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ari_app.config.kinds import Kind, Option, Unfit
from ari_app.config.load import unfit
from ari_app.config.mistakes import Mistake, Mistakes, did_you_mean, nearest, unreadable
from ari_app.config.texts import lines_of

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
WORD_MAX = 60
"""Of what a mistake repeats."""
WORD = re.compile(r"\[?[A-Za-z_/-]*]?")
HINTS_MAX = 200
"""Mistakes for which a near word is looked for: that takes a while."""


@dataclass
class Section:
    name: str
    line: int
    lines: dict[str, int] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


def text_of(path: str | Path) -> str:
    """Raises Mistakes where it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Mistakes([Mistake(str(path), unreadable(error))]) from error


def in_order(found: Iterable[Mistake]) -> list[Mistake]:
    """By their lines."""
    return sorted(found, key=lambda mistake: int(mistake.place.rpartition(":")[2]))


def read_sections(
    content: str, file: str, found: list[Mistake], *, word: str, known: Collection[str],
    taken: Callable[[str], str] = lambda _name: "",
) -> list[Section]:  # fmt: skip
    """In the file's order. `word`: what a section is, such as trunk. `known`: its options. `taken`: why a name will not
    do, or ""."""
    sections: dict[str, Section] = {}  # by name in small letters
    current: Section | None = None
    for line_no, raw in enumerate(lines_of(content), 1):
        line = re.sub(r"(^|\s)[;#].*", "", raw).strip()
        if not line:
            continue
        if line.startswith("["):
            current = _open(line, line_no, file, sections, found, taken)
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name:
            said = _said(line, known) if len(found) < HINTS_MAX else "this line"
            found.append(Mistake(f"{file}:{line_no}", f"{said} will not do; expected [{word}] or option = value"))
        elif current is None:
            found.append(Mistake(f"{file}:{line_no}", f"{first_word(name)}: stands before the first [{word}]"))
        elif name in current.values:
            what = f"{first_word(name)}: given twice, first in line {current.lines[name]}"
            found.append(Mistake(f"{file}:{line_no}", what))
        else:
            current.values[name], current.lines[name] = value, line_no
    return list(sections.values())


def _said(line: str, known: Collection[str]) -> str:
    """A word alone may be a password that slipped to the next line."""
    word = first_word(line)
    return repr(word) if nearest(word.removesuffix(" …"), known) else "this line"


def first_word(line: str) -> str:
    """What follows may be a password that lacks its sign; and what is no word, one that slipped to the next line."""
    first = re.split(r"[\s:=]", line, maxsplit=1)[0][:WORD_MAX]
    if not WORD.fullmatch(first):
        return "…"
    return first if first == line else f"{first} …"


def _open(
    line: str, line_no: int, file: str, sections: dict[str, Section], found: list[Mistake], taken: Callable[[str], str]
) -> Section:
    """The section that the line opens. One that will not do is read on, for the mistakes inside it."""
    name = line.removeprefix("[").removesuffix("]").strip()
    opened = Section(name, line_no)
    if not line.endswith("]") or not NAME.fullmatch(name):
        shown = f"[{name}]" if re.fullmatch(rf"\[[^:=\[\]]{{0,{WORD_MAX}}}]", line) else first_word(line)
        what = f"{shown} will not do; expected [name] of letters, digits, _ and -, a letter first, at most 40"
    elif why := taken(name):
        what = f"[{name}]: {why}"
    elif first := sections.get(name.lower()):
        what = f"[{name}]: given twice, first in line {first.line}"
    else:
        sections[name.lower()] = opened
        return opened
    found.append(Mistake(f"{file}:{line_no}", what))
    sections[f"{line_no}"] = opened
    return opened


def values_of(section: Section, kinds: Mapping[str, Option], file: str, found: list[Mistake]) -> dict[str, Any]:
    """Option → its value, of those that are known and will do."""
    values: dict[str, Any] = {}
    for name, raw in section.values.items():
        place = f"{file}:{section.lines[name]}"
        option = kinds.get(name)
        if option is None:
            found.append(Mistake(place, f'unknown option "{first_word(name)}"' + did_you_mean(name, kinds)))
            continue
        try:
            values[name] = option.kind.parse(raw)
        except Unfit:
            found.append(Mistake(place, unfit(name, option, raw)))
    return values


def missing(section: Section, name: str, kind: Kind, file: str) -> Mistake:
    shown = f"[{section.name}]" if NAME.fullmatch(section.name) else "this section"
    return Mistake(f"{file}:{section.line}", f"{shown} has no {name}; expected {kind.words}")
