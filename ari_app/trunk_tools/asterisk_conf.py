"""Asterisk's own configuration files, read as Asterisk does: repeated sections, templates, comments. Knows no option.

What is not understood is a warning with its line; a value is never repeated, as it may be a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.config.texts import lines_of

SETTINGS_MAX = 20_000
"""Of a file, with what sections take over from templates: a few lines can ask for any number."""
HEAD_SIZE = 10
"""What a [section] counts for beside settings, which are cheaper to read."""
WARNINGS_MAX = 300
HEAD = re.compile(r"\[([^\]]+)\]\s*(?:\(([^)]*)\))?")
IN_BLOCK = re.compile(r"--;|;--(?!-)")
DIRECTIVE = re.compile(r"#\s*(include|tryinclude|exec)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str
    line: int


@dataclass
class Block:
    """One [section]; several may have one name. `kind`: its type, such as endpoint."""

    name: str
    line: int
    settings: list[Setting] = field(default_factory=list)
    is_template: bool = False

    def get(self, name: str) -> Setting | None:
        """Of several, the last."""
        return next((one for one in reversed(self.settings) if one.name == name), None)

    def value(self, name: str) -> str:
        found = self.get(name)
        return found.value if found else ""

    def all(self, name: str) -> list[Setting]:
        return [one for one in self.settings if one.name == name]

    @property
    def kind(self) -> str:
        return self.value("type").lower()


@dataclass
class Conf:
    file: str
    blocks: list[Block] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)
    size: int = 0

    def warn(self, line: int, what: str) -> None:
        """Raises Mistakes where there are too many."""
        self.warnings.append(Mistake(f"{self.file}:{line}", what))
        if len(self.warnings) > WARNINGS_MAX:
            what = "too much that is not understood; expected a file such as pjsip.conf"
            raise Mistakes([Mistake(f"{self.file}:{line}", what)])

    def grow(self, by: int, line: int) -> None:
        """Raises Mistakes where it is too large."""
        self.size += by
        if self.size > SETTINGS_MAX:
            raise Mistakes([Mistake(f"{self.file}:{line}", f"too large; expected at most {SETTINGS_MAX:,} settings")])

    def of(self, kind: str) -> list[Block]:
        return [block for block in self.blocks if block.kind == kind and not block.is_template]


def read_conf(content: str, file: str) -> Conf:
    """Raises Mistakes where it is beyond all limits."""
    conf = Conf(file)
    current: Block | None = None
    for number, line in uncommented(content):
        if line.startswith("["):
            current = _open(conf, line, number)
        elif DIRECTIVE.match(line):
            conf.warn(number, f"{DIRECTIVE.match(line)[0]}: what it names is not read")  # type: ignore[index] # matched
        else:
            _set(conf, current, line, number)
    return conf


def uncommented(content: str) -> Iterator[tuple[int, str]]:
    """Each line that says anything. `;` begins a comment, `\\;` is a semicolon, `;-- … --;` may span lines and nest."""
    depth = 0
    for number, raw in enumerate(lines_of(content), 1):
        kept, depth = _said(raw, depth)
        if kept.strip():
            yield number, kept.strip()


def _said(raw: str, depth: int) -> tuple[str, int]:
    kept: list[str] = []
    at = 0
    while at < len(raw):
        if depth:
            found = IN_BLOCK.search(raw, at)
            if not found:
                break
            depth += -1 if found[0] == "--;" else 1
            at = found.end()
        elif raw.startswith("\\;", at):
            kept.append(";")
            at += 2
        elif raw.startswith(";--", at) and not raw.startswith(";---", at):
            depth += 1
            at += 3
        elif raw[at] == ";":
            break
        else:
            kept.append(raw[at])
            at += 1
    return "".join(kept), depth


def _open(conf: Conf, line: str, number: int) -> Block | None:
    conf.grow(HEAD_SIZE, number)
    found = HEAD.match(line)
    if not found:
        conf.warn(number, "a [section] that is not closed: what stands below it is not read")
        return None
    name = found[1].strip()
    options = [part.strip() for part in (found[2] or "").split(",") if part.strip()]
    if adds := next((one for one in options if one.startswith("+")), None):
        return _existing(conf, name, adds.removeprefix("+"), number)
    block = Block(name, number, is_template="!" in options)
    for template in options:
        if template != "!":
            _inherit(conf, block, template, number)
    conf.blocks.append(block)
    return block


def _existing(conf: Conf, name: str, wanted: str, number: int) -> Block | None:
    """What `[name](+)` adds to; `+type=aor` says which of several."""
    key, _, value = wanted.partition("=")
    for block in conf.blocks:
        if block.name == name and (not key or block.value(key.strip()).lower() == value.strip().lower()):
            return block
    conf.warn(number, "adds to a section that does not stand above it: not read")
    return None


def _inherit(conf: Conf, block: Block, template: str, number: int) -> None:
    source = next((one for one in reversed(conf.blocks) if one.name == template), None)
    if source is None:
        conf.warn(number, "a template that does not stand above it: taken for empty")
        return
    conf.grow(len(source.settings), number)
    block.settings += source.settings


def _set(conf: Conf, block: Block | None, line: str, number: int) -> None:
    name, equals, value = line.partition("=")
    name = name.strip().removesuffix("+").strip().lower()
    if not equals or not name:
        conf.warn(number, "this is no setting: not read")
    elif block is None:
        conf.warn(number, "stands in no section that could be read")
    else:
        conf.grow(1, number)
        block.settings.append(Setting(name, value.removeprefix(">").strip(), number))
