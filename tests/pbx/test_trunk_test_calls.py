"""A test of a trunk on the real PBX: what is told of a phone that is busy, of one that rings, of a carrier that fails,
and of a phone that answers; and what the carrier saw of that."""

from __future__ import annotations

from typing import Any

from tests.ground import Ground, number
from tests.ringbridge import Ringbridge
from tests.support import until_sync

TALK_S = 1
BUSY, RINGS, FAILS, ANSWERS = 22, 23, 30, 10


def begun(app: Ringbridge, phone: int) -> dict[str, Any]:
    body = {"number": number(phone), "seconds": TALK_S}
    answer = app.ask("POST", "/v1/trunks/carrier/test", body)
    assert answer.status == 201, answer.body
    return dict(answer.body)


def ended(app: Ringbridge, test: dict[str, Any]) -> dict[str, Any]:
    def now() -> dict[str, Any] | None:
        told = app.ask("GET", f"/v1/trunks/carrier/test/{test['call']}").body
        return dict(told) if told["state"] == "ended" else None

    found: dict[str, Any] = until_sync(now, 15, "the test is over", every_s=0.1)
    return found


def test_each_end_is_told_as_it_was_and_nobody_pays(ground: Ground, ringbridge: Ringbridge) -> None:
    app = ringbridge
    busy, rings, fails, answers = (begun(app, phone) for phone in (BUSY, RINGS, FAILS, ANSWERS))
    told = ended(app, answers)
    assert (told["outcome"], told["hung_up_by"], told["reached"]) == ("answered", "system", True)
    assert 1000 * TALK_S <= told["talk_ms"] < 1000 * TALK_S + 4_000, "else it would stay for ever"
    assert told["cost"] == {"micro": 60_000, "currency": "CNY"}
    phone = ground.phone(told["number"])
    assert (phone.number, phone.from_user) == (told["dialled"], told["shown"])

    told = ended(app, busy)
    assert (told["outcome"], told["sip_status"], told["reached"], told["cost"]["micro"]) == ("busy", 486, False, 0)
    told = ended(app, fails)
    assert (told["outcome"], told["sip_status"], told["reason"]) == ("trunk_failed", 503, "trunk_failed")

    until_sync(lambda: app.ask("GET", f"/v1/trunks/carrier/test/{rings['call']}").body["rang_at"], 5, "it rings")
    assert app.ask("DELETE", f"/v1/calls/{rings['call']}").status == 202
    told = ended(app, rings)
    assert (told["outcome"], told["reached"], told["hung_up_by"]) == ("cancelled", True, "api")
    shown = app.ask("GET", f"/v1/calls/{answers['call']}").body
    assert (shown["type"], shown["payer"], shown["charged_s"], shown["reason"]) == ("trunk_test", "", 0, "completed")
