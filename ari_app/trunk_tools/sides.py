"""One PBX in one apply: what it was told, what it is to be told, and what its files said before. Asks it, has it read
its files, and reads what it says in its log; decides nothing."""

from __future__ import annotations

import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ari_app.concealed import without_secrets
from ari_app.config.texts import one_line
from ari_app.domain.trunks import Trunk
from ari_app.stack.marks import sections
from ari_app.stack.shaken import SHAKEN_FILE
from ari_app.trunk_tools.asking import Silent
from ari_app.trunk_tools.pbxes import PJSIP, Told, TrunkPbx
from ari_app.trunk_tools.verifying import REGISTERED, not_registered, untaken
from ari_app.trunk_versions import InForce, put

LOG_LINES_MAX = 10
LOG_BYTES_MAX = 200_000
AGAIN_WITHIN_S = 1.5


@dataclass(slots=True)
class Side:
    """One PBX in one apply."""

    pbx: TrunkPbx
    old: Told | None  # by the version in force
    new: Told
    before: dict[Path, str | None]
    old_text: str  # what stands in its trunk file now
    registered: dict[str, str]
    log_at: int = 0
    modes: dict[Path, int] = field(default_factory=dict)  # rights of the files now

    @property
    def is_ours_to_write(self) -> bool:
        return bool(self.new.files)


def side_of(pbx: TrunkPbx, now: InForce | None, trunks: Sequence[Trunk]) -> Side:
    old, new = pbx.told(now.trunks) if now else None, pbx.told(trunks)
    if old is not None and new.files:  # what the old one has in a file that the new one has no use for
        emptied = dict.fromkeys(old.files, "")
        new = replace(new, files={**emptied, **new.files}, modules=_both(old, new))
    before = {path: path.read_text("utf-8") if path.exists() else None for path in new.files}
    text = next((said or "" for path, said in before.items() if path.name != SHAKEN_FILE), "")
    registered: dict[str, str] = {}
    if pbx.is_running and pbx.ami is not None and "registration" in text:
        with suppress(Silent):
            registered = pbx.ami.registrations()
    log_at = pbx.log.stat().st_size if pbx.log is not None and pbx.log.exists() else 0
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path, said in before.items() if said is not None}
    return Side(pbx, old, new, before, text, registered, log_at, modes)


def of_others(side: Side) -> list[str]:
    """Trunks that somebody else wrote there, and this apply takes away."""
    known = {*side.new.sections(), *(side.old.sections() if side.old is not None else ())}
    names = {one.name for one in known}
    return sorted({one.name for one in sections(side.old_text) if one.kind == "endpoint" and one.name not in names})


def _both(old: Told, new: Told) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*old.modules, *new.modules)))


def bare(told: Told) -> set[object]:
    return {(one.key, one.values) for one in told.sections()}


def gone(side: Side) -> list[tuple[str, str]]:
    """Objects that are to be there no more. A transport stays until Asterisk is started again: calls may use it."""
    before = side.old.sections() if side.old is not None else ()
    new = {one.key for one in side.new.sections()}
    known = (
        {one.key for one in (*before, *sections(side.old_text))}
        if side.is_ours_to_write
        else {one.key for one in before}
    )
    return sorted(key for key in known - new if key[0] != "transport")


def reload(side: Side) -> None:
    for module in side.new.modules:
        if not side.pbx.ari.reload(module) and module == PJSIP:
            raise Silent(f"{side.pbx.name} has no module {module}")


def put_back(side: Side) -> list[str]:
    """What is not as it was, in words. Raises Silent and OSError."""
    for path, text in side.before.items():
        put(path, text)
        if path in side.modes and stat.S_IMODE(path.stat().st_mode) != side.modes[path]:
            path.chmod(side.modes[path])  # Asterisk may read it by these alone
    reload(side)
    old = sections(side.old_text)
    left = {one.key for one in side.new.sections()} - {one.key for one in old}
    return untaken(side.pbx.ari, old, sorted(left)) + _not_registered_again(side)


def _not_registered_again(side: Side) -> list[str]:
    """What was registered before and was told otherwise meanwhile."""
    new = {one.key: one.mark for one in side.new.sections()}
    touched = {one.name for one in sections(side.old_text) if new.get(one.key) != one.mark}
    mine = [name for name, state in side.registered.items() if state == REGISTERED and name in touched]
    if side.pbx.ami is None or not mine:
        return []
    late = not_registered(side.pbx.ami, mine, AGAIN_WITHIN_S)
    return [f"{name} is not registered again yet" for name in late]


def log_since(side: Side) -> list[str]:
    """Asterisk's warnings and errors since, each once."""
    log = side.pbx.log
    if log is None or not log.exists():
        return []
    time.sleep(0.1)  # its log is written by a thread of its own
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(side.log_at)
        lines = file.read(LOG_BYTES_MAX).splitlines()
    told = [line for line in lines if "ERROR[" in line or "WARNING[" in line]
    words = dict.fromkeys(line.partition("] ")[2].partition("] ")[2] or line for line in told)
    return [one_line(without_secrets(one)) for one in words][:LOG_LINES_MAX]
