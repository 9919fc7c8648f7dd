"""Allowances: which plan and which step of it a user has, by the teams that he is in."""

from itertools import permutations

import pytest

from ari_app.domain.plans import Entitlement, Plan, Plans, Team, month_of
from ari_app.plans_file import shipped
from ari_app.ports.ledger import MonthGrant

MINUTES = 60


def table(**changed: Plan | int) -> Plans:
    usual: dict[str, Plan | int] = {
        "personal": Plan("personal", ((0, 60),)),
        "team": Plan("team", ((6, 90), (10, 150))),
        "certified": Plan("certified", ((6, 400),)),
    }
    return Plans("test", **(usual | changed))  # type: ignore[arg-type]


def test_every_user_has_an_hour_a_month() -> None:
    assert shipped().best() == Entitlement(shipped().personal, 60 * MINUTES)
    assert shipped().best().why == "personal"


@pytest.mark.parametrize(
    ("members", "certified", "plan", "step", "minutes"),
    [
        (0, False, "personal", 0, 60), (1, False, "personal", 0, 60), (5, False, "personal", 0, 60),
        (6, False, "team", 6, 90), (9, False, "team", 6, 90), (10, False, "team", 10, 150),
        (19, False, "team", 10, 150), (20, False, "team", 20, 200), (49, False, "team", 20, 200),
        (50, False, "team", 50, 300), (99, False, "team", 50, 300), (100, False, "team", 100, 400),
        (10_000, False, "team", 100, 400),
        (5, True, "personal", 0, 60), (6, True, "certified", 6, 400), (10, True, "certified", 6, 400),
        (19, True, "certified", 6, 400), (20, True, "certified", 20, 500), (49, True, "certified", 20, 500),
        (50, True, "certified", 50, 700), (99, True, "certified", 50, 700), (100, True, "certified", 100, 1000),
        (10_000, True, "certified", 100, 1000),
    ],
)  # fmt: skip
def test_a_member_has_the_best_allowance_that_applies(
    members: int, certified: bool, plan: str, step: int, minutes: int
) -> None:
    given = shipped().best([Team(members, certified, "acme")])

    assert (given.plan.name, given.allowance_s, given.step) == (plan, minutes * MINUTES, step)
    assert (given.team, given.members) == (("", 0) if plan == "personal" else ("acme", members))


@pytest.mark.parametrize(("members", "minutes", "step"), [(0, 0, 0), (5, 0, 0), (6, 90, 6), (9, 90, 6), (10, 150, 10)])
def test_a_plan_knows_its_own_steps(members: int, minutes: int, step: int) -> None:
    plan = table().team

    assert (plan.allowance_s(members), plan.step(members)) == (minutes * MINUTES, step)


def test_of_several_teams_the_best_counts_and_never_the_sum() -> None:
    teams = [Team(5, True, "small"), Team(99, False, "large"), Team(6, True, "sealed"), Team(100, False, "club")]

    for order in permutations(teams):
        given = shipped().best(order)
        assert (given.plan.name, given.team, given.allowance_s) == ("certified", "sealed", 400 * MINUTES)


def test_at_equal_allowance_the_plan_and_then_the_team_s_id_decides() -> None:
    teams = [Team(100, False, "b"), Team(100, False, "a"), Team(6, True, "d"), Team(6, True, "c")]
    answers = {shipped().best(order).why for order in permutations(teams)}
    assert answers == {"certified c, 6 members (step 6)"}

    assert {shipped().best(order).team for order in permutations(teams[:2])} == {"a"}
    level = table(personal=Plan("personal", ((0, 90),)))
    assert level.best([Team(6, id="a")]).plan.name == "team"


def test_a_certified_team_has_its_team_plan_where_that_is_better() -> None:
    plans = table(team=Plan("team", ((6, 500),)))

    assert plans.best([Team(6, True, "a")]).plan.name == "team"


def test_where_the_personal_plan_is_the_best_it_stays() -> None:
    generous = table(personal=Plan("personal", ((0, 500),)))

    assert generous.best([Team(6, True, "a")]) == Entitlement(generous.personal, 500 * MINUTES)


def test_the_operator_says_from_how_many_members_on_a_team_counts() -> None:
    plans = table(team_min=10)

    assert plans.best([Team(9, True)]).plan.name == "personal"
    assert plans.best([Team(10, True)]).plan.name == "certified"


def test_a_team_below_the_first_step_has_the_personal_plan() -> None:
    plans = table(team=Plan("team", ((20, 200),)))

    assert plans.best([Team(19)]).plan.name == "personal"


@pytest.mark.parametrize(
    ("team", "why"),
    [
        (Team(5, id="acme"), "personal"),
        (Team(12, id="acme"), "team acme, 12 members (step 10)"),
        (Team(120, True, "acme"), "certified acme, 120 members (step 100)"),
        (Team(12), "team, 12 members (step 10)"),
        (Team(12, id="a|b\n\x00c"), "team a_b__c, 12 members (step 10)"),
    ],
)
def test_why_is_a_phrase_for_a_line(team: Team, why: str) -> None:
    assert shipped().best([team]).why == why


def test_whatever_a_team_is_called_the_phrase_stays_short() -> None:
    assert len(shipped().best([Team(12, id="x" * 10_000)]).why) < 120


def test_a_month_becomes_what_an_account_is_lifted_to() -> None:
    month = month_of(1_795_422_792_000, "Asia/Shanghai")

    granted = month.grant(shipped().best().allowance_s)
    assert (granted.key, granted.allowance_s) == ("2026-11", 3600)
    assert isinstance(granted, MonthGrant)
