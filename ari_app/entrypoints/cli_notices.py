"""Commands about notices: send one to many phones, see who confirmed, remind, cancel. Clients of the API."""

from __future__ import annotations

import base64
import csv
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import typer

from ari_app.entrypoints import follow
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

notice_app = new_app("Tell many something by phone, and see who confirmed.")
NoticeArg = Annotated[str, typer.Argument(metavar="NOTICE", help="The notice's id.")]
WatchOpt = Annotated[bool, typer.Option("--watch", help="Follow it until all is done.")]

NOT_ALL = 3  # exit code of a watch
LOOK_EVERY_S = 0.5
PAGE = 500
TITLES = ("recipient", "recipients", "number", "phone", "user", "to")
"""Of a column: such a first line of a file is no recipient."""


def register(app: typer.Typer) -> None:
    app.add_typer(notice_app, name="notice")


@notice_app.command("send", epilog=example('notice send demo --text "The fire drill is at ten." --to +8613900000028'))
def send(
    sender: Annotated[str, typer.Argument(metavar="SENDER", help="User id or number: pays, and is reached by a 3.")],
    to: Annotated[list[str] | None, typer.Option(help="A user id or number; may be given many times.")] = None,
    to_file: Annotated[Path | None, typer.Option(help="A CSV file: recipients are its first column.")] = None,
    text: Annotated[str | None, typer.Option(help="What is spoken, in English or Mandarin.")] = None,
    audio: Annotated[Path | None, typer.Option(help="A WAV file that is played instead.")] = None,
    language: Annotated[str | None, typer.Option(help="en or zh; else as the text is written.")] = None,
    confirm: Annotated[str, typer.Option(help="The key that confirms; none: no key is asked for.")] = "1",
    tries: Annotated[int | None, typer.Option(help="How often who does not confirm is rung.")] = None,
    gap: Annotated[int | None, typer.Option(help="Seconds between two rings of one phone.")] = None,
    quiet_hours: Annotated[str | None, typer.Option(help="Nobody is rung then: 22:00-08:00.")] = None,
    at: Annotated[str | None, typer.Option(help="Not before this time, RFC 3339.")] = None,
    once: OnceOpt = None, watch: WatchOpt = False, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Ring them all and say it, again to who does not confirm.

    Exit code: 0 sent (with --watch: all confirmed, or heard it where no key is asked for), 1 not sent, 3 with --watch:
    it is done and not all have.
    """
    recipients = [*(to or ()), *(() if to_file is None else _of_file(to_file))]
    told: dict[str, object] = {
        "text": text, "audio": None if audio is None else _encoded(audio), "language": language,
        "quiet_hours": quiet_hours, "at": at,
    }  # fmt: skip
    body: dict[str, object] = {name: value for name, value in told.items() if value is not None}
    retry = {name: value for name, value in (("tries", tries), ("gap_s", gap)) if value is not None}
    body |= {"sender": sender, "recipients": recipients, "retry": retry}
    body["confirm"] = None if confirm == "none" else {"digit": confirm}
    client = connect(api, key)
    try:
        made = client.post("v1", "notices", body=body, once=once or secrets.token_hex(16))
    except ApiRefused as e:
        for one in e.problem.get("errors", ()):
            say(f"{_place(one['field'], recipients)}: {one['detail']}")
        raise
    if not as_json:
        out(f"{made['id']}  to {made['count']}")
    _shown(_watched(client, made, quiet=as_json) if watch else made, as_json, watch, is_brief=not watch)


@notice_app.command("show", epilog=example("notice show nq5h2k7… --watch"))
def show(
    notice: NoticeArg, watch: WatchOpt = False, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False
) -> None:
    """Show a notice and what came of it for each recipient. Exit code with --watch as of `send`."""
    client = connect(api, key)
    found = client.get("v1", "notices", notice, limit=PAGE)
    _shown(_watched(client, found, quiet=as_json) if watch else found, as_json, watch)


@notice_app.command("list", epilog=example("notice list --sender demo"))
def list_notices(
    sender: Annotated[str | None, typer.Option(help="Only those of this user.")] = None,
    limit: Annotated[int, typer.Option(help="How many.")] = 50,
    cursor: Annotated[str | None, typer.Option(help="Go on where a list before ended.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """List notices, newest first."""
    page = connect(api, key).get("v1", "notices", sender=sender, limit=limit, cursor=cursor)
    if as_json:
        return out_json(page)
    if not page["notices"]:
        return say("no notices")
    rows = ((one["id"], one["created_at"], one["sender"], one["state"], _counts(one)) for one in page["notices"])
    table(("notice", "created", "sender", "state", "recipients"), rows)
    return say(f"more with --cursor {page['cursor']}") if page["cursor"] else None


@notice_app.command("remind", epilog=example("notice remind nq5h2k7…"))
def remind(
    notice: NoticeArg, once: OnceOpt = None, watch: WatchOpt = False, api: ApiOpt = None, key: KeyOpt = None,
    as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Ring again who has not confirmed, as soon as the gap and the quiet hours let."""
    client = connect(api, key)
    found = client.post("v1", "notices", notice, "remind", body=None, once=once or secrets.token_hex(16))
    _shown(_watched(client, found, quiet=as_json) if watch else found, as_json, watch, is_brief=True)


@notice_app.command("cancel", epilog=example("notice cancel nq5h2k7…"))
def cancel(notice: NoticeArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Call nobody more for it, and hang up who is being called."""
    client = connect(api, key)
    _shown(client.delete("v1", "notices", notice), as_json, is_brief=True)


# ---- inner ------------------------------------------------------------------------------------------------------


def _of_file(path: Path) -> list[str]:
    """Raises Failure."""
    try:
        rows = [row for row in csv.reader(path.read_text("utf-8-sig").splitlines()) if row and row[0].strip()]
    except OSError as e:
        raise Failure(f"{path} cannot be read ({e.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as e:
        raise Failure(f"{path} cannot be read ({e})") from None
    found = [row[0].strip() for row in rows]
    return found[1:] if found and found[0].lower() in TITLES else found


def _encoded(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as e:
        raise Failure(f"{path} cannot be read ({e.strerror})") from None


def _place(field: str, recipients: Sequence[str]) -> str:
    """`recipients.3` as who is meant."""
    name, _, n = field.partition(".")
    is_one = name == "recipients" and n.isdecimal() and int(n) < len(recipients)
    return recipients[int(n)] if is_one else field


def _watched(client: Client, notice: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """The notice when all is done. Ctrl-C leaves it to itself."""
    told, since_s = "", monotonic()
    for found in _as_it_goes(client, notice["id"]):
        notice, now = found, _counts(found) + _held_up(found)
        if not quiet and now != told:
            say(f"{monotonic() - since_s:7.1f} s  {now}")
            told = now
    return notice


def _as_it_goes(client: Client, id: str) -> Iterator[dict[str, Any]]:
    while True:
        found: dict[str, Any] = follow.patiently(lambda: client.get("v1", "notices", id, limit=PAGE))
        yield found
        if not any(found["counts"].get(state) for state in ("pending", "calling", "waiting")):
            return
        sleep(LOOK_EVERY_S)


def _shown(notice: dict[str, Any], as_json: bool, watch: bool = False, *, is_brief: bool = False) -> None:
    if as_json:
        out_json(notice)
    else:
        out(f"{notice['id']} from {notice['sender']}: {notice['state']}; {_counts(notice)}{_held_up(notice)}")
        if not is_brief and notice["recipients"]:
            heads = ("recipient", "state", "tries", "last", "key", "when")
            table(heads, (_row(one) for one in notice["recipients"]))
    if watch and not _is_reached(notice):
        raise typer.Exit(NOT_ALL)


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    last = one["tries"][-1] if one["tries"] else {}
    when = last.get("key_at") or last.get("ended_at") or one.get("due_at") or ""
    said = last.get("outcome") or one.get("put_off") or ""
    return one["recipient"], one["state"].replace("_", " "), str(len(one["tries"])), said, last.get("key") or "", when


def _counts(notice: dict[str, Any]) -> str:
    return ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in notice["counts"].items())


def _held_up(notice: dict[str, Any]) -> str:
    held_up = notice.get("held_up")
    return f"; held up until {held_up['until']}: {held_up['why']}" if held_up else ""


def _is_reached(notice: dict[str, Any]) -> bool:
    counts = notice["counts"]
    return bool(counts.get("confirmed", 0) + (0 if notice["confirm"] else counts.get("heard", 0)) == notice["count"])
