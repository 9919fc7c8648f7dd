"""Millions of accounts: what one takes in memory, that an operation costs as much among many as among few, and that the
operator's commands read them all without holding them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.contract.million import (
    ALLOWANCE_S,
    OLD_DAYS,
    Costs,
    Ran,
    Stock,
    charge_everybody,
    fill,
    measure,
    ratio,
    tool,
)
from tests.contract.redis_server import RedisServer

SEED = int(os.environ.get("SEED") or 7)
SIZES = (1_000, 10_000, 100_000, 1_000_000)
TURNS, EACH = 60, 100
BYTES_MAX = 600  # of memory, for an account that lies idle
APPENDFSYNC = "everysec"
FLAT = 1.2
PEAK_GROWTH_MAX = 1.3
VERIFY_S_MAX = 300

pytestmark = [pytest.mark.timeout(1_800), pytest.mark.soak("few accounts say little")]


@pytest.fixture(scope="module")
def stocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stock]]:
    """The smallest first."""
    made = []
    try:
        for accounts in SIZES:
            home = tmp_path_factory.mktemp("redis")
            made.append(Stock(RedisServer(home, appendfsync=APPENDFSYNC).start(), accounts))
            asyncio.run(fill(made[-1]))
        yield made
    finally:
        for stock in made:
            stock.server.kill()


def test_an_account_that_lies_idle_takes_little_memory(stocks: list[Stock]) -> None:
    for one in stocks:
        figure(
            f"million: {one.accounts} accounts: made in {one.filled_in_s:.1f} s, {one.accounts / one.filled_in_s:.0f}"
            f" a second; {one.idle_bytes:.0f} bytes each, of which its keys {one.key_bytes:.0f}"
        )
    for one in stocks[1:]:  # the first has what Redis makes at its start in it, too
        assert one.key_bytes <= one.idle_bytes <= BYTES_MAX


def test_an_operation_costs_as_much_among_many_accounts_as_among_few(stocks: list[Stock]) -> None:
    """By the CPU of Redis' thread: the clocks, which are told too, also count who else is on the machine."""
    found = asyncio.run(measure(stocks, TURNS, EACH, SEED))

    small = found[stocks[0].accounts]
    for accounts, costs in found.items():
        figure(f"million: {accounts} accounts: {told(costs, small)}")
    for costs in found.values():
        assert ratio(costs.pairs, small.pairs, "cpu") <= FLAT
        assert ratio(costs.touches, small.touches, "cpu") <= FLAT


def test_everybody_is_charged(stocks: list[Stock]) -> None:
    """Once each, but for the old ones."""
    for one in stocks:
        before_s = one.charged_s
        took_s = asyncio.run(charge_everybody(one))
        young = one.accounts - one.old
        figure(f"million: {one.accounts} accounts: {young} charged in {took_s:.1f} s, {young / took_s:.0f} a second")
        assert one.charged_s - before_s == 60 * young


def test_verify_reads_them_all_and_holds_few(stocks: list[Stock], tmp_path: Path) -> None:
    ran = [run(stock, tmp_path, "verify") for stock in few_and_many(stocks)]

    for stock, one in zip(few_and_many(stocks), ran, strict=True):
        assert one.answer["ok"], one.answer["broken"]
        assert one.answer["accounts"] == stock.accounts
        assert one.answer["lines"] == stock.accounts + stock.calls
        assert one.answer["totals"]["spent_s"] == stock.charged_s
        assert one.answer["available_s"] == stock.accounts * ALLOWANCE_S - stock.charged_s
    assert ran[-1].peak_kb <= PEAK_GROWTH_MAX * ran[0].peak_kb
    assert ran[-1].cpu_s <= VERIFY_S_MAX  # what it takes beyond that is the work of others


def test_archive_moves_the_old_lines_of_many_and_holds_few(stocks: list[Stock], tmp_path: Path) -> None:
    asked = ("archive", str(tmp_path), "--keep-days", str(OLD_DAYS - 100))
    ran = [run(stock, tmp_path, *asked) for stock in few_and_many(stocks)]

    for stock, one in zip(few_and_many(stocks), ran, strict=True):
        assert (one.answer["accounts"], one.answer["lines"], one.answer["kept"]) == (stock.old, stock.old, 0)
    assert ran[-1].peak_kb <= PEAK_GROWTH_MAX * ran[0].peak_kb


def few_and_many(stocks: list[Stock]) -> list[Stock]:
    """Ten thousand and a million."""
    return stocks[1::2]


def run(stock: Stock, home: Path, *command: str) -> Ran:
    ran = tool(home, "ledger", *command, "--redis", stock.server.url)
    figure(
        f"million: {stock.accounts} accounts: {command[0]} took {ran.took_s:.1f} s, {ran.cpu_s:.1f} s of it CPU,"
        f" and {ran.peak_kb / 1024:.0f} MB at most"
    )
    return ran


def told(costs: Costs, small: Costs) -> str:
    """The median of each, and in brackets how many times that of the fewest accounts it is."""
    words = []
    for what, mine, its in (("hold, settle", costs.pairs, small.pairs), ("touch", costs.touches, small.touches)):
        by = ", ".join(
            f"{name} {median(getattr(cost, of) for cost in mine):.1f} ({ratio(mine, its, of):.2f})"
            for name, of in (("CPU", "cpu"), ("its clock", "own"), ("client", "client"))
        )
        words.append(f"{what} µs each: {by}")
    return "; ".join(words)


def figure(text: str) -> None:
    print(text)  # noqa: T201
