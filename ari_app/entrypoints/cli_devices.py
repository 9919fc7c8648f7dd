"""Commands about users' SIP devices: give one, list them, change a password, remove one. Clients of the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import (
    ApiOpt,
    JsonOpt,
    KeyOpt,
    OnceOpt,
    UserArg,
    example,
    new_app,
    out,
    out_json,
    say,
    table,
)
from ari_app.entrypoints.client import connect

device_app = new_app("SIP devices of users: phones that register here.")

DeviceArg = Annotated[str, typer.Argument(metavar="DEVICE", help="Its id, as listed.")]


def register(app: typer.Typer) -> None:
    app.add_typer(device_app, name="device")


@device_app.command("add", epilog=example("device add li --name 'desk phone' --transport tls"))
def add(
    user: UserArg,
    name: Annotated[str, typer.Option(help="What it is, for people.")] = "",
    transport: Annotated[str, typer.Option(help="udp, tcp or tls.")] = "udp",
    once: OnceOpt = None, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Give a user a device. What the phone must be told is printed; its password this once."""
    body = {"name": name, "transport": transport}
    _made(connect(api, key).post("v1", "users", user, "devices", body=body, once=once), as_json)


@device_app.command("list", epilog=example("device list li"))
def list_devices(user: UserArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """List a user's devices, and whether each is registered."""
    found = connect(api, key).get("v1", "users", user, "devices")
    if as_json:
        return out_json(found)
    return table(("device", "name", "transport", "username", "made", "state"), map(_row, found["devices"]))


@device_app.command("password", epilog=example("device password li vabcdefghijklmnop"))
def password(
    user: UserArg, device: DeviceArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False
) -> None:
    """Give a device another password, which is printed this once."""
    changed = connect(api, key).post("v1", "users", user, "devices", device, "password", body=None)
    _made(changed, as_json)


@device_app.command("remove", epilog=example("device remove li vabcdefghijklmnop"))
def remove(user: UserArg, device: DeviceArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Remove a device: it registers no more, and is rung no more."""
    gone = connect(api, key).delete("v1", "users", user, "devices", device)
    if as_json:
        return out_json(gone)
    return out(f"removed {gone['id']} ({gone['name']})")


def _made(device: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return out_json(device)
    if device["password"] is None:
        say(f"device {device['id']} was made before: its password is not shown again")
    else:
        say(f"device {device['id']}; the password is shown this once:")
    for field in ("server", "port", "transport", "username", "password", "realm"):
        if device[field] is not None:
            out(f"{field} = {device[field]}")
    return None


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    states = " ".join(f"{at['node']}:{at['state']}" for at in one["at"])
    return (one["id"], one["name"], one["transport"], one["username"], one["created_at"], states or "unknown")
