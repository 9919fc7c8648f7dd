"""Commands about limits: how often a user called a number, and lifting that. Clients of the API."""

from __future__ import annotations

from typing import Annotated

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, clock, example, new_app, out, out_json, say, table
from ari_app.entrypoints.client import connect

limits_app = new_app("How often a user called a number, as far as it counts, and lifting that.")
UserArg = Annotated[str, typer.Argument(metavar="USER", help="The user's id.")]
NumberArg = Annotated[str, typer.Argument(metavar="NUMBER", help="The called number.")]


def register(app: typer.Typer) -> None:
    app.add_typer(limits_app, name="limits")


@limits_app.command("show", epilog=example("limits show demo +8613812345601"))
def show(user: UserArg, number: NumberArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show which calls count, by which rules, and when one more may be placed."""
    now = connect(api, key).get("v1", "users", user, "limits", number)
    if as_json:
        return out_json(now)
    if not now["counted"]:
        return say(f"no limit is for {now['number']}")
    table(
        ("of", "calls", "rules", "hit", "again in"),
        (
            (one["of"], str(len(one["calls"])), ", ".join(one["rules"]), one["hit"] or "-",
             "-" if one["again_s"] is None else clock(one["again_s"]))
            for one in now["counted"]
        ),
    )  # fmt: skip
    return None


@limits_app.command("lift", epilog=example("limits lift demo +8613812345601"))
def lift(
    user: UserArg, number: NumberArg,
    of_all: Annotated[bool, typer.Option("--of-all", help="Also what all users' calls count for this number.")] = False,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Forget the calls that count so far, so that the user can call this number again."""
    done = connect(api, key).delete("v1", "users", user, "limits", number, of_all="true" if of_all else None)
    if as_json:
        return out_json(done)
    return out(f"{done['forgotten']} calls do not count any more")
