"""Asterisk's time stamps ("2026-11-23T08:45:23.707+0000") as integer ms since the epoch. Knows nothing else."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache


@lru_cache(maxsize=64)
def _second_ms(second: str, zone: str) -> int:
    return int(datetime.fromisoformat(second + zone).timestamp()) * 1000


def epoch_ms(stamp: str) -> int:
    """0 for an empty or unreadable stamp: a bad clock string must not take the reader down.

    Stamps come in bursts within one second, so the calendar arithmetic is done once a second and cached.
    """
    try:
        return _second_ms(stamp[:19], stamp[23:]) + int(stamp[20:23])
    except ValueError:
        return 0
