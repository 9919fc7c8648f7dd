"""What support sees of the limits of a user and a number, and how it lifts them."""

from __future__ import annotations

from ari_app.ports.limits import Counted, of_number, of_pair
from tests.unit.http.http_bench import NOW_MS, Bench

ERIN = "+8613812345601"
PATH = "/v1/users/demo/limits/%2B8613812345601"


async def counted(api: Bench, what: Counted, *ages_s: int) -> None:
    for age_s in ages_s:
        call = f"c{what.payer}{age_s}"
        await api.limits.mark(what, call, (), at_ms=NOW_MS - 1000 * age_s, keep_s=86_400)


async def a_user(api: Bench) -> None:
    await api.ask("PUT", "/v1/users/demo", {"numbers": ["+8613900000001"]})


async def test_support_sees_which_calls_count_and_which_rule_one_more_would_hit(api: Bench) -> None:
    await a_user(api)
    await counted(api, of_pair("demo", ERIN), 4000, 250, 100)
    await counted(api, of_number(ERIN), 4000, 250, 100)

    answer = await api.ask("GET", PATH, key="viewer")
    assert (answer.status, answer.json) == (200, {
        "user": "demo", "number": ERIN,
        "counted": [
            {"of": "pair", "rules": ["pair-2-in-300s"], "hit": "pair-2-in-300s", "again_s": 50, "calls": [
                {"id": "cdemo250", "at": "2026-11-23T08:29:02.123Z"},
                {"id": "cdemo100", "at": "2026-11-23T08:31:32.123Z"},
            ]},
            {"of": "number", "rules": ["number-3-in-3600s"], "hit": None, "again_s": None, "calls": [
                {"id": "c250", "at": "2026-11-23T08:29:02.123Z"},
                {"id": "c100", "at": "2026-11-23T08:31:32.123Z"},
            ]},
        ],
    })  # fmt: skip


async def test_an_admin_lifts_what_counts_of_the_pair_or_of_everybody(api: Bench) -> None:
    await a_user(api)
    for _ in range(2):
        await counted(api, of_pair("demo", ERIN), 250, 100)
        await counted(api, of_number(ERIN), 250, 100, 50)
        refused = await api.ask("DELETE", PATH, key="dialler")
        assert (refused.status, refused.problem["type"]) == (403, "forbidden")
        assert (await api.ask("DELETE", PATH)).json == {"forgotten": 2}
        assert [len(one["calls"]) for one in (await api.ask("GET", PATH)).json["counted"]] == [0, 3]
    assert (await api.ask("DELETE", PATH + "?of_all=true")).json == {"forgotten": 3}
    assert [one["hit"] for one in (await api.ask("GET", PATH)).json["counted"]] == [None, None]


async def test_a_number_that_no_limit_is_for_has_nothing_counted(api: Bench) -> None:
    await a_user(api)
    answer = await api.ask("GET", "/v1/users/demo/limits/13900000004")
    assert answer.json == {"user": "demo", "number": "+8613900000004", "counted": []}


async def test_who_or_what_there_is_not_is_told(api: Bench) -> None:
    assert (await api.ask("GET", PATH)).problem["type"] == "unknown-user"
    await a_user(api)
    wrong = await api.ask("GET", "/v1/users/demo/limits/nobody")
    assert (wrong.status, wrong.problem["type"], wrong.problem["field"]) == (400, "invalid-number", "number")
