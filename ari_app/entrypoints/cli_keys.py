"""Commands about API keys: make one, list them, replace one, revoke one. Clients of the API."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, example, new_app, out, out_json, say, table
from ari_app.entrypoints.client import connect

key_app = new_app("The keys of the API.")
IdArg = Annotated[str, typer.Argument(metavar="KEY", help="Its id, as listed; not the secret.")]
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def register(app: typer.Typer) -> None:
    app.add_typer(key_app, name="key")


@key_app.command("make", epilog=example("key make shop --scope call --scope read --tenant acme"))
def make(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is.")],
    scope: Annotated[list[str], typer.Option(help="call, read or admin; repeated.")],
    tenant: Annotated[
        str | None, typer.Option(help="It reaches what is this tenant's alone; not given: as far as yours.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When it ends, such as 2027-12-31T16:00:00Z; not given: never.")
    ] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a key. Its secret is printed, once: nobody can look it up again."""
    body: dict[str, object] = {"name": name, "scopes": scope}
    body |= {field: value for field, value in (("tenant", tenant), ("expires_at", expires)) if value is not None}
    made = connect(api, key).post("v1", "keys", body=body)
    if as_json:
        return out_json(made)
    whose = f" of {made['tenant']}" if made["tenant"] else ""
    ends = f", ends {ends_in_words(made)}" if made["expires_at"] else ""
    say(f"key {made['id']}{whose} ({', '.join(made['scopes'])}{ends}); the secret is shown this once:")
    return out(made["secret"])


@key_app.command("list", epilog=example("key list --tenant acme"))
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Of this tenant alone.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """List the keys, oldest first, when each ends and when it was last used."""
    found = connect(api, key).get("v1", "keys", tenant=tenant)
    if as_json:
        return out_json(found)
    return table(("key", "tenant", "name", "scopes", "made", "last used", "ends"), map(_row, found["keys"]))


@key_app.command("rotate", epilog=example("key rotate 3f2a9c0d11e8 --overlap 3600"))
def rotate(
    id: IdArg,
    overlap: Annotated[
        int | None, typer.Option(help="Seconds for which the old key goes on; not given: a day. 0: it ends now.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="When the new key ends; not given: when the old one was to.")
    ] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Replace a key by a new one of the same kind, and let the old one go on for a while. The new secret is printed,
    once; was it lost, ask again."""
    body = {field: value for field, value in (("overlap_s", overlap), ("expires_at", expires)) if value is not None}
    client = connect(api, key)
    made = client.post("v1", "keys", id, "rotate", body=body)
    if as_json:
        return out_json(made)
    say(f"key {made['id']} ({', '.join(made['scopes'])}) takes the place of {id}; the secret is shown this once:")
    return out(made["secret"])


@key_app.command("revoke", epilog=example("key revoke 3f2a9c0d11e8"))
def revoke(id: IdArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Revoke a key: it ends at once where this is asked, within key_cache_s in every other process."""
    gone = connect(api, key).delete("v1", "keys", id)
    if as_json:
        return out_json(gone)
    return out(f"revoked {gone['id']} ({gone['name']})")


def ends_in_words(one: dict[str, Any], now: datetime | None = None) -> str:
    """Such as “in 23 hours (2026-11-28T06:00:00.000Z)”."""
    if one["expires_at"] is None:
        return "never"
    left_s = (datetime.fromisoformat(one["expires_at"]) - (now or datetime.now(UTC))).total_seconds()
    unit_s, unit = next((unit for unit in UNITS if abs(left_s) >= unit[0]), (1, "second"))
    count = int(abs(left_s) // unit_s)
    words = f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{'in ' + words if left_s > 0 else words + ' ago'} ({one['expires_at']})"


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    after = f", replaced by {one['replaced_by']}" if one["replaced_by"] else ""
    return (
        one["id"], one["tenant"] or "-", one["name"], ",".join(one["scopes"]), one["created_at"],
        one["last_used_at"] or "never", ends_in_words(one) + after,
    )  # fmt: skip
