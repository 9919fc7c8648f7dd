"""Sections of a PJSIP file as data, each with a mark by which a running Asterisk tells whether it has taken that one in
as it was written. Knows the file's form; knows no option and no trunk.

Asterisk takes an object in whole or not at all: where one value does not suit it, the object stays as it was. It keeps
options that begin with @ as they are and shows them again, so a digest of the section, written into the section, proves
every value of it, in whatever form Asterisk shows the values themselves.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "@ringbridge"
_HEAD = re.compile(r"\[([^\]]+)\]\s*(\(.*\))?")
_COMMENT = re.compile(r"(?<!\\);.*")


@dataclass(frozen=True, slots=True)
class PjsipSection:
    """`kind`: endpoint, aor, identify, auth, registration, transport... `mark`: "" where it has none."""

    name: str
    kind: str
    values: tuple[tuple[str, str], ...]
    mark: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name


def sections(text: str) -> tuple[PjsipSection, ...]:
    """Those that say their type, in the file's order."""
    found = (_section(block) for block in _blocks(text.splitlines()))
    return tuple(one for one in found if one is not None and one.kind)


def marked(text: str) -> str:
    """The same file, with a mark in each section."""
    made: list[str] = []
    for block in _blocks(text.splitlines()):
        section = _section(block)
        if section is None or not section.kind or section.mark:
            made += block
            continue
        last = max(n for n, line in enumerate(block) if "=" in _COMMENT.sub("", line))
        made += [*block[: last + 1], f"{MARK} = {_digest(section)}", *block[last + 1 :]]
    return "".join(f"{line}\n" for line in made)


def _digest(section: PjsipSection) -> str:
    said = "\n".join([section.name, section.kind, *(f"{name}={value}" for name, value in section.values)])
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _blocks(lines: Iterable[str]) -> list[list[str]]:
    """The lines from one [section] to the next; before the first, whatever stands there."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if _HEAD.match(line.strip()):
            blocks.append([])
        blocks[-1].append(line)
    return blocks


def _section(block: list[str]) -> PjsipSection | None:
    head = _HEAD.match(block[0].strip()) if block else None
    if head is None:
        return None
    pairs = []
    for line in block[1:]:
        name, equals, value = _COMMENT.sub("", line).partition("=")
        if equals:
            pairs.append((name.strip(), value.removeprefix(">").strip().replace("\\;", ";")))
    kind = next((value for name, value in pairs if name == "type"), "")
    mark = next((value for name, value in pairs if name == MARK), "")
    values = tuple((name, value) for name, value in pairs if name not in ("type", MARK))
    return PjsipSection(head.group(1), kind, values, mark)
