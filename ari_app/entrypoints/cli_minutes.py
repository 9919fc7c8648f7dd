"""Commands about minutes: the balance, the statement, and what an operator gives, puts right and gives back. Clients of
the API."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    Failure,
    JsonOpt,
    KeyOpt,
    OnceOpt,
    UserArg,
    clock,
    example,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.client import ApiRefused, connect
from ari_app.entrypoints.csv_export import export

LINES = 20
EXPIRES = "When they expire, RFC 3339 with an offset or Z: 2027-01-01T00:00:00Z; default: never."
NEGATIVE = {"ignore_unknown_options": True}
"""-60 is a number, not an option."""


NO_RECORD = "There is no such call here; for one whose record is gone name its payer: --user."


def _whole(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text) is None:  # a misspelt option comes here, too
        raise typer.BadParameter(f"{text} is not a whole number.")
    return int(text)


def register(app: typer.Typer) -> None:
    app.command("balance", epilog=example("balance demo"))(balance)
    app.command("statement", epilog=example("statement demo --limit 50"))(statement)
    given = example("grant demo 3600 --kind bought --expires 2027-01-01T00:00:00+08:00")
    app.command("grant", epilog=given, context_settings=NEGATIVE)(grant)
    said = example('correct demo -60 --reason "charged twice"')
    app.command("correct", epilog=said, context_settings=NEGATIVE)(correct)
    app.command("refund", epilog=example("refund c5h2k7… --seconds 60"))(refund)


def balance(user: UserArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show the minutes that a user has left."""
    found = connect(api, key).get("v1", "users", user, "balance")
    return out_json(found) if as_json else _balance(found)


def _balance(found: dict[str, Any]) -> None:
    held = f", {clock(found['held_s'])} held by calls that go on" if found["held_s"] else ""
    out(f"{clock(found['available_s'])} minutes left{held} (plan {found['plan']}, {found['period']})")
    for bucket in found["buckets"]:
        until = f"until {bucket['expires_at']}" if bucket["expires_at"] else "without expiry"
        out(f"  {bucket['kind']:<7} {clock(bucket['remaining_s']):>8} of {clock(bucket['granted_s'])}  {until}")


def statement(
    user: UserArg,
    limit: Annotated[int | None, typer.Option(help=f"How many lines; default: {LINES}.")] = None,
    cursor: Annotated[str | None, typer.Option(help="Go on where a statement before ended.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="The whole statement as CSV, oldest line first.")] = False,
    to: Annotated[Path | None, typer.Option(help="With --csv: into this file, whole or not at all.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Show every change of a user's minutes, newest first. As CSV it is the whole statement, oldest first: added up,
    line by line, it is the balance."""
    if as_csv and (as_json or limit is not None or cursor is not None):
        raise typer.BadParameter("it is the whole statement, without --limit, --cursor and --json.", param_hint="--csv")
    if to is not None and not as_csv:
        raise typer.BadParameter("a file is only written with --csv.", param_hint="--to")
    client = connect(api, key)
    if as_csv:
        return export(client, user, to)
    page = client.get("v1", "users", user, "statement", limit=LINES if limit is None else limit, cursor=cursor)
    if as_json:
        return out_json(page)
    if not page["lines"]:
        return say("no lines")
    rows = (
        (str(line["seq"]), line["at"], line["what"], line["kind"], clock(line["seconds"]),
         clock(line["balance_after_s"]), line["call"] or line["op"], line["note"])
        for line in page["lines"]
    )  # fmt: skip
    table(("line", "at", "what", "of", "minutes", "balance", "call or operation", "note"), rows)
    return say(f"more with --cursor {page['cursor']}") if page["cursor"] else None


def grant(
    user: UserArg,
    seconds: Annotated[int, typer.Argument(metavar="SECONDS", parser=_whole, help="How many seconds.")],
    kind: Annotated[str, typer.Option(help="bonus or bought.")] = "bonus",
    expires: Annotated[str | None, typer.Option(help=EXPIRES)] = None,
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Give a user minutes, in seconds."""
    body: dict[str, object] = {"kind": kind, "seconds": seconds}
    if expires is not None:
        body["expires_at"] = expires
    done = connect(api, key).post("v1", "users", user, "grants", body=body, once=once or secrets.token_hex(16))
    if as_json:
        return out_json(done)
    out(f"granted {clock(seconds)} minutes ({kind})")
    return _balance(done["balance"])


def correct(
    user: UserArg,
    seconds: Annotated[
        int, typer.Argument(metavar="SECONDS", parser=_whole, help="How many; -60 takes 60 seconds away.")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="For the statement: one line.")],
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Put a user's minutes right, up or down. All of it or nothing; what is held for a call that goes on is not
    touched."""
    body = {"seconds": seconds, "reason": reason}
    done = connect(api, key).post("v1", "users", user, "corrections", body=body, once=once or secrets.token_hex(16))
    if as_json:
        return out_json(done)
    out(f"corrected by {'+' if seconds > 0 else ''}{clock(seconds)} minutes")
    return _balance(done["balance"])


def refund(
    call: Annotated[str, typer.Argument(metavar="CALL", help="The call's id.")],
    seconds: Annotated[
        int | None,
        typer.Option(metavar="SECONDS", parser=_whole, help="How many; default: all that is left of the charge."),
    ] = None,
    user: Annotated[str | None, typer.Option(help="Who paid, for a call whose record is gone.")] = None,
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Give back what a call was charged. Never more than that, however often; as bonus minutes without expiry."""
    body = {} if seconds is None else {"seconds": seconds}
    once = once or secrets.token_hex(16)
    try:
        done = connect(api, key).post("v1", "calls", call, "refund", body=body, once=once, user=user)
    except ApiRefused as e:
        if "?user=" in e.problem.get("detail", ""):  # what the API's own words ask for is an option here
            raise Failure(f"{NO_RECORD} ({e.problem['type']})") from None
        raise
    if as_json:
        return out_json(done)
    out(f"refunded {clock(done['seconds'])} minutes of call {call}")
    return _balance(done["balance"])
