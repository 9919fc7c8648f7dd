"""A team's life on a real PBX: it lifts its members' month and their terms, a call is charged by them and refunded, and
a number that moves takes no minutes along. The plans are in plans.toml beside this file."""

from __future__ import annotations

from ari_app.domain.ledger_laws import check_laws
from tests.ground import Ground, number
from tests.ringbridge import Ringbridge
from tests.stories import talked_s
from tests.support import until_sync

PERSONAL_S, TEAM_S, CERTIFIED_S = 3600, 5400, 24_000


def test_a_team_lifts_is_charged_by_its_terms_and_hands_no_minutes_on(
    paying: Ringbridge, paying_ground: Ground
) -> None:
    app, numbers = paying, [number(12), number(13), number(14)]
    names = [app.user(f"team-{n}", one) for n, one in enumerate(numbers)]
    anna = names[0]
    assert [app.balance(name)["available_s"] for name in names] == [PERSONAL_S] * 3

    team = app.ask("PUT", "/v1/teams/acme", {"name": "Acme", "certified": False})
    assert (team.status, team.body["size"]) == (200, 0)
    for name in names:
        assert app.ask("PUT", f"/v1/teams/acme/members/{name}").status == 200
    balance = app.balance(anna)
    assert (balance["available_s"], balance["plan"]) == (TEAM_S, "team")

    call = app.call(anna, number(11))
    app.until_state(call, "talking")
    busy = app.ask("POST", "/v1/calls", {"caller": anna, "callee": number(16)})
    assert (busy.status, busy.body["type"].rpartition("/")[2]) == (429, "too-many-calls")
    until_sync(lambda: talked_s(app.show(call)) > 2, 10, "they have talked")
    app.hang_up(call)
    charged_s = app.until_ended(call)["charged_s"]
    assert charged_s == 6, "the team's increment, where the setting says 1/1"
    assert app.balance(anna)["available_s"] == TEAM_S - charged_s

    app.ask("PUT", "/v1/teams/acme", {"name": "Acme", "certified": True})
    assert app.balance(anna)["available_s"] == CERTIFIED_S - charged_s
    back = app.ask("POST", f"/v1/calls/{call}/refund", {}, Idempotency_Key="oops")
    assert (back.status, back.body["seconds"]) == (201, charged_s)
    assert app.ask("POST", f"/v1/calls/{call}/refund", {}, Idempotency_Key="oops").body["op"] == back.body["op"]
    assert app.balance(anna)["available_s"] == CERTIFIED_S

    story = [(line["what"], line["seconds"], line["note"]) for line in app.statement(anna)][::-1]
    assert story == [
        ("month", PERSONAL_S, f"{balance['period']} personal, plans tests-1"),
        ("month", TEAM_S - PERSONAL_S, f"{balance['period']} team acme, 3 members (step 3), plans tests-1"),
        ("spent", -charged_s, ""),
        ("month", CERTIFIED_S - TEAM_S, f"{balance['period']} certified acme, 3 members (step 3), plans tests-1"),
        ("refunded", charged_s, ""),
    ]
    told = app.ask("GET", f"/v1/users/{anna}/plan").body
    assert (told["plan"], told["allowance_s"], told["plans_version"]) == ("certified", CERTIFIED_S, "tests-1")

    app.user(anna)  # her number is free again, and she counts no more
    assert app.ask("GET", "/v1/teams/acme").body["size"] == 2
    heir = app.user("team-heir", numbers[0])
    assert app.balance(heir)["available_s"] == 0
    assert app.ask("POST", "/v1/calls", {"caller": heir, "callee": number(15)}).status == 402
    for name in (*names, heir):
        assert check_laws(paying_ground.account(name)) == []
