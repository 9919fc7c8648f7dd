"""Commands about conferences: begin, look at, change, end. Clients of the API."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_calls import summary
from ari_app.entrypoints.cli_common import (
    ApiOpt,
    JsonOpt,
    KeyOpt,
    OnceOpt,
    PrivateOpt,
    clock,
    example,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.cli_recordings import RecordOpt, tell_recordings
from ari_app.entrypoints.client import Client, connect

conference_app = new_app("Several people in one call.")
IdArg = Annotated[str, typer.Argument(metavar="CONFERENCE", help="Its id.")]
LegArg = Annotated[str, typer.Argument(metavar="LEG", help="The participant's leg, as shown.")]
HERE = ("v1", "conferences")
ID = "c5h2k7…"


def register(app: typer.Typer) -> None:
    app.add_typer(conference_app, name="conference")


@conference_app.command("start", epilog=example("conference start demo +8613900000004 +8613900000005"))
def start(
    host: Annotated[str, typer.Argument(metavar="HOST", help="User id or number: rung first, pays.")],
    participants: Annotated[
        list[str] | None, typer.Argument(metavar="PARTICIPANT...", help="User ids or numbers: rung after that.")
    ] = None,
    max_duration: Annotated[int | None, typer.Option(help="Longest time, in seconds.")] = None,
    goes_on: Annotated[bool, typer.Option("--goes-on", help="Do not end it when the host hangs up.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="Who is rung must press 1 to join.")] = False,
    dial_in: Annotated[bool, typer.Option("--dial-in", help="Show a PIN, with which one person may dial in.")] = False,
    record: RecordOpt = None, private: PrivateOpt = False, once: OnceOpt = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Ring the host, and when he has answered all participants at once."""
    body: dict[str, Any] = {"host": host, "participants": participants or [], "dial_in": dial_in}
    options = {
        "max_duration_s": max_duration, "ends_with_host": False if goes_on else None,
        "confirm_joining": confirm or None, "record": record, "private": private or None,
    }  # fmt: skip
    body |= {name: value for name, value in options.items() if value is not None}
    shown = connect(api, key).post(*HERE, body=body, once=once or secrets.token_hex(16))
    if as_json:
        return out_json(shown)
    _print(shown)
    return _print_pin(shown["dial_in"]) if "dial_in" in shown else None


@conference_app.command("show", epilog=example(f"conference show {ID}"))
def show(id: IdArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show who is there, who speaks, what is recorded, and what it costs."""
    _tell(connect(api, key).get(*HERE, id), as_json)


@conference_app.command("add", epilog=example(f"conference add {ID} +8613900000006"))
def add(
    id: IdArg,
    participant: Annotated[str, typer.Argument(metavar="PARTICIPANT", help="User id or number.")],
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Ring one more."""
    body = {"participant": participant}
    _tell(connect(api, key).post(*HERE, id, "participants", body=body, once=once or secrets.token_hex(16)), as_json)


@conference_app.command("ring", epilog=example(f"conference ring {ID} p2"))
def ring(
    id: IdArg, leg: LegArg, once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False
) -> None:
    """Ring somebody again who did not answer, or has left."""
    path = (*HERE, id, "participants", leg, "ring")
    _tell(connect(api, key).post(*path, body=None, once=once or secrets.token_hex(16)), as_json)


@conference_app.command("remove", epilog=example(f"conference remove {ID} p2"))
def remove(id: IdArg, leg: LegArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Hang up one participant, or ring him no more."""
    _tell(connect(api, key).delete(*HERE, id, "participants", leg), as_json)


@conference_app.command("mute", epilog=example(f"conference mute {ID} p2"))
def mute(id: IdArg, leg: LegArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Let nobody hear a participant; he hears the others all the same."""
    _tell(_muted(connect(api, key), id, leg, is_muted=True), as_json)


@conference_app.command("unmute", epilog=example(f"conference unmute {ID} p2"))
def unmute(id: IdArg, leg: LegArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Let all hear a participant again."""
    _tell(_muted(connect(api, key), id, leg, is_muted=False), as_json)


@conference_app.command("pin", epilog=example(f"conference pin {ID}"))
def pin(id: IdArg, once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Make a PIN, with which one person may dial in, once, at no cost."""
    made = connect(api, key).post(*HERE, id, "pins", body=None, once=once)
    return out_json(made) if as_json else _print_pin(made)


@conference_app.command("end", epilog=example(f"conference end {ID}"))
def end(id: IdArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Hang all up."""
    _tell(connect(api, key).delete(*HERE, id), as_json)


def _muted(client: Client, id: str, leg: str, *, is_muted: bool) -> Any:
    return client.patch(*HERE, id, "participants", leg, body={"muted": is_muted})


def _tell(shown: dict[str, Any], as_json: bool) -> None:
    return out_json(shown) if as_json else _print(shown)


def _print(shown: dict[str, Any]) -> None:
    out(f"{shown['id']}  {shown['caller']}: {summary(shown)}")
    table(("leg", "who", "state", "charged"), ((p["leg"], p["who"], _state(p), clock(p["charged_s"]))
                                               for p in shown["participants"]))  # fmt: skip
    tell_recordings(shown)


def _state(p: dict[str, Any]) -> str:
    state = (p["outcome"] or p["state"]).replace("_", " ")
    words = ("muted", "talking", "dialled_in") if p["ended_at"] is None else ("dialled_in",)
    more = [word for word in words if p[word]]
    return ", ".join((state, *(word.replace("_", " ") for word in more)))


def _print_pin(made: dict[str, Any]) -> None:
    out(f"PIN {made['pin']}")
    say(f"one person may dial {made['number']} and key it, until {made['expires_at']}")
