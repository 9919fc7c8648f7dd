"""The turn of the month, in the operator's time zone, wherever that is and whatever its clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.domain.plans import Month, month_of

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

ZONES = (
    "Asia/Shanghai", "Asia/Kathmandu", "Asia/Beirut", "Asia/Amman", "Africa/Cairo", "Africa/Casablanca",
    "America/New_York", "America/Havana", "America/St_Johns", "America/Sao_Paulo", "America/Asuncion",
    "Australia/Lord_Howe", "Europe/London", "Pacific/Apia", "Pacific/Kiritimati", "UTC",
)  # fmt: skip


def ms(text: str, zone: str, fold: int = 0) -> int:
    """The clocks of the zone show it."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp() * 1000)


def local(at_ms: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)).isoformat()


def days(month: Month) -> tuple[int, int]:
    """Length in days and odd hours; half an hour is lost."""
    return divmod((month.ends_at_ms - month.starts_at_ms) // HOUR_MS, 24)


def test_the_month_is_the_operator_s() -> None:
    last_ms = ms("2026-11-30T23:59:59", "Asia/Shanghai")
    month = month_of(last_ms + 999, "Asia/Shanghai")

    assert month.key == "2026-11"
    assert month.starts_at_ms == ms("2026-11-01T00:00:00", "Asia/Shanghai")
    assert month.ends_at_ms == last_ms + 1000 == ms("2026-12-01T00:00:00", "Asia/Shanghai")
    assert month_of(last_ms + 1000, "Asia/Shanghai").key == "2026-12"
    assert month_of(last_ms + 1000, "Europe/London").key == "2026-11"


def test_december_is_followed_by_january() -> None:
    month = month_of(ms("2026-12-31T12:00:00", "UTC"), "UTC")

    assert month.ends_at_ms == ms("2027-01-01T00:00:00", "UTC")
    assert month_of(month.ends_at_ms, "UTC").key == "2027-01"


@pytest.mark.parametrize(
    ("zone", "key", "starts", "ends", "length"),
    [
        ("America/New_York", "2026-03", "2026-03-01T00:00:00-05:00", "2026-04-01T00:00:00-04:00", (30, 23)),
        ("America/New_York", "2026-11", "2026-11-01T00:00:00-04:00", "2026-12-01T00:00:00-05:00", (30, 1)),
        ("Europe/London", "2026-03", "2026-03-01T00:00:00+00:00", "2026-04-01T00:00:00+01:00", (30, 23)),
        ("Europe/London", "2026-10", "2026-10-01T00:00:00+01:00", "2026-11-01T00:00:00+00:00", (31, 1)),
        ("Australia/Lord_Howe", "2026-04", "2026-04-01T00:00:00+11:00", "2026-05-01T00:00:00+10:30", (30, 0)),
        ("Australia/Lord_Howe", "2026-10", "2026-10-01T00:00:00+10:30", "2026-11-01T00:00:00+11:00", (30, 23)),
        ("Asia/Shanghai", "2026-02", "2026-02-01T00:00:00+08:00", "2026-03-01T00:00:00+08:00", (28, 0)),
        ("Asia/Shanghai", "2028-02", "2028-02-01T00:00:00+08:00", "2028-03-01T00:00:00+08:00", (29, 0)),
        ("Asia/Kathmandu", "2100-02", "2100-02-01T00:00:00+05:45", "2100-03-01T00:00:00+05:45", (28, 0)),
        # Samoa left a day out when it went over the date line: after the 29th came the 31st.
        ("Pacific/Apia", "2011-12", "2011-12-01T00:00:00-10:00", "2012-01-01T00:00:00+14:00", (30, 0)),
        # Midnight comes twice (clocks back from 01:00): the month begins at the first.
        ("America/Havana", "2026-11", "2026-11-01T00:00:00-04:00", "2026-12-01T00:00:00-05:00", (30, 1)),
        # No midnight (clocks on to 01:00): the month begins where they jump.
        ("America/Asuncion", "2017-10", "2017-10-01T01:00:00-03:00", "2017-11-01T00:00:00-03:00", (30, 23)),
        ("Africa/Cairo", "2014-08", "2014-08-01T01:00:00+03:00", "2014-09-01T00:00:00+03:00", (30, 23)),
        ("Asia/Amman", "2016-03", "2016-03-01T00:00:00+02:00", "2016-04-01T01:00:00+03:00", (31, 0)),
    ],
)
def test_a_month_lasts_from_local_midnight_to_local_midnight(
    zone: str, key: str, starts: str, ends: str, length: tuple[int, int]
) -> None:
    month = month_of(ms(f"{key}-15T12:00:00", zone), zone)

    assert month.key == key
    assert (local(month.starts_at_ms, zone), local(month.ends_at_ms, zone)) == (starts, ends)
    assert days(month) == length
    assert month_of(month.starts_at_ms, zone) == month_of(month.ends_at_ms - 1, zone) == month
    assert month_of(month.ends_at_ms, zone).starts_at_ms == month.ends_at_ms
    assert month_of(month.starts_at_ms - 1, zone).ends_at_ms == month.starts_at_ms


def test_clocks_that_go_back_over_midnight_do_not_bring_the_old_month_back() -> None:
    """In St John's of 2009 the clocks showed one minute of November, and then 23:01 of October once more."""
    zone = "America/St_Johns"
    november = month_of(ms("2009-11-15T12:00:00", zone), zone)
    again_ms = ms("2009-10-31T23:30:00", zone, fold=1)

    assert november.starts_at_ms == ms("2009-11-01T00:00:00", zone) == again_ms - 30 * 60_000
    assert local(again_ms, zone) == "2009-10-31T23:30:00-03:30"
    assert month_of(again_ms, zone) == november
    assert month_of(ms("2009-10-31T23:30:00", zone), zone).key == "2009-10"


def test_midnight_that_comes_twice_turns_the_month_once() -> None:
    zone = "America/Havana"
    first_ms, second_ms = (ms("2026-11-01T00:00:00", zone, fold) for fold in (0, 1))

    assert second_ms == first_ms + HOUR_MS
    assert [month_of(at, zone).key for at in (first_ms - 1, first_ms, second_ms - 1, second_ms)] == [
        "2026-10", "2026-11", "2026-11", "2026-11",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ZONES)
def test_months_follow_each_other_without_a_gap(zone: str) -> None:
    month = month_of(ms("2000-01-15T00:00:00", zone), zone)
    for _ in range(12 * 40):
        following = month_of(month.ends_at_ms, zone)
        assert (following.starts_at_ms, following.key > month.key) == (month.ends_at_ms, True)
        assert month_of(month.ends_at_ms - 1, zone) == month
        month = following
    assert month.key == "2040-01"


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31), timezones=st.just(UTC)), zone=st.sampled_from(ZONES)
)
def test_every_instant_is_in_one_month_which_is_the_one_that_the_clocks_show(at: datetime, zone: str) -> None:
    at_ms = int(at.timestamp()) * 1000 + at.microsecond // 1000
    month = month_of(at_ms, zone)

    assert month.starts_at_ms <= at_ms < month.ends_at_ms
    assert 27 * DAY_MS < month.ends_at_ms - month.starts_at_ms < 32 * DAY_MS
    assert month_of(month.starts_at_ms, zone) == month_of(month.ends_at_ms - 1, zone) == month
    assert month_of(month.starts_at_ms - 1, zone).ends_at_ms == month.starts_at_ms
    assert month_of(month.ends_at_ms, zone).starts_at_ms == month.ends_at_ms
    shown = {local(at_ms, zone)[:7], local(at_ms - HOUR_MS, zone)[:7]}  # an hour: clocks that go back over midnight
    assert month.key in shown


@given(at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 12, 31)), zone=st.sampled_from(ZONES))
def test_later_is_never_an_earlier_month(at: datetime, zone: str) -> None:
    at_ms = int(at.replace(tzinfo=UTC).timestamp()) * 1000
    later = at + timedelta(hours=1)
    later_ms = int(later.replace(tzinfo=UTC).timestamp()) * 1000

    assert month_of(at_ms, zone).key <= month_of(later_ms, zone).key


def test_a_zone_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        month_of(0, "Mars/Base")
