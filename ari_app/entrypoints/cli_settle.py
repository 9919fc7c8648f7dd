"""`ringbridge settle`: a carrier's bill beside our own records. Knows the CLI's manner only; what it does is in
trunk_tools/settling.py."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ConfigOpt,
    Failure,
    JsonOpt,
    StateOpt,
    clock,
    example,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.cli_ledger import UrlOpt, redis_url
from ari_app.entrypoints.client import told_setting

DIFFERENT = 3
"""The exit code where something besides agreed and rounding was found."""
MISTAKES_MAX = 52
HEAD = ("class", "lines", "currency", "our minutes", "billed minutes", "owed", "billed", "difference")


def register(app: typer.Typer) -> None:
    app.command("settle", epilog=example("settle bill-2026-11.csv --trunk acme --month 2026-11 --to disputes.csv"))(
        settle
    )


def settle(
    bill: Annotated[Path | None, typer.Argument(metavar="BILL", help="The carrier's bill, a CSV file.")] = None,
    trunk: Annotated[str | None, typer.Option(help="The trunk that it is for.")] = None,
    profile: Annotated[Path | None, typer.Option(help="How the bill is written; see --profile-sample.")] = None,
    month: Annotated[str | None, typer.Option(help="Such as 2026-11; default: the bill's own.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write each difference to this file, as CSV.")] = None,
    cel: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Asterisk's own record as a witness: cel.csv, and those rotated from it."),
    ] = None,
    profile_sample: Annotated[bool, typer.Option("--profile-sample", help="Print a profile to start from.")] = False,
    redis: UrlOpt = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Lay a carrier's bill beside our own records of the trunk: what agrees, what is missing on either side, what
    differs, and by how much. Exit code 3 if anything but rounding does."""
    if profile_sample:
        return _sample(as_json)
    if bill is None or trunk is None:
        raise typer.BadParameter("BILL and --trunk are needed (or --profile-sample)")
    if month is not None and not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", month):
        raise typer.BadParameter("--month: expected a month such as 2026-11")
    place = _setting("timezone", config), _setting("region", config)
    legs = _legs(redis, config, state_dir, place[0], trunk)
    found = _settled(bill, trunk, profile, month or "", tuple(cel or ()), place, legs, to)
    out_json(_data(found, to)) if as_json else _show(found, bill, to)
    if not found.is_agreed:
        raise typer.Exit(DIFFERENT)
    return None


def _sample(as_json: bool) -> None:
    profiles = importlib.import_module("ari_app.trunk_tools.bill_profile")
    out_json(profiles.sample_data()) if as_json else out(profiles.sample().rstrip("\n"))


def _setting(name: str, config: str | None) -> str:
    from ari_app.config.kinds import Unfit
    from ari_app.config.options import table as options

    _, option, default = options()[name]
    try:
        return str(option.kind.parse(told_setting(name, config) or default))
    except Unfit as why:
        raise Failure(f"{name}: the setting will not do; expected {option.kind.words}{why}") from None


def _legs(
    redis: str | None, config: str | None, state_dir: Path | None, zone: str, trunk: str
) -> Callable[[Sequence[str]], Iterable[Any]]:
    from ari_app import logs

    logs.configure("error", "console")  # the sentence at the end says it all
    url = redis_url(redis, config, state_dir)
    store = importlib.import_module("ari_app.trunk_tools.bill_legs")
    return lambda days: store.legs_in(url, zone, trunk, days)


def _settled(
    bill: Path, trunk: str, profile: Path | None, month: str, cel: tuple[Path, ...], place: tuple[str, str],
    legs: Callable[[Sequence[str]], Iterable[Any]], to: Path | None,
) -> Any:  # fmt: skip
    from sqlite3 import Error as StoreError

    from ari_app.config import Mistakes
    from ari_app.domain.errors import CallerError, Unavailable
    from ari_app.whole_files import written_whole

    tools = importlib.import_module("ari_app.trunk_tools.settling")
    disputes = importlib.import_module("ari_app.trunk_tools.dispute_file")
    profiles = importlib.import_module("ari_app.trunk_tools.bill_profile")
    if to is not None and to.exists() and not to.is_file():
        raise Failure(f"{to} is there, and is not a file")
    try:
        given = profiles.load_profile(profile) if profile else profiles.Profile()
        asked = tools.Asked(bill, trunk, *place, given, month, cel)
        with ExitStack() as files:
            differ = disputes.writer(files.enter_context(written_whole(to))) if to else (lambda _one: None)
            return tools.settle(asked, legs, differ, _bar)
    except (Mistakes, Unavailable, CallerError) as e:
        raise Failure(_first(str(e).splitlines())) from None
    except StoreError as e:
        raise Failure(f"what does not fit into the memory cannot be kept on the disk meanwhile: {e}") from None
    except OSError as e:
        raise Failure(f"{e.filename or to}: {e.strerror or e}") from None


def _first(lines: Sequence[str]) -> str:
    """Of the mistakes of a bill there are no more than these."""
    shown = lines if len(lines) <= MISTAKES_MAX else [*lines[:MISTAKES_MAX], f"and {len(lines) - MISTAKES_MAX} more"]
    return "\n".join(shown)


# ---- what came out --------------------------------------------------------------------------------------------------


def _show(found: Any, bill: Path, to: Path | None) -> None:
    for line in found.took:
        say(f"taken as {line}")
    _say_unreadable(found, bill)
    for note in found.notes:
        say(f"note: {note}")
    if abs(found.skew_ms) >= 1000:
        say(f"the bill's clock is {abs(found.skew_ms) / 1000:g} s {'ahead of' if found.skew_ms > 0 else 'behind'} ours")
    out(f"{found.trunk}, {found.month}: {found.legs} legs of ours, {found.lines} lines of the bill\n")
    table(HEAD, _rows(found))
    if prefixes := found.prefixes():
        out("\nwhere the differences are")
        table(("prefix", "difference"), ((f"{p}…", _money(micro, currency)) for p, currency, micro in prefixes))
    if to is not None:
        say(f"wrote {to}")


def _say_unreadable(found: Any, bill: Path) -> None:
    from ari_app.domain.billing_match import Class

    for line, why in found.unreadable:
        say(f"{bill}:{line}: {why}")
    if (more := found.count(Class.UNREADABLE) - len(found.unreadable)) > 0:
        say(f"and {more} more lines that cannot be read")
    if found.left_out:
        say(f"{found.left_out} lines left out by their direction")


def _rows(found: Any) -> Iterator[tuple[str, ...]]:
    for what, currency, sums in found.classes():
        yield (what.value, str(sums.lines), currency, *_sums(sums))
    for currency, sums in found.totals().items():
        if currency:
            yield ("in all", str(sums.lines), currency, *_sums(sums))


def _sums(sums: Any) -> tuple[str, ...]:
    money = (sums.our_micro, sums.their_micro, sums.their_micro - sums.our_micro)
    return clock(sums.our_s), clock(sums.their_s), *(_money(micro, "") for micro in money)


def _money(micro: int, currency: str) -> str:
    from ari_app.domain.units import decimal

    return f"{decimal(micro)} {currency}".strip()


def _data(found: Any, to: Path | None) -> dict[str, Any]:
    return {
        "trunk": found.trunk, "month": found.month, "agreed": found.is_agreed, "legs": found.legs, "lines": found.lines,
        "left_out": found.left_out, "skew_ms": found.skew_ms,
        "classes": [
            {"class": what.value, "currency": currency or None} | _fields(sums)
            for what, currency, sums in found.classes()
        ],
        "totals": [{"currency": currency} | _fields(sums) for currency, sums in found.totals().items() if currency],
        "prefixes": [{"prefix": p, "currency": c, "difference_micro": micro} for p, c, micro in found.prefixes()],
        "unreadable": [{"line": line, "why": why} for line, why in found.unreadable],
        "took": list(found.took), "notes": list(found.notes), "file": str(to) if to else None,
    }  # fmt: skip


def _fields(sums: Any) -> dict[str, int]:
    return {
        "lines": sums.lines, "our_s": sums.our_s, "their_s": sums.their_s, "our_micro": sums.our_micro,
        "their_micro": sums.their_micro, "difference_micro": sums.their_micro - sums.our_micro,
    }  # fmt: skip


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """On stderr, where that is a terminal. `total` 0: nobody knows."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total or None)
        yield lambda done: progress.advance(task, done)
