"""Commands about teams: make one, look at it, put users into it and take them out. Clients of the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    Failure,
    JsonOpt,
    KeyOpt,
    Progress,
    clock,
    example,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.client import ApiRefused, Client, Unreachable, connect

team_app = new_app("Make, change and look at teams.")
TeamArg = Annotated[str, typer.Argument(metavar="TEAM", help="The team's id.")]
UsersArg = Annotated[list[str], typer.Argument(metavar="USER", help="Ids of users.")]

TOLD_FROM = 20
"""With more users than this it is told how far it has come."""
KEPT = ("name", "certified")
HOPELESS = ("unauthorized", "forbidden", "unknown-team", "not-found")
"""Problems that the next user would have, too."""


def register(app: typer.Typer) -> None:
    app.add_typer(team_app, name="team")


@team_app.command("put", epilog=example("team put acme --name Acme --certified"))
def put(
    team: TeamArg,
    name: Annotated[str | None, typer.Option(help="Its name; a new team's, where not given: its id.")] = None,
    certified: Annotated[
        bool | None,
        typer.Option(
            "--certified/--not-certified", help="Whether the certified plan applies; to a new team it does not."
        ),
    ] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a team, or change what is given of one. Its members stay, and so does what is not given."""
    client = connect(api, key)
    told: dict[str, object] = {"name": name, "certified": certified}
    body = {field: value for field, value in told.items() if value is not None}
    if len(body) < len(KEPT):
        body = _kept(client, team) | body
    _team(client.put("v1", "teams", team, body=body), as_json)


def _kept(client: Client, team: str) -> dict[str, object]:
    """What a team is that is not told otherwise."""
    try:
        found = client.get("v1", "teams", team)
    except ApiRefused as e:
        if e.problem.get("type") != "unknown-team":
            raise
        return {"name": team, "certified": False}
    return {field: found[field] for field in KEPT}


@team_app.command("get", epilog=example("team get acme"))
def get(team: TeamArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show a team, its size, and what each member gets by it."""
    _team(connect(api, key).get("v1", "teams", team), as_json)


@team_app.command("members", epilog=example("team members acme"))
def members(
    team: TeamArg,
    limit: Annotated[int, typer.Option(help="About how many.")] = 100,
    cursor: Annotated[str | None, typer.Option(help="Go on where a list before ended.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """List who is in a team, and whose number counts towards its size."""
    page = connect(api, key).get("v1", "teams", team, "members", limit=limit, cursor=cursor)
    if as_json:
        return out_json(page)
    if not page["members"] and not page["cursor"]:
        return say("no members")
    rows = ((one["user"], "yes" if one["number_counts"] else "no: none is proved") for one in page["members"])
    table(("user", "number counts"), rows)
    return say(f"more with --cursor {page['cursor']}") if page["cursor"] else None


@team_app.command("add", epilog=example("team add acme li wang"))
def add(team: TeamArg, users: UsersArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Put users into a team. Goes on after one that it cannot put there; exit code 1 if there was one. JSON:
    {"team", "done", "failed": [{"user", "problem"}], "not_asked"}."""
    client = connect(api, key)
    _each(users, lambda user: client.put("v1", "teams", team, "members", user), "is in the team", as_json)


@team_app.command("remove", epilog=example("team remove acme li wang"))
def remove(team: TeamArg, users: UsersArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Take users out of a team. Goes on after one that is not in it; exit code 1 if there was one. JSON:
    {"team", "done", "failed": [{"user", "problem"}], "not_asked"}."""
    client = connect(api, key)
    _each(users, lambda user: client.delete("v1", "teams", team, "members", user), "is out of the team", as_json)


def _each(users: list[str], ask: Callable[[str], dict[str, Any]], done_word: str, as_json: bool) -> None:
    """One after the other; ends where it is of no use to go on."""
    progress = Progress(f"{{n}} of {len(users)} users", every=TOLD_FROM)
    team: dict[str, Any] | None = None
    done: list[str] = []
    failed: list[dict[str, Any]] = []
    try:
        for n, user in enumerate(users, 1):
            try:
                team = ask(user)
            except Failure as e:
                progress.clear()
                say(f"{user}: {e}")
                failed.append({"user": user, "problem": e.problem if isinstance(e, ApiRefused) else {"detail": str(e)}})
                if _is_hopeless(e):
                    break
            else:
                done.append(user)
                if not as_json:
                    progress.clear()
                    out(f"{user} {done_word}")
            if len(users) > TOLD_FROM:
                progress.tell(n)
    finally:
        progress.clear()
    left = users[len(done) + len(failed) :]
    if as_json:
        out_json({"team": team, "done": done, "failed": failed, "not_asked": left})
    elif team is not None:
        _team(team, as_json)
    if left:
        say(f"not asked for: {' '.join(left)}")
    if failed:
        raise typer.Exit(1)


def _is_hopeless(e: Failure) -> bool:
    return isinstance(e, Unreachable) or (isinstance(e, ApiRefused) and e.problem.get("type") in HOPELESS)


def _team(team: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return out_json(team)
    certified = ", certified" if team["certified"] else ""
    out(f"{team['id']} {team['name']}{certified}: {team['members']} members, {team['size']} with a proved number")
    return out(f"  plan {team['plan']}: {clock(team['allowance_s'])} minutes a month for each member")
