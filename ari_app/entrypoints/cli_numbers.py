"""Commands about a user's numbers: proving that one is his. Clients of the API."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    JsonOpt,
    KeyOpt,
    OnceOpt,
    UserArg,
    example,
    new_app,
    out,
    out_json,
    say,
)
from ari_app.entrypoints.client import connect

number_app = new_app("Prove that a number is a user's.")
NumberArg = Annotated[str, typer.Argument(metavar="NUMBER", help="A number of the user's.")]


def register(app: typer.Typer) -> None:
    app.add_typer(number_app, name="number")


@number_app.command("verify", epilog=example("number verify li +8613912345602"))
def verify(
    user: UserArg, number: NumberArg, once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None,
    as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Ring a number of the user's and read six digits out, twice."""
    path = ("v1", "users", user, "numbers", number, "verify")
    begun = connect(api, key).post(*path, body=None, once=once or secrets.token_hex(16))
    if as_json:
        return out_json(begun)
    out(f"{begun['number']} is rung (call {begun['call']}); the code is good until {begun['expires_at']}")
    return say(f"then: ringbridge number confirm {user} {begun['number']} CODE")


@number_app.command("confirm", epilog=example("number confirm li +8613912345602 302118"))
def confirm(
    user: UserArg, number: NumberArg,
    code: Annotated[str, typer.Argument(metavar="CODE", help="The six digits that were read out.")],
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Give the code back: then the number is proved to be the user's."""
    found = connect(api, key).post("v1", "users", user, "numbers", number, "confirm", body={"code": code})
    if as_json:
        return out_json(found)
    return out(f"{number} is proved to be {found['id']}'s; proved are {', '.join(found['verified'])}")
