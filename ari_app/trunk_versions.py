"""The carriers in force: what was applied last, and all that was applied before, as numbered versions under
<state_dir>/trunks. Knows files and trunks as data; knows no Asterisk.

`index.json` names what is in force; it is replaced as a whole, and that is the moment at which an apply counts. A
version is the trunks as they were read (`N.json`: prices of their decks and secrets in it, so that what is in force
does not change with another file or with the environment) and the text of the file (`N.conf`), to read and to edit
again. While an apply is under way, `applying.json` says what must be put back if it never comes to its end.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.domain.rates import Deck
from ari_app.domain.trunks import Trunk
from ari_app.stack.state import StateDir, file_lock
from ari_app.whole_files import sync_folder, written_whole

NOT_TO_REPLACE = (errno.EPERM, errno.EBUSY)
"""A file that is Asterisk's user's, whom only root could give the new one; a file that is mounted into a container."""
REPAIR = "; `ringbridge trunks apply` puts what the trunks file says in force instead"
KEPT_MAX = 50
"""Versions whose content is kept, beside the one in force; the history names all."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the history."""

    version: int
    at_ms: int
    by: str  # user@host, or as he said
    source: str  # the file, `first start`, `rollback to 3`
    message: str = ""
    outcome: Literal["applied", "rolled back"] = "applied"
    why: str = ""  # it was rolled back
    changed: tuple[str, ...] = ()

    @property
    def at(self) -> str:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Index:
    in_force: int | None = None
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Journal:
    """Of an apply under way. `before`: file of Asterisk → what stood in it, None where it was not there."""

    entry: Entry
    before: Mapping[str, str | None]
    is_restored: bool = False  # the files are as they were; whether Asterisk has read them again is not known


@dataclass(frozen=True, slots=True)
class InForce:
    version: int
    trunks: tuple[Trunk, ...]


class Versions:
    """Of one state directory. Reading takes no lock; whoever writes holds `locked`. Raises OSError, and Mistakes where
    a file of its own is damaged."""

    def __init__(self, state_dir: str | Path) -> None:
        self.home = Path(state_dir).expanduser().absolute() / "trunks"
        self.index_file = self.home / "index.json"
        self._journal = self.home / "applying.json"

    # ---- to read ------------------------------------------------------------------------------------------------

    def index(self) -> Index:
        return _read(self.index_file, Index, f"; move {self.home} away{REPAIR}") or Index()

    def in_force(self) -> InForce | None:
        """None: nothing was ever applied."""
        version = self.index().in_force
        return None if version is None else InForce(version, self.trunks_of(version))

    def trunks_of(self, version: int) -> tuple[Trunk, ...]:
        found = _read(self.home / f"{version}.json", tuple[Trunk, ...], REPAIR)
        if found is None:
            raise Mistakes([Mistake(str(self.home / f"{version}.json"), f"is not there any more{REPAIR}")])
        return tuple(replace(trunk, rates=Deck(trunk.rates)) for trunk in found)

    def text_of(self, version: int) -> str:
        """sip_trunks.conf as it was applied."""
        try:
            return (self.home / f"{version}.conf").read_text("utf-8")
        except FileNotFoundError:
            raise Mistakes([Mistake(str(self.home / f"{version}.conf"), "is not there any more")]) from None

    def journal(self) -> Journal | None:
        """Of an apply that goes on, or, to whoever holds the lock, of one that was killed."""
        return _read(self._journal, Journal, f"; remove it{REPAIR}")

    def is_applying(self) -> bool:
        """Now, or it was killed."""
        return self._journal.exists()

    # ---- to write, by who holds the lock ------------------------------------------------------------------------

    @contextmanager
    def locked(
        self, *, waiting: Callable[[], None] | None = None, check: Callable[[], None] = lambda: None,
        within_s: int = 900,
    ) -> Iterator[None]:  # fmt: skip
        """One start or apply at a time. Raises StackError where it takes too long."""
        self._create()
        with file_lock(self.home / "apply.lock", waiting=waiting, check=check, within_s=within_s):
            self._give(self.home / "apply.lock")
            for half in self.home.glob(".*"):  # of one who was killed while he wrote; it may have passwords
                half.unlink()
            yield

    def begin(self, trunks: Sequence[Trunk], text: str, entry: Entry, before: Mapping[str, str | None]) -> Entry:
        """The new version is on disk, and what is needed to take it back; nothing is in force yet. Gives its number."""
        entry = self._store(trunks, text, entry)
        self._write(self._journal, Journal(entry, before))
        return entry

    def commit(self, entry: Entry) -> None:
        """From now on it is in force."""
        index = self.index()
        self._write(self.index_file, Index(entry.version, (*index.entries, entry)))
        self._close()
        self._forget_old()

    def give_up(self, entry: Entry, why: str) -> None:
        """Asterisk has the old again; that it was tried stays in the history."""
        index = self.index()
        if all(one.version != entry.version for one in index.entries):
            failed = replace(entry, outcome="rolled back", why=why)
            self._write(self.index_file, replace(index, entries=(*index.entries, failed)))
        self._close()

    def adopt(self, trunks: Sequence[Trunk], text: str, entry: Entry) -> InForce:
        """In force at once: of a first start, which tells Asterisk by starting it."""
        entry = self._store(trunks, text, entry)
        self.commit(entry)
        return InForce(entry.version, tuple(trunks))

    def restore_files(self) -> Journal | None:
        """Of an apply that was killed: Asterisk's files as they were. Whoever reaches Asterisk has it read them, and
        then gives up. None: there was none, or it had come to its end."""
        journal = self.journal()
        if journal is None:
            return None
        if self.index().in_force == journal.entry.version:
            self._close()
            return None
        if not journal.is_restored:
            for path, text in journal.before.items():
                put(Path(path), text)
            journal = replace(journal, is_restored=True)
            self._write(self._journal, journal)
        return journal

    def _store(self, trunks: Sequence[Trunk], text: str, entry: Entry) -> Entry:
        self._create()
        number = max((one.version for one in self.index().entries), default=0) + 1
        self._write_bytes(self.home / f"{number}.conf", text.encode())
        self._write(self.home / f"{number}.json", [replace(trunk, rates=tuple(trunk.rates)) for trunk in trunks])
        return replace(entry, version=number)

    def _close(self) -> None:
        self._journal.unlink(missing_ok=True)
        sync_folder(self.home)

    def _forget_old(self) -> None:
        index = self.index()
        kept = {one.version for one in index.entries[-KEPT_MAX:]} | {index.in_force}
        for one in index.entries:
            if one.version not in kept:
                for ending in ("conf", "json"):
                    (self.home / f"{one.version}.{ending}").unlink(missing_ok=True)

    def _create(self) -> None:
        StateDir(self.home.parent).create()
        self.home.mkdir(exist_ok=True, mode=0o700)
        self._give(self.home)

    def _write(self, path: Path, what: object) -> None:
        self._write_bytes(path, msgspec.json.encode(what))

    def _write_bytes(self, path: Path, content: bytes) -> None:
        with written_whole(path) as file:
            file.write(content)
            self._give(file.fileno())

    def _give(self, what: Path | int) -> None:
        """What root writes here, the process that serves calls must read: it is for whoever has the state directory."""
        if os.geteuid() == 0:
            owner = self.home.parent.stat()
            os.chown(what, owner.st_uid, owner.st_gid)


def entry_now(by: str, source: str, message: str = "", changed: Sequence[str] = ()) -> Entry:
    return Entry(0, time.time_ns() // 1_000_000, by, source, message, changed=tuple(changed))


def put(path: Path, text: str | None) -> None:
    """A file that Asterisk reads, whole; its rights and owner stay as they are where it is there already, as Asterisk
    may be another user. None: it goes."""
    path = path.resolve()  # a link stays one
    for half in path.parent.glob(f".{path.name}.????????"):  # of one who was killed while he wrote; no editor's
        half.unlink(missing_ok=True)
    if text is None:
        path.unlink(missing_ok=True)
        return
    there = path.stat() if path.exists() else None
    if there is not None and not os.access(path.parent, os.W_OK):
        path.write_text(text, "utf-8")  # a folder of Asterisk's; a kill in the midst is what the journal is for
        return
    try:
        with written_whole(path) as file:
            file.write(text.encode())
            if there is not None:
                os.fchown(file.fileno(), there.st_uid, there.st_gid)
                os.fchmod(file.fileno(), there.st_mode & 0o770)
    except OSError as e:
        if there is None or e.errno not in NOT_TO_REPLACE:
            raise
        path.write_text(text, "utf-8")


def _read(path: Path, kind: type[T], repair: str = "") -> T | None:
    """None: it is not there. `repair`: what to do about one that is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as why:
        raise Mistakes([Mistake(str(path), f"is damaged: {why}{repair}")]) from None
