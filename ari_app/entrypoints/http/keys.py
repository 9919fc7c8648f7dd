"""/v1/keys: who may use this API. A secret is shown once, to who made it; nobody can look it up again."""

from __future__ import annotations

from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Path, Request, Response

from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed, gate
from ari_app.entrypoints.http.bodies import NewKey, read, takes
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import doors, gives, reply
from ari_app.ports.keys import FIRST, KEYS_MAX, ApiKey, described, new_secret

router = APIRouter(prefix="/v1/keys", tags=["keys"])
log = structlog.get_logger()

KeyId = Annotated[str, Path(description="As listed; not the secret.", max_length=100)]


class KeyView(msgspec.Struct):
    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class MadeView(KeyView):
    secret: str


class KeyList(msgspec.Struct):
    """Oldest first."""

    keys: list[KeyView]


@router.post("", status_code=201, summary="Make a key", responses=gives("NewKeyMade", 409, 413, 415, status=201),
             openapi_extra=takes(NewKey))  # fmt: skip
async def make(request: Request) -> Response:
    """The answer alone has `secret`: keep it."""
    by = await allowed(request, "admin")
    body = await read(request, NewKey)
    d = doors(request)
    if body.name == FIRST:
        raise Problem("malformed-body", f"name: “{FIRST}” is the first key's own.", "name")
    expires_at_ms = None if body.expires_at is None else _expiry(body.expires_at, d.now_ms())
    if len(await d.keys.all()) >= KEYS_MAX:
        raise Problem("too-many-keys", f"There are {KEYS_MAX} keys already; revoke one that is not used.")
    secret = new_secret()
    digest, key = described(secret, body.name, tuple(dict.fromkeys(body.scopes)), d.now_ms(), expires_at_ms)
    await d.keys.add(digest, key)
    log.info("key made", key=key.id, scopes=list(key.scopes), by=by.id)
    return reply(MadeView(**msgspec.structs.asdict(_view(key, None)), secret=secret), 201)


@router.get("", summary="List keys", responses=gives("Keys"))
async def list_keys(request: Request) -> Response:
    """All of them, without their secrets. `last_used_at` may be a minute late."""
    await allowed(request, "admin")
    d = doors(request)
    used_ms = await d.keys.uses_ms()
    return reply(KeyList([_view(key, used_ms.get(key.id)) for key in await d.keys.all()]))


@router.delete("/{id}", summary="Revoke a key", responses=gives("Key", 404, 409))
async def revoke(request: Request, id: KeyId) -> Response:
    """At once in the process that answers this, within `key_cache_s` in all others. Calls that it placed go on."""
    by = await allowed(request, "admin")
    d = doors(request)
    key = next((one for one in await d.keys.all() if one.id == id), None)
    if key is not None and key.name == FIRST:
        sentence = "The first key comes back at every start: set `api_key` to another, and it is replaced."
        raise Problem("first-key", sentence, "id")
    used_ms = await d.keys.uses_ms()
    try:
        is_gone = await d.keys.delete(id)
    finally:  # an answer that was lost may be that of a key that is gone
        gate(request).forget(id)
    if key is None or not is_gone:
        raise Problem("unknown-key", "There is no key with this id.", "id")
    log.info("key revoked", key=id, by=by.id)
    return reply(_view(key, used_ms.get(id)))


def _view(key: ApiKey, used_ms: int | None) -> KeyView:
    return KeyView(
        id=key.id, name=key.name, scopes=key.scopes, created_at=views.rfc3339(key.created_at_ms),
        expires_at=None if key.expires_at_ms is None else views.rfc3339(key.expires_at_ms),
        last_used_at=None if used_ms is None else views.rfc3339(used_ms),
    )  # fmt: skip


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
