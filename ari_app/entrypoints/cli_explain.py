"""`ringbridge plans explain`: why a user has the plan he has, and where each of his minutes comes from. A client of the
API; the other commands about plans read files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, UserArg, clock, example, out, out_json, say
from ari_app.entrypoints.cli_plans import plans_app
from ari_app.entrypoints.client import connect


def register(_app: typer.Typer) -> None:
    plans_app.command("explain", epilog=example("plans explain demo"))(explain)


def explain(user: UserArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show where a user's minutes come from. Why he has his plan, and for each sort of minutes the lines of the
    statement that put them there."""
    found = connect(api, key).get("v1", "users", user, "plan")
    if as_json:
        return out_json(found)
    for line in _story(found):
        out(line)
    return None if found["complete"] else say("not all of it: the statement is too long, or older lines are gone")


def _story(found: dict[str, Any]) -> Iterator[str]:
    allowance = f"{clock(found['allowance_s'])} a month until {found['ends_at']}"
    yield f"plan {found['why']}: {allowance}   [plans {found['plans_version']}]"
    for team in found["teams"]:
        yield f"team {_team(team)}"
    yield _numbers(found)
    for minutes in found["minutes"]:
        until = f"until {minutes['expires_at']}" if minutes["expires_at"] else "without expiry"
        yield f"{minutes['kind']:<7} {clock(minutes['remaining_s'])} of {clock(minutes['granted_s'])} {until}"
        for source in minutes["from"]:
            yield f"    {_source(source)}".rstrip()


def _team(team: dict[str, Any]) -> str:
    certified = ", certified" if team["certified"] else ""
    return (
        f"{team['id']} ({team['name']}{certified}), size {team['size']}: "
        f"{clock(team['allowance_s'])} by plan {team['plan']}"
    )


def _numbers(found: dict[str, Any]) -> str:
    if found["counted_s"] is None:
        return "no proved number"
    counted = clock(found["counted_s"])
    taken = f", through which others were granted {counted} this month" if found["counted_s"] else ""
    return f"proved: {', '.join(found['numbers'])}{taken}"


def _source(source: dict[str, Any]) -> str:
    sign = "" if source["seconds"] < 0 else "+"
    of = f"call {source['call']}" if source["call"] else source["note"] or source["op"]
    return f"{sign + clock(source['seconds']):>8}  {source['at']}  {source['what']:<9}  {of}"
