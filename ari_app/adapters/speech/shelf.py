"""The files of our own sounds, in one folder that several processes and the PBX share: `<id>.wav`, whole or not there.

What was not played for a while is thrown away; where there are too many, first what was not played for longest. Blocks:
called in threads. Knows no text.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ari_app.ports.speech import Spoken
from ari_app.whole_files import written_whole

ID = re.compile(r"[ta][0-9a-f]{40}")
HEAD = 44
"""Bytes of the file before its samples; each of those has two, and eight make a millisecond."""
TOUCHED_ANEW_S = 3600.0
"""Playing a sound marks it as used, but not oftener than that."""
PLAYED_NOW_S = 2 * TOUCHED_ANEW_S
"""What was marked within that time may be heard at this moment: it stays, however full the folder is."""
LEFT_BEHIND_S = 3600.0
"""Age of an unfinished file whose writer is dead for sure."""


@dataclass(frozen=True, slots=True)
class Shelf:
    folder: Path
    days: int
    bytes_max: int

    def find(self, id: str) -> Spoken | None:
        path = self._path(id)
        try:
            seen = path.stat()
            if time.time() - seen.st_mtime > TOUCHED_ANEW_S:
                os.utime(path)
        except FileNotFoundError:
            return None
        return Spoken(id, lasts_ms(seen.st_size)) if seen.st_size > HEAD else None

    def path(self, id: str) -> str | None:
        """As the PBX is told it."""
        if not ID.fullmatch(id) or self.find(id) is None:
            return None
        return str(self._path(id).with_suffix(""))

    def put(self, id: str, wav: bytes) -> Spoken:
        """Raises OSError. The file may be read by whoever may read the folder, as the PBX may be another user."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with written_whole(self._path(id)) as file:
            os.fchmod(file.fileno(), 0o600 | (self.folder.stat().st_mode & 0o044))
            file.write(wav)
        return Spoken(id, lasts_ms(len(wav)))

    def room(self) -> int:
        """Bytes that may still be put, once what may go is gone; below 0: it is too full already."""
        self.purge()
        return self.bytes_max - sum(size for _, size, _ in self._files())

    def purge(self) -> int:
        """How many files were thrown away."""
        now_s, thrown = time.time(), 0
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        for used_s, size, path in files:
            age_s = now_s - used_s
            if age_s > self.days * 86_400 or (total > self.bytes_max and age_s > PLAYED_NOW_S):
                with suppress(FileNotFoundError):
                    path.unlink()
                    thrown += 1
                total -= size
        self._sweep(now_s)
        return thrown

    def _sweep(self, now_s: float) -> None:
        """Half-written files of processes that were killed."""
        for path in self.folder.glob(".*.wav.*"):
            with suppress(FileNotFoundError):
                if now_s - path.stat().st_mtime > LEFT_BEHIND_S:
                    path.unlink()

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """(when it was last used, its size, its path)"""
        for path in self.folder.glob("*.wav"):
            if ID.fullmatch(path.stem):  # nothing of the operator's that lies here, too
                with suppress(FileNotFoundError):
                    seen = path.stat()
                    yield seen.st_mtime, seen.st_size, path

    def _path(self, id: str) -> Path:
        return self.folder / f"{id}.wav"


def lasts_ms(file_bytes: int) -> int:
    return max(0, file_bytes - HEAD) // 16
