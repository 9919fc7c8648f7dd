"""Commands about configuration: check it, print a sample, print what an operator's own Asterisk needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    ConfigOpt,
    Failure,
    JsonOpt,
    KeyOpt,
    example,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.client import connect, told_setting

if TYPE_CHECKING:
    from ari_app.config import Loaded, Mistake

config_app = new_app("The settings file.")
trunks_app = new_app("The carriers of sip_trunks.conf.")
OF_THE_CLIENT = "RINGBRIDGE_API"  # set for the client commands; no setting, and no mistake


def register(app: typer.Typer) -> None:
    app.command("check", epilog=example("check --config ringbridge.toml"))(check)
    app.command("pbx-config", epilog=example("pbx-config --to ./asterisk"))(pbx_config)
    app.add_typer(config_app, name="config")
    app.add_typer(trunks_app, name="trunks")


def check(config: ConfigOpt = None, as_json: JsonOpt = False) -> None:
    """Check the settings and the trunks file. Every mistake at once, with its place; exit code 1 if there is one."""
    mistakes, warnings = look(config)
    _tell(mistakes, warnings, as_json, "the configuration is in order")


def _tell(mistakes: Sequence[Mistake], warnings: Sequence[Mistake], as_json: bool, in_order: str) -> None:
    if as_json:
        said = {"mistakes": mistakes, "warnings": warnings}
        out_json(
            {"ok": not mistakes}
            | {name: [{"place": m.place, "what": m.what} for m in found] for name, found in said.items()}
        )
    else:
        for warning in warnings:
            say(f"warning: {warning}")
        for mistake in mistakes:
            out(str(mistake))
        if not mistakes:
            out(in_order)
    if mistakes:
        raise typer.Exit(1)


def look(config: str | None) -> tuple[list[Mistake], list[Mistake]]:
    """(mistakes, warnings) of the settings and of the trunks file that they name."""
    from ari_app.config import Mistakes, load
    from ari_app.trunks_file import load_trunks

    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    try:
        warnings = shown_warnings(load(config))
    except Mistakes as e:
        mistakes += e.found
    trunks_file = told_setting("trunks_file", config)
    if trunks_file:
        try:
            load_trunks(trunks_file, embedded=not told_setting("ari_url", config))
        except Mistakes as e:
            mistakes += e.found
    return sorted(mistakes, key=_place), warnings


def _place(mistake: Mistake) -> tuple[str, int]:
    """By file and line; what has no line (a variable) goes by its name."""
    file, _, line = mistake.place.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (mistake.place, 0)


def shown_warnings(loaded: Loaded) -> list[Mistake]:
    return [warning for warning in loaded.warnings if warning.place != OF_THE_CLIENT]


@trunks_app.command("check", epilog=example("trunks check sip_trunks.conf"))
def check_trunks(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file such as sip_trunks.conf.")],
    as_json: JsonOpt = False,
) -> None:
    """Check a trunks file. Every mistake at once, with its line and what was expected; exit code 1 if there is one."""
    from ari_app.config import Mistakes
    from ari_app.trunks_file import load_trunks

    mistakes: Sequence[Mistake] = ()
    try:
        load_trunks(file)
    except Mistakes as e:
        mistakes = e.found
    _tell(mistakes, (), as_json, f"{file} is in order")


@trunks_app.command("status", epilog=example("trunks status"))
def trunks_status(api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show which trunks can be reached."""
    found = connect(api, key).get("v1", "trunks")
    return out_json(found) if as_json else table(("trunk", "state"), ((t["name"], t["state"]) for t in found["trunks"]))


@config_app.command("sample", epilog=example("config sample > ringbridge.toml"))
def sample(as_json: JsonOpt = False) -> None:
    """Print a settings file with every option, its default and what it does."""
    from ari_app.config import sample as text
    from ari_app.config import sample_data

    return out_json(sample_data()) if as_json else out(text().rstrip("\n"))


def pbx_config(
    to: Annotated[Path | None, typer.Option("--to", help="Write the files into this directory.")] = None,
    config: ConfigOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Print what an Asterisk of your own needs. From your settings and trunks, one file after another; JSON: file name
    to text."""
    from ari_app.entrypoints.pbx_config import files

    made = files(config)
    if to is not None:
        _write(made, to)
    if as_json:
        out_json(made)
    elif to is None:
        for name, text in made.items():
            out(f"; ======== {name}\n{text}")


def _write(made: Mapping[str, str], to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            path = to / name
            path.touch(mode=0o600)
            path.write_text(text, "utf-8")
    except OSError as e:
        raise Failure(f"{to} cannot be written to: {e.strerror}") from None
    say(f"wrote {', '.join(made)} into {to}")
