"""Commands that print what an operator's other programs need: systemd a unit, Prometheus its alert rules.

The texts are files in ari_app/deploy/; here is only what differs from machine to machine.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ari_app.entrypoints.cli_common import Failure, JsonOpt, example, out, out_json

CONFIG = "/etc/ringbridge/ringbridge.toml"
USER = "ringbridge"
USER_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
HOMES = ("/home/", "/root/", "/run/user/")
"""What ProtectHome=yes would hide."""


def register(app: typer.Typer) -> None:
    app.command("systemd-unit", epilog=example("systemd-unit > ringbridge.service"))(systemd_unit)
    app.command("alert-rules", epilog=example("alert-rules > ringbridge.rules.yml"))(alert_rules)


def systemd_unit(
    config: Annotated[str, typer.Option("--config", help="Where its settings file is, for root alone.")] = CONFIG,
    user: Annotated[str, typer.Option("--user", help="The user that it runs as.")] = USER,
    as_json: JsonOpt = False,
) -> None:
    """Print a hardened systemd unit. For Ringbridge beside an Asterisk and a Redis of your own; JSON: file name to
    text."""
    if not USER_NAME.fullmatch(user):
        raise Failure("--user: the name of a system user, in small letters")
    if not Path(config).is_absolute():
        raise Failure("--config: a path from / on: systemd knows no other")
    values = {
        "program": _word(str(_program())), "config": _path(config), "config_dir": _path(str(Path(config).parent)),
        "user": user, "protect_home": "read-only" if _is_at_home(config) else "yes",
    }  # fmt: skip
    _print("ringbridge.service", _filled(_text("ringbridge.service"), values), as_json=as_json)


def alert_rules(as_json: JsonOpt = False) -> None:
    """Print alert rules for Prometheus. The runbook (docs/runbook.md) has a section for each; JSON: file name to
    text."""
    _print("ringbridge.rules.yml", _text("alerts.yml"), as_json=as_json)


def _print(name: str, text: str, *, as_json: bool) -> None:
    if as_json:
        out_json({name: text})
    else:
        out(text.rstrip("\n"))


def _text(name: str) -> str:
    return files("ari_app").joinpath("deploy", name).read_text(encoding="utf-8")


def _filled(template: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], template)


def _program() -> Path:
    beside = Path(sys.executable).with_name("ringbridge")
    found = beside if beside.exists() else shutil.which("ringbridge")
    return Path(found or "/usr/local/bin/ringbridge")


def _is_at_home(config: str) -> bool:
    """The program or its settings lie where ProtectHome would hide them."""
    return any(path.startswith(HOMES) for path in (str(_program()), str(Path(sys.executable).resolve()), config))


def _word(path: str) -> str:
    """As one word of a command."""
    path = _path(path)
    return f'"{path}"' if re.search(r"\s", path) else path


def _path(path: str) -> str:
    """As systemd reads it where nothing else can stand: % begins a specifier."""
    if not path.isprintable() or '"' in path or "\\" in path:
        raise Failure(f"{path!r}: systemd cannot be told such a path")
    return path.replace("%", "%%")
