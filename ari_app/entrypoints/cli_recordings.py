"""Commands about recordings: start and stop one in a live call, fetch one, throw one away; and how each is shown of its
call. Clients of the API; they know no sound."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    CallArg,
    Failure,
    JsonOpt,
    KeyOpt,
    OnceOpt,
    example,
    new_app,
    out,
    out_json,
)
from ari_app.entrypoints.client import Client, connect
from ari_app.whole_files import written_whole

recording_app = new_app("Recordings of calls.")
IdArg = Annotated[str, typer.Argument(metavar="ID", help="The recording's id, as its call shows it.")]
RecordOpt = Annotated[
    str | None, typer.Option(help="Record the talk from its beginning: mixed, or legs, each phone by itself.")
]
CALL = "c5h2k7…"
ID = "rb20261123-3f2a…"
WAYS_OF_YES = ("y", "yes")


def register(app: typer.Typer) -> None:
    app.add_typer(recording_app, name="recording")


@recording_app.command("start", epilog=example(f"recording start {CALL} --what legs"))
def start(
    call: CallArg,
    what: Annotated[str, typer.Option(help="mixed: all together; legs: each phone by itself.")] = "mixed",
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Record a live call from now on. It begins as soon as all who are there have heard that it does."""
    path = ("v1", "calls", call, "recording")
    told = connect(api, key).post(*path, body={"what": what}, once=once or secrets.token_hex(16))
    if as_json:
        return out_json(told)
    return out(f"{told['id']} is recorded ({what}) as soon as all have heard so: ringbridge show {told['id']}")


@recording_app.command("stop", epilog=example(f"recording stop {CALL}"))
def stop(call: CallArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Stop recording a live call. The call goes on, and what was recorded is kept."""
    told = connect(api, key).delete("v1", "calls", call, "recording")
    if as_json:
        return out_json(told)
    out(f"{told['id']} is recorded no more; it goes on")
    return tell_recordings(told)


@recording_app.command("fetch", epilog=example(f"recording fetch {ID} -o talk.wav"))
def fetch(
    id: IdArg,
    to: Annotated[Path | None, typer.Option("--output", "-o", help="The file; not given: ID.wav, here.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Fetch a recording into a WAV file, whole or not at all, readable by you alone."""
    to = to or Path(f"{id}.wav")
    if os.path.lexists(to) and not (force and to.is_file()):
        raise Failure(f"{to} is there already" + (": --force overwrites it" if to.is_file() else ""))
    size = _fetched(connect(api, key), id, to)
    return out_json({"id": id, "file": str(to), "bytes": size}) if as_json else out(f"{to}: {size} bytes")


@recording_app.command("delete", epilog=example(f"recording delete {ID} --yes"))
def delete(
    id: IdArg,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Throw a recording away, for good. Its call still tells that it was there. Needs an admin key."""
    client = connect(api, key)
    if not (yes or _is_meant(id)):
        raise Failure(f"{id} is kept: answer y, or give --yes, to throw it away")
    client.delete("v1", "recordings", id)
    return out_json({"id": id, "deleted": True}) if as_json else out(f"{id} is gone")


def tell_recordings(call: dict[str, Any]) -> None:
    """A line for each that the call has."""
    for one in call.get("recordings", ()):
        whose = f"{one['what']} {one['leg']}" if "leg" in one else one["what"]
        long = f", {one['duration_ms'] / 1000:.1f} s" if "duration_ms" in one else ""
        out(f"  recording {one['id']}: {whose}, from {one['started_at']}{long}, {one['state']}")


def _fetched(client: Client, id: str, to: Path) -> int:
    """Its bytes. Where there is none to fetch nothing is touched."""
    chunks = client.chunks("v1", "recordings", id)
    first = next(chunks, b"")
    try:
        with written_whole(to) as file:
            file.write(first)
            file.writelines(chunks)
            return file.tell()
    except OSError as e:
        raise Failure(f"{to} cannot be written: {e.strerror}") from None


def _is_meant(id: str) -> bool:
    sys.stderr.write(f"throw {id} away, for good? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in WAYS_OF_YES
