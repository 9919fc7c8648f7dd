"""Reads the servers' log files. Knows where a reason is likely to stand in them."""

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from ari_app.stack.servers import Server

_TAIL_LINES = 200
_KEEP_BYTES = 20 * 1024 * 1024
_TELLING = ("ERROR", "WARNING", "# ", "Fatal", "FATAL", "error", "failed", "cannot")


def lines(path: Path, *, follow: bool) -> Iterator[str]:
    """The last lines of `path`, then, with `follow`, each new one. A file that is not there yet has no lines."""
    place = 0
    if path.exists():
        with path.open(encoding="utf-8", errors="replace") as log:
            yield from (line.rstrip("\n") for line in deque(log, _TAIL_LINES))
            place = log.tell()
    while follow:
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as log:
                log.seek(place if path.stat().st_size >= place else 0)  # shorter than before: it was begun anew
                while line := log.readline():
                    yield line.rstrip("\n")
                place = log.tell()
        time.sleep(0.2)


def keep_small(path: Path) -> None:
    """Before a start: a long log is set aside, one generation of it."""
    if path.exists() and path.stat().st_size > _KEEP_BYTES:
        path.replace(path.with_name(path.name + ".1"))


def last_words(server: Server) -> str:
    """The lines that most likely say why a server did not start, as one sentence."""
    found: list[str] = []
    for path in (server.home / "console.log", server.log):
        tail = [line.strip() for line in lines(path, follow=False) if line.strip()]
        telling = [line for line in tail if any(word in line for word in _TELLING)]
        found += (telling or tail)[-3:]
    if not found:
        return f"It left no word; look into {server.home}."
    return f"Its last words: {' | '.join(found)} (more in {server.log})"
