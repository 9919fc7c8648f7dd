"""Commands about users. Clients of the API. Their minutes: cli_minutes.py."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, UserArg, example, new_app, out, out_json
from ari_app.entrypoints.client import connect

user_app = new_app("Make, change and look at users.")


def register(app: typer.Typer) -> None:
    app.add_typer(user_app, name="user")


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
