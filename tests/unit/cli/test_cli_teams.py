"""`ringbridge team` and `ringbridge plans explain`, against an API over memory."""

import asyncio
import json
import re

import pytest

from ari_app.entrypoints import cli_common
from tests.unit.cli.conftest import Run, Served


def some(served: Served, n: int) -> list[str]:
    """Users, each with a proved number."""
    users = [f"u{k}" for k in range(n)]
    for k, user in enumerate(users):
        asyncio.run(served.bench.put(user, f"+8613912{345000 + k}"))
    return users


def test_a_team_is_put_got_and_listed(run: Run, served: Served) -> None:
    assert run("team", "put", "acme", "--name", "Acme", "--certified").out.splitlines() == [
        "acme Acme, certified: 0 members, 0 with a proved number",
        "  plan personal: 60:00 minutes a month for each member",
    ]
    assert run("team", "members", "acme").err == "no members\n"
    assert run("team", "add", "acme", *some(served, 6)).code == 0
    got = json.loads(run("team", "get", "acme", "--json").out)
    assert (got["members"], got["size"], got["plan"], got["allowance_s"]) == (6, 6, "certified", 24_000)
    assert run("team", "put", "acme", "--name", "Acme", "--not-certified").out.splitlines()[1] == (
        "  plan team: 90:00 minutes a month for each member"
    )
    listed = run("team", "members", "acme").out.splitlines()
    assert listed[0].split() == ["user", "number", "counts"]
    assert [line.split() for line in listed[1:]] == [[f"u{k}", "yes"] for k in range(6)]
    first = run("team", "members", "acme", "--limit", "4")
    cursor = first.err.split("--cursor ")[1].strip()
    assert len(json.loads(run("team", "members", "acme", "--cursor", cursor, "--json").out)["members"]) == 2


def test_a_user_who_cannot_be_added_keeps_no_other_from_it(run: Run, served: Served) -> None:
    run("team", "put", "acme", "--name", "Acme")
    some(served, 2)
    ran = run("team", "add", "acme", "u0", "nobody", "u1")
    assert ran.code == 1
    assert ran.err == "nobody: There is no user with this id. (unknown-user)\n"
    assert ran.out.splitlines()[:2] == ["u0 is in the team", "u1 is in the team"]
    assert "2 members" in ran.out
    ran = run("team", "remove", "acme", "nobody", "u0", "--json")
    told = json.loads(ran.out)
    assert (ran.code, told["done"], told["team"]["members"], told["not_asked"]) == (1, ["u0"], 1, [])
    assert [(one["user"], one["problem"]["type"]) for one in told["failed"]] == [("nobody", "unknown-member")]
    assert run("team", "remove", "acme", "u1").out.splitlines()[0] == "u1 is out of the team"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere", "u0", "u1"), "unknown-team"),
        (("acme", "u0", "u1", "--key", "wrong"), "unauthorized"),
        (("acme", "u0", "u1", "--key", "rb_viewer"), "forbidden"),
        (("acme", "u0", "u1", "--api", "http://127.0.0.1:1"), "does not answer"),
    ],
)
def test_where_the_next_user_would_fare_no_better_it_ends_and_says_who_was_not_asked_for(
    words: tuple[str, ...], told: str, run: Run, served: Served
) -> None:
    run("team", "put", "acme", "--name", "Acme")
    some(served, 2)
    ran = run("team", "add", *words)
    assert (ran.code, ran.out) == (1, "")
    first, last = ran.err.splitlines()
    assert first.startswith("u0: ")
    assert told in first
    assert last == "not asked for: u1"


def test_many_users_have_a_line_of_progress_on_stderr_and_few_have_none(run: Run, served: Served) -> None:
    run("team", "put", "acme", "--name", "Acme")
    users = some(served, 25)
    assert run("team", "add", "acme", *users[:20]).err == ""
    assert run("team", "add", "acme", *users).err == "20 of 25 users\n"


def test_on_a_terminal_the_line_of_progress_is_written_over(
    run: Run, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("team", "put", "acme", "--name", "Acme")
    users = some(served, 21)
    monkeypatch.setattr(cli_common.sys.stderr, "isatty", lambda: True)
    ran = run("team", "add", "acme", *users)
    assert "\r7 of 21 users" in ran.err
    assert ran.err.endswith("\r\x1b[K")
    assert "\n" not in ran.err


def test_what_is_not_given_of_a_team_stays(run: Run, served: Served) -> None:
    def put(*words: str) -> tuple[str, bool]:
        told = json.loads(run("team", "put", "acme", *words, "--json").out)
        return told["name"], told["certified"]

    assert put() == ("acme", False)
    assert put("--certified") == ("acme", True)
    assert put("--name", "Acme") == ("Acme", True)
    assert put() == ("Acme", True)
    assert put("--not-certified") == ("Acme", False)
    assert put("--name", "Acme Ltd", "--certified") == ("Acme Ltd", True)
    assert run("team", "put", "new", "--name", "New").out.startswith("new New: 0 members")
    assert "unauthorized" in run("team", "put", "acme", "--certified", "--key", "wrong").err


@pytest.mark.parametrize("words", [("put",), ("add", "acme"), ("remove", "acme"), ("add",), ("get",)])
def test_a_team_command_that_lacks_something_is_exit_code_2(words: tuple[str, ...], run: Run) -> None:
    assert run("team", *words).code == 2


def test_explain_tells_the_plan_the_teams_and_each_line_that_put_minutes_there(run: Run, served: Served) -> None:
    run("team", "put", "acme", "--name", "Acme")
    users = some(served, 6)
    run("team", "add", "acme", *users[:5])
    run("balance", "u0")
    served.bench.now_ms += 86_400_000
    run("team", "add", "acme", "u5")
    run("grant", "u0", "60", "--expires", "2027-01-01T00:00:00Z")
    run("correct", "u0", "30", "--reason", "goodwill")
    asyncio.run(served.bench.charge("c1", 1, "u0"))
    run("refund", "c1", "--user", "u0")
    ran = run("plans", "explain", "u0")
    told = [re.sub(r"plans [\w.-]+", "plans V", re.sub(r" {2,}", "  ", line)) for line in ran.out.splitlines()]
    assert told == [
        "plan team acme, 6 members (step 6): 90:00 a month until 2026-11-30T16:00:00.000Z  [plans V]",
        "team acme (Acme), size 6: 90:00 by plan team",
        "proved: +8613912345000",
        "month  89:59 of 90:00 until 2026-11-30T16:00:00.000Z",
        "  +60:00  2026-11-23T08:33:12.123Z  month  2026-11 personal, plans V",
        "  +30:00  2026-11-24T08:33:12.123Z  month  2026-11 team acme, 6 members (step 6), plans V",
        "bonus  1:00 of 1:00 until 2027-01-01T00:00:00.000Z",
        told[7],
        "bonus  0:31 of 0:31 without expiry",
        "  +0:30  2026-11-24T08:33:12.123Z  corrected  goodwill",
        "  +0:01  2026-11-24T08:33:12.123Z  refunded  call c1",
    ]
    assert re.fullmatch(r"  \+1:00  2026-11-24T08:33:12.123Z  bonus  g\w+", told[7])
    assert ran.err == ""
    assert json.loads(run("plans", "explain", "u0", "--json").out)["complete"] is True


def test_explain_of_who_has_no_number_says_so(run: Run, served: Served) -> None:
    run("user", "put", "li")
    assert run("plans", "explain", "li").out.splitlines()[1] == "no proved number"
    assert run("plans", "explain", "nobody").err == "ringbridge: There is no user with this id. (unknown-user)\n"


def test_explain_says_where_others_had_minutes_through_the_number(run: Run, served: Served) -> None:
    run("user", "put", "li", "--number", "+8613912345601")
    run("balance", "li")
    run("user", "put", "li")
    run("user", "put", "wang", "--number", "+8613912345601")
    told = run("plans", "explain", "wang").out.splitlines()
    assert told[1] == "proved: +8613912345601, through which others were granted 60:00 this month"


def test_explain_says_where_it_cannot_tell_all(run: Run, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ari_app.entrypoints.http.plan.PAGE", 1)
    monkeypatch.setattr("ari_app.entrypoints.http.plan.LINES_MAX", 1)
    run("user", "put", "li", "--number", "+8613912345601")
    run("grant", "li", "60")
    run("grant", "li", "60")
    run("balance", "li")
    assert "not all of it" in run("plans", "explain", "li").err
