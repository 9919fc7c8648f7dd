"""`ringbridge export` and `ringbridge import`, against an API over memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import a_talk


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_calls_are_written_counted_and_over_no_file_unless_it_is_meant(
    run: Run, served: Served, tmp_path: Path, format: str
) -> None:
    for id in ("c1", "c2"):
        asyncio.run(served.bench.store(a_talk(id)))
    to = tmp_path / "calls"
    words = ("export", "calls", "--format", format, "--out", str(to))
    assert f"wrote {to}: 2 calls, " in run(*words).err
    to.write_text("mine")
    refused = run(*words)
    assert refused.code == 1
    assert f"{to} is there already: --force overwrites it" in refused.err
    assert to.read_text() == "mine"
    told = json.loads(run(*words, "--force", "--json").out.splitlines()[-1])
    assert told == {"file": str(to), "calls": 2, "bytes": to.stat().st_size}


def test_minutes_are_given_by_a_file_only_under_a_name(run: Run, served: Served, tmp_path: Path) -> None:
    asyncio.run(served.bench.put())
    file = tmp_path / "bonus.csv"
    file.write_text("user,kind,seconds\ndemo,bonus,60\n")
    words = ("import", "grants", str(file))
    refused = run(*words)
    assert refused.code == 2
    assert "with the same name again" in " ".join(refused.err.split())
    assert "all good" in run(*words, "--dry-run").out, "which gives nothing"
    for _ in range(2):
        assert "1 of 1 lines done" in run(*words, "--once", "december").out
    lines = json.loads(run("statement", "demo", "--json").out.splitlines()[-1])["lines"]
    assert [one["seconds"] for one in lines if one["what"] != "month"] == [60]
