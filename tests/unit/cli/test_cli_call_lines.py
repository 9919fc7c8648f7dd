"""What a person reads of calls that are no plain callback: who is who, and by what each phone was reached."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.entrypoints import cli_calls

LEG: dict[str, Any] = {
    "number": "+8613900000001", "shown": "+864001234567", "why": "to_caller", "trunk": "carrier", "device": None,
    "tried": ["carrier"], "cause": 16, "sip_status": None, "cost": {"micro": 60000, "currency": "CNY"},
}  # fmt: skip


def test_who_is_not_there_is_a_dash() -> None:
    assert cli_calls._parties({"caller": "demo", "callee": ""}) == "demo → -"
    assert cli_calls._parties({"caller": "", "callee": "li"}) == "- → li"


@pytest.mark.parametrize(
    ("leg", "says", "says_not"),
    [
        ({}, "saw +864001234567 (to_caller), trunk carrier", "device"),
        ({"trunk": None, "tried": []}, "not rung", "trunk"),
        ({"trunk": None, "device": "rbabc", "tried": ["device"]}, "device rbabc", "not rung"),
        ({"shown": "", "why": "came_in"}, "came in, trunk carrier", "saw"),
    ],
)
def test_a_leg_tells_how_its_phone_was_reached(leg: dict[str, Any], says: str, says_not: str) -> None:
    told = cli_calls._leg(LEG | leg)
    assert says in told
    assert says_not not in told
