"""Commands about the whole ledger: check it, move old lines to files, bring it up to date. They ask Redis itself, so
they work while no app runs, and while one does."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ari_app.entrypoints import views_account
from ari_app.entrypoints.cli_common import (
    ConfigOpt,
    Failure,
    JsonOpt,
    StateOpt,
    clock,
    example,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.cli_stack import running, told
from ari_app.entrypoints.client import told_setting

ledger_app = new_app("Check and tend the minutes of all users.")
DAY_MS = 86_400_000
KEEP_DAYS_MIN = 70  # two epochs of operation ids
UrlOpt = Annotated[str | None, typer.Option("--redis", help="Where Redis is; default: as the settings say.")]
ToArg = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of the archive.")]
T = TypeVar("T")


def register(app: typer.Typer) -> None:
    app.add_typer(ledger_app, name="ledger")


@ledger_app.command("verify", epilog=example("ledger verify"))
def verify(
    redis: UrlOpt = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False
) -> None:
    """Check every law of the ledger for every user. Exit code 1, naming each user and law, if one is broken."""
    tools = _tools()

    def tell(one: Any) -> None:
        if not as_json:
            out(f"{one.payer}: {one.what}")

    async def work(ledger: Any) -> Any:
        with bar("checking", await tools.count(ledger)) as advance:
            return await tools.verify(ledger, advance, tell)

    checked = _run(work, redis, config, state_dir)
    out_json(_checked(checked)) if as_json else _sums(checked)
    if checked.broken_n:
        raise typer.Exit(1)


def _checked(checked: Any) -> dict[str, Any]:
    totals = {name: getattr(checked.totals, name) for name in checked.totals.__slots__}
    return {
        "ok": not checked.broken_n, "accounts": checked.accounts, "lines": checked.lines,
        "available_s": checked.available_s, "held_s": checked.held_s, "totals": totals, "broken_n": checked.broken_n,
        "broken": [{"user": one.payer, "what": one.what} for one in checked.broken],
    }  # fmt: skip


def _sums(checked: Any) -> None:
    t = checked.totals
    came = {"granted": t.granted_s, "bought": t.bought_s, "corrected": t.corrected_s, "refunded": t.refunded_s}
    went = {"available": checked.available_s, "held": checked.held_s, "spent": t.spent_s, "expired": t.expired_s}
    for sums in (came, went):
        out("  " + "  ".join(f"{name} {clock(seconds)}" for name, seconds in sums.items()))
    out(f"  overruns, paid by you: {clock(t.overrun_s)}")
    wrong = f"broken laws: {checked.broken_n}" if checked.broken_n else "every law holds"
    out(f"accounts: {checked.accounts}, lines: {checked.lines}; {wrong}")


@ledger_app.command("archive", epilog=example("ledger archive /var/lib/ringbridge/archive --keep-days 400"))
def archive(
    to: ToArg,
    keep_days: Annotated[int, typer.Option(help=f"Lines that are younger stay; {KEEP_DAYS_MIN} at least.")] = 400,
    redis: UrlOpt = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Move old lines of all statements to a file. It is written and read back before anything leaves Redis; balances
    do not change."""
    if keep_days < KEEP_DAYS_MIN:
        raise Failure(f"--keep-days: {KEEP_DAYS_MIN} at least, as an operation may be asked again until then")
    tools = _tools()

    async def work(ledger: Any) -> Any:
        with bar("writing", await tools.count(ledger)) as advance:
            before_ms = await ledger.now_ms() - keep_days * DAY_MS
            return await tools.archive(ledger, to, before_ms, lambda step, done: advance(done * (step == "write")))

    moved = _run(work, redis, config, state_dir)
    if as_json:
        file = str(moved.file) if moved.file else None
        told = {"file": file, "accounts": moved.accounts, "lines": moved.lines, "kept": moved.kept_n}
        out_json(told | {"unsound": moved.unsound})
    elif moved.file is None:
        say(f"nothing is older than {keep_days} days")
    else:
        out(f"{moved.file}: lines: {moved.lines}, of users: {moved.accounts}")
        if moved.kept_n:
            say(f"{moved.kept_n} steps changed meanwhile: they go next time")
    _tell_unsound(moved.unsound)


@ledger_app.command("archived", epilog=example("ledger archived /var/lib/ringbridge/archive li"))
def archived(
    folder: ToArg, user: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")], as_json: JsonOpt = False
) -> None:
    """Show a user's lines that lie in the archive, oldest first."""
    tools = _tools()
    if not folder.is_dir():
        raise Failure(f"{folder}: no such folder")
    try:
        lines = [views_account.line_view(line) for line in tools.archived_lines(folder, user)]
    except tools.ArchiveError as e:
        raise Failure(str(e)) from None
    if as_json:
        import msgspec

        return out_json({"lines": msgspec.to_builtins(lines)})
    if not lines:
        return say(f"no lines of {user} in {folder}")
    rows = ((str(one.seq), one.at, one.what, one.kind, clock(one.seconds), clock(one.balance_after_s),
             one.call or one.op, one.note) for one in lines)  # fmt: skip
    return table(("line", "at", "what", "of", "minutes", "balance", "call or operation", "note"), rows)


@ledger_app.command("migrate", epilog=example("ledger migrate"))
def migrate(
    redis: UrlOpt = None, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False
) -> None:
    """Bring every account to this version's form now. Not needed: each is, when it is next touched. Changes no
    second, and may be broken off and begun again."""
    tools = _tools()

    async def work(ledger: Any) -> Any:
        with bar("migrating", await tools.count(ledger)) as advance:
            return await tools.migrate(redis_url(redis, config, state_dir), advance)

    changed, unsound = _run(work, redis, config, state_dir)
    if as_json:
        out_json({"changed": changed, "unsound": unsound})
    else:
        out(f"accounts of an older form: {changed}")
    _tell_unsound(unsound)


def _tell_unsound(payers: Sequence[str]) -> None:
    """Everybody else's work was done."""
    for payer in payers:
        say(f"{payer}: not sound, left as it is; see `ringbridge ledger verify`")
    if payers:
        raise typer.Exit(1)


# ---- how it is done -------------------------------------------------------------------------------------------------


def _tools() -> Any:
    """ari_app.ledger_tools, which stands a floor above: looked up by name, when it is needed."""
    return importlib.import_module("ari_app.ledger_tools")


def _run(
    work: Callable[[Any], Coroutine[Any, Any, T]], redis: str | None, config: str | None, state_dir: Path | None
) -> T:
    from ari_app import logs
    from ari_app.domain.errors import CallerError, Unavailable

    tools, url = _tools(), redis_url(redis, config, state_dir)
    logs.configure("error", "console")  # the sentence at the end says it all

    async def on_a_ledger() -> T:
        async with tools.opened(url) as ledger:
            return await work(ledger)

    try:
        return asyncio.run(on_a_ledger())
    except (Unavailable, CallerError, tools.ArchiveError) as e:
        raise Failure(str(e)) from None


def redis_url(redis: str | None, config: str | None, state_dir: Path | None) -> str:
    from ari_app.config.kinds import Unfit
    from ari_app.config.options import table as options

    given = redis or told_setting("redis_url", config)
    if given:
        kind = options()["redis_url"][1].kind
        try:
            return str(kind.parse(given))
        except Unfit:
            name = "--redis" if redis else "redis_url"
            raise Failure(f"{name}: the address will not do; expected {kind.words}") from None
    with told():
        return running(state_dir, config).info().redis_url


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on stderr, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)
