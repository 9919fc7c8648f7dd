"""`ringbridge limits`, against an API over memory."""

from __future__ import annotations

import asyncio
import json

from ari_app.ports.limits import of_number, of_pair
from tests.unit.cli.conftest import Run, Served
from tests.unit.cli.test_cli_keys import said
from tests.unit.http.http_bench import NOW_MS

ERIN = "+8613812345601"


def called_twice(served: Served) -> None:
    for what in (of_pair("demo", ERIN), of_number(ERIN)):
        for n in (1, 2):
            mark = served.bench.limits.mark(what, f"c{n}", (), at_ms=NOW_MS - 100_000 * n, keep_s=3600)
            asyncio.run(mark)


def test_support_sees_what_counts_and_lifts_it(run: Run, served: Served) -> None:
    run("user", "put", "demo", "--number", "+8613900000001")
    called_twice(served)

    rows = [" ".join(line.split()) for line in run("limits", "show", "demo", ERIN).out.splitlines()]
    assert rows == [
        "of calls rules hit again in",
        "pair 2 pair-2-in-300s pair-2-in-300s 1:40",
        "number 2 number-3-in-3600s - -",
    ]
    assert json.loads(said(run("limits", "show", "demo", ERIN, "--json")))["counted"][0]["again_s"] == 100
    assert said(run("limits", "lift", "demo", ERIN)) == "2 calls do not count any more"
    assert said(run("limits", "lift", "demo", ERIN)) == "0 calls do not count any more"
    assert json.loads(said(run("limits", "lift", "demo", ERIN, "--of-all", "--json"))) == {"forgotten": 2}


def test_a_number_without_limits_is_told_as_such(run: Run, served: Served) -> None:
    run("user", "put", "demo", "--number", "+8613900000001")
    assert "no limit is for +8613900000004" in run("limits", "show", "demo", "13900000004").err
    assert run("limits", "show", "nobody", ERIN).code == 1
