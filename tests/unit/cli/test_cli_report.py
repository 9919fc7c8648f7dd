"""ringbridge report settlement: the table for people, CSV and JSON for programs, and every leg for the accountant."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.adapters.memory_costs import MemoryCosts
from ari_app.domain.costing import LegCost, leg_costs
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.views_report import Terms
from ari_app.trunk_tools import costs as tools
from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import NOW_MS, a_talk

TALK = leg_costs(a_talk())[-1]
DAY_MS = 86_400_000
LEGS = [
    replace(TALK, leg="c1.callee.0", cost_micro=60_000, charged_s=60),
    replace(TALK, leg="c2.callee.0", cost_micro=1_500_000, trunk="west", currency="EUR"),
    replace(TALK, leg="c3.callee.0", trunk="west", answered_at_ms=None, outcome="busy", cost_micro=0, charged_s=0),
    replace(TALK, leg="c4.callee.0", answered_at_ms=NOW_MS - 40 * DAY_MS, cost_micro=5),
]


@pytest.fixture
def noted(served: Served) -> Served:
    asyncio.run(served.bench.costs.note(LEGS))
    return served


def test_people_see_what_each_carrier_is_owed(run: Run, noted: Served) -> None:
    ran = run("report", "settlement", "--month", "2026-11")
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "2026-11, by the clock of Asia/Shanghai",
        "trunk    legs  answered  talk  billed  cost",
        "carrier  1     1         0:05  1:00    0.06 CNY",
        "west     2     1         0:05  1:00    1.50 EUR",
        "all      3     2         0:10  2:00    0.06 CNY + 1.50 EUR",
        "charged to users: 2:00",
        "costs at the month's end, if it goes on so: 0.06 CNY + 1.50 EUR",
        "not complete: 2026-11-23",
    ]


def test_the_margin_may_be_a_loss(run: Run, noted: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(noted.bench.costs.note([replace(TALK, leg="c5.callee.0", cost_micro=999_999, charged_s=0)]))
    noted.bench.costs._legs.pop(("west", "2026-11-23"))
    doors = replace(noted.bench.doors, report=Terms(worth_micro=59_998))
    monkeypatch.setitem(noted.bench.front.given, "doors", doors)
    told = run("report", "settlement", "--month", "2026-11").out.splitlines()
    assert "worth: 0.059998 CNY" in told
    assert "margin: -1.000001 CNY" in told


def test_programs_get_json_and_csv(run: Run, noted: Served, tmp_path: Path) -> None:
    told = json.loads(run("report", "settlement", "--month", "2026-11", "--json").out)
    assert [one["trunk"] for one in told["trunks"]] == ["carrier", "west"]

    ran = run("report", "settlement", "--month", "2026-11", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [(row["trunk"], row["legs"], row["currency"], row["cost_micro"]) for row in rows] == [
        ("carrier", "1", "CNY", "60000"),
        ("west", "2", "EUR", "1500000"),
    ]
    assert run("report", "settlement", "--month", "2026-11", "--csv", "sums.csv").out == ""
    assert (tmp_path / "sums.csv").read_bytes().decode() == ran.out


@pytest.mark.parametrize("more", [(), ("--legs", "--redis", "redis://127.0.0.1:1")])
def test_what_is_no_month_is_one_sentence(run: Run, noted: Served, more: tuple[str, ...]) -> None:
    ran = run("report", "settlement", "--month", "november", *more)
    assert (ran.code, ran.out, ran.err.count("\n")) == (1, "", 1)
    assert "one such as 2026-11 is expected" in ran.err


# ---- leg by leg -----------------------------------------------------------------------------------------------------


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryCosts:
    """What the tool opens in place of a Redis."""
    costs = MemoryCosts()
    asyncio.run(costs.note(LEGS))

    @asynccontextmanager
    async def opened(_url: str, _timezone: str) -> AsyncIterator[MemoryCosts]:
        yield costs

    monkeypatch.setattr(tools, "opened_costs", opened)
    return costs


def test_the_accountant_gets_every_leg_of_the_month(run: Run, store: MemoryCosts, tmp_path: Path) -> None:
    ran = run("report", "settlement", "--month", "2026-11", "--legs", "--redis", "redis://127.0.0.1:1")
    assert (ran.code, ran.err) == (0, "3 legs of 2026-11\n")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [as_noted(row) for row in rows] == [as_leg(leg) for leg in LEGS[:3]]
    assert rows[0]["answered_at"] == "2026-11-23T08:33:12.223Z"
    assert rows[2]["answered_at"] == ""

    words = ("report", "settlement", "--month", "2026-10", "--legs", "--csv", "legs.csv", "--redis", "redis://a:1")
    assert run(*words).err == "1 legs of 2026-10 in legs.csv\n"
    assert len((tmp_path / "legs.csv").read_text().splitlines()) == 2


def as_noted(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(
        row[name] for name in ("leg", "trunk", "number", "user", "outcome", "billed_s", "currency", "cost_micro")
    )


def as_leg(leg: LegCost) -> tuple[str, ...]:
    return tuple(
        str(part)
        for part in (
            leg.leg, leg.trunk, leg.number, leg.payer, leg.outcome, leg.billed_s, leg.currency, leg.cost_micro,
        )
    )  # fmt: skip


def test_a_redis_that_is_away_is_one_sentence_and_leaves_no_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @asynccontextmanager
    async def away(_url: str, _timezone: str) -> AsyncIterator[MemoryCosts]:
        raise Unavailable("Redis is away")
        yield

    monkeypatch.setattr(tools, "opened_costs", away)
    words = ("report", "settlement", "--legs", "--csv", "legs.csv", "--redis", "redis://127.0.0.1:1")
    ran = run(*words)
    assert (ran.code, ran.err.count("\n")) == (1, 1)
    assert list(tmp_path.iterdir()) == []
    assert run(*words, "--json").code == 1


# ---- before it is too late ------------------------------------------------------------------------------------------


def test_a_trunk_that_sells_below_its_cost_is_warned_of_where_it_is_known_what_a_minute_is_worth(
    run: Run, tmp_path: Path
) -> None:
    trunk = "[{name}]\nhost = 192.0.2.1\nprice = {price}\ncurrency = {currency}\n"
    sections = (("dear", "0.06", "CNY"), ("even", "0.05", "CNY"), ("abroad", "9", "EUR"))
    text = "".join(trunk.format(name=name, price=price, currency=currency) for name, price, currency in sections)
    (tmp_path / "sip_trunks.conf").write_text(text)
    settings = tmp_path / "ringbridge.toml"
    settings.write_text('trunks_file = "sip_trunks.conf"\nminute_worth = "0.10"\n')
    told = run("check")
    assert told.code == 0
    (warning,) = [line for line in told.err.splitlines() if "minute_worth" in line]
    assert "[dear]: a minute may cost 0.12 CNY, both legs at its dearest price, and is worth 0.1 " in warning

    settings.write_text('trunks_file = "sip_trunks.conf"\n')
    assert "minute_worth" not in run("check").err
