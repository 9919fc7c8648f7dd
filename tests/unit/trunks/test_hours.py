"""A trunk's hours, by the operator's clock: whether it takes calls now, and when it will."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.domain.hours import is_open, opens_at_ms
from ari_app.domain.trunks import Trunk, Window
from ari_app.engine.trunk_book import TrunkBook

SHANGHAI = "Asia/Shanghai"
WORKDAYS = frozenset(range(5))
BY_DAY = Window(WORKDAYS, 8 * 60, 20 * 60)
BY_NIGHT = Window(frozenset({4}), 22 * 60, 6 * 60)  # from Friday to Saturday
ALL_DAY = Window(frozenset({6}), 0, 1440)


def at(text: str, zone: str = SHANGHAI) -> int:
    return round(1000 * datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("window", "when", "expected"),
    [
        (BY_DAY, "2026-11-26T08:00:00", True),  # a Thursday
        (BY_DAY, "2026-11-26T07:59:59", False),
        (BY_DAY, "2026-11-26T19:59:59", True),
        (BY_DAY, "2026-11-26T20:00:00", False),
        (BY_DAY, "2026-11-28T12:00:00", False),
        (BY_NIGHT, "2026-11-27T22:00:00", True),
        (BY_NIGHT, "2026-11-28T05:59:00", True),
        (BY_NIGHT, "2026-11-28T06:00:00", False),
        (BY_NIGHT, "2026-11-28T23:00:00", False),
        (BY_NIGHT, "2026-11-27T05:00:00", False),
        (ALL_DAY, "2026-11-29T23:59:59", True),
        (ALL_DAY, "2026-11-30T00:00:00", False),
    ],
)
def test_a_window_is_open_by_the_operator_s_clock(window: Window, when: str, expected: bool) -> None:
    assert is_open((window,), at(when), SHANGHAI) is expected


def test_without_hours_it_takes_calls_always() -> None:
    assert is_open((), 0, SHANGHAI)


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-26T20:00:00", "2026-11-27T08:00:00"),
        ("2026-11-27T20:00:00", "2026-11-27T22:00:00"),
        ("2026-11-28T06:00:00", "2026-11-30T08:00:00"),
    ],
)
def test_it_opens_at_the_next_beginning_of_a_window(now: str, opens: str) -> None:
    assert opens_at_ms((BY_DAY, BY_NIGHT), at(now), SHANGHAI) == at(opens)


def test_it_opens_on_the_wall_s_clock_whatever_the_summer_time_does() -> None:
    window = Window(frozenset({6}), 8 * 60, 9 * 60)
    now = at("2026-03-28T20:00:00", "Europe/Berlin")
    assert opens_at_ms((window,), now, "Europe/Berlin") == at("2026-03-29T08:00:00", "Europe/Berlin")


def test_a_closed_trunk_is_not_tried_and_the_book_knows_when_it_can_be() -> None:
    day, always = Trunk("day", "a", hours=(BY_DAY,), priority=1), Trunk("always", "b", prefixes=("+86",))
    book = TrunkBook((day, always), timezone=SHANGHAI)
    noon, night = at("2026-11-26T12:00:00"), at("2026-11-26T21:00:00")

    assert [trunk.name for trunk in book.order("+8613900000001", "k", noon)] == ["always", "day"]
    assert [trunk.name for trunk in book.order("+8613900000001", "k", night)] == ["always"]
    assert book.order("+4930123456", "k", night) == []
    assert book.opens_at_ms("+4930123456", night) == at("2026-11-27T08:00:00")
    assert TrunkBook((always,)).opens_at_ms("+4930123456", night) is None
