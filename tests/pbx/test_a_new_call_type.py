"""A call type of one small file that is not shipped, on the real PBX: asked for over the API and from the command line,
rung, greeted, hung up, told and described as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests import toy
from tests.ground import Ground, number
from tests.ringbridge import Ringbridge

ANSWERS, BUSY = 11, 22


class WithToy(Ringbridge):
    def __init__(self, ground: Ground, folder: Path) -> None:
        super().__init__(ground.home, NODE="toys", ARI_APP="toys")
        self.program = toy.program(folder)

    def said(self, *words: str) -> str:
        """Of the command line, with this API."""
        env = os.environ | {"RINGBRIDGE_API": self.api, "RINGBRIDGE_API_KEY": self.key}
        ran = subprocess.run(
            [sys.executable, *self.program, *words], env=env, capture_output=True, text=True, timeout=60, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


def test_it_is_picked_up_and_its_calls_are_calls(ground: Ground, tmp_path: Path) -> None:
    app = WithToy(ground, toy.laid(tmp_path)).start()
    try:
        body = {"type": "toy", "phone": number(BUSY)}
        placed = app.ask("POST", "/v1/calls", body, Idempotency_Key="toy-1")
        assert placed.status == 201, placed
        again = app.ask("POST", "/v1/calls", body, Idempotency_Key="toy-1")
        assert again.body["id"] == placed.body["id"]

        told = json.loads(app.said("start", "toy", f"phone={number(ANSWERS)}", "seconds=20", "--wait", "--json"))
        assert (told["type"], told["state"], told["payer"], told["charged_s"]) == ("toy", "ended", "", 0)
        assert (told["reason"], told["hung_up_by"]) == ("completed", "system")
        assert app.states(told["id"]) == ["queued", "ringing_callee", "talking", "ended"]
        [leg] = told["legs"]
        assert leg["answered_at"] is not None
        assert leg["cost"]["micro"] > 0, "the carrier is owed its price"
        assert ground.phone(leg["number"]).from_user == leg["shown"]

        busy = app.until_ended(placed.body["id"])
        assert (busy["reason"], busy["legs"][0]["sip_status"]) == ("callee_busy", 486)
        assert "toy:\n    phone=TEXT" in app.said("start", "--help")
        described = app.ask("GET", "/openapi.json").body
        assert "PlaceToy" in described["components"]["schemas"]
    finally:
        code = app.terminate()
    assert code == 0, app.tail()
    assert app.complaints() == []
