"""A TOML file read statement by statement, so that every value has its line and no mistake hides the next.

For a file without mistakes this is what tomllib reads from it. Knows no option by name.
"""

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ari_app.config.mistakes import Mistake

STATEMENT_LINES_MAX = 50  # of a list or text over several lines
SAID_MAX = 60
_BARE = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*([^#]*)")


class Mark(Enum):
    """What an entry is that has no value."""

    HEADER = "a [table]"
    TABLE = "a table"  # within a line: team = { … }, or team.minutes = …
    UNREADABLE = "not TOML"  # told already


@dataclass(frozen=True, slots=True)
class Entry:
    path: tuple[str, ...]
    value: object
    line: int

    @property
    def name(self) -> str:
        return ".".join(map(_key, self.path))

    @property
    def is_value(self) -> bool:
        """Also one that could not be read."""
        return self.value not in (Mark.HEADER, Mark.TABLE)

    @property
    def table(self) -> str:
        return ".".join(map(_key, self.path[:-1]))


def read(content: str, file: str, found: list[Mistake]) -> list[Entry]:
    """What stands in the file, in its order; of what is given twice the first. Mistakes go to `found`."""
    lines = content.replace("\r\n", "\n").split("\n")
    wrong: list[tuple[int, str]] = []
    given: dict[tuple[object, ...], int] = {}
    kept = []
    for entry in _entries(lines, wrong):
        first = given.setdefault((entry.path, entry.is_value or entry.value), entry.line)
        if first == entry.line:
            kept.append(entry)
        elif entry.value is not Mark.TABLE:
            name = entry.name if entry.is_value else f"[{entry.name}]"
            wrong.append((entry.line, f"{name}: given twice, first in line {first}"))
    if not wrong:
        wrong += _wrong_as_a_whole(content)
    found += [Mistake(f"{file}:{line}", what) for line, what in wrong]
    return kept


def _key(part: str) -> str:
    return part if re.fullmatch(r"[A-Za-z0-9_-]{1,60}", part) else quoted(part)


def quoted(name: str) -> str:
    """On one line, whatever is in it."""
    text = json.dumps(name[:SAID_MAX], ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)


def said(value: object) -> str:
    """The value as a person wrote it, more or less, and never too long."""
    match value:
        case Mark():
            return value.value
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 200:
            return "so large a number"
        case int() | float() | str() | list():
            shown = repr(value)
        case _:  # a date or time
            shown = str(value)
    return shown if len(shown) <= SAID_MAX else shown[:SAID_MAX] + "…"


def _entries(lines: Sequence[str], wrong: list[tuple[int, str]]) -> Iterator[Entry]:
    prefix: tuple[str, ...] = ()
    at = 0
    while at < len(lines):
        line, line_no = lines[at], at + 1
        parsed, why, taken = _statement(lines, at)
        at += taken
        if line.lstrip().startswith("["):
            prefix = _header(line, parsed)
            if parsed is None or line.lstrip().startswith("[["):
                meant = ".".join(map(_key, prefix)) or "table"
                wrong.append((line_no, f"{said(line.strip())} will not do; expected [{meant}]"))
            yield Entry(prefix, Mark.HEADER, line_no)
        elif parsed is None:
            wrong.append((line_no, f"not TOML: {why}{_in_quotes(line)}"))
            if bare := _BARE.match(line):
                yield Entry((*prefix, bare[1]), Mark.UNREADABLE, line_no)
        else:
            for name, value in parsed.items():
                yield from _flat((*prefix, name), value, line_no)


def _statement(lines: Sequence[str], at: int) -> tuple[dict[str, Any] | None, str, int]:
    """What the statement that begins here says, or None and why it is none; and how many lines it has."""
    why = ""
    for taken in range(1, 1 + min(STATEMENT_LINES_MAX, len(lines) - at)):
        try:
            return tomllib.loads("\n".join(lines[at : at + taken])), "", taken
        except tomllib.TOMLDecodeError as error:
            why = why or str(error).split(" (at ")[0]
            if "end of document" not in str(error):  # what is wrong is in these lines; the next one cannot mend it
                break
        except (ValueError, RecursionError):  # a number of thousands of digits, a list in a list in a list…
            why = why or "too long or too deep"
            break
    return None, why, 1


def _header(line: str, parsed: dict[str, Any] | None) -> tuple[str, ...]:
    """The table that the line opens. One that will not do is guessed, for the mistakes inside it."""
    if parsed is None:
        guess = re.sub(r"[][(){}<>#=].*", "", line.strip(" \t["))
        return tuple(part.strip(" \t'\"") for part in guess.split("."))
    path: list[str] = []
    inner: Any = parsed
    while inner and isinstance(inner, dict):
        (name, inner), *_ = inner.items()
        path.append(name)
    return tuple(path)


def _flat(path: tuple[str, ...], value: object, line: int) -> Iterator[Entry]:
    if not isinstance(value, dict):
        yield Entry(path, value, line)
        return
    yield Entry(path, Mark.TABLE, line)
    for name, inner in value.items():
        yield from _flat((*path, name), inner, line)


def _in_quotes(line: str) -> str:
    """Text without its quotes is the likeliest of all mistakes: version = 2026-11."""
    bare = _BARE.match(line)
    value = bare[2].strip() if bare else ""
    is_text = re.fullmatch(r"[\w./-]{1,60}", value) and not value.isdecimal()
    return f'; text stands in quotes: {bare[1]} = "{value}"' if bare and is_text else ""


def _wrong_as_a_whole(content: str) -> list[tuple[int, str]]:
    """What no line can see alone, such as a table that is opened in two ways."""
    try:
        tomllib.loads(content)
    except ValueError as error:
        at = re.search(r" \(at line (\d+)", str(error))
        return [(int(at[1]) if at else 1, f"not TOML: {str(error).split(' (at ')[0]}")]
    return []
