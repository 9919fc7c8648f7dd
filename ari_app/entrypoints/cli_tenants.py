"""Commands about tenants, the partners who build on the platform: make, list, look at and close them. Clients of the
API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ari_app.entrypoints.cli_common import ApiOpt, JsonOpt, KeyOpt, example, new_app, out, out_json, table
from ari_app.entrypoints.client import ApiRefused, Client, connect

tenants_app = new_app("Tenants: partners who build on the platform, each for himself.")
TenantArg = Annotated[str, typer.Argument(metavar="TENANT", help="Its id: 1 to 31 of a-z 0-9 and -.")]
KEPT = ("name", "requests_per_s", "requests_burst")


def register(app: typer.Typer) -> None:
    app.add_typer(tenants_app, name="tenants")


@tenants_app.command("put", epilog=example("tenants put acme --name Acme --requests-per-s 50"))
def put(
    tenant: TenantArg,
    name: Annotated[str | None, typer.Option(help="Its name; a new tenant's, where not given: its id.")] = None,
    requests_per_s: Annotated[
        int | None, typer.Option(help="So often may all its keys together ask; 0: as the settings say.")
    ] = None,
    requests_burst: Annotated[int | None, typer.Option(help="So often at once; 0: as the settings say.")] = None,
    api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False,
) -> None:  # fmt: skip
    """Make a tenant, change what is given of one, or open one that is closed. What is not given stays as it is."""
    client = connect(api, key)
    told: dict[str, object] = {"name": name, "requests_per_s": requests_per_s, "requests_burst": requests_burst}
    body = _kept(client, tenant) | {field: value for field, value in told.items() if value is not None}
    body = {field: value or None for field, value in body.items()}
    return _tell(client.put("v1", "tenants", tenant, body=body), as_json)


@tenants_app.command("list", epilog=example("tenants list"))
def list_tenants(api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """List the tenants, open and closed."""
    found = connect(api, key).get("v1", "tenants")
    if as_json:
        return out_json(found)
    return table(("tenant", "name", "requests a second", "at once", "made", "closed"), map(_row, found["tenants"]))


@tenants_app.command("show", epilog=example("tenants show acme"))
def show(tenant: TenantArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Show a tenant."""
    return _tell(connect(api, key).get("v1", "tenants", tenant), as_json)


@tenants_app.command("close", epilog=example("tenants close acme"))
def close(tenant: TenantArg, api: ApiOpt = None, key: KeyOpt = None, as_json: JsonOpt = False) -> None:
    """Close a tenant: its keys are refused, at once where this is asked, within key_cache_s in every other process.
    What it has stays; `tenants put` opens it again."""
    return _tell(connect(api, key).delete("v1", "tenants", tenant), as_json)


def _kept(client: Client, tenant: str) -> dict[str, object]:
    """What a tenant is that is not told otherwise."""
    try:
        found = client.get("v1", "tenants", tenant)
    except ApiRefused as e:
        if e.problem.get("type") != "unknown-tenant":
            raise
        return {"name": tenant}
    return {field: found[field] for field in KEPT}


def _tell(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return out_json(one)
    state = f"closed since {one['closed_at']}: its keys are refused" if one["closed_at"] else "open"
    out(f"{one['id']} {one['name']}: {state}")
    _, _, rate, burst, *_ = _row(one)
    return out(f"  requests of all its keys together: {rate} a second, {burst} at once")


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    burst = one["requests_burst"] or (2 * one["requests_per_s"] if one["requests_per_s"] else None)
    return (
        one["id"], one["name"], str(one["requests_per_s"] or "the setting's"), str(burst or "the setting's"),
        one["created_at"], one["closed_at"] or "-",
    )  # fmt: skip
