"""Commands about money: what the carriers of a month are owed, added up (over the API) and leg by leg (from Redis
itself, so that no number of legs fills the memory)."""

from __future__ import annotations

import asyncio
import csv
import importlib
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    ConfigOpt,
    Failure,
    JsonOpt,
    KeyOpt,
    Progress,
    StateOpt,
    clock,
    example,
    money,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.cli_ledger import UrlOpt, redis_url
from ari_app.entrypoints.client import connect, told_setting

report_app = new_app("What the operator owes, and what is left.")

LEG_COLUMNS = (
    "leg", "trunk", "number", "dialled", "user", "team", "dialled_at", "rang_at", "answered_at", "ended_at", "outcome",
    "cause", "sip_status", "price_micro_per_min", "increment", "billed_s", "currency", "cost_micro", "charged_s",
)  # fmt: skip
SUM_COLUMNS = (
    "month", "trunk", "legs", "answered", "unanswered", "talk_s", "billed_s", "charged_s", "unpriced", "currency",
    "cost_micro",
)  # fmt: skip
TOLD_EVERY = 10_000

MonthOpt = Annotated[str | None, typer.Option("--month", metavar="MONTH", help="Such as 2026-11; default: this one.")]
CsvOpt = Annotated[str | None, typer.Option("--csv", metavar="FILE", help="Write CSV to a file, or - for stdout.")]
LegsOpt = Annotated[bool, typer.Option("--legs", help="Every leg as CSV, for the accountant (asks Redis itself).")]


def register(app: typer.Typer) -> None:
    app.add_typer(report_app, name="report")


@report_app.command("settlement", epilog=example("report settlement --month 2026-11"))
def settlement(
    month: MonthOpt = None, csv_to: CsvOpt = None, legs: LegsOpt = False, api: ApiOpt = None, key: KeyOpt = None,
    redis: UrlOpt = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """What each carrier is owed for a month, the margin over what minutes are worth, and a forecast."""
    if legs:
        if as_json:
            raise Failure("--legs writes CSV: leave --json out")
        return _legs(month, csv_to or "-", redis_url(redis, config, state_dir), told_setting("timezone", config))
    told = connect(api, key, state_dir).get("v1", "reports", "settlement", month=month)
    if as_json:
        out_json(told)
    elif csv_to is not None:
        with _written(csv_to) as file:
            _sums_csv(told, file)
    else:
        _show(told)
    return None


def _show(told: dict[str, Any]) -> None:
    head = ("trunk", "legs", "answered", "talk", "billed", "cost")
    total = told["total"]
    rows = [(one["trunk"], *_cells(one)) for one in told["trunks"]]
    if len(rows) != 1:
        rows.append(("all", *_cells(total)))
    out(f"{told['month']}, by the clock of {told['timezone']}")
    table(head, rows)
    out(f"charged to users: {clock(total['charged_s'])}")
    if told["worth"] is not None:
        out(f"worth: {money([told['worth']])}")
    if told["margin"] is not None:
        out(f"margin: {money([told['margin']])}")
    if told["forecast"] is not None:
        out(f"costs at the month's end, if it goes on so: {money(told['forecast'])}")
    if told["incomplete_days"]:
        out(f"not complete: {', '.join(told['incomplete_days'])}")
    for warning in told["warnings"]:
        say(f"warning: {warning}")


def _cells(sums: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(sums["legs"]), str(sums["answered"]), clock(sums["talk_s"]), clock(sums["billed_s"]), money(sums["cost"]),
    )  # fmt: skip


def _sums_csv(told: dict[str, Any], file: IO[str]) -> None:
    """A line for each trunk and currency; the counts stand in a trunk's first line, so that a column adds up."""
    writer = csv.writer(file)
    writer.writerow(SUM_COLUMNS)
    for trunk in told["trunks"]:
        for at, cost in enumerate(trunk["cost"] or [{"micro": 0, "currency": ""}]):
            counts = [trunk[name] if at == 0 else 0 for name in SUM_COLUMNS[2:-2]]
            writer.writerow([told["month"], trunk["trunk"], *counts, cost["currency"], cost["micro"]])


# ---- leg by leg -----------------------------------------------------------------------------------------------------


def _legs(month: str | None, to: str, url: str, timezone: str | None) -> None:
    from ari_app import logs
    from ari_app.config import Settings
    from ari_app.domain.costing import days_of
    from ari_app.domain.errors import Unavailable

    logs.configure("error", "console")  # the sentence at the end says it all
    zone = timezone or Settings().timezone
    month = month or _this_month(zone)
    try:
        days_of(month)
    except ValueError:
        raise Failure(f"--month: one such as 2026-11 is expected, not {month!r}") from None
    try:
        with _written(to) as file:
            told = asyncio.run(_write_legs(month, file, url, zone))
    except Unavailable as e:
        raise Failure(str(e)) from None
    say(f"{told} legs of {month}" + ("" if to == "-" else f" in {to}"))


def _this_month(timezone: str) -> str:
    import time

    from ari_app.domain.costing import day_of

    return day_of(int(time.time() * 1000), timezone)[:7]


async def _write_legs(month: str, file: IO[str], url: str, timezone: str) -> int:
    tools = importlib.import_module("ari_app.trunk_tools.costs")  # which stands a floor above
    writer, told, progress = csv.writer(file), 0, Progress("{n} legs", TOLD_EVERY)
    writer.writerow(LEG_COLUMNS)
    try:
        async with tools.opened_costs(url, timezone) as costs:
            async for leg in tools.legs_of(costs, month):
                writer.writerow(_row(leg))
                told += 1
                progress.tell(told)
    finally:
        progress.clear()
    return told


def _row(leg: Any) -> Iterable[object]:
    from ari_app.entrypoints.views import rfc3339

    for name in LEG_COLUMNS:
        if name.endswith("_at"):
            at_ms = getattr(leg, f"{name}_ms")
            yield "" if at_ms is None else rfc3339(at_ms)
        else:
            value = getattr(leg, "payer" if name == "user" else name)
            yield "" if value is None else value


@contextmanager
def _written(to: str) -> Iterator[IO[str]]:
    """Stdout, or a file that comes to be whole or not at all."""
    if to == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    import io

    from ari_app.whole_files import written_whole

    path = Path(to)
    try:
        if path.exists() and not path.is_file():
            raise Failure(f"{path} is there, and is not a file")
        with written_whole(path) as raw:
            file = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            yield file
            file.flush()
            file.detach()
    except OSError as e:
        raise Failure(f"{path} cannot be written: {e.strerror}") from None
