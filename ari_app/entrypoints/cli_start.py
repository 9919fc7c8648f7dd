"""`ringbridge start`: a call of any type that may be asked for by its type. Its help, and how a word of the command
line is read, come from what the flow calls a Request. A client of the API; knows no type by name."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import MISSING, Field, fields
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from ari_app.config.mistakes import did_you_mean
from ari_app.entrypoints.cli_calls import NEVER_TALKED, followed, killed_as_by_ctrl_c, place, summary
from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, example, out, out_json
from ari_app.entrypoints.cli_recordings import tell_recordings
from ari_app.entrypoints.client import connect
from ari_app.flows import open_flows

EXAMPLE = "start callback caller=demo callee=+8613900000004 --wait"


def register(app: typer.Typer) -> None:
    app.command("start", help=_help(), epilog=example(EXAMPLE))(start)


def start(
    type: Annotated[str, typer.Argument(metavar="TYPE", help="The type of call.")],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="FIELD=VALUE...", help="As the type needs them; of a list, one each.")
    ] = None,
    once: Annotated[str | None, typer.Option(help="Idempotency-Key: asked again with it, no second call.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the call until it has ended; Ctrl-C ends it.")] = False,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    body = {"type": type} | asked(type, words or [])
    client = connect(api, key)
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


def asked(type: str, words: Sequence[str]) -> dict[str, Any]:
    """The fields of a request. Raises BadParameter for what cannot be one: of each other mistake the server tells."""
    known = open_flows()
    if type not in known:
        meant = did_you_mean(type, known) or f" (there are {', '.join(sorted(known))})"
        raise typer.BadParameter(f"there is no type of call {type}{meant}", param_hint="TYPE")
    request = known[type].Request
    hints = get_type_hints(request)
    body: dict[str, Any] = {}
    for word in words:
        name, is_one, value = word.partition("=")
        if not is_one:
            raise typer.BadParameter(f"{word}: FIELD=VALUE is expected", param_hint="FIELD=VALUE")
        if name not in hints:
            raise typer.BadParameter(f"{type} has no field {name}{did_you_mean(name, hints)}", param_hint="FIELD=VALUE")
        if _is_list(hints[name]):
            body.setdefault(name, []).append(value)
        else:
            body[name] = _read(hints[name], name, value)
    missing = [one.name for one in fields(request) if _is_needed(one) and one.name not in body]
    if missing:
        raise typer.BadParameter(f"{type} needs {', '.join(missing)} too", param_hint="FIELD=VALUE")
    return body


def _read(hint: Any, name: str, value: str) -> object:
    kinds = {hint, *get_args(hint)}
    if bool in kinds:
        if value not in ("true", "false"):
            raise typer.BadParameter(f"{name}: true or false is expected", param_hint="FIELD=VALUE")
        return value == "true"
    if int in kinds:
        if not value.lstrip("-").isdecimal():
            raise typer.BadParameter(f"{name}: a whole number is expected", param_hint="FIELD=VALUE")
        return int(value)
    return value


def _is_list(hint: Any) -> bool:
    return get_origin(hint) in (tuple, list)


def _is_needed(one: Field[Any]) -> bool:
    return one.default is MISSING and one.default_factory is MISSING


def _help() -> str:
    """With the fields of every type."""
    types = "\n\n".join(_help_of(name, flow.Request) for name, flow in sorted(open_flows().items()))
    return f"Start a call of a type, and answer with it at once.\n\nExit codes as of `call`.\n\n{types}"


def _help_of(name: str, request: type[Any]) -> str:
    hints = get_type_hints(request)
    told = [f"  {one.name}={_said(hints[one.name])}{'' if _is_needed(one) else '  (may be left out)'}"
            for one in fields(request)]  # fmt: skip
    return "\n".join(["\b", f"{name}:", *told])


def _said(hint: Any) -> str:
    if _is_list(hint):
        return f"{_said(get_args(hint)[0])} (one for each)"
    choices = [choice for part in (hint, *get_args(hint)) if get_origin(part) is Literal for choice in get_args(part)]
    if choices:
        return "|".join(map(str, choices))
    kinds = {hint, *get_args(hint)}
    return "true|false" if bool in kinds else "NUMBER" if int in kinds else "TEXT"
