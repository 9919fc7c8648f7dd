"""Sections of an Asterisk configuration file, as data and as text. Values come from an admin's file: none of them can
leave its line or its section. Knows no trunk."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ari_app.stack.errors import StackError

NAME = re.compile(r"[A-Za-z0-9_.-]{1,79}")  # longer ones are cut by Asterisk
KEY = re.compile(r"@?[A-Za-z0-9_]{1,79}")  # with @: one that Asterisk keeps and shows, and does not know
VALUE_MAX = 2000  # a line that is longer than Asterisk's buffer would be read as two
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Section:
    """`[name]` with `type = kind`. Values are as Asterisk will have read them; a key may come more than once."""

    name: str
    kind: str
    values: tuple[tuple[str, str], ...]

    def get(self, key: str) -> str | None:
        """The last one counts, as for Asterisk."""
        return dict(self.values).get(key)


def text_of(sections: Iterable[Section]) -> str:
    """Raises StackError where a section cannot be written so that Asterisk reads the same again."""
    return "".join(_section(section) for section in sections)


def _section(section: Section) -> str:
    if not NAME.fullmatch(section.name):
        raise StackError(f"“{section.name[:80]}” cannot be the name of a section: letters, digits, _, . and - only")
    lines = [_line(section, key, value) for key, value in section.values]
    return f"\n[{section.name}]\ntype = {section.kind}\n" + "".join(lines)


def _line(section: Section, key: str, value: str) -> str:
    at = f"[{section.name}] ({section.kind})"
    if not KEY.fullmatch(key) or key == "type":
        raise StackError(f"{at}: “{key[:80]}” cannot be the name of an option: small letters, digits and _, not type")
    if _CONTROL.search(value) or len(value) > VALUE_MAX or value != value.strip():
        raise StackError(  # without the value: it may be the password
            f"{at}: the value of {key} has a line break or another control character, a blank at its end, or more than "
            f"{VALUE_MAX} characters"
        )
    escaped = value.replace(";", "\\;")  # a bare semicolon begins a comment
    return f"{key} = {escaped}\n"
