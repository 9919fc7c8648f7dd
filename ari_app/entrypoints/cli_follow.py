"""Commands about what happens now, and about calls from web pages. Clients of the API; they know no engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import monotonic, sleep
from typing import Annotated, Any

import typer

from ari_app.client.live import Message
from ari_app.entrypoints import follow as following
from ari_app.entrypoints.cli_common import ApiOpt, Failure, JsonOpt, KeyOpt, example, out, out_json, say
from ari_app.entrypoints.client import Client, connect

LIVE = ("v1", "events")
SHOWN = ("leg", "reason", "number", "outcome")
"""Of an event's data, what a line tells beside its type and whose it is."""


def register(app: typer.Typer) -> None:
    app.command("follow", epilog=example("follow --types call.ended,notice.*"))(follow)
    app.command("click-token", epilog=example("click-token +8613900000004 --caller demo"))(click_token)


def follow(
    call: Annotated[str | None, typer.Argument(metavar="CALL", help="Only this call, until it has ended.")] = None,
    types: Annotated[str | None, typer.Option(help="Only these events: call.ended,notice.* and so on.")] = None,
    after: Annotated[str | None, typer.Option(help="Go on behind this cursor; 0: all that is kept.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Follow what happens, live: one line for each event, until Ctrl-C. With --json one object a line."""
    client = connect(api, key)
    for message in _messages(client, call, types, after):
        told = json.loads(message.data)
        if message.event == "gap":
            say("some events before the next one are not kept any more")
        elif as_json:
            out(json.dumps(told, ensure_ascii=False))
        else:
            out(_line(told))


def _messages(client: Client, call: str | None, types: str | None, after: str | None) -> Iterator[Message]:
    """Goes on where the stream broke off, as long as somebody answers from time to time."""
    path = LIVE if call is None else ("v1", "calls", call, "events")
    last, answered_s = after or "", monotonic()
    while True:
        try:
            for message in client.stream(*path, last_id=last, types=types if call is None else None):
                last, answered_s = message.id or last, monotonic()
                if message.event == "end":
                    return
                if message.data:
                    yield message
        except Failure as e:
            if not following.is_away(e) or monotonic() - answered_s > following.AWAY_AT_MOST_S:
                raise
        sleep(following.LOOK_EVERY_S)


def _line(told: dict[str, Any]) -> str:
    data = told["data"]
    more = "  ".join(str(data[name]) for name in SHOWN if name in data)
    return f"{told['timestamp']}  {data.get('notice') or data.get('call', '')}  {told['type']}  {more}".rstrip()


def click_token(
    callee: Annotated[str, typer.Argument(metavar="CALLEE", help="User id or number: who is called.")],
    caller: Annotated[str | None, typer.Option(help="User id or number: rung first, pays. Else the page says.")] = None,
    expires_in: Annotated[int | None, typer.Option(help="How long it may be clicked, in seconds.")] = None,
    max_duration: Annotated[int | None, typer.Option(help="Longest talk, in seconds.")] = None,
    origin: Annotated[list[str] | None, typer.Option(help="Only pages of this site; may be repeated.")] = None,
    once: Annotated[str | None, typer.Option(help="Idempotency-Key: asked again with it, the same token.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a token with which a web page may place one call, and show the address of a page that does."""
    asked = {
        "callee": callee, "caller": caller, "expires_in_s": expires_in, "max_duration_s": max_duration,
        "origins": origin or None,
    }  # fmt: skip
    body = {name: value for name, value in asked.items() if value is not None}
    made = connect(api, key).post("v1", "click-tokens", body=body, once=once)
    if as_json:
        return out_json(made)
    out(made["url"])
    return say(f"good for one call, {made['call']}, until {made['expires_at']}")
