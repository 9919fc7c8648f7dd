"""Minutes put right and given back over the API: once, all or nothing, and safe on disk before it is answered."""

from typing import Any

import pytest

from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.ledger_types import BUCKETS_MAX
from tests.unit.http.http_bench import NOW_MS, Bench, a_call, a_talk

CORRECT = {"seconds": -60, "reason": "charged twice"}
CORRECTIONS = "/v1/users/demo/corrections"
REFUND = "/v1/calls/c1/refund"


async def available_s(api: Bench) -> int:
    left_s: int = (await api.ask("GET", "/v1/users/demo/balance")).json["available_s"]
    return left_s


async def lines(api: Bench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await api.ask("GET", "/v1/users/demo/statement")).json["lines"]
    assert check_laws(await api.ledger.read_account("demo")) == []
    return found


@pytest.mark.parametrize("seconds", [-60, 60, -3600, 10_000_000])
async def test_a_correction_is_on_the_balance_and_on_the_statement_with_its_reason(api: Bench, seconds: int) -> None:
    await api.put()
    answer = await api.ask("POST", CORRECTIONS, CORRECT | {"seconds": seconds})
    assert answer.status == 201
    assert answer.json["balance"]["available_s"] == 3600 + seconds
    line = (await lines(api))[0]
    assert (line["what"], line["seconds"], line["note"]) == ("corrected", seconds, "charged twice")
    assert (line["op"], line["balance_after_s"]) == (answer.json["op"], 3600 + seconds)


async def test_a_correction_beyond_what_is_available_changes_nothing_and_says_how_much_there_is(api: Bench) -> None:
    await api.put()
    answer = await api.ask("POST", CORRECTIONS, CORRECT | {"seconds": -3601}, idempotency_key="k")
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (409, "balance-too-small", "seconds")
    assert "3600" in answer.problem["detail"]
    assert [line["what"] for line in await lines(api)] == ["month"]
    await api.ask("POST", "/v1/users/demo/grants", {"kind": "bonus", "seconds": 1})
    assert (await api.ask("POST", CORRECTIONS, CORRECT | {"seconds": -3601}, idempotency_key="k")).status == 201


async def test_a_correction_asked_again_counts_once_and_another_is_a_conflict(api: Bench) -> None:
    await api.put()
    answers = [await api.ask("POST", CORRECTIONS, CORRECT, idempotency_key="fix-1") for _ in range(3)]
    assert [(answer.status, answer.json["balance"]["available_s"]) for answer in answers] == [(201, 3540)] * 3
    for other in ({"seconds": -61}, {"reason": "another"}):
        answer = await api.ask("POST", CORRECTIONS, CORRECT | other, idempotency_key="fix-1")
        assert (answer.status, answer.problem["type"]) == (409, "idempotency-conflict")
    assert await available_s(api) == 3540
    grant = {"kind": "bonus", "seconds": 60}
    assert (await api.ask("POST", "/v1/users/demo/grants", grant, idempotency_key="fix-1")).status == 201


async def test_corrections_without_a_key_are_each_their_own(api: Bench) -> None:
    await api.put()
    for _ in range(2):
        assert (await api.ask("POST", CORRECTIONS, CORRECT)).status == 201
    assert await available_s(api) == 3480


async def test_a_correction_upwards_of_an_account_without_room_is_refused_and_one_downwards_is_not(api: Bench) -> None:
    await api.put()
    for n in range(BUCKETS_MAX - 1):
        grant = {"kind": "bonus", "seconds": 1, "expires_at": f"2027-01-01T00:{n // 60:02d}:{n % 60:02d}Z"}
        assert (await api.ask("POST", "/v1/users/demo/grants", grant)).status == 201
    before = await lines(api)
    answer = await api.ask("POST", CORRECTIONS, CORRECT | {"seconds": 60})
    assert (answer.status, answer.problem["field"]) == (422, "seconds")
    assert "too many different expiries" in answer.problem["detail"]
    assert await lines(api) == before
    assert (await api.ask("POST", CORRECTIONS, CORRECT)).status == 201


async def test_a_correction_of_nobody_is_404(api: Bench) -> None:
    answer = await api.ask("POST", "/v1/users/nobody/corrections", CORRECT)
    assert (answer.status, answer.problem["type"]) == (404, "unknown-user")


@pytest.mark.parametrize(("path", "body"), [(CORRECTIONS, CORRECT), (REFUND, {})])
async def test_it_is_answered_only_when_it_is_on_disk_and_asking_again_counts_once(
    api: Bench, path: str, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_payer: str) -> None:
        raise Unavailable("disk full")

    await charged(api)
    monkeypatch.setattr(api.ledger, "durable", lost)
    answer = await api.ask("POST", path, body, idempotency_key="fix-1")
    assert (answer.status, answer.problem["type"]) == (503, "unconfirmed")
    monkeypatch.undo()
    before = await lines(api)
    assert (await api.ask("POST", path, body, idempotency_key="fix-1")).status == 201
    assert await lines(api) == before


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/users/demo/corrections", {"seconds": 60, "reason": "oops"}), ("/v1/calls/c1/refund", {}),
                       ("/v1/users/demo/grants", {"kind": "bonus", "seconds": 60})],
)  # fmt: skip
async def test_what_was_done_is_not_told_as_undone_where_the_balance_cannot_be_read(
    api: Bench, path: str, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(**_asked: Any) -> None:
        raise Unavailable("away")

    await charged(api)
    monkeypatch.setattr(api.ledger, "touch", away)
    answer = await api.ask("POST", path, body)
    assert (answer.status, answer.problem["type"]) == (503, "unconfirmed")
    assert "retry-after" not in answer.headers, "asked again it would be done again"
    monkeypatch.undo()
    assert answer.problem["op"] in {line["op"] for line in await lines(api)}


# ---- refunds --------------------------------------------------------------------------------------------------------


async def charged(api: Bench, seconds: int = 120) -> None:
    """demo was charged for c1, which has ended."""
    await api.put()
    await api.store(a_talk(), "queued")
    await api.charge("c1", seconds)


async def test_a_refund_gives_back_what_the_call_was_charged(api: Bench) -> None:
    await charged(api)
    answer = await api.ask("POST", REFUND, {})
    assert answer.status == 201
    assert (answer.json["seconds"], answer.json["balance"]["available_s"]) == (120, 3600)
    line = (await lines(api))[0]
    assert (line["what"], line["seconds"], line["call"], line["op"]) == ("refunded", 120, "c1", answer.json["op"])
    assert line["expires_at"] is None


async def test_a_call_is_refunded_in_parts_but_never_more_than_it_was_charged(api: Bench) -> None:
    await charged(api)
    for seconds in (50, 50):
        assert (await api.ask("POST", REFUND, {"seconds": seconds})).json["seconds"] == seconds
    answer = await api.ask("POST", REFUND, {"seconds": 50})
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (409, "nothing-to-refund", "seconds")
    assert (await api.ask("POST", REFUND, {})).json["seconds"] == 20
    for body in ({}, {"seconds": 1}):
        assert (await api.ask("POST", REFUND, body)).problem["type"] == "nothing-to-refund"
    assert await available_s(api) == 3600
    await lines(api)


async def test_a_refund_asked_again_counts_once_and_another_is_a_conflict(api: Bench) -> None:
    await charged(api)
    answers = [await api.ask("POST", REFUND, {"seconds": 50}, idempotency_key="r-1") for _ in range(3)]
    assert [(answer.status, answer.json["seconds"]) for answer in answers] == [(201, 50)] * 3
    for body in ({}, {"seconds": 51}):
        answer = await api.ask("POST", REFUND, body, idempotency_key="r-1")
        assert (answer.status, answer.problem["type"]) == (409, "idempotency-conflict")
    assert await available_s(api) == 3600 - 70
    assert (await api.ask("POST", REFUND, {}, idempotency_key="r-2")).json["seconds"] == 70
    assert (await api.ask("POST", REFUND, {}, idempotency_key="r-2")).json["seconds"] == 70


async def test_a_call_that_goes_on_is_not_refunded_yet(api: Bench) -> None:
    await api.put()
    api.engine.live["c1"] = a_call()
    answer = await api.ask("POST", REFUND, {})
    assert (answer.status, answer.problem["type"]) == (409, "call-not-settled")
    assert [line["what"] for line in await lines(api)] == ["month"]


async def test_a_call_that_was_charged_nothing_has_nothing_to_refund(api: Bench) -> None:
    await charged(api, seconds=1)
    await api.store(a_call("c2"), "queued")
    await api.ledger.void(op="c2:s", payer="demo", call="c2", now_ms=NOW_MS)
    assert (await api.ask("POST", "/v1/calls/c2/refund", {})).problem["type"] == "nothing-to-refund"


@pytest.mark.parametrize("target", ["nobody", "a%20b", "x" * 65])
async def test_a_refund_of_a_call_that_nobody_knows_is_404(api: Bench, target: str) -> None:
    await charged(api)
    for query in ("", "?user=demo"):
        answer = await api.ask("POST", f"/v1/calls/{target}/refund{query}", {})
        assert (answer.status, answer.problem["type"]) == (404, "unknown-call")


async def test_a_call_whose_record_is_gone_is_refunded_to_the_payer_who_is_named(api: Bench) -> None:
    await api.put()
    await api.put("li", "+8613912345601")
    await api.charge("c9")
    answer = await api.ask("POST", "/v1/calls/c9/refund", {})
    assert answer.problem["type"] == "unknown-call"
    assert "?user=" in answer.problem["detail"]
    assert (await api.ask("POST", "/v1/calls/c9/refund?user=nobody", {})).problem["type"] == "unknown-user"
    assert (await api.ask("POST", "/v1/calls/c9/refund?user=li", {})).problem["type"] == "unknown-call"
    answer = await api.ask("POST", "/v1/calls/c9/refund?user=demo", {})
    assert (answer.status, answer.json["seconds"]) == (201, 120)


async def test_who_names_another_payer_than_the_call_has_is_told_so(api: Bench) -> None:
    await charged(api)
    await api.put("li", "+8613912345601")
    answer = await api.ask("POST", f"{REFUND}?user=li", {})
    assert (answer.status, answer.problem["type"], answer.problem["field"]) == (422, "malformed-request", "user")
    assert (await api.ask("POST", f"{REFUND}?user=demo", {})).status == 201


async def test_a_record_that_cannot_be_read_keeps_no_minutes_back_from_a_payer_who_is_named(api: Bench) -> None:
    await api.put()
    await api.calls.create("c1", b"{", node="n", user_ids=["demo"], created_at_ms=NOW_MS, events=[])
    await api.charge("c1")
    assert (await api.ask("POST", REFUND, {})).problem["type"] == "unreadable-record"
    assert (await api.ask("POST", f"{REFUND}?user=demo", {})).json["seconds"] == 120
