"""/v1/tenants: who builds on the platform. The operator's alone; what a tenant has is kept elsewhere, under its id."""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path, Request, Response
from msgspec import Meta

from ari_app.domain.tenants import TENANT
from ari_app.entrypoints.http.auth import gate, operator
from ari_app.entrypoints.http.bodies import PutTenant, read, takes
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.ports.tenants import TENANTS_MAX, Tenant

router = APIRouter(prefix="/v1/tenants", tags=["tenants"])
log = structlog.get_logger()

TenantId = Annotated[str, Path(description="1 to 31 of a-z 0-9 -, not - first", max_length=100)]


class TenantView(msgspec.Struct):
    id: str
    name: str
    requests_per_s: Annotated[int | None, Meta(description="Of all its keys together; null: the setting's.")]
    requests_burst: Annotated[int | None, Meta(description="At once; null: as `requests_per_s` or the setting says.")]
    created_at: Time
    closed_at: Annotated[Time | None, Meta(description="Since then its keys are refused; null: it is open.")]


class TenantList(msgspec.Struct):
    """By id."""

    tenants: list[TenantView]


@router.get("", summary="List tenants", responses=gives("Tenants"))
async def list_tenants(request: Request) -> Response:
    """Open and closed."""
    await operator(request, "admin")
    return reply(TenantList([_view(one) for one in await doors(request).tenants.all()]))


@router.get("/{id}", summary="Look at a tenant", responses=gives("Tenant", 404))
async def get_tenant(request: Request, id: TenantId) -> Response:
    await operator(request, "admin")
    return reply(_view(_there(await doors(request).tenants.get(id))))


@router.put("/{id}", summary="Make, change or open a tenant", responses=gives("Tenant", 409, 413, 415),
            openapi_extra=takes(PutTenant))  # fmt: skip
async def put_tenant(request: Request, id: TenantId) -> Response:
    """What is not given is as the settings say. One that is closed is open again, with its keys and all it has."""
    by = await operator(request, "admin")
    body = await read(request, PutTenant)
    if not TENANT.fullmatch(id):
        sentence = "id: 1 to 31 small letters, digits or - are expected, and no - in front."
        raise Problem("malformed-request", sentence, "id")
    d = doors(request)
    wanted = Tenant(id, body.name, d.now_ms(), body.requests_per_s, body.requests_burst)
    try:
        tenant = await d.tenants.put(wanted)
    finally:
        gate(request).forget_tenant(id)
    if tenant is None:
        raise Problem("too-many-tenants", f"There are {TENANTS_MAX} tenants already.", "id")
    log.info("tenant put", tenant=id, by=by.id)
    return reply(_view(tenant))


@router.delete("/{id}", summary="Close a tenant", responses=gives("Tenant", 404))
async def close_tenant(request: Request, id: TenantId) -> Response:
    """Its keys are refused: at once in the process that answers this, within `key_cache_s` in all others. What it has
    stays, and its live calls go on; once more changes nothing."""
    by = await operator(request, "admin")
    d = doors(request)
    try:
        tenant = _there(await d.tenants.close(id, d.now_ms()))
    finally:  # an answer that was lost may be that of one that is closed
        gate(request).forget_tenant(id)
    log.info("tenant closed", tenant=id, by=by.id)
    return reply(_view(tenant))


def _there(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise Problem("unknown-tenant", "There is no tenant with this id.", "id")
    return tenant


def _view(one: Tenant) -> TenantView:
    return TenantView(
        one.id, one.name, one.requests_per_s, one.requests_burst, rfc3339(one.created_at_ms),
        None if one.closed_at_ms is None else rfc3339(one.closed_at_ms),
    )  # fmt: skip
