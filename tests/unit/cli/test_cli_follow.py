"""`ringbridge follow` and `ringbridge click-token`: what happens, a line each, and a page that may place a call."""

from __future__ import annotations

import asyncio
import json

from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import a_call


def test_a_call_is_followed_to_its_end(run: Run, served: Served) -> None:
    asyncio.run(served.bench.store(a_call("c1"), "queued", "talking", "ended"))
    told = run("follow", "c1")
    assert (told.code, told.err) == (0, "")
    assert [line.split()[1:] for line in told.out.splitlines()] == [
        ["c1", "call.queued"], ["c1", "call.talking"], ["c1", "call.ended"],
    ]  # fmt: skip
    lines = run("follow", "c1", "--after", "1", "--json").out.splitlines()
    assert [json.loads(line)["data"]["seq"] for line in lines] == [2, 3]
    assert run("follow", "c1", "--after", "3").out == ""


def test_what_is_not_there_cannot_be_followed(run: Run, served: Served) -> None:
    told = run("follow", "c404")
    assert (told.code, told.out) == (1, "")
    assert "no such call" in told.err.lower()
    assert run("follow", "--types", "shop.sold").code == 1


def test_a_token_is_shown_as_the_address_of_a_page(run: Run, served: Served) -> None:
    asyncio.run(served.bench.put())
    told = run("click-token", "+8613900000004", "--caller", "demo", "--expires-in", "60")
    assert told.out.startswith(f"{served.url}/click#rbc_")
    assert "good for one call" in told.err
    made = json.loads(run("click-token", "+8613900000004", "--origin", "https://shop.example.com", "--json").out)
    assert set(made) == {"token", "expires_at", "url", "call"}
