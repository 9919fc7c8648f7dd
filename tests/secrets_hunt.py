"""Looks for secrets where nobody may find them: texts, files, process lists. Knows no story and no server."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

SIZE_MAX = 50_000_000


def forms(secret: str) -> set[bytes]:
    """As it is, as it stands in an address, and in Base64 whatever stands before and behind it."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), quote_plus(secret).encode()}
    for before in range(3):
        whole = base64.b64encode(b"x" * before + raw)
        first = -(-before * 8 // 6)  # letters that also tell of what stands before
        last = (before + len(raw)) * 8 // 6  # from here on they tell of what stands behind, too
        found |= {whole[first:last], whole[first:last].replace(b"+", b"-").replace(b"/", b"_")}
    return found


class Hunt:
    """`secrets`: what each is called → the secret."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._forms = {(name, form) for name, secret in secrets.items() for form in forms(secret)}
        self.found: list[str] = []

    def look(self, where: str, content: bytes) -> None:
        self.found += sorted({f"{name} in {where}" for name, form in self._forms if form in content})

    def in_text_files(self, home: Path, pattern: str) -> int:
        """Whoever may read them. How many there were."""
        files = [path for path in home.rglob(pattern) if path.is_file() and path.stat().st_size < SIZE_MAX]
        for path in files:
            self.look(str(path.relative_to(home)), path.read_bytes())
        return len(files)

    def in_files_of_others(self, home: Path) -> int:
        """Files that group or others may read, though their folder may keep them out. How many files there are."""
        files = [path for path in home.rglob("*") if path.is_file() and not path.is_symlink()]
        for path in files:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                self.look(f"{path.relative_to(home)} (mode {stat.S_IMODE(path.stat().st_mode):o})", path.read_bytes())
        return len(files)

    def in_process_list(self) -> None:
        """What `ps` shows anybody."""
        for pid, words in _of_all("cmdline"):
            self.look(f"command line of process {pid}: {words[:60]!r}", words)

    def in_environment(self, pid: int) -> None:
        self.look(f"environment of process {pid}", Path(f"/proc/{pid}/environ").read_bytes())


def _of_all(name: str) -> Iterator[tuple[int, bytes]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                yield int(entry.name), (entry / name).read_bytes()
            except OSError:  # it has ended
                continue
