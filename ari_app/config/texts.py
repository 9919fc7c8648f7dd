"""Texts that operators write, read within limits: bytes that are no text, or too many, are one clear mistake."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from ari_app.config.mistakes import Mistake, Mistakes, unreadable

LINE_MAX = 4_000
"""Characters."""
LINE_END = re.compile(r"\r\n|\r|\n")
UNFIT = re.compile("[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters, and those that end a line or turn the direction of a text: a person sees another text than we."""


def bounded_text(path: str | Path, bytes_max: int) -> str:
    """Raises Mistakes where it cannot be read, is too large, or is no text."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(bytes_max + 1)
    except (OSError, ValueError) as e:
        why = unreadable(e) if isinstance(e, OSError) else "cannot be read: this is no path"
        raise Mistakes([Mistake(str(path), why)]) from None
    if len(content) > bytes_max:
        raise Mistakes([Mistake(str(path), f"too large; expected at most {bytes_max:,} bytes")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = line_at(content[: e.start].decode("latin-1"), e.start)
        raise Mistakes([Mistake(f"{path}:{line}", unreadable(e))]) from None
    check_text(text, str(path))
    return text


def one_line(text: str) -> str:
    """For a terminal and a file: nothing in it that moves a cursor, or that no text in UTF-8 can have."""
    return UNFIT.sub("?", re.sub(r"\s+", " ", text.encode("utf-8", "replace").decode())).strip()


def why_no_file(path: Path) -> str:
    """Why this is no file to read whole, or "". A pipe or a device would be waited for."""
    try:
        return "" if stat.S_ISREG(path.stat().st_mode) else "it is no file"
    except (OSError, ValueError) as e:
        return (e.strerror or "") if isinstance(e, OSError) else "this is no path"


def check_text(text: str, file: str) -> None:
    """Raises Mistakes: of several, the first."""
    if found := UNFIT.search(text):
        code = f"U+{ord(found[0]):04X}"
        what = f"a control character ({code}) stands here; expected text"
        raise Mistakes([Mistake(f"{file}:{line_at(text, found.start())}", what)])
    for number, line in enumerate(lines_of(text), 1):
        if len(line) > LINE_MAX:
            raise Mistakes([Mistake(f"{file}:{number}", f"too long; expected at most {LINE_MAX} characters a line")])


def lines_of(text: str) -> list[str]:
    """As an editor counts them."""
    return LINE_END.split(text)


def line_at(text: str, position: int) -> int:
    return len(LINE_END.findall(text, 0, position)) + 1
