"""Commands about carriers: check a trunks file, and import one from Asterisk's own files.

Knows the CLI's manner only; what it does is in trunks_file.py and trunk_tools.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ari_app.entrypoints import cli_trunks_apply, cli_trunks_live
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
from ari_app.entrypoints.cli_config import tell, timezone
from ari_app.whole_files import written_whole

if TYPE_CHECKING:
    from ari_app.config import Mistake

trunks_app = new_app("The carriers of sip_trunks.conf.")


def register(app: typer.Typer) -> None:
    app.add_typer(trunks_app, name="trunks")
    cli_trunks_apply.register(trunks_app)
    cli_trunks_live.register(trunks_app)


@trunks_app.command("check", epilog=example("trunks check sip_trunks.conf"))
def check_trunks(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file such as sip_trunks.conf.")],
    config: ConfigOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Check a trunks file and its price decks. Every mistake at once, with its line and what was expected; exit code 1
    if there is one. Warnings on stderr."""
    from ari_app.config import Mistakes
    from ari_app.trunks_file import read_trunks

    mistakes: Sequence[Mistake] = ()
    warnings: Sequence[Mistake] = ()
    try:
        warnings = read_trunks(file, timezone=timezone(config), elsewhere=True).warnings
    except Mistakes as e:
        mistakes = e.found
    tell(mistakes, warnings, as_json, f"{file} is in order")


@trunks_app.command("import", epilog=example("trunks import /etc/asterisk/pjsip.conf --to sip_trunks.conf"))
def import_trunks(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A pjsip.conf or pjsip_wizard.conf.")],
    to: Annotated[Path | None, typer.Option("--to", help="Write a new file (0600) instead of printing it.")] = None,
    with_passwords: Annotated[bool, typer.Option("--with-passwords", help="Write the passwords too.")] = False,
    as_json: JsonOpt = False,
) -> None:
    """Make a trunks file of the carriers in Asterisk's own configuration. What has no counterpart stands in comments;
    passwords are asked from the environment."""
    from ari_app.config import Mistakes

    importing = importlib.import_module("ari_app.trunk_tools.importing")  # it stands a floor above
    try:
        made = importing.import_file(file, with_passwords=with_passwords)
    except Mistakes as e:
        raise Failure("\n".join(str(one) for one in e.found)) from None
    for warning in made.warnings:
        say(f"warning: {warning}")
    if to is not None:
        _write_new(to, made.text)
    if as_json:
        out_json({"trunks": made.trunks, "text": made.text, "warnings": [str(one) for one in made.warnings]})
    elif to is None:
        out(made.text.rstrip("\n"))


def _write_new(to: Path, text: str) -> None:
    if to.exists():
        raise Failure(f"{to} is there already; it is not written over")
    try:
        with written_whole(to) as file:
            file.write(text.encode())
    except OSError as e:
        raise Failure(f"{to} cannot be written: {e.strerror}") from None
    say(f"wrote {to}; see what stands in its comments, then: ringbridge trunks check {to}")
