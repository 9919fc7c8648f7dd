"""/v1/keys: who may use this API. A secret is shown once, to who made it; nobody can look it up again.

A tenant's key with the scope admin sees to its own tenant's keys; all others are not there for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path, Query, Request, Response
from msgspec import Meta

from ari_app.domain.tenants import OPERATOR
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed, gate
from ari_app.entrypoints.http.bodies import NewKey, RotateKey, read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.ports.keys import FIRST, KEYS_MAX, TENANT_KEYS_MAX, ApiKey, described, new_secret

router = APIRouter(prefix="/v1/keys", tags=["keys"])
log = structlog.get_logger()

KeyId = Annotated[str, Path(description="As listed; not the secret.", max_length=100)]
OfTenant = Annotated[str | None, Query(max_length=100, description="Of this tenant alone.")]
FIRST_STAYS = "The first key comes back at every start: set `api_key` to another, and it is replaced."


class KeyView(msgspec.Struct):
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: Annotated[str | None, Meta(description="null: never. Of one that was replaced: so long it goes on.")]
    last_used_at: str | None
    tenant: Annotated[str | None, Meta(description="Whose it is; null: the operator's.")] = None
    replaced_by: Annotated[str | None, Meta(description="The key that took its place.")] = None


class MadeView(KeyView, kw_only=True):
    secret: str


class KeyList(msgspec.Struct):
    """Oldest first."""

    keys: list[KeyView]


@router.post("", status_code=201, summary="Make a key",
             responses=gives("NewKeyMade", 404, 409, 413, 415, status=201), openapi_extra=takes(NewKey))  # fmt: skip
async def make(request: Request) -> Response:
    """The answer alone has `secret`: keep it."""
    by = await allowed(request, "admin")
    body = await read(request, NewKey)
    d = doors(request)
    if body.name == FIRST:
        raise Problem("malformed-body", f"name: “{FIRST}” is the first key's own.", "name")
    now_ms = d.now_ms()
    expires_at_ms = None if body.expires_at is None else _expiry(body.expires_at, now_ms)
    tenant = await _tenant(d, by, body.tenant)
    await _clear(d, tenant)
    secret = new_secret()
    digest, key = described(secret, body.name, tuple(dict.fromkeys(body.scopes)), now_ms, expires_at_ms, tenant)
    if not await d.keys.add(digest, key, _most(tenant)):
        raise Problem("too-many-keys", f"There are {_most(tenant)} keys already; revoke one that is not used.")
    log.info("key made", key=key.id, tenant=tenant, scopes=list(key.scopes), by=by.id)
    return _made(key, secret)


@router.get("", summary="List keys", responses=gives("Keys", 404))
async def list_keys(request: Request, tenant: OfTenant = None) -> Response:
    """Without their secrets; a tenant's key sees its tenant's. `last_used_at` may be a minute late."""
    by = await allowed(request, "admin")
    d = doors(request)
    if tenant is not None and tenant != by.tenant and not by.is_operators:
        raise _not_his()
    if tenant and tenant != by.tenant and await d.tenants.get(tenant) is None:
        raise Problem("unknown-tenant", "There is no tenant with this id.", "tenant")
    of = tenant or by.tenant
    found = await d.keys.of(of) if of else await d.keys.all()
    used_ms = await d.keys.uses_ms([key.id for key in found])
    return reply(KeyList([_view(key, used_ms.get(key.id)) for key in found]))


@router.post("/{id}/rotate", status_code=201, summary="Replace a key by a new one",
             responses=gives("NewKeyMade", 404, 409, 413, 415, status=201), openapi_extra=takes(RotateKey))  # fmt: skip
async def rotate_key(request: Request, id: KeyId) -> Response:
    """The new key has the old one's name, scopes, tenant and Idempotency-Keys; the old one goes on for `overlap_s`.
    The answer alone has `secret`. Was it lost, ask again: until the new key was used, another takes its place."""
    by = await allowed(request, "admin")
    body = await read(request, RotateKey)
    d = doors(request)
    old = await _key(d, by, id)
    now_ms = d.now_ms()
    if old.name == FIRST:
        raise Problem("first-key", FIRST_STAYS, "id")
    if old.expires_at_ms is not None and old.expires_at_ms <= now_ms:
        raise _ended()
    expires_at_ms = old.expires_at_ms if body.expires_at is None else _expiry(body.expires_at, now_ms)
    await _clear(d, old.tenant, but=old.id)
    if not old.replaced_by and len(await d.keys.of(old.tenant)) >= _most(old.tenant):
        raise Problem("too-many-keys", f"There are {_most(old.tenant)} keys already; revoke one that is not used.")
    secret = new_secret()
    digest, key = described(secret, old.name, old.scopes, now_ms, expires_at_ms, old.tenant, old.owner)
    until_ms = now_ms + body.overlap_s * 1000  # asked again it is never later than it was said before
    until_ms = until_ms if old.retires_at_ms is None else min(until_ms, old.retires_at_ms)
    try:
        retired = replace(old, replaced_by=key.id, retires_at_ms=until_ms)
        done = await d.keys.rotate(old, retired, digest, key, is_over=old.is_over(now_ms))
    finally:  # an answer that was lost may be that of a key that was replaced
        gate(request).forget(old.id)
        gate(request).forget(old.replaced_by)
    if done == "used":
        sentence = f"This key was replaced by {old.replaced_by}, which is in use: rotate that one."
        raise Problem("key-replaced", sentence, "id", extra={"replaced_by": old.replaced_by})
    if done == "ended":
        raise _ended()
    if done == "changed":
        raise Problem("key-replaced", "This key was revoked or replaced in the same moment; list the keys.", "id")
    log.info("key rotated", key=key.id, old=old.id, until=views.rfc3339(until_ms), tenant=old.tenant, by=by.id)
    return _made(key, secret)


@router.delete("/{id}", summary="Revoke a key", responses=gives("Key", 404, 409))
async def revoke(request: Request, id: KeyId) -> Response:
    """At once in the process that answers this, within `key_cache_s` in all others. Calls that it placed go on."""
    by = await allowed(request, "admin")
    d = doors(request)
    key = await _key(d, by, id)
    if key.name == FIRST:
        raise Problem("first-key", FIRST_STAYS, "id")
    used_ms = await d.keys.uses_ms([id])
    try:
        is_gone = await d.keys.delete(key)
    finally:  # an answer that was lost may be that of a key that is gone
        gate(request).forget(id)
    if not is_gone:
        raise _unknown()
    log.info("key revoked", key=id, tenant=key.tenant, by=by.id)
    return reply(_view(key, used_ms.get(id)))


async def _tenant(d: Doors, by: ApiKey, named: str | None) -> str:
    """Whose the new key is. Raises Problem (403, 404, 409)."""
    if named is None or named == by.tenant:
        return by.tenant
    if not by.is_operators:
        raise _not_his()
    tenant = await d.tenants.get(named)
    if tenant is None:
        raise Problem("unknown-tenant", "There is no tenant with this id; make it first.", "tenant")
    if tenant.is_closed:
        raise Problem("tenant-closed", "This tenant is closed; put it again to open it.", "tenant")
    return named


async def _key(d: Doors, by: ApiKey, id: str) -> ApiKey:
    """Of those that are there for who asks."""
    found = await d.keys.all() if by.is_operators else await d.keys.of(by.tenant)
    key = next((one for one in found if one.id == id), None)
    if key is None:
        raise _unknown()
    return key


async def _clear(d: Doors, tenant: str, but: str = "") -> None:
    """Those that were replaced and have ended take nobody's place."""
    now_ms = d.now_ms()
    for key in await d.keys.of(tenant):
        if key.replaced_by and key.is_over(now_ms) and key.id != but:
            await d.keys.delete(key)


def _most(tenant: str) -> int:
    return KEYS_MAX if tenant == OPERATOR else TENANT_KEYS_MAX


def _not_his() -> Problem:
    return Problem("forbidden", "Your key is a tenant's: it sees to this tenant's own keys alone.", "tenant")


def _unknown() -> Problem:
    return Problem("unknown-key", "There is no key with this id.", "id")


def _made(key: ApiKey, secret: str) -> Response:
    return reply(MadeView(**msgspec.structs.asdict(_view(key, None)), secret=secret), 201)


def _view(key: ApiKey, used_ms: int | None) -> KeyView:
    ends_ms = key.ends_at_ms
    return KeyView(
        id=key.id, name=key.name, scopes=key.scopes, created_at=views.rfc3339(key.created_at_ms),
        expires_at=None if ends_ms is None else views.rfc3339(ends_ms),
        last_used_at=None if used_ms is None else views.rfc3339(used_ms), tenant=key.tenant or None,
        replaced_by=key.replaced_by or None,
    )  # fmt: skip


def _ended() -> Problem:
    return Problem("key-ended", "This key has ended; make a new one.", "id")


def _expiry(written: str, now_ms: int) -> int:
    try:
        at_ms = views.at_ms(written)
        views.rfc3339(at_ms)
    except (ValueError, OverflowError, OSError):
        sentence = "expires_at: a time such as 2027-12-31T16:00:00Z is expected."
        raise Problem("malformed-body", sentence, "expires_at") from None
    if at_ms <= now_ms:
        raise Problem("malformed-body", "expires_at: this time has passed.", "expires_at")
    return at_ms
