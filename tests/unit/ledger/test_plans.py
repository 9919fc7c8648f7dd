"""Allowances, and the turn of the month."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ari_app.domain.plans import SHIPPED, Plan, Team, allowance_s, best, month_of
from ari_app.ports.ledger import MonthGrant

MINUTES = 60


def ms(text: str, zone: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_every_user_has_an_hour_a_month() -> None:
    assert allowance_s() == 60 * MINUTES
    assert best() == ("personal", 3600)


@pytest.mark.parametrize(
    ("members", "certified", "plan", "minutes"),
    [
        (1, False, "personal", 60), (5, False, "personal", 60), (5, True, "personal", 60), (6, False, "team", 90),
        (9, False, "team", 90), (10, False, "team", 150), (20, False, "team", 200), (50, False, "team", 300),
        (100, False, "team", 400), (10_000, False, "team", 400), (6, True, "certified", 400),
        (20, True, "certified", 500), (50, True, "certified", 700), (100, True, "certified", 1000),
    ],
)  # fmt: skip
def test_a_member_has_the_best_allowance_that_applies(members: int, certified: bool, plan: str, minutes: int) -> None:
    assert best(Team(members, certified)) == (plan, minutes * MINUTES)


def test_an_operator_s_own_table_counts() -> None:
    generous = {**SHIPPED, "personal": Plan("personal", ((0, 500),))}

    assert best(Team(6), generous) == ("personal", 500 * MINUTES)


def test_the_month_is_the_operator_s() -> None:
    last_ms = ms("2026-11-30T23:59:59", "Asia/Shanghai")
    month = month_of(last_ms, "Asia/Shanghai")

    assert month.key == "2026-11"
    assert month.starts_at_ms == ms("2026-11-01T00:00:00", "Asia/Shanghai")
    assert month.ends_at_ms == last_ms + 1000 == ms("2026-12-01T00:00:00", "Asia/Shanghai")
    assert month_of(last_ms + 1000, "Asia/Shanghai").key == "2026-12"
    assert month_of(last_ms + 1000, "Europe/London").key == "2026-11"


def test_december_is_followed_by_january() -> None:
    month = month_of(ms("2026-12-31T12:00:00", "UTC"), "UTC")

    assert month.ends_at_ms == ms("2027-01-01T00:00:00", "UTC")
    assert month_of(month.ends_at_ms, "UTC").key == "2027-01"


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/London", "America/New_York", "Pacific/Apia", "Asia/Beirut"])
def test_months_follow_each_other_without_a_gap(zone: str) -> None:
    month = month_of(ms("2020-01-15T00:00:00", zone), zone)
    for _ in range(120):
        following = month_of(month.ends_at_ms, zone)
        assert (following.starts_at_ms, following.key > month.key) == (month.ends_at_ms, True)
        assert month_of(month.ends_at_ms - 1, zone) == month
        month = following


def test_a_month_becomes_what_an_account_is_lifted_to() -> None:
    month = month_of(ms("2026-11-23T12:00:00", "Asia/Shanghai"), "Asia/Shanghai")

    assert month.grant(allowance_s()) == MonthGrant("2026-11", 3600, month.ends_at_ms)
