"""A bill as rows of cells, one line of the file after another, however long it is. Knows no columns.

A quote that is never closed spoils its own line and no other: a cell over several lines is not taken.
"""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

HEAD_BYTES = 65_536
LINE_MAX = 20_000
"""Signs of one line; longer ones are unreadable."""
SEPARATORS = (",", ";", "\t", "|")
EAST = {"CN": "gb18030", "SG": "gb18030", "TW": "big5", "HK": "big5", "JP": "shift_jis"}


class Row(NamedTuple):
    line: int
    cells: Sequence[str] | None  # None: not to be taken apart
    raw: str


def encoding_of(path: Path, region: str) -> str:
    """As far as its beginning tells. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    for encoding in ("utf-8", EAST.get(region, "")):
        if encoding and _is_text(head, encoding):
            return encoding
    return "latin-1"


def _is_text(head: bytes, encoding: str) -> bool:
    for cut in range(5):  # a sign of several bytes may be cut at the end
        try:
            head[: len(head) - cut].decode(encoding)
        except UnicodeDecodeError:
            continue
        return True
    return False


def separator_of(lines: Sequence[str]) -> str:
    """The one that makes the most cells of the first lines."""
    return max(SEPARATORS, key=lambda one: sum(len(cells_of(line, one) or ()) for line in lines[:20]))


def cells_of(line: str, separator: str) -> Sequence[str] | None:
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except (csv.Error, StopIteration):
        return None


def rows(
    path: Path, encoding: str, separator: str, skip_first: int = 0, skip_last: int = 0,
    advance: Callable[[int], None] = lambda _bytes: None,
) -> Iterator[Row]:  # fmt: skip
    """Without empty lines. Raises OSError."""
    late: deque[Row] = deque()
    for number, line in _lines(path, encoding, advance):
        if number <= skip_first or not line.strip():
            continue
        late.append(Row(number, None if len(line) > LINE_MAX else cells_of(line, separator), line[:LINE_MAX]))
        if len(late) > skip_last:
            yield late.popleft()


def _codec(encoding: str, begins: bytes) -> str:
    if encoding == "utf-16" and begins not in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16-le"  # which of both ways it is, nothing says
    return "utf-8-sig" if encoding == "utf-8" else encoding


def _lines(path: Path, encoding: str, advance: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    """Numbered from 1. Of one that is too long, as much as shows that it is."""
    told = 0
    with path.open("rb") as raw:
        text = io.TextIOWrapper(raw, _codec(encoding, raw.peek(2)[:2]), errors="replace")
        number = 0
        while line := text.readline(LINE_MAX + 2):
            number += 1
            if not line.endswith("\n") and len(line) > LINE_MAX:
                while (more := text.readline(LINE_MAX)) and not more.endswith("\n"):
                    pass
            yield number, line.rstrip("\r\n")
            if number % 2000 == 0:
                advance(raw.tell() - told)
                told = raw.tell()
        advance(raw.tell() - told)
