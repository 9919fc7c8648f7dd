"""Teams: what dies between two writes, comes late or comes all at once leaves them true; over every store."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.adapters import memory_teams
from ari_app.adapters.redis import teams as redis_teams
from ari_app.engine.membership import NotSeated
from ari_app.ports.teams import TeamInfo
from ari_app.ports.users import NumberTaken, Stale, User
from tests.contract.office import Office

N1 = "+8613900000001"
MIN = 60


async def test_a_seat_that_was_left_behind_is_put_right_when_its_user_is_touched(office: Office) -> None:
    names = await office.crew("t", 6)
    await office.users.put(User("t0"))  # his number is gone, and the process died before it told the team
    assert await office.size("t") == 6
    await office.minutes_s("t0")
    assert await office.size("t") == 5

    await office.users.put(User("t0", (await office.users.get(names[1])).numbers[:0]))  # type: ignore[union-attr]
    assert await office.minutes_s(names[1]) == 60 * MIN


async def test_a_seat_without_a_record_and_a_record_without_a_seat_make_no_member(office: Office) -> None:
    await office.crew("t", 6)
    await office.put("a", N1)
    await office.users.join("a", "t")  # died before the seat
    assert await office.minutes_s("a") == 60 * MIN
    assert (await office.team("t")).members == 6
    await office.teams.unseat("t", "t0")  # died before the record
    assert await office.minutes_s("t0") == 60 * MIN


async def test_an_older_word_does_not_undo_a_newer_one(office: Office) -> None:
    await office.put("a", N1)
    await office.team("t", "a")
    await office.put("a")
    user = await office.users.get("a")
    assert user is not None

    assert not await office.teams.reseat("t", "a", N1, user.rev - 1)
    assert await office.size("t") == 0
    assert not await office.teams.unseat("t", "a", user.rev - 1)
    assert await office.teams.reseat("t", "b", N1, 99), "who has no seat gets none"
    assert await office.team("t") == TeamInfo("t", "t", False, 1, 0)


async def test_a_seat_whose_record_never_came_does_not_count(office: Office) -> None:
    await office.crew("t", 5)
    await office.put("a", N1)
    user = await office.users.join("a", "t")
    await office.membership.leave("t", "a")
    assert user is not None
    await office.teams.seat("t", "a", user.rev)  # of a join that was overtaken, and died here

    assert await office.size("t") == 5
    assert await office.minutes_s("t0") == 60 * MIN
    await office.membership.join("t", "a")
    assert await office.size("t") == 6


async def test_a_look_between_two_writes_of_a_change_gives_no_number_back(office: Office) -> None:
    """The process that drops a number dies after the second write; somebody looked after the first."""
    await office.crew("t", 6)
    before = await office.users.get("t0")
    assert before is not None
    await office.teams.reseat("t", "t0", "", before.rev + 1)
    await office.minutes_s("t0")  # the look gives it back: the record says that it counts
    assert await office.size("t") == 6

    assert await office.users.put(User("t0"), expect_rev=before.rev) == Stale(), "so the drop must begin anew"
    await office.put("t0")
    assert await office.size("t") == 5


async def test_a_change_that_died_after_its_first_write_is_put_right_by_a_look(office: Office) -> None:
    await office.crew("t", 6)
    before = await office.users.get("t0")
    assert before is not None
    await office.teams.reseat("t", "t0", "", before.rev + 1)
    assert await office.size("t") == 5

    assert await office.minutes_s("t0") == 90 * MIN
    assert await office.size("t") == 6


async def test_a_refused_change_leaves_the_seat_as_it_was(office: Office) -> None:
    await office.crew("t", 6)
    await office.put("other", N1)

    assert isinstance(await office.put("t0", N1), NumberTaken)
    assert await office.size("t") == 6


async def test_a_seat_that_was_given_anew_is_not_taken_by_an_older_departure(office: Office) -> None:
    await office.crew("t", 6)
    left = await office.users.leave("t0", "t")  # a departure that is slow from here on
    assert left is not None
    await office.membership.join("t", "t0")

    assert not await office.teams.unseat("t", "t0", left.rev)
    assert await office.size("t") == 6
    assert await office.minutes_s("t0") == 90 * MIN


async def test_many_who_come_go_and_change_at_once_leave_a_true_team(office: Office) -> None:
    await office.crew("t", 8)

    async def restless(name: str, n: int) -> None:
        number = f"+86137{n:08d}"
        for _ in range(5):
            await asyncio.gather(
                office.membership.leave("t", name), office.put(name), office.membership.join("t", name),
                office.put(name, number),
            )  # fmt: skip

    await asyncio.gather(*(restless(f"t{n}", n) for n in range(8)))
    count = 0
    for n in range(8):
        user = await office.users.get(f"t{n}")
        assert user is not None
        seat = (await office.teams.look(["t"], user.id))[0]
        assert (seat.number is not None) == ("t" in user.teams), user
        count += bool(seat.number) and bool(user.numbers)
    assert await office.size("t") == count


async def test_a_team_that_is_full_takes_nobody_and_leaves_no_trace(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_teams, "MEMBERS_MAX", 2)
    monkeypatch.setattr(memory_teams, "MEMBERS_MAX", 2)
    await office.crew("t", 2)
    await office.put("a", N1)

    assert await office.membership.join("t", "a") == NotSeated("team-full")
    user = await office.users.get("a")
    assert user is not None
    assert (user.teams, await office.size("t")) == ((), 2)
    assert isinstance(await office.membership.join("t", "t0"), User), "who sits there already stays"
