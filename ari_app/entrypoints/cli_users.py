"""Commands about users and their minutes. Clients of the API."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, clock, example, new_app, out, out_json, say, table
from ari_app.entrypoints.client import connect

UserArg = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
user_app = new_app("Make, change and look at users.")


def register(app: typer.Typer) -> None:
    app.command("balance", epilog=example("balance demo"))(balance)
    app.command("statement", epilog=example("statement demo --limit 50"))(statement)
    app.command("grant", epilog=example("grant demo 3600 --kind bought --expires 2027-01-01T00:00:00+08:00"))(grant)
    app.add_typer(user_app, name="user")


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
    limit: Annotated[int, typer.Option(help="How many lines.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on where a statement before ended.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Show every change of a user's minutes, newest first."""
    page = connect(api, key).get("v1", "users", user, "statement", limit=limit, cursor=cursor)
    if as_json:
        return out_json(page)
    if not page["lines"]:
        return say("no lines")
    rows = ((str(line["seq"]), line["at"], line["what"], line["kind"], clock(line["seconds"]),
             clock(line["balance_after_s"]), line["call"] or line["op"]) for line in page["lines"])  # fmt: skip
    table(("line", "at", "what", "of", "minutes", "balance", "call or operation"), rows)
    return say(f"more with --cursor {page['cursor']}") if page["cursor"] else None


def grant(
    user: UserArg,
    seconds: Annotated[int, typer.Argument(metavar="SECONDS", help="How many seconds.")],
    kind: Annotated[str, typer.Option(help="bonus or bought.")] = "bonus",
    expires: Annotated[str | None, typer.Option(help="When they expire, RFC 3339; default: never.")] = None,
    once: Annotated[str | None, typer.Option(help="Idempotency-Key: given again with it, it counts once.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
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


@user_app.command("put", epilog=example("user put li --number +8613912345601 --name Li"))
def put(
    user: UserArg,
    number: Annotated[
        list[str] | None, typer.Option(metavar="NUMBER", help="His number; repeated: the first is rung.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="His name.")] = None,
    locale: Annotated[str | None, typer.Option(help="His language, such as zh-CN.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a user, or make him be as given. A number or name that is not given is taken away; with an admin key his
    numbers count as proved."""
    body: dict[str, object] = {"numbers": number or []}
    body |= {field: value for field, value in (("name", name), ("locale", locale)) if value is not None}
    _user(connect(api, key).put("v1", "users", user, body=body), as_json)


@user_app.command("get", epilog=example("user get li"))
def get(user: UserArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show a user and his numbers."""
    _user(connect(api, key).get("v1", "users", user), as_json)


def _user(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return out_json(found)
    out(" ".join([found["id"], found.get("name", ""), found.get("locale", "")]).rstrip())
    for number in found["numbers"]:
        out(f"  {number}  {'proved' if number in found['verified'] else 'not proved'}")
    return None
