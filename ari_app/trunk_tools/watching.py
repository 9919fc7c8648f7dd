"""A running app goes by what is in force: it looks twice a second whether another version is, and takes it up for the
calls that come; those that live keep their routes. An apply that was killed is taken back here, too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from os import stat_result
from pathlib import Path

import structlog

from ari_app.config import Settings
from ari_app.config.mistakes import Mistakes
from ari_app.domain.trunks import Trunk
from ari_app.engine.trunk_book import TrunkBook
from ari_app.stack import StackError
from ari_app.trunk_changes import names_of_changes
from ari_app.trunk_tools.applying import NotApplied, undo_interrupted, untaken_now
from ari_app.trunk_versions import InForce, Versions
from ari_app.trunks_in_force import conceal_passwords

log = structlog.get_logger()

EVERY_S = 0.5
UNDO_EVERY_S = 5.0
"""Where an apply that was killed cannot be taken back now, because its Asterisk is away."""


class TrunkWatch:
    """`beside`: trunks that are in no file, and stay. `taken_up`: told after each change."""

    def __init__(
        self, settings: Settings, book: TrunkBook, version: int | None, beside: Sequence[Trunk],
        taken_up: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._versions = Versions(settings.state_dir)
        self._book = book
        self._beside = tuple(beside)
        self._taken_up = taken_up
        self._seen: object = None
        self._undo_at = 0.0
        self.version = version
        """By which calls are routed now; None: no trunks file is named, and nothing is watched."""

    async def run(self) -> None:
        if self.version is not None:
            await self._compare()
        while True:
            if self.version is not None:
                await self._look()
            await asyncio.sleep(EVERY_S)

    async def _compare(self) -> None:
        """A start tells Asterisk by its files, and is not told what it made of them."""
        trunks = tuple(trunk for trunk in self._book.trunks if trunk not in self._beside)
        with suppress(Mistakes, OSError, StackError):
            for node, missing in (await asyncio.to_thread(untaken_now, self._settings, trunks)).items():
                log.warning(
                    "Asterisk has not taken in the trunks in force: see its log, then `ringbridge trunks apply`",
                    node=node,
                    missing=missing,
                )

    async def _look(self) -> None:
        try:
            await self._take_back_interrupted()
            seen = _sign(self._versions.index_file)
            if seen != self._seen:
                await self._take_up(await asyncio.to_thread(self._versions.in_force))
                self._seen = seen
        except (Mistakes, OSError, StackError, NotApplied) as why:
            log.warning("trunks in force cannot be looked at: those known are used", why=str(why))
            await asyncio.sleep(UNDO_EVERY_S)

    async def _take_up(self, now: InForce | None) -> None:
        is_same = now is not None and now.version == self.version
        if now is None or (is_same and self._seen is None):  # what the start has read
            return
        conceal_passwords(now.trunks)
        trunks = (*now.trunks, *self._beside)
        changed = await asyncio.to_thread(names_of_changes, self._book.trunks, trunks)  # decks are long
        if is_same and not changed:  # else numbers began anew: the folder was taken away, and applied to again
            return
        self._book.replace(trunks)
        before, self.version = self.version, now.version
        log.info("trunks taken up", version=now.version, before=before, changed=changed)
        self._taken_up()

    async def _take_back_interrupted(self) -> None:
        """What is under way is its own; that nobody holds the lock tells that it is not."""
        loop = asyncio.get_running_loop()
        if loop.time() < self._undo_at or not self._versions.is_applying():
            return
        self._undo_at = loop.time() + UNDO_EVERY_S
        if journal := await asyncio.to_thread(self._undo):
            log.warning("interrupted apply of trunks taken back", version=journal)

    def _undo(self) -> int | None:
        try:
            with self._versions.locked(within_s=0):
                journal = undo_interrupted(self._settings, self._versions, lambda _: None)
        except StackError:  # it goes on
            return None
        return journal.entry.version if journal is not None else None


def _sign(path: Path) -> object:
    """Another whenever the file was replaced."""
    try:
        found: stat_result = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
