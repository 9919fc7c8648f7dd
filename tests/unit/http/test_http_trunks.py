"""/v1/trunks: whether calls go out over each trunk and why not, its figures of today, and a test call over one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ari_app.desks.trunk_tests import TrunkTestAsk
from ari_app.domain.breaker import Rule
from ari_app.domain.trunks import Trunk, Window
from ari_app.engine.asks import Refusal
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_health import TrunkHealth
from ari_app.engine.trunk_signs import Sign
from ari_app.entrypoints.http.app import build
from ari_app.entrypoints.http.doors import TrunkNow
from ari_app.ports.costs import LegCost
from tests.unit.http.http_bench import NOW_MS, Bench, a_call, a_test

SECRET = "s3cret-s3cret"
LEG = LegCost(
    leg="c1.callee.0", trunk="carrier", number="+8613900000001", dialled="8613900000001", payer="alice", team="",
    dialled_at_ms=NOW_MS - 90_000, rang_at_ms=NOW_MS - 89_200, answered_at_ms=NOW_MS - 86_000,
    ended_at_ms=NOW_MS - 25_000, outcome="answered", cause=16, sip_status=200, price_micro_per_min=60_000,
    increment="60/60", currency="CNY", cost_micro=120_000, charged_s=120,
)  # fmt: skip
DAY_OF_LEGS = [
    LEG,
    replace(LEG, leg="c2.callee.0", answered_at_ms=None, outcome="busy", cost_micro=0, sip_status=486),
    replace(LEG, leg="c3.callee.0", answered_at_ms=None, outcome="no_answer", cost_micro=0, sip_status=None),
    replace(LEG, leg="c4.callee.0", answered_at_ms=None, rang_at_ms=None, outcome="trunk_failed", cost_micro=0,
            sip_status=503),
]  # fmt: skip


async def look(
    api: Bench, *trunks: Trunk, spent: str = "", health: TrunkHealth | None = None
) -> dict[str, tuple[str, str]]:
    """Of these trunks: state and why."""
    book = TrunkBook(trunks, health, "Asia/Shanghai", is_spent=lambda name: name == spent)
    api.front = build(replace(api.doors, book=book))
    found = (await api.ask("GET", "/v1/trunks")).json["trunks"]
    return {one["name"]: (one["state"], one["why"]) for one in found}


async def test_a_list_says_of_each_trunk_whether_calls_go_out_and_how_good_it_is_today(api: Bench) -> None:
    await api.costs.note(DAY_OF_LEGS)
    carrier, other = (await api.ask("GET", "/v1/trunks")).json["trunks"]
    assert (carrier["name"], carrier["state"], carrier["roundtrip_ms"]) == ("carrier", "up", 1.2)
    assert (carrier["channels_in_use"], carrier["max_channels"]) == (3, 30)
    today = carrier["today"]
    assert (today["legs"], today["answered"], today["asr"], today["ner"]) == (4, 1, 0.25, 0.75)
    assert (today["acd_s"], today["pdd_ms"], today["pdd_p50_ms"], today["pdd_p95_ms"]) == (61, 800, 1_000, 1_000)
    assert today["outcomes"] == {"answered": 1, "busy": 1, "no_answer": 1, "trunk_failed": 1}
    assert today["failures"] == {"SIP 503": 1}
    assert today["cost"] == [{"micro": 120_000, "currency": "CNY"}]
    assert (other["state"], other["channels_in_use"]) == ("unknown", None)
    assert (other["today"]["legs"], other["today"]["asr"], other["today"]["cost"]) == (0, None, [])


async def test_what_keeps_calls_from_a_trunk_is_said_the_gravest_first(api: Bench) -> None:
    health = TrunkHealth(Rule(1, 60_000, 60_000))
    health.saw([Sign("tired", "c1.callee.0", False, "SIP 503")])
    night = Window(frozenset(range(7)), 0, 60)  # it is 16:33 there
    api.trunks = [TrunkNow("down", "down", "it does not answer"), TrunkNow("tired", "up")]
    told = await look(
        api, Trunk("down", "x", hours=(night,)), Trunk("tired", "x"), Trunk("dear", "x"),
        Trunk("night", "x", hours=(night,)), spent="dear", health=health,
    )  # fmt: skip
    assert told == {
        "down": ("down", "it does not answer"),
        "tired": ("rested", "SIP 503"),
        "dear": ("stopped", "it has cost as much today as it may"),
        "night": ("closed", "outside its hours, until 2026-11-23T16:00:00.000Z"),
    }


async def test_one_that_must_register_says_that_it_did_not_and_why(api: Bench) -> None:
    why = "not registered: Rejected, its carrier refuses our name and password, or our address"
    api.trunks = [TrunkNow("telco", "down", why, registration="Rejected")]
    trunk = Trunk("telco", "x", register=True, username="8600", password=SECRET)
    assert await look(api, trunk) == {"telco": ("down", why)}
    one = (await api.ask("GET", "/v1/trunks/telco")).json
    assert (one["registers"], one["registration"]) == (True, "rejected")


async def test_one_trunk_shows_what_is_set_of_it_and_no_secret(api: Bench) -> None:
    trunk = Trunk(
        "telco", "sip.example.net", username="8600", password=SECRET, prefixes=("+86",),
        causes=((486, "trunk_failed"),), hours=(Window(frozenset(range(5)), 480, 1200),),
        endpoint=(("outbound_auth", SECRET),), spend_max_micro=5_000_000,
    )  # fmt: skip
    await look(api, trunk)
    answer = await api.ask("GET", "/v1/trunks/telco")
    assert SECRET not in answer.raw.decode()
    one = answer.json
    assert (one["host"], one["username"], one["has_password"]) == ("sip.example.net", "8600", True)
    assert (one["hours"], one["prefixes"], one["causes"]) == (["mon-fri 08:00-20:00"], ["+86"], {"486": "trunk_failed"})
    assert (one["endpoint"], one["spend_max"]) == (["outbound_auth"], {"micro": 5_000_000, "currency": "CNY"})


async def test_a_trunk_that_is_not_in_force_is_told_with_those_that_are(api: Bench) -> None:
    for method, path, body in (
        ("GET", "/v1/trunks/nobody", None),
        ("POST", "/v1/trunks/nobody/test", {"number": "+8613900000004"}),
    ):
        answer = await api.ask(method, path, body)
        assert (answer.status, answer.problem["type"]) == (404, "unknown-trunk")
        assert "carrier, other" in answer.problem["detail"]


async def test_a_test_is_asked_for_and_told_step_by_step(api: Bench) -> None:
    api.service.test = api.engine.live["c7"] = a_test()
    placed = await api.ask("POST", "/v1/trunks/carrier/test", {"number": "+8613900000004", "seconds": 2})
    assert api.service.tests_asked == [TrunkTestAsk("carrier", "+8613900000004", 2)]
    assert (placed.status, placed.headers["location"]) == (201, "/v1/trunks/carrier/test/c7")
    told = (await api.ask("GET", placed.headers["location"])).json
    assert told == placed.json
    assert (told["dialled"], told["shown"], told["sign_ms"], told["talk_ms"]) == (
        "8613900000004",
        "+864001234567",
        120,
        2_000,
    )
    assert (told["outcome"], told["hung_up_by"], told["reached"], told["cause"]) == ("answered", "system", True, 16)
    assert told["cost"] == {"micro": 60_000, "currency": "CNY"}


async def test_a_test_is_that_of_its_trunk_and_no_call_is_taken_for_one(api: Bench) -> None:
    api.engine.live |= {"c7": a_test(), "c1": a_call()}
    for path in ("/v1/trunks/other/test/c7", "/v1/trunks/carrier/test/c1", "/v1/trunks/carrier/test/c2"):
        assert (await api.ask("GET", path)).status == 404, path


@pytest.mark.parametrize("body", [{}, {"number": ""}, {"number": "1", "seconds": 0}, {"number": "1", "seconds": 61}])
async def test_a_test_has_a_number_and_is_short(api: Bench, body: dict[str, object]) -> None:
    assert (await api.ask("POST", "/v1/trunks/carrier/test", body)).status == 422
    assert api.service.tests_asked == []


async def test_what_may_not_be_dialled_is_refused(api: Bench) -> None:
    api.service.test = Refusal("emergency-number", "Emergency numbers are not called.", "number")
    answer = await api.ask("POST", "/v1/trunks/carrier/test", {"number": "110"})
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (403, "emergency-number", "number")


async def test_nobody_is_given_back_what_nobody_paid(api: Bench) -> None:
    api.engine.live["c7"] = a_test()
    answer = await api.ask("POST", "/v1/calls/c7/refund", {})
    assert (answer.status, answer.problem["type"]) == (409, "nothing-to-refund")
