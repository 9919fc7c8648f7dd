"""Commands about webhooks: make, look, change, replace the secret, see what was sent, send again; and a receiver of
one's own to try them. Clients of the API."""

from __future__ import annotations

import secrets
import threading
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from ari_app.entrypoints.cli_calls import killed_as_by_ctrl_c
from ari_app.entrypoints.cli_common import (
    ApiOpt,
    Failure,
    JsonOpt,
    KeyOpt,
    OnceOpt,
    example,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.client import ApiRefused, Client, connect

webhook_app = new_app("To whom events are sent, what was sent, and a receiver to try it.")
HookArg = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id, as listed.")]
EventsOpt = Annotated[
    list[str] | None,
    typer.Option("--event", "--events", help="Such as call.ended,notice.*; may be repeated. Not given: all."),
]
GOOD, BAD = "✓", "✗"
FAILED = 3  # exit code of a test that was not delivered


def register(app: typer.Typer) -> None:
    app.add_typer(webhook_app, name="webhooks")


@webhook_app.command("add", epilog=example("webhooks add https://example.com/ringbridge --event call.ended"))
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where events are sent.")],
    event: EventsOpt = None,
    description: Annotated[str, typer.Option(help="For people.")] = "",
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a webhook. Its secret is printed, once: with it you verify what comes."""
    body = {"url": url, "events": _split(event), "description": description}
    made = connect(api, key).post("v1", "webhooks", body=body, once=once or secrets.token_hex(16))
    if as_json:
        return out_json(made)
    say(f"webhook {made['id']} ({', '.join(made['events'])}); its secret is shown this once:")
    return out(made["secret"])


@webhook_app.command("list", epilog=example("webhooks list"))
def list_webhooks(api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """List the webhooks, oldest first, and what waits for each."""
    found = connect(api, key).get("v1", "webhooks")
    if as_json:
        return out_json(found)
    if not found["webhooks"]:
        return say("no webhooks")
    return table(("webhook", "url", "events", "state", "waiting", "dead"), map(_row, found["webhooks"]))


@webhook_app.command("show", epilog=example("webhooks show wh_5f0c…"))
def show(webhook: HookArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show a webhook and what waits for it."""
    _shown(connect(api, key).get("v1", "webhooks", webhook), as_json)


@webhook_app.command("change", epilog=example("webhooks change wh_5f0c… --resume"))
def change(
    webhook: HookArg,
    url: Annotated[str | None, typer.Option(help="Where events are sent from now on.")] = None,
    event: EventsOpt = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    pause: Annotated[bool | None, typer.Option("--pause/--resume", help="What comes meanwhile waits.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Change a webhook: what is given, and nothing else."""
    told = {"url": url, "events": _split(event) or None, "description": description, "paused": pause}
    body = {name: value for name, value in told.items() if value is not None}
    if not body:
        raise Failure("nothing to change was given: --url, --event, --description, --pause or --resume")
    _shown(connect(api, key).patch("v1", "webhooks", webhook, body=body), as_json)


@webhook_app.command("remove", epilog=example("webhooks remove wh_5f0c…"))
def remove(webhook: HookArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Remove a webhook, with all that waits for it."""
    gone = connect(api, key).delete("v1", "webhooks", webhook)
    if as_json:
        return out_json(gone)
    return out(f"removed {gone['id']} ({gone['url']}); {gone['waiting']} that waited were dropped")


@webhook_app.command("rotate", epilog=example("webhooks rotate wh_5f0c… --overlap-s 3600"))
def rotate(
    webhook: HookArg,
    overlap_s: Annotated[int, typer.Option(help="So long the secret before signs, too, in seconds.")] = 86_400,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Replace the secret. The new one is printed, once; the old one goes on for a while beside it."""
    made = connect(api, key).post("v1", "webhooks", webhook, "secret", body={"overlap_s": overlap_s})
    if as_json:
        return out_json(made)
    until = made.get("old_secret_until")
    say(f"the secret before {'signs, too, until ' + until if until else 'has ended'}; the new one is shown this once:")
    return out(made["secret"])


@webhook_app.command("deliveries", epilog=example("webhooks deliveries wh_5f0c… --outcome dead"))
def deliveries(
    webhook: HookArg,
    outcome: Annotated[str | None, typer.Option(help="delivered, failed, dead or forgotten alone.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on where a list before ended.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """List what was sent and what came of it, newest first."""
    client = connect(api, key)
    page = client.get("v1", "webhooks", webhook, "deliveries", outcome=outcome, limit=limit, cursor=cursor)
    if as_json:
        return out_json(page)
    if not page["deliveries"]:
        return say("no deliveries")
    rows = map(_delivery, page["deliveries"])
    table(("at", "event", "type", "outcome", "try", "answer", "ms", "again"), rows)
    return say(f"more with --cursor {page['cursor']}") if page["cursor"] else None


@webhook_app.command("replay", epilog=example("webhooks replay wh_5f0c… --dead"))
def replay(
    webhook: HookArg,
    dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    event: Annotated[list[str] | None, typer.Option(help="By its id; repeated.")] = None,
    call: Annotated[str | None, typer.Option(help="All of a call.")] = None,
    notice: Annotated[str | None, typer.Option(help="All of a notice.")] = None,
    since: Annotated[str | None, typer.Option(help="All since this time, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="With --since: before this time.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Send events again, under the ids that they had. Exit code 1 where some are not kept any more."""
    told = {"dead": dead or None, "events": event or None, "call": call, "notice": notice, "since": since,
            "until": until}  # fmt: skip
    body = {name: value for name, value in told.items() if value is not None}
    done = _replayed(connect(api, key), webhook, body)
    if as_json:
        out_json(done)
    else:
        out(f"{done['replayed']} will be sent")
        for id in done["missing"]:
            say(f"{id}: nothing is kept of it")
        if done["gap"]:
            say("older ones are not kept any more")
    if done["missing"]:
        raise typer.Exit(1)


@webhook_app.command("test", epilog=example("webhooks test wh_5f0c…"))
def send_test(webhook: HookArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Send one event `webhook.test` now, and see what comes of it. Exit code 3 where it was not taken."""
    came = connect(api, key).post("v1", "webhooks", webhook, "test", body=None)
    if as_json:
        out_json(came)
    else:
        said = came["why"] or f"answered {came['status']}"
        out(f"{GOOD if came['delivered'] else BAD} {said} in {came['took_ms']} ms")
    if not came["delivered"]:
        raise typer.Exit(FAILED)


@webhook_app.command("listen", epilog=example("webhooks listen --forward http://127.0.0.1:3000/webhooks"))
def listen(
    port: Annotated[int, typer.Option(help="Of the receiver on this machine; 0: any free one.")] = 0,
    event: EventsOpt = None,
    forward: Annotated[str | None, typer.Option(help="Your own program: gets each event as it came.")] = None,
    url: Annotated[str | None, typer.Option(help="How the server reaches this receiver: a tunnel, for one.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Receive events here and show them as they come, verified, until Ctrl-C, SIGTERM or SIGHUP.

    Makes a webhook for that, and removes it again. With --json each event is a line.
    """
    from ari_app.entrypoints.webhook_listener import Arrived, Listener  # its library: who does not listen needs it not

    client = connect(api, key)

    def tell(one: Arrived) -> None:
        if as_json:
            out_json({"verified": not one.fault, "fault": one.fault, "status": one.status, "why": one.why,
                      "event": one.event})  # fmt: skip
        else:
            out(_line(one.event, one.fault) + (f"  → {one.why or one.status}" if forward and not one.fault else ""))

    try:
        listener = Listener(port, tell, forward)
    except OSError as e:
        raise Failure(f"port {port} is not to be had ({e.strerror}): name another with --port") from None
    listener.start()
    try:
        made = _made_for(client, url or f"http://127.0.0.1:{listener.port}/", event, is_given=url is not None)
        listener.know(made["secret"])
        say(f"listening at {made['url']} as {made['id']} for {', '.join(made['events'])}; Ctrl-C ends it")
        if forward is not None:
            say(f"for your program to verify what it gets: RINGBRIDGE_WEBHOOK_SECRET={made['secret']}")
        try:
            with killed_as_by_ctrl_c():
                for_ever()
        finally:
            _taken_away(client, made["id"])
    finally:
        listener.stop()


def for_ever() -> None:
    """Until Ctrl-C."""
    threading.Event().wait()


# ---- inner ------------------------------------------------------------------------------------------------------


def _made_for(client: Client, url: str, events: list[str] | None, *, is_given: bool) -> dict[str, Any]:
    """Raises Failure that says what to do."""
    host = urlsplit(client.api).hostname or ""
    if not is_given and host not in ("localhost", "::1") and not host.startswith("127."):
        raise Failure(
            f"{client.api} is another machine, which cannot reach this one as 127.0.0.1: open a tunnel to this "
            "receiver (--port fixes its port), and name the tunnel's address with --url"
        )
    body = {"url": url, "events": _split(events), "description": "ringbridge webhooks listen"}
    try:
        made: dict[str, Any] = client.post("v1", "webhooks", body=body, once=secrets.token_hex(16))
    except ApiRefused as e:
        if e.problem.get("field") != "url" or is_given:
            raise
        raise Failure(
            'this server sends no webhooks to its own machine: set webhook_allow = ["127.0.0.1"] there '
            "(RINGBRIDGE_WEBHOOK_ALLOW), or open a tunnel and name its address with --url"
        ) from None
    return made


def _replayed(client: Client, webhook: str, body: dict[str, Any]) -> dict[str, Any]:
    """To the end, in as many requests as it takes."""
    replayed, gap, cursor = 0, False, None
    while True:
        more: dict[str, str] = {} if cursor is None else {"cursor": cursor}
        done: dict[str, Any] = client.post("v1", "webhooks", webhook, "replay", body=body | more)
        replayed, gap, cursor = replayed + done["replayed"], gap or done["gap"], done["cursor"]
        if cursor is None:
            return done | {"replayed": replayed, "gap": gap}


def _split(events: list[str] | None) -> list[str]:
    return [name.strip() for one in events or () for name in one.split(",") if name.strip()]


def _taken_away(client: Client, id: str) -> None:
    try:
        client.delete("v1", "webhooks", id)
        say(f"removed {id}")
    except Failure as e:
        say(f"the webhook {id} could not be removed ({e}): remove it with `ringbridge webhooks remove {id}`")


def _line(event: dict[str, Any], fault: str) -> str:
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    about = [str(data.get("call") or data.get("notice") or data.get("webhook") or "")]
    about += [f"{name}={data[name]}" for name in ("seq", "leg", "recipient", "reason", "charged_s") if name in data]
    said = f"{BAD} not verified: {fault}" if fault else GOOD
    return f"{event.get('timestamp', '')}  {event.get('type', 'no event')!s:<24}  {'  '.join(about)}  {said}"


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"], one["url"], ",".join(one["events"]), "paused" if one["paused"] else "on", str(one["waiting"]),
        str(one["dead"]),
    )  # fmt: skip


def _delivery(one: dict[str, Any]) -> tuple[str, ...]:
    answer = one["why"] or str(one["status"] or "")
    return (
        one["at"], one["event"], one["type"], one["outcome"], str(one["n"]), answer, str(one["took_ms"]),
        one["again_at"] or "",
    )  # fmt: skip


def _shown(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return out_json(one)
    out(f"{one['id']}  {one['url']}  {', '.join(one['events'])}  {one['description']}".rstrip())
    if one["paused"]:
        out(f"paused{': ' + one['why_paused'] if one.get('why_paused') else ''}; go on with --resume")
    since = f" since {one['oldest_waiting_at']}" if one["oldest_waiting_at"] else ""
    out(f"{one['waiting']} waiting{since}, {one['dead']} given up")
    return say(f"the secret before signs, too, until {one['old_secret_until']}") if "old_secret_until" in one else None
