"""`trunks import`: an existing pjsip.conf or pjsip_wizard.conf, written as a sip_trunks.conf that passes its check.

What has no counterpart is told where it was, in a comment. A password is written only where that is asked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.config.sections import NAME
from ari_app.config.texts import bounded_text, check_text, lines_of
from ari_app.trunk_checks import taken
from ari_app.trunk_tools.asterisk_conf import read_conf
from ari_app.trunk_tools.draft import NOT_TAKEN, SHOWN_MAX, Draft, said
from ari_app.trunk_tools.found_trunk import found_trunks
from ari_app.trunk_tools.wizard import spelled_out
from ari_app.trunks_file import EMBEDDED, FILE_BYTES_MAX, TRUNKS_MAX, read_content

ROUNDS_MAX = 50


@dataclass(frozen=True, slots=True)
class Imported:
    text: str = field(repr=False)  # of a sip_trunks.conf
    trunks: tuple[str, ...]
    warnings: tuple[Mistake, ...]


def import_file(path: str | Path, *, with_passwords: bool = False) -> Imported:
    """Raises Mistakes."""
    return import_content(bounded_text(path, FILE_BYTES_MAX), str(path), with_passwords=with_passwords)


def import_content(content: str, file: str, *, with_passwords: bool = False) -> Imported:
    """Raises Mistakes, also where no carrier is in it."""
    check_text(content, file)
    conf = spelled_out(read_conf(content, file))
    carriers, phones = found_trunks(conf)
    if len(carriers) > TRUNKS_MAX:
        raise Mistakes([Mistake(f"{file}:{carriers[TRUNKS_MAX].endpoint.line}", f"more than {TRUNKS_MAX} carriers")])
    warnings = list(conf.warnings)
    why = "no carrier, as it has no contact, registration or identify"
    warnings += [Mistake(f"{file}:{phone.line}", f"[{said(phone.name)}]: {why}") for phone in phones]
    names: set[str] = set()
    drafts = [Draft(found, _new_name(found.endpoint.name, names), with_passwords) for found in carriers]
    text = passing("\n\n".join("\n".join(draft.lines(Path(file).name)) for draft in drafts) + "\n")
    left = tuple(found[1] for line in lines_of(text) if (found := re.fullmatch(r"\[(.+)\]", line)))
    if not left:
        raise Mistakes([Mistake(file, "no carrier here; expected an endpoint with a contact, such as pjsip.conf has")])
    return Imported(text, left, tuple(warnings))


def passing(text: str) -> str:
    """The text with every line that the check of trunks files refuses made a comment."""
    lines = lines_of(text)
    for _ in range(ROUNDS_MAX):
        try:
            read_content("\n".join(lines), elsewhere=True)
            break
        except Mistakes as e:
            wrong = {int(found[1]): one.what for one in e.found if (found := re.search(r":(\d+)\Z", one.place))}
        if not wrong:
            break
        for number, what in wrong.items():
            _put_out(lines, number - 1, what)
    else:
        lines = [line if line.startswith(";") else f"; {line}".rstrip() for line in lines]
    return "\n".join(lines)


def _put_out(lines: list[str], at: int, what: str) -> None:
    """A [section] with all that stands in it."""
    is_section = lines[at].startswith("[")
    end = next((n for n in range(at + 1, len(lines)) if lines[n].startswith("[")), len(lines)) if is_section else at + 1
    for n in range(at, end):
        if lines[n] and not lines[n].startswith(";"):
            name = lines[n].partition("=")[0].strip()
            lines[n] = f"; {NOT_TAKEN}: {name if name == 'password' else lines[n][:SHOWN_MAX]}"
    lines[at] += f" ({what[:200]})"


def _new_name(wanted: str, names: set[str]) -> str:
    """One that a trunk may have, and none has."""
    name = re.sub(r"[^A-Za-z0-9_-]", "-", wanted)[:30].strip("-") or "trunk"
    if not NAME.fullmatch(name) or taken(name) or name.lower() == EMBEDDED:
        name = f"trunk-{name}"[:34]
    free, n = name, 2
    while free.lower() in names:
        free, n = f"{name}-{n}", n + 1
    names.add(free.lower())
    return free
