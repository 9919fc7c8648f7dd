"""Commands about configuration: check it, print a sample, print what an operator's own Asterisk needs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ari_app.entrypoints.cli_common import (
    ConfigOpt,
    Failure,
    JsonOpt,
    example,
    new_app,
    out,
    out_json,
    say,
)
from ari_app.entrypoints.client import told_setting

if TYPE_CHECKING:
    from ari_app.config import Loaded, Mistake

config_app = new_app("The settings file.")
OF_THE_CLIENT = "RINGBRIDGE_API"  # set for the client commands; no setting, and no mistake


def register(app: typer.Typer) -> None:
    app.command("check", epilog=example("check --config ringbridge.toml"))(check)
    app.command("pbx-config", epilog=example("pbx-config --to ./asterisk"))(pbx_config)
    app.add_typer(config_app, name="config")


def check(config: ConfigOpt = None, as_json: JsonOpt = False) -> None:
    """Check the settings, the trunks file and the plans. Every mistake at once, with its place; exit code 1 if there
    is one."""
    mistakes, warnings = look(config)
    tell(mistakes, warnings, as_json, "the configuration is in order")


def tell(
    mistakes: Sequence[Mistake], warnings: Sequence[Mistake], as_json: bool, in_order: str,
    more: Mapping[str, object] | None = None,
) -> None:  # fmt: skip
    """What a check found; with a mistake the command ends here, with exit code 1. `more`: for JSON."""
    if as_json:
        said = {"mistakes": mistakes, "warnings": warnings}
        out_json(
            {"ok": not mistakes}
            | {name: [{"place": m.place, "what": m.what} for m in found] for name, found in said.items()}
            | dict(more or {})
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
    """(mistakes, warnings) of the settings and of the files that they name."""
    from ari_app.below_cost import sold_below_cost
    from ari_app.config import Mistakes, load

    mistakes: list[Mistake] = []
    warnings: list[Mistake] = []
    settings = None
    try:
        loaded = load(config)
        warnings, settings = shown_warnings(loaded), loaded.settings
    except Mistakes as e:
        mistakes += e.found
    in_files, of_files = look_at_files(config)
    if settings is not None and not in_files:
        warnings += sold_below_cost(settings)
    return sorted([*mistakes, *in_files], key=_place), [*warnings, *of_files]


TOLD_FOR_FILES = ("trunks_file", "plans_file", "nodes_file", "ari_url", "ari_password", "ami_password")
"""The settings that a file's mistakes depend on, beside margin_s."""


def wrong_in_files(config: str | None) -> Sequence[Mistake]:
    """The mistakes of the files that the settings name, whatever else is wrong with the settings."""
    return look_at_files(config)[0]


def look_at_files(config: str | None) -> tuple[Sequence[Mistake], Sequence[Mistake]]:
    """(mistakes, warnings) of those files; warnings only where nothing is wrong."""
    from ari_app.config import Mistakes, Settings
    from ari_app.operator_files import read_files

    told = {name: told_setting(name, config) or "" for name in TOLD_FOR_FILES}
    told["timezone"] = timezone(config)
    try:
        return (), read_files(Settings(**told, margin_s=margin_s(config))).warnings  # type: ignore[arg-type] # texts
    except Mistakes as e:
        return e.found, ()


def timezone(config: str | None) -> str:
    """The setting, in which the days of price decks begin; the usual one where it will not do."""
    from ari_app.config import Settings
    from ari_app.config.kinds import Unfit, zone

    try:
        name: str = zone().parse(told_setting("timezone", config) or Settings.timezone)
    except Unfit:
        return Settings.timezone
    return name


def margin_s(config: str | None) -> int:
    """The setting, which every plan's slice must exceed; the least one where nobody can tell it."""
    from ari_app.config import Mistakes, load

    try:
        return load(config).settings.margin_s
    except Mistakes:
        told = told_setting("margin_s", config) or ""
        return int(told) if re.fullmatch(r"[0-9]{1,6}", told) else 1


def _place(mistake: Mistake) -> tuple[str, int]:
    """By file and line; what has no line (a variable) goes by its name."""
    file, _, line = mistake.place.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (mistake.place, 0)


def shown_warnings(loaded: Loaded) -> list[Mistake]:
    return [warning for warning in loaded.warnings if warning.place != OF_THE_CLIENT]


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


def _not_for_others(path: str, flags: int) -> int:
    """New: for its owner alone. There already: owner and group as they were, as Asterisk may be one of them."""
    handle = os.open(path, flags, 0o600)
    os.fchmod(handle, os.fstat(handle).st_mode & 0o770)
    return handle


def _write(made: Mapping[str, str], to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            with open(to / name, "w", encoding="utf-8", opener=_not_for_others) as file:
                file.write(text)
    except OSError as e:
        raise Failure(f"{to} cannot be written to: {e.strerror}") from None
    say(f"wrote {', '.join(made)} into {to}")
