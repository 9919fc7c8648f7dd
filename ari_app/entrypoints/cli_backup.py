"""Commands that back up and restore the embedded Redis. They ask the stack; a Redis of one's own has its own tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ari_app.entrypoints.cli_common import ConfigOpt, Failure, JsonOpt, StateOpt, example, out, out_json, say
from ari_app.entrypoints.cli_stack import configured, running, stack_app, told
from ari_app.entrypoints.client import told_setting

FileArg = Annotated[Path, typer.Argument(metavar="FILE", help="The snapshot, a file of Redis's own form (RDB).")]


def register(_app: typer.Typer) -> None:
    """They are commands of `ringbridge stack`, which stands in cli_stack."""


@stack_app.command("backup", epilog=example("stack backup /backups/minutes.rdb"))
def backup(
    file: FileArg,
    force: Annotated[bool, typer.Option("--force", help="Overwrite FILE if it is there.")] = False,
    config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Write all that the embedded Redis has, the minutes above all, to FILE, whole or not at all. Calls go on."""
    from ari_app.stack.backup import backup

    _is_embedded(config)
    with told():
        size = backup(running(state_dir, config), file, force=force)
    return out_json({"file": str(file), "bytes": size}) if as_json else out(f"{file}: {size} bytes")


@stack_app.command("restore", epilog=example("stack restore /backups/minutes.rdb"))
def restore(file: FileArg, config: ConfigOpt = None, state_dir: StateOpt = None, as_json: JsonOpt = False) -> None:
    """Make FILE the data of the embedded Redis, which must be stopped. What was there is set aside, not deleted; if
    anything goes wrong, nothing is changed."""
    from ari_app.stack.restore import restore

    _is_embedded(config)
    with told():
        done = restore(configured(config, state_dir), file)
    if done.before:
        say(f"the data of before lies in {done.before}: to undo this, put it back in the place of {done.folder}")
    if as_json:
        return out_json({"restored": str(file), "before": str(done.before) if done.before else None})
    return out(f"{file} is restored: start with `ringbridge up`, check with `ringbridge ledger verify`")


def _is_embedded(config: str | None) -> None:
    if told_setting("redis_url", config):
        raise Failure("redis_url names a Redis of your own: docs/ledger.md tells how to back it up and restore it")
