"""Where espeak-ng is: on PATH, or in the unpacked prefix. Fetches nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from ari_app.stack.fetch import unpacked
from ari_app.stack.tools import Command, espeak_of


def find_espeak(cache_dir: Path | None = None) -> Command | None:
    """How it is called; None where it is not there."""
    own = shutil.which("espeak-ng")
    if own is not None:
        return (own,)
    prefix = unpacked(cache_dir)
    return None if prefix is None else espeak_of(prefix)
