"""Files that are there whole or not at all, after a kill or a power cut, too. Knows no content."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(to: Path) -> Iterator[BinaryIO]:
    """What is written lies beside `to`, for its owner alone (0600), and takes its place at the end; where anything is
    raised, nothing has changed. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(to)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(to.parent)


def sync_folder(folder: Path) -> None:
    """What was renamed in it stays so. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
