"""Teams: who counts, what a member gets, and that nobody harvests; over every store."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.adapters.redis.link import Link
from ari_app.engine.membership import NotSeated
from ari_app.ports.teams import TEAMS_MAX, TeamInfo
from ari_app.ports.users import NumberTaken, User
from tests.contract.desk import DECEMBER_MS
from tests.contract.office import Office

N1, N2, N3 = "+8613900000001", "+8613900000002", "+8613900000003"
MIN = 60


# ---- who counts -----------------------------------------------------------------------------------------------------


async def test_only_members_with_a_proved_number_count_each_number_once(office: Office) -> None:
    await office.put("a", N1)
    await office.put("b", N2, proved=False)
    await office.put("c")

    info = await office.team("t", "a", "b", "c")
    assert info == TeamInfo("t", "t", False, members=3, size=1)
    await office.membership.verify("b", N2, "code", 1)
    assert await office.size("t") == 2
    await office.put("c", N3)
    assert await office.size("t") == 3
    await office.put("c")
    assert await office.size("t") == 2


async def test_a_number_that_moves_within_the_team_counts_once(office: Office) -> None:
    await office.put("a", N1)
    await office.put("b", N2)
    await office.team("t", "a", "b")
    assert isinstance(await office.put("b", N1), NumberTaken)
    await office.put("a")
    await office.put("b", N1)

    assert await office.size("t") == 1
    await office.put("a", N2)
    assert await office.size("t") == 2


async def test_a_member_joins_and_leaves_as_often_as_he_is_asked_to(office: Office) -> None:
    await office.put("a", N1)
    await office.team("t", "a")
    await office.membership.join("t", "a")
    assert (await office.team("t")).members == 1

    assert await office.membership.leave("t", "a")
    assert not await office.membership.leave("t", "a")
    assert await office.team("t") == TeamInfo("t", "t", False, 0, 0)
    user = await office.users.get("a")
    assert user is not None
    assert user.teams == ()


async def test_who_is_unknown_is_not_seated(office: Office) -> None:
    await office.put("a", N1)
    await office.team("t")

    assert await office.membership.join("t", "t") == NotSeated("unknown-user"), "a team is no user"
    assert await office.membership.join("nowhere", "a") == NotSeated("unknown-team")
    assert await office.membership.join("nowhere", "nobody") == NotSeated("unknown-team")
    assert not await office.membership.leave("nowhere", "a")
    assert (await office.team("t")).members == 0


async def test_a_user_is_in_so_many_teams_and_no_more(office: Office) -> None:
    await office.put("a", N1)
    for n in range(TEAMS_MAX):
        await office.team(f"t{n}", "a")
    await office.team("more")

    assert await office.membership.join("more", "a") == NotSeated("too-many-teams")
    await office.teams.unseat("t3", "a")  # a departure that died half-way
    assert isinstance(await office.membership.join("more", "a"), User)
    user = await office.users.get("a")
    assert user is not None
    assert "t3" not in user.teams


async def test_a_team_changes_its_name_and_keeps_its_members(office: Office) -> None:
    await office.crew("t", 3)

    info = await office.teams.put("t", name="Acme", is_certified=True)
    assert info == TeamInfo("t", "Acme", True, 3, 3)
    assert await office.teams.get("none") is None


async def test_everybody_seated_is_listed(office: Office) -> None:
    names = await office.crew("t", 40)
    await office.put("late")
    await office.membership.join("t", "late")

    found, cursor = {}, None
    while True:
        page = await office.teams.seats("t", cursor=cursor, limit=10)
        found.update(page.seats)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(found) == sorted([*names, "late"])
    assert found["late"] == ""
    assert (await office.teams.seats("none")).seats == ()


# ---- what a member gets ---------------------------------------------------------------------------------------------


async def test_the_sixth_member_lifts_the_month_of_everybody_when_they_are_touched(office: Office) -> None:
    names = await office.crew("t", 5)
    assert [await office.minutes_s(name) for name in names] == [60 * MIN] * 5
    await office.spend("t0", 40 * MIN, "c1")
    await office.put("six", N1)
    await office.membership.join("t", "six")

    assert [await office.minutes_s(name) for name in [*names, "six"]] == [50 * MIN, *[90 * MIN] * 5]
    assert (await office.entitlement("six")).why == "team t, 6 members (step 6)"


async def test_certifying_a_team_and_growing_over_a_step_lift_the_month(office: Office) -> None:
    names = await office.crew("t", 6)
    assert await office.minutes_s("t0") == 90 * MIN
    await office.team("t", certified=True)
    assert await office.minutes_s("t0") == 400 * MIN
    for n in range(14):
        await office.put(f"more{n}", f"+86138{n:08d}")
        await office.membership.join("t", f"more{n}")
    assert [await office.minutes_s(name) for name in (*names, "more0")] == [500 * MIN] * 7


async def test_a_downgrade_takes_nothing_this_month_and_counts_the_next(office: Office) -> None:
    await office.crew("t", 6, certified=True)
    assert await office.minutes_s("t0") == 400 * MIN
    await office.team("t", certified=False)
    await office.membership.leave("t", "t5")

    assert await office.minutes_s("t0") == 400 * MIN
    assert await office.minutes_s("t1") == 60 * MIN, "not touched before: as it is now"
    office.at_ms = DECEMBER_MS
    assert await office.minutes_s("t0") == 60 * MIN


async def test_ten_thousand_are_certified_by_one_write(link: Link) -> None:
    office = Office.in_redis(link)
    await office.team("t")
    for start in range(0, 10_000, 500):
        some = range(start, start + 500)
        await asyncio.gather(*(office.teams.seat("t", f"u{n}", 1) for n in some))
        await asyncio.gather(*(office.teams.reseat("t", f"u{n}", f"+86{n:010d}", 1) for n in some))
    await link.command("CONFIG", "RESETSTAT")

    info = await office.teams.put("t", name="t", is_certified=True)
    assert (info.members, info.size, info.is_certified) == (10_000, 10_000, True)
    stats = (await link.command("INFO", "commandstats")).decode().splitlines()
    asked = {line.partition(":")[0].removeprefix("cmdstat_"): line for line in stats if line.startswith("cmdstat_")}
    calls = {name: int(line.partition("calls=")[2].partition(",")[0]) for name, line in asked.items()}
    assert {name: n for name, n in calls.items() if name in ("set", "get", "hlen", "hget")} == {
        "set": 1, "get": 1, "hlen": 2, "hget": 1,
    }  # fmt: skip
    assert calls.keys() & {"hgetall", "hscan", "evalsha", "hset"} == set()


async def test_a_member_of_two_teams_has_the_better_allowance_and_not_the_sum(office: Office) -> None:
    names = await office.crew("small", 5)
    await office.crew("big", 9)
    for team in ("small", "big"):
        await office.put("both", N1)
        await office.membership.join(team, "both")

    assert await office.minutes_s("both") == 150 * MIN
    assert await office.minutes_s(names[0]) == 90 * MIN
    assert (await office.entitlement("both")).team == "big"


# ---- no harvest -----------------------------------------------------------------------------------------------------


async def test_moving_between_teams_grants_what_is_missing_and_no_more(office: Office) -> None:
    await office.crew("one", 6, certified=True)
    await office.crew("two", 6, certified=True)
    assert await office.minutes_s("one0") == 400 * MIN
    await office.spend("one0", 400 * MIN, "c1")
    await office.membership.leave("one", "one0")
    await office.membership.join("two", "one0")

    assert await office.minutes_s("one0") == 0


async def test_leaving_and_coming_back_grants_nothing(office: Office) -> None:
    await office.crew("t", 7)
    await office.minutes_s("t0")
    await office.spend("t0", 90 * MIN, "c1")
    for _ in range(3):
        await office.membership.leave("t", "t0")
        assert await office.minutes_s("t0") == 0
        await office.membership.join("t", "t0")
        assert await office.again().minutes_s("t0") == 0


async def test_a_number_that_moves_takes_no_allowance_along(office: Office) -> None:
    await office.put("a", N1)
    assert await office.minutes_s("a") == 60 * MIN
    await office.put("a")
    await office.put("b", N1)

    assert await office.minutes_s("b") == 0
    assert await office.again().minutes_s("b") == 0
    office.at_ms = DECEMBER_MS
    assert await office.minutes_s("b") == 60 * MIN
    assert await office.minutes_s("a") == 60 * MIN, "without a number he cannot call, but it is his"


@pytest.mark.parametrize("looks_before", [False, True])
async def test_users_without_a_number_do_not_lend_one_another_theirs(office: Office, looks_before: bool) -> None:
    for name in ("a", "b", "c"):
        await office.put(name)
        if looks_before:
            assert await office.minutes_s(name) == 60 * MIN
    got_s = 0
    for name in ("a", "b", "c"):
        await office.put(name, N1)
        got_s += await office.minutes_s(name)
        await office.put(name)

    assert got_s == 60 * MIN


async def test_a_number_moved_into_a_team_gets_only_what_the_team_gives_more(office: Office) -> None:
    await office.crew("t", 5)
    await office.put("a", N1)
    assert await office.minutes_s("a") == 60 * MIN
    await office.put("a")
    await office.put("b", N1)
    await office.membership.join("t", "b")

    assert await office.minutes_s("b") == 30 * MIN
    await office.put("b")
    await office.put("a", N1)
    assert await office.minutes_s("a") == 60 * MIN, "what he had, and not what b had"
    await office.team("t", "a", certified=True)
    assert await office.minutes_s("a") == (400 - 30) * MIN


async def test_who_has_a_number_of_his_own_loses_nothing_by_another_one(office: Office) -> None:
    await office.put("a", N1)
    await office.put("b", N2)
    assert await office.minutes_s("a") == 60 * MIN
    await office.put("a")
    await office.put("b", N1, N2)

    assert await office.minutes_s("b") == 60 * MIN
    assert await office.again().minutes_s("b") == 60 * MIN


async def test_a_look_from_before_the_number_was_proved_grants_a_call_nothing(office: Office) -> None:
    await office.put("b", N1)
    await office.minutes_s("b")
    await office.put("b")
    await office.put("a")
    unproved = await office.users.get("a")
    assert unproved is not None
    await office.put("a", N1)
    proved = await office.users.get("a")
    assert proved is not None

    assert (await office.entitlements.of(proved, office.at_ms)).month.counted_s == 60 * MIN
    await office.entitlements.of(unproved, office.at_ms)  # began before, and comes to its end only now
    assert (await office.entitlements.month("a", office.at_ms)).counted_s == 60 * MIN
    other = office.again()
    await other.entitlements.of(unproved, office.at_ms)
    assert (await other.entitlements.month("a", office.at_ms)).counted_s == 60 * MIN


@pytest.mark.parametrize("his_numbers", [(N1, N2), (N2, N1)])
async def test_minutes_are_granted_through_one_number_and_leave_the_others_alone(
    office: Office, his_numbers: tuple[str, str]
) -> None:
    await office.put("x", N1)
    assert await office.minutes_s("x") == 60 * MIN
    await office.put("x")
    await office.crew("t", 5, certified=True)
    await office.put("a", *his_numbers)
    await office.membership.join("t", "a")
    assert await office.minutes_s("a") == 400 * MIN

    await office.put("a", N2)
    await office.put("x", N1)
    await office.membership.join("t", "x")
    assert await office.minutes_s("x") == 400 * MIN


async def test_two_who_want_one_numbers_minutes_at_once_get_them_once(office: Office) -> None:
    await office.put("a", N1)
    stale = await office.users.get("a")
    assert stale is not None
    await office.put("a")
    await office.put("b", N1)
    fresh = await office.users.get("b")
    assert fresh is not None

    one, other = office, office.again()
    entitled = await asyncio.gather(one.entitlements.of(stale, one.at_ms), other.entitlements.of(fresh, one.at_ms))
    granted_s = [max(0, e.month.allowance_s - (e.month.counted_s or 0)) for e in entitled]
    assert sorted(granted_s) == [0, 60 * MIN]


async def test_a_call_that_goes_on_uses_what_was_looked_up_and_looks_again_when_it_comes_short(office: Office) -> None:
    names = await office.crew("t", 5)
    user = await office.users.get(names[0])
    assert user is not None
    await office.entitlements.of(user, office.at_ms)
    await office.put("six", N1)
    await office.membership.join("t", "six")

    assert (await office.entitlements.month("t0", office.at_ms)).allowance_s == 60 * MIN
    office.entitlements.came_short("t0")
    assert (await office.entitlements.month("t0", office.at_ms)).allowance_s == 90 * MIN
    assert (await office.entitlements.month("t0", DECEMBER_MS)).key == "2026-12"
    assert (await office.entitlements.month("nobody", office.at_ms)).counted_s is None
