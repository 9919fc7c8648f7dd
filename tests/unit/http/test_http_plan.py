"""Where each minute comes from: the plan and its reason, and the lines that put the minutes of each bucket there."""

from typing import Any

import pytest

from ari_app.domain.ledger_types import Balance, MonthGrant
from ari_app.entrypoints.http import plan
from ari_app.ports.ledger import Ledger
from tests.unit.http.http_bench import NOW_MS, Bench

DAY_MS = 86_400_000


async def explained(api: Bench, user: str = "demo") -> Any:
    answer = await api.ask("GET", f"/v1/users/{user}/plan", key="viewer")
    assert answer.status == 200, answer.raw
    for minutes in answer.json["minutes"]:
        added_up = sum(source["seconds"] for source in minutes["from"])
        assert added_up == minutes["granted_s"] or not answer.json["complete"]
    return answer.json


async def grant(api: Bench, seconds: int, **more: str) -> None:
    body = {"kind": "bonus", "seconds": seconds} | more
    assert (await api.ask("POST", "/v1/users/demo/grants", body)).status == 201


async def test_a_user_without_a_team(api: Bench) -> None:
    await api.put()
    found = await explained(api)
    [month] = found.pop("minutes")
    version = found.pop("plans_version")
    assert found == {
        "user": "demo", "plan": "personal", "allowance_s": 3600, "period": "2026-11",
        "ends_at": "2026-11-30T16:00:00.000Z", "why": "personal", "teams": [], "numbers": ["+8613900000001"],
        "counted_s": 0, "complete": True,
    }  # fmt: skip
    assert (month["kind"], month["remaining_s"], month["granted_s"]) == ("month", 3600, 3600)
    assert month["expires_at"] == found["ends_at"]
    assert month["from"] == [
        {"seq": 1, "at": "2026-11-23T08:33:12.123Z", "what": "month", "seconds": 3600, "op": "calendar", "call": None,
         "note": f"2026-11 personal, plans {version}"},
    ]  # fmt: skip


async def test_a_month_that_was_lifted_by_a_team_tells_both_lines_oldest_first(api: Bench) -> None:
    await api.team(members=5)
    await explained(api, "acme1")
    await api.put("li", "+8613912345601")
    await api.join("li")
    api.now_ms += DAY_MS
    found = await explained(api, "acme1")
    assert (found["plan"], found["allowance_s"], found["why"]) == ("team", 5400, "team acme, 6 members (step 6)")
    assert found["teams"] == [
        {"id": "acme", "name": "Acme", "certified": False, "size": 6, "plan": "team", "allowance_s": 5400}
    ]
    [month] = found["minutes"]
    assert [source["seconds"] for source in month["from"]] == [3600, 1800]
    notes = [source["note"] for source in month["from"]]
    assert [note.rpartition(", plans ")[0] for note in notes] == [
        "2026-11 personal", "2026-11 team acme, 6 members (step 6)",
    ]  # fmt: skip


async def test_every_sort_of_minutes_has_its_own_lines_and_what_was_spent_is_none_of_them(api: Bench) -> None:
    await api.put()
    await grant(api, 600, expires_at="2026-12-24T00:00:00Z")
    await grant(api, 60, expires_at="2026-12-24T00:00:00Z")
    await grant(api, 300, kind="bought")
    await api.charge("c1", 120)
    await api.ask("POST", "/v1/users/demo/corrections", {"seconds": 30, "reason": "goodwill"})
    await api.ask("POST", "/v1/users/demo/corrections", {"seconds": -90, "reason": "mistake"})
    await api.ask("POST", "/v1/calls/c1/refund?user=demo", {})
    found = await explained(api)
    assert found["complete"] is True
    told = {
        one["kind"] + (one["expires_at"] or "")[:10]: [(s["what"], s["seconds"]) for s in one["from"]]
        for one in found["minutes"]
    }
    assert told == {
        "month2026-11-30": [("month", 3600)], "bonus2026-12-24": [("bonus", 600), ("bonus", 60)],
        "bought": [("bought", 300)], "bonus": [("corrected", 30), ("refunded", 120)],
    }  # fmt: skip
    [refund] = [s for one in found["minutes"] for s in one["from"] if s["what"] == "refunded"]
    assert refund["call"] == "c1"
    assert [one["remaining_s"] for one in found["minutes"]] == [3600 - 120 - 90, 660, 150, 300]


async def test_a_bucket_that_was_empty_and_came_again_is_explained_by_its_new_lines_alone(api: Bench) -> None:
    await api.put()
    await api.ask("POST", "/v1/users/demo/corrections", {"seconds": -3600, "reason": "x"})
    await grant(api, 600)
    await api.ask("POST", "/v1/users/demo/corrections", {"seconds": -600, "reason": "x"})
    await grant(api, 60)
    bonus = (await explained(api))["minutes"][-1]
    assert [(source["what"], source["seconds"]) for source in bonus["from"]] == [("bonus", 60)]


async def test_what_others_were_granted_through_his_number_is_told(api: Bench) -> None:
    await api.put("li", "+8613912345601")
    await explained(api, "li")
    await api.ask("PUT", "/v1/users/li", {"numbers": []})
    assert (await explained(api, "li"))["counted_s"] is None
    await api.put("wang", "+8613912345601")
    found = await explained(api, "wang")
    assert (found["counted_s"], found["minutes"], found["complete"]) == (3600, [], True)


async def test_a_month_that_was_taken_back_tells_that_line_too(api: Bench) -> None:
    await api.put("li", "+8613912345601")
    await explained(api, "li")
    await api.ask("PUT", "/v1/users/li", {"numbers": []})
    await api.ask("PUT", "/v1/users/wang", {"numbers": []})
    assert (await explained(api, "wang"))["counted_s"] is None
    await api.put("wang", "+8613912345601")
    [month] = (await explained(api, "wang"))["minutes"]
    assert (month["granted_s"], [source["seconds"] for source in month["from"]]) == (0, [3600, -3600])
    assert "another user of the number" in month["from"][1]["note"]


async def test_a_statement_beyond_every_measure_is_told_to_be_incomplete(
    api: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "PAGE", 3)
    await api.put()
    await grant(api, 1)
    for n in range(9):
        await grant(api, 100 + n, kind="bought")
    assert (await explained(api))["complete"] is True, "page by page"
    monkeypatch.setattr(plan, "LINES_MAX", 6)
    found = await explained(api)
    assert found["complete"] is False
    assert [len(one["from"]) for one in found["minutes"]] == [0, 0, 6]


async def test_a_line_that_was_written_between_balance_and_statement_explains_nothing_else(
    api: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.put()
    await grant(api, 60)
    real: Ledger = api.ledger
    touch, between = real.touch, [60, 60]

    async def touch_then_grant(*, payer: str, now_ms: int, month: MonthGrant) -> Balance:
        balance = await touch(payer=payer, now_ms=now_ms, month=month)
        if between:
            op, kind = f"g{len(between)}", balance.buckets[-1].kind
            await real.grant(op=op, payer=payer, kind=kind, seconds=between.pop(), now_ms=NOW_MS)
        return balance

    monkeypatch.setattr(api.ledger, "touch", touch_then_grant)
    bonus = (await explained(api))["minutes"][-1]
    assert (bonus["granted_s"], [source["seconds"] for source in bonus["from"]]) == (180, [60, 60, 60])


async def test_looking_lifts_the_account_first(api: Bench) -> None:
    await api.put()
    await explained(api)
    api.now_ms += 10 * DAY_MS
    found = await explained(api)
    [month] = found["minutes"]
    assert (found["period"], month["from"][0]["note"][:7]) == ("2026-12", "2026-12")


async def test_the_plan_of_nobody_is_404(api: Bench) -> None:
    answer = await api.ask("GET", "/v1/users/nobody/plan")
    assert (answer.status, answer.problem["type"]) == (404, "unknown-user")
