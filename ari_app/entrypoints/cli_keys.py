"""Commands about API keys: make one, list them, revoke one. Clients of the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, example, new_app, out, out_json, say, table
from ari_app.entrypoints.client import connect

key_app = new_app("The keys of the API.")


def register(app: typer.Typer) -> None:
    app.add_typer(key_app, name="key")


@key_app.command("make", epilog=example("key make shop --scope call --scope read"))
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is.")],
    scope: Annotated[list[str], typer.Option(help="call, read or admin; repeated.")],
    expires: Annotated[
        str | None, typer.Option(help="When it ends, such as 2027-12-31T16:00:00Z; not given: never.")
    ] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a key. Its secret is printed, once: nobody can look it up again."""
    body: dict[str, object] = {"name": name, "scopes": scope}
    if expires is not None:
        body["expires_at"] = expires
    made = connect(api, key).post("v1", "keys", body=body)
    if as_json:
        return out_json(made)
    say(f"key {made['id']} ({', '.join(made['scopes'])}); the secret is shown this once:")
    return out(made["secret"])


@key_app.command("list", epilog=example("key list"))
def list_keys(api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """List the keys, oldest first, and when each was last used."""
    found = connect(api, key).get("v1", "keys")
    if as_json:
        return out_json(found)
    return table(("key", "name", "scopes", "made", "ends", "last used"), map(_row, found["keys"]))


@key_app.command("revoke", epilog=example("key revoke 3f2a9c0d11e8"))
def revoke(
    id: Annotated[str, typer.Argument(metavar="KEY", help="Its id, as listed; not the secret.")],
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Revoke a key: it ends at once where this is asked, within key_cache_s in every other process."""
    gone = connect(api, key).delete("v1", "keys", id)
    if as_json:
        return out_json(gone)
    return out(f"revoked {gone['id']} ({gone['name']})")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["id"], one["name"], ",".join(one["scopes"]), one["created_at"], one["expires_at"] or "never",
        one["last_used_at"] or "never",
    )  # fmt: skip
