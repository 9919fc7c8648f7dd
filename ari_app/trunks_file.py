"""sip_trunks.conf: the telecom admin's file, read into trunks, every mistake told at once with its line.

The options are in trunk_options.py, what they may look like in trunk_kinds.py, what does not go together in
trunk_checks.py, price decks in rate_deck.py. Knows no PBX.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ari_app.concealed import conceal
from ari_app.config import Settings
from ari_app.config.kinds import Unfit
from ari_app.config.mistakes import Mistake, Mistakes, hint, nearest
from ari_app.config.sections import NAME, Section, first_word, in_order, missing, read_sections
from ari_app.config.texts import bounded_text, check_text, lines_of, why_no_file
from ari_app.domain.rates import Deck
from ari_app.domain.trunks import Trunk
from ari_app.rate_deck import load_deck
from ari_app.trunk_checks import Found, check_together, check_trunk, taken, warn_of_trunk
from ari_app.trunk_endpoint import MARK, wrong_name, wrong_value
from ari_app.trunk_options import OPTIONS, PASS_THROUGH, TLS_PORT, TrunkOption, example, reference
from ari_app.trunk_secrets import is_literal, secret_of

__all__ = ["EMBEDDED", "OPTIONS", "Read", "example", "load_trunks", "parse_trunks", "read_trunks", "reference"]

EMBEDDED = "carrier"  # the simulated carrier's trunk
FILE_BYTES_MAX = 1_000_000
TRUNKS_MAX = 500
MISTAKES_MAX = 200
"""Told of one file; of more than that, how many there are."""
SHOWN_MAX = 60
"""Characters of a value that a mistake repeats."""
COMMENT = re.compile(r"\s[;#]")
NO_WORD = re.compile(r"[^\w@]")
LOGIN = re.compile(r"(?:sips?:)?[^:\s]+:(?![0-9]{1,5}\Z)[^:\s]+")
"""name:password, which a hurried hand puts into an address."""
NONE_HERE = "no trunk here; expected at least one section such as [telco]"


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says, and what in it is allowed and probably not meant."""

    trunks: tuple[Trunk, ...]
    warnings: tuple[Mistake, ...] = ()
    text: str = field(default="", repr=False)  # of which the trunks were read


def load_trunks(
    path: str | Path, *, embedded: bool = False, timezone: str = Settings.timezone
) -> tuple[Trunk, ...]:  # fmt: skip
    """Raises Mistakes, also where the file cannot be read. `embedded`: the simulated carrier is there beside them.
    `timezone`: of the dates in price decks."""
    return read_trunks(path, embedded=embedded, timezone=timezone).trunks


def parse_trunks(content: str, file: str = "sip_trunks.conf", *, embedded: bool = False) -> tuple[Trunk, ...]:
    """Trunks in the file's order. Raises Mistakes."""
    return read_content(content, file, embedded=embedded).trunks


def read_trunks(
    path: str | Path, *, embedded: bool = False, timezone: str = Settings.timezone, elsewhere: bool = False
) -> Read:
    """As load_trunks. `elsewhere`: the trunks are not for this process; a password that is not to be had here, in its
    environment and its files, is a warning."""
    content = bounded_text(path, FILE_BYTES_MAX)
    read = read_content(content, str(path), embedded=embedded, timezone=timezone, elsewhere=elsewhere)
    return Read(read.trunks, (*read.warnings, *_told_to_others(Path(path), content)), content)


def read_content(
    content: str, file: str = "sip_trunks.conf", *, embedded: bool = False, timezone: str = Settings.timezone,
    elsewhere: bool = False,
) -> Read:  # fmt: skip
    """Raises Mistakes."""
    check_text(content, file)
    return _Reading(file, embedded, timezone, elsewhere).read(content)


@dataclass
class _Reading:
    """One file on its way to trunks."""

    file: str
    embedded: bool
    timezone: str
    elsewhere: bool
    found: Found = field(default_factory=Found)
    of_decks: list[Mistake] = field(default_factory=list)
    decks: dict[tuple[str, str], Deck] = field(default_factory=dict)
    lines: Sequence[str] = ()

    def read(self, content: str) -> Read:
        self.lines = lines_of(content)
        mistakes = self.found.mistakes
        sections = read_sections(content, self.file, mistakes, word="trunk", known=OPTIONS, taken=self._taken)
        if not sections and not self.found.mistakes:
            raise Mistakes([Mistake(self.file, NONE_HERE)])
        if len(sections) > TRUNKS_MAX:
            what = f"more than {TRUNKS_MAX} trunks; expected no more"
            raise Mistakes([Mistake(f"{self.file}:{sections[TRUNKS_MAX].line}", what)])
        placed = [(trunk, section) for section in sections if (trunk := self._trunk(section))]
        check_together([(trunk, at) for trunk, at in placed if NAME.fullmatch(at.name)], self.file, self.found)
        if self.found.mistakes or self.of_decks:
            raise Mistakes([*_first(in_order(self.found.mistakes)), *self.of_decks])
        return Read(tuple(trunk for trunk, _ in placed), tuple(in_order(self.found.warnings)))

    def _taken(self, name: str) -> str:
        if self.embedded and name.lower() == EMBEDDED:
            return "the embedded carrier has this name; call the trunk otherwise"
        return taken(name)

    def _wrong(self, section: Section, option: str, what: str) -> None:
        self.found.mistakes.append(Mistake(f"{self.file}:{section.lines.get(option, section.line)}", what))

    def _trunk(self, section: Section) -> Trunk | None:
        before = len(self.found.mistakes) + len(self.of_decks)
        given, unread = self._values(section)
        values = {OPTIONS[name].field: value for name, value in given.items()}
        for name, option in OPTIONS.items():
            if option.default is None and name not in section.values:
                self.found.mistakes.append(missing(section, name, option.kind, self.file))
        values["endpoint"] = self._endpoint(section)
        if values.get("transport") == "tls":
            values.setdefault("port", TLS_PORT)
        self._resolve(section, values)
        is_whole = len(self.found.mistakes) + len(self.of_decks) == before
        trunk = Trunk(name=section.name, **{"host": "", **values})
        check_trunk(trunk, section, self.file, self.found, unread)
        if not is_whole:
            return None
        warn_of_trunk(trunk, section, self.file, self.found)
        return trunk

    def _values(self, section: Section) -> tuple[dict[str, Any], list[str]]:
        """Option → its value, of those that are known and will do. And the options that were meant by the others."""
        values: dict[str, Any] = {}
        unread = []
        for name, raw in section.values.items():
            if name.startswith(MARK):
                continue
            option = OPTIONS.get(name)
            if option is None:
                meant = nearest(name, [*OPTIONS, PASS_THROUGH]) if len(self.found.mistakes) < MISTAKES_MAX else ""
                self._wrong(section, name, f'unknown option "{first_word(name)}"{hint(meant)}')
                unread.append(meant)
                continue
            try:
                values[name] = option.kind.parse(raw)
            except Unfit as why:
                self._wrong(section, name, _unfit(name, option, raw, str(why)))
                unread.append(name)
        return values, unread

    def _endpoint(self, section: Section) -> tuple[tuple[str, str], ...]:
        """What goes to the endpoint as it stands."""
        passed = []
        for name, value in section.values.items():
            if name.startswith(MARK):
                if wrong := wrong_name(name) or wrong_value(name, value):
                    self._wrong(section, name, wrong)
                passed.append((name.removeprefix(MARK), value))
        return tuple(passed)

    def _resolve(self, section: Section, values: dict[str, Any]) -> None:
        """What stands elsewhere: the password and the deck."""
        if written := values.get("password"):
            values["password"] = self._password(section, written)
        if "rates" in values:
            path = values.pop("rates")
            values["rates"] = self._deck(section, path, values.get("price_increment", "60/60")) if path else ()

    def _password(self, section: Section, written: str) -> str:
        secret = secret_of(written, Path(self.file).parent)
        conceal(secret.value)
        line = section.lines["password"]
        if is_literal(written) and COMMENT.search(self.lines[line - 1]):
            what = "password: it ends where the comment begins, at ; or # after a space; one with these needs file:PATH"
            self.found.warnings.append(Mistake(f"{self.file}:{line}", what))
        if secret.is_absent and self.elsewhere:
            what = f"password: {secret.wrong}; expected where Ringbridge runs"
            self.found.warnings.append(Mistake(f"{self.file}:{line}", what))
            return "-"  # there is one, and it is not known here
        if secret.wrong:
            self._wrong(section, "password", f"password: {secret.wrong}")
        return secret.value or "-"  # one was meant

    def _deck(self, section: Section, path: str, increment: str) -> Deck:
        """Of several trunks the same one is read once."""
        if (path, increment) not in self.decks:
            file = Path(self.file).parent / path
            if why := why_no_file(file):
                self._wrong(section, "rates", f"rates: {_cut(path)!r} cannot be read: {why}; expected a CSV file")
                return Deck()
            self.decks[path, increment] = Deck()
            try:
                self.decks[path, increment] = load_deck(file, timezone=self.timezone, increment=increment)
            except Mistakes as e:
                self.of_decks += [one for one in e.found if one not in self.of_decks]
        return self.decks[path, increment]


def _unfit(name: str, option: TrunkOption, raw: str, why: str) -> str:
    is_hidden = option.secret or looks_secret(raw)
    said = "the value" if is_hidden else repr(_cut(raw))
    return f"{name}: {said} will not do; expected {option.kind.words}{'' if is_hidden else why}"


def _cut(raw: str) -> str:
    return raw if len(raw) <= SHOWN_MAX else f"{raw[:SHOWN_MAX]}…"


def looks_secret(raw: str) -> bool:
    """A password in the wrong place: behind another option's value, or in an address."""
    bare = NO_WORD.sub("", raw.lower())  # no mark that nobody sees parts the word
    return any(word in bare for word in ("pass", "secret", "pwd", "@")) or bool(LOGIN.fullmatch(raw))


def _first(found: list[Mistake]) -> list[Mistake]:
    if len(found) <= MISTAKES_MAX:
        return found
    rest = found[MISTAKES_MAX:]
    return [*found[:MISTAKES_MAX], Mistake(rest[0].place, f"and {len(rest)} more mistakes from here on")]


def _told_to_others(path: Path, content: str) -> list[Mistake]:
    """Whether everybody on this machine may read a password that stands in the file."""
    if not any(_has_password(line) for line in lines_of(content)) or not path.stat().st_mode & stat.S_IROTH:
        return []
    return [Mistake(str(path), f"others may read it, and it has a password: chmod 600 {path}")]


def _has_password(line: str) -> bool:
    name, _, value = (part.strip() for part in line.partition("="))
    return name == "password" and value != "" and is_literal(value)
