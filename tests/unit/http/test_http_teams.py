"""Teams and their members over the API, and what it does to the members' minutes."""

from typing import Any

import pytest

from ari_app.ports import teams
from tests.unit.http.http_bench import Bench


async def minutes(api: Bench, user: str) -> tuple[str, int]:
    balance = (await api.ask("GET", f"/v1/users/{user}/balance")).json
    return balance["plan"], balance["available_s"] // 60


async def test_a_team_is_put_and_looked_at(api: Bench) -> None:
    answer = await api.ask("PUT", "/v1/teams/acme", {"name": "Acme & Söhne"})
    assert answer.status == 200
    assert answer.json == {
        "id": "acme", "name": "Acme & Söhne", "certified": False, "members": 0, "size": 0, "plan": "personal",
        "allowance_s": 3600,
    }  # fmt: skip
    assert (await api.ask("GET", "/v1/teams/acme")).json == answer.json


async def test_the_sixth_member_lifts_everybodys_month_and_a_certificate_once_more(api: Bench) -> None:
    await api.team(members=5)
    assert await minutes(api, "acme1") == ("personal", 60)
    await api.put("li", "+8613912345601")
    await api.join("li")
    assert await minutes(api, "acme1") == await minutes(api, "li") == ("team", 90)
    team = (await api.ask("PUT", "/v1/teams/acme", {"name": "Acme", "certified": True})).json
    assert (team["members"], team["size"], team["plan"], team["allowance_s"]) == (6, 6, "certified", 400 * 60)
    assert await minutes(api, "acme1") == ("certified", 400)


async def test_a_team_that_is_put_without_a_word_about_it_is_not_certified_any_more(api: Bench) -> None:
    await api.team(members=6, certified=True)
    assert await minutes(api, "acme1") == ("certified", 400)
    assert (await api.ask("PUT", "/v1/teams/acme", {"name": "Acme"})).json["certified"] is False
    assert await minutes(api, "acme1") == ("team", 400), "what was granted stays, until the month turns"


async def test_a_member_without_a_proved_number_is_a_member_but_does_not_count(api: Bench) -> None:
    await api.team(members=5)
    await api.ask("PUT", "/v1/users/li", {"numbers": ["+8613912345601"]}, key="dialler")
    await api.join("li")
    team = (await api.ask("GET", "/v1/teams/acme")).json
    assert (team["members"], team["size"], team["plan"]) == (6, 5, "personal")
    told = (await api.ask("GET", "/v1/teams/acme/members")).json
    assert {"user": "li", "number_counts": False} in told["members"]
    assert sum(one["number_counts"] for one in told["members"]) == 5


async def test_a_member_is_put_and_taken_out_and_both_once(api: Bench) -> None:
    await api.team()
    await api.put("li", "+8613912345601")
    for _ in range(2):
        answer = await api.ask("PUT", "/v1/teams/acme/members/li")
        assert (answer.status, answer.json["members"]) == (200, 1)
    answer = await api.ask("DELETE", "/v1/teams/acme/members/li")
    assert (answer.status, answer.json["members"]) == (200, 0)
    answer = await api.ask("DELETE", "/v1/teams/acme/members/li")
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (404, "unknown-member", "user")


@pytest.mark.parametrize(
    ("method", "path", "body", "type"),
    [
        ("GET", "/v1/teams/nobody", None, "unknown-team"),
        ("GET", "/v1/teams/a%20b", None, "unknown-team"),
        ("GET", "/v1/teams/nobody/members", None, "unknown-team"),
        ("PUT", "/v1/teams/nobody/members/acme1", None, "unknown-team"),
        ("DELETE", "/v1/teams/nobody/members/acme1", None, "unknown-team"),
        ("PUT", "/v1/teams/acme/members/nobody", None, "unknown-user"),
        ("PUT", "/v1/teams/acme/members/a%20b", None, "unknown-user"),
        ("DELETE", "/v1/teams/acme/members/nobody", None, "unknown-member"),
        ("DELETE", "/v1/teams/acme/members/%7Bx%7D", None, "unknown-member"),
        ("PUT", "/v1/teams/a%20b", {"name": "x"}, "malformed-request"),
        ("PUT", "/v1/teams/%7Bx%7D", {"name": "x"}, "malformed-request"),
        ("PUT", f"/v1/teams/{'x' * 65}", {"name": "x"}, "malformed-request"),
    ],
)
async def test_what_is_not_there_or_cannot_be_is_told_by_its_type(
    api: Bench, method: str, path: str, body: Any, type: str
) -> None:
    await api.team(members=1)
    answer = await api.ask(method, path, body)
    assert (answer.status, answer.problem["type"]) == (422 if type == "malformed-request" else 404, type)
    assert (await api.ask("GET", "/v1/teams/acme")).json["members"] == 1


async def test_nobody_is_in_more_teams_than_the_limit(api: Bench) -> None:
    await api.put("li", "+8613912345601")
    for n in range(teams.TEAMS_MAX):
        await api.team(f"t{n}")
        await api.join("li", f"t{n}")
    await api.team("onemore")
    answer = await api.ask("PUT", "/v1/teams/onemore/members/li")
    assert (answer.status, answer.problem["type"]) == (409, "too-many-teams")
    assert (await api.ask("GET", "/v1/teams/onemore")).json["members"] == 0
    await api.ask("DELETE", "/v1/teams/t3/members/li")
    await api.join("li", "onemore")


async def test_a_full_team_takes_nobody_but_keeps_who_is_in_it(api: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.team(members=3)
    await api.put("li", "+8613912345601")
    monkeypatch.setattr("ari_app.adapters.memory_teams.MEMBERS_MAX", 3)
    answer = await api.ask("PUT", "/v1/teams/acme/members/li")
    assert (answer.status, answer.problem["type"]) == (409, "team-full")
    await api.join("acme1")
    assert (await api.ask("GET", "/v1/teams/acme")).json["members"] == 3


async def test_members_are_listed_page_by_page(api: Bench) -> None:
    await api.team(members=7)
    seen, target = [], "/v1/teams/acme/members?limit=3"
    while True:
        page = (await api.ask("GET", target)).json
        seen += [one["user"] for one in page["members"]]
        if page["cursor"] is None:
            break
        target = f"/v1/teams/acme/members?limit=3&cursor={page['cursor']}"
    assert sorted(seen) == [f"acme{n}" for n in range(1, 8)]


@pytest.mark.parametrize(("query", "field"), [("cursor=x", "cursor"), ("limit=0", "limit"), ("limit=501", "limit"),
                                              ("limit=2.5", "limit"), ("offset=2", "offset")])  # fmt: skip
async def test_a_query_that_will_not_do_is_422(api: Bench, query: str, field: str) -> None:
    await api.team(members=1)
    answer = await api.ask("GET", f"/v1/teams/acme/members?{query}")
    assert (answer.status, answer.problem["field"]) == (422, field)


async def test_a_number_that_goes_to_another_user_counts_once(api: Bench) -> None:
    await api.team(members=6)
    number = (await api.ask("GET", "/v1/users/acme6")).json["numbers"][0]
    await api.ask("PUT", "/v1/users/acme6", {"numbers": []})
    await api.put("li", number)
    assert (await api.ask("GET", "/v1/teams/acme")).json["size"] == 5
    await api.join("li")
    team = (await api.ask("GET", "/v1/teams/acme")).json
    assert (team["members"], team["size"]) == (7, 6)
