"""Commands about calls: place and follow, list, show, cancel. Clients of the API; they know no engine."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Any

import typer

from ari_app.entrypoints import follow
from ari_app.entrypoints.cli_common import (
    ApiOpt,
    CallArg,
    Failure,
    JsonOpt,
    KeyOpt,
    PrivateOpt,
    clock,
    example,
    money,
    out,
    out_json,
    say,
    table,
)  # fmt: skip
from ari_app.entrypoints.cli_recordings import RecordOpt, tell_recordings
from ari_app.entrypoints.client import Client, connect

NEVER_TALKED = 3  # exit code


def register(app: typer.Typer) -> None:
    app.command("call", epilog=example("call demo +8613900000004"))(call)
    app.command("calls", epilog=example("calls --user demo --state ended"))(calls)
    app.command("show", epilog=example("show c5h2k7… --json"))(show)
    app.command("cancel", epilog=example("cancel c5h2k7…"))(cancel)


def call(
    caller: Annotated[str, typer.Argument(metavar="CALLER", help="User id or number: rung first, pays.")],
    callee: Annotated[str, typer.Argument(metavar="CALLEE", help="User id or number: rung after that.")],
    max_duration: Annotated[int | None, typer.Option(help="Longest talk, in seconds.")] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="The caller must press 1 to be connected.")] = False,
    waiting: Annotated[str | None, typer.Option(help="What the caller hears meanwhile: ringback or music.")] = None,
    early_media: Annotated[str | None, typer.Option(help="Pass the callee network's sound on: all or none.")] = None,
    record: RecordOpt = None, private: PrivateOpt = False,
    once: Annotated[str | None, typer.Option(help="Idempotency-Key: asked again with it, no second call.")] = None,
    wait: Annotated[bool, typer.Option(help="Follow the call until it has ended.")] = True,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Place a call and follow it. Ctrl-C ends it; so do SIGTERM and SIGHUP.

    Exit code: 0 the two talked (or --no-wait), 1 no call was placed or it was lost sight of, 2 a wrong command line, 3
    the two never talked (callee_busy, trunk_failed, …), 130 left before the call had ended.
    """
    client = connect(api, key)
    options = {
        "max_duration_s": max_duration, "confirm_caller": confirm or None, "waiting": waiting,
        "early_media": early_media, "record": record, "private": private or None,
    }  # fmt: skip
    body = {"caller": caller, "callee": callee} | {name: value for name, value in options.items() if value is not None}
    with killed_as_by_ctrl_c():
        placed = place(client, body, once or secrets.token_hex(16), quiet=as_json)
        if wait:
            placed = followed(client, placed, quiet=as_json)
    if as_json:
        out_json(placed)
    elif wait:
        out(summary(placed))
        tell_recordings(placed)
    if wait and "talking_at" not in placed:
        raise typer.Exit(NEVER_TALKED)


@contextmanager
def killed_as_by_ctrl_c() -> Iterator[None]:
    """The first SIGTERM or SIGHUP is a KeyboardInterrupt; the next ones are nothing, as who sends one often sends two
    (`timeout`, a terminal that closes). What was ignored before (`nohup`) stays so."""
    usual = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    ours = [one for one, how in usual.items() if how is not signal.SIG_IGN]

    def killed(_signal: int, _frame: object) -> None:
        for one in ours:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    for one in ours:
        signal.signal(one, killed)
    try:
        yield
    finally:
        for one in ours:
            signal.signal(one, usual[one])


def place(client: Client, body: dict[str, Any], once: str, *, quiet: bool) -> dict[str, Any]:
    """The call, its line told. Ctrl-C before that ends it too: the same request again tells its id."""
    try:
        placed: dict[str, Any] = client.post("v1", "calls", body=body, once=once)
        if not quiet:
            parties = [placed[who] for who in ("caller", "callee") if placed[who]]
            out(f"{placed['id']}  {' → '.join(parties)}".rstrip())
    except KeyboardInterrupt:
        _say_ending()
        client.delete("v1", "calls", client.post("v1", "calls", body=body, once=once)["id"])
        raise
    return placed


def followed(client: Client, placed: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """The call once it has ended; Ctrl-C cancels it and goes on following, a second one leaves."""
    id, cancelled = placed["id"], False
    while True:
        try:
            return _seen_to_its_end(client, placed, quiet=quiet)
        except KeyboardInterrupt:
            if cancelled:
                raise
            cancelled = True
            _say_ending()
            with _said_if_lost(id):
                follow.patiently(lambda: client.delete("v1", "calls", id))


def _seen_to_its_end(client: Client, placed: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    event: dict[str, Any] = {}
    with _said_if_lost(placed["id"]):
        for event in follow.events(client, placed["id"]):
            if not quiet and event["state"] != "ended" and event["seq"] > placed.get("_told", 0):
                placed["_told"] = event["seq"]
                _step(placed, event)
    with _said_if_lost(placed["id"], "has ended"):
        ended = follow.patiently(lambda: get(client, placed["id"]))
    if not quiet:
        _step(ended, event)
    return ended


def _step(call: dict[str, Any], event: dict[str, Any]) -> None:
    """One line. Of the end it is the call that knows the time: where the server was away the event is of later."""
    if event["state"] == "ended":
        event = event | {"at": call.get("ended_at", event["at"])}
    said = f"{event['leg']} {event['what'].removeprefix('leg_')}" if "what" in event else event["state"]
    out(f"  {follow.offset(event, call['created_at']):>9}  {said.replace('_', ' ')}")


@contextmanager
def _said_if_lost(id: str, how: str = "goes on") -> Iterator[None]:
    """Who gives up a call that lives on says so, and where to look for it."""
    try:
        yield
    except Failure as e:
        if not follow.is_away(e):
            raise
        raise Failure(f"{e}; the call {how}: ringbridge show {id}") from None


def _say_ending() -> None:
    with suppress(OSError):  # the terminal is gone (SIGHUP): the call must end all the same
        say("ending the call …")


def summary(call: dict[str, Any]) -> str:
    """Why it ended and what it cost: one line; and one for the user, where it did not end as it should."""
    if call["state"] != "ended":
        return f"{call['state'].replace('_', ' ')}; {clock(call['held_s'])} held"
    overrun = f", {call['overrun_s']} s beyond what was held" if call["overrun_s"] else ""
    owed = money(leg["cost"] for leg in call["legs"])
    said = f"\n{call['message']}" if call.get("message") and call["reason"] != "completed" else ""
    return (
        f"{call['reason'].replace('_', ' ')} (hung up by {call['hung_up_by']}); "
        f"{clock(call['charged_s'])} charged{overrun}; {owed} owed to carriers{said}"
    )


def get(client: Client, id: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get("v1", "calls", id)
    return found


def calls(
    user: Annotated[str | None, typer.Option(help="Only calls of this user.")] = None,
    state: Annotated[str | None, typer.Option(help="Only calls in this state, such as talking or ended.")] = None,
    since: Annotated[str | None, typer.Option(help="Only calls since then: 2026-11-23T08:00:00Z.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="Go on where a list before ended.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """List calls, newest first."""
    page = connect(api, key).get("v1", "calls", user=user, state=state, since=since, limit=limit, cursor=cursor)
    if as_json:
        return out_json(page)
    if not page["calls"]:
        return say("no calls")
    table(
        ("created", "call", "type", "caller → callee", "state", "reason", "charged"),
        (
            (c["created_at"], c["id"], c["type"], _parties(c), c["state"], c.get("reason", ""), clock(c["charged_s"]))
            for c in page["calls"]
        ),
    )  # fmt: skip
    return say(f"more with --cursor {page['cursor']}") if page["cursor"] else None


def show(id: CallArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show a call: how it went, its legs, its recordings, what it cost."""
    client = connect(api, key)
    call = get(client, id)
    if as_json:
        return out_json(call)
    out(f"{call['id']}  {call['type']} {_parties(call)}, paid by {call['payer'] or 'nobody'}, {call['created_at']}")
    for event in client.get("v1", "calls", id, "events")["events"]:
        _step(call, event)
    for leg in call["legs"]:
        out(f"  {leg['role']}: {_leg(leg)}")
    tell_recordings(call)
    return out(summary(call))


def _parties(call: dict[str, Any]) -> str:
    """A conference has no callee, a notice no caller."""
    return f"{call['caller'] or '-'} → {call['callee'] or '-'}"


def _leg(leg: dict[str, Any]) -> str:
    way = f"device {leg['device']}" if leg["device"] else f"trunk {leg['trunk']}"
    if leg["trunk"] is None and not leg["device"]:
        return f"{leg['number']}, not rung"
    tried = f" (after {', '.join(leg['tried'][:-1])})" if len(leg["tried"]) > 1 else ""
    cause = "" if leg["cause"] is None else f", cause {leg['cause']}"
    sip = "" if leg["sip_status"] is None else f", SIP {leg['sip_status']}"
    saw = "came in" if leg["why"] == "came_in" else f"saw {leg['shown']} ({leg['why']})"
    return f"{leg['number']} {saw}, {way}{tried}{cause}{sip}, {money([leg['cost']])}"


def cancel(id: CallArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Cancel a call or hang it up."""
    client = connect(api, key)
    call = client.delete("v1", "calls", id)
    if call["state"] != "ended":
        call = _seen_to_its_end(client, call, quiet=True)
    return out_json(call) if as_json else out(summary(call))


__all__ = ["Failure", "followed", "get", "register", "summary"]
