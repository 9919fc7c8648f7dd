"""The API, asked everything that its own description allows and much that it does not (schemathesis).

No 5xx but a 503 where one is described, no answer that takes for ever, every answer as described, nothing without a
key; and the app's log has nothing to complain of. The phones that are rung meanwhile are the simulated carrier's.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Start, nothing_is_left
from tests.ground import SOAK, Ground
from tests.hostile.runs import SEED
from tests.ringbridge import Ringbridge
from tests.support import until_sync

HERE = Path(__file__).parent
SHORT = ["--max-examples", "2", "--seed", "1", "--phases", "examples,fuzzing"]
"""A few of everything; each odd value of each field (coverage), and one operation's answer for another one's question
(stateful), is the soak's."""
LONG = ["--max-examples", "1000", "--seed", str(SEED), "--max-time", "3000"]
LONG_CASES = 50_000
pytestmark = pytest.mark.timeout(3_800 if SOAK else 180)
MAX_CALLS = 30
"""More than this are refused with 503: the machine is shared with other tests."""


def fuzz(app: Ringbridge, home: Path, *options: str) -> str:
    config = ["--config-file", str(HERE / "schemathesis.toml")]
    asked = [f"{app.api}/openapi.json", "-H", f"Authorization: Bearer {app.key}", "--no-color", "--no-shrink", *options]
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), *config, "run", *asked],
        cwd=home, capture_output=True, text=True, timeout=3_600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-20_000:]}\n{done.stderr[-2_000:]}\n{app.tail(10)}"
    return done.stdout


@pytest.fixture
def folk(ground: Ground, start: Start) -> object:
    """An app with the people that the examples of the description name."""
    # Wrong keys are tried on every operation, and there are more of those than are looked at in a minute.
    with start(ground.home, MAX_CALLS=str(MAX_CALLS), MAX_DURATION_S="20", WRONG_KEYS_MAX="0") as app:
        app.user("demo", "+8613900000001", bonus_s=3_600)
        app.ask("PUT", "/v1/teams/acme", {"name": "Acme"})
        yield app
        end_all(app)
        nothing_is_left(ground, app)


def end_all(app: Ringbridge) -> None:
    """Of what a run has placed, and whoever is told of it."""
    for webhook in app.ask("GET", "/v1/webhooks").body["webhooks"]:
        app.ask("DELETE", f"/v1/webhooks/{webhook['id']}")
    for call in app.ask("GET", "/v1/calls?limit=200").body["calls"]:
        if call["state"] != "ended":
            app.hang_up(call["id"])
    until_sync(lambda: not app.live(), 30, "no call lives any more")


LEFT_OUT = ("POST /v1/audio",)  # see schemathesis.toml


def test_no_request_finds_a_fault(folk: Ringbridge, tmp_path: Path) -> None:
    said = fuzz(folk, tmp_path, *(LONG if SOAK else SHORT))
    tested = re.search(r"Tested: (\d+)", said)
    cases = re.search(r"(\d+) generated", said)
    assert tested is not None, said
    assert cases is not None, said
    described = folk.ask("GET", "/openapi.json").body["paths"]
    assert int(tested[1]) == sum(len(operations) for operations in described.values()) - len(LEFT_OUT), said
    assert int(cases[1]) > (LONG_CASES if SOAK else 2 * int(tested[1])), said
    placed = folk.ask("GET", "/v1/calls?limit=200").body["calls"]
    assert placed, "not one call was placed"
    print(f"api fuzzed, {len(placed)} calls: {cases[1]} requests to {tested[1]} operations, seed {SEED if SOAK else 1}")  # noqa: T201
