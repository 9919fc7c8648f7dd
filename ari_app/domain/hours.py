"""Whether a trunk takes calls at this time of the week, by the operator's clock, and when it will again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ari_app.domain.trunks import Window


def is_open(hours: Sequence[Window], at_ms: int, timezone: str) -> bool:
    """No window: always."""
    if not hours:
        return True
    local = _local(at_ms, timezone)
    return any(_holds(window, local.weekday(), 60 * local.hour + local.minute) for window in hours)


def opens_at_ms(hours: Sequence[Window], at_ms: int, timezone: str) -> int:
    """The next beginning of a window, of one that is not open now."""
    midnight = _local(at_ms, timezone).replace(hour=0, minute=0, second=0, microsecond=0)
    begins_ms = []
    for later in range(8):
        day = midnight + timedelta(days=later)  # of the clock on the wall, whatever the zone does in between
        for window in hours:
            if day.weekday() in window.days:
                begins = day + timedelta(minutes=window.from_min)
                begins_ms.append(round(1000 * begins.timestamp()))
    return min((begin_ms for begin_ms in begins_ms if begin_ms > at_ms), default=at_ms)


def _holds(window: Window, weekday: int, minute: int) -> bool:
    if window.from_min < window.until_min:
        return weekday in window.days and window.from_min <= minute < window.until_min
    began_today = weekday in window.days and minute >= window.from_min
    return began_today or ((weekday - 1) % 7 in window.days and minute < window.until_min)


def _local(at_ms: int, timezone: str) -> datetime:
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(timezone))
