"""Asterisk's own record (CEL) as the witness between us and a carrier: the file that is written to, and those that
were rotated away from it, also packed. Knows no bill."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from ari_app.adapters.ari.cel import Answers
from ari_app.config.mistakes import Mistake, Mistakes
from ari_app.trunk_tools.bill_sheet import Sheet, batches


class Witness:
    """What has been read. It says nothing of a time that no file covers."""

    def __init__(self) -> None:
        self._spans: list[tuple[int, int]] = []

    def covers(self, from_ms: int, until_ms: int) -> bool:
        return any(since <= from_ms and until_ms <= until for since, until in self._spans)

    def read(
        self, files: Sequence[Path], trunk: str, sheet: Sheet, advance: Callable[[int], None] = lambda _bytes: None
    ) -> None:
        """Raises Mistakes where a file cannot be read, or is no such record."""
        for file in files:
            answers = Answers(trunk)
            try:
                with _opened(file) as log:
                    for moments in batches(answers.moments(_counted(log, advance))):
                        sheet.add_seen(moments)
            except (OSError, EOFError, zlib.error) as error:
                what = getattr(error, "strerror", None) or "it is damaged"
                raise Mistakes([Mistake(str(file), f"cannot be read: {what}")]) from error
            if answers.since_ms is not None:
                self._spans.append((answers.since_ms, answers.until_ms or answers.since_ms))
        if files and not self._spans:
            raise Mistakes([Mistake(str(files[0]), "is no record of Asterisk's (cel.csv): no line of it has a time")])
        sheet.index_seen()


def files_of(paths: Sequence[Path]) -> list[Path]:
    """With those that were rotated away: cel.csv.1, cel.csv.2.gz, cel.csv-20261101."""
    found = dict.fromkeys(paths)
    for path in paths:
        found |= dict.fromkeys(
            one for one in sorted(path.parent.glob(f"{path.name}[.-]*")) if one.is_file() and one.name != path.name
        )
    return list(found)


def _opened(file: Path) -> IO[bytes]:
    log = file.open("rb")
    is_packed = log.read(2) == b"\x1f\x8b"
    log.seek(0)
    return cast("IO[bytes]", gzip.open(log)) if is_packed else log


def _counted(log: IO[bytes], advance: Callable[[int], None]) -> Iterator[bytes]:
    passed = 0
    for line in log:
        passed += len(line)
        if passed > 1_000_000:
            advance(passed)
            passed = 0
        yield line
    advance(passed)
