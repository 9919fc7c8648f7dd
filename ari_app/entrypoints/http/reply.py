"""Answers and the pieces of request that several routes share. Knows no port."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Awaitable
from typing import Any, Literal, TypeVar

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response

from ari_app.domain.errors import Unavailable
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import MEDIA_TYPE, Problem

log = structlog.get_logger()
T = TypeVar("T")
AGAIN_S = 5
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
_encode = msgspec.json.Encoder().encode


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encode(body), status, headers, "application/json")


def doors(request: Request) -> Doors:
    found: Doors = request.state.doors
    return found


def idempotency_key(request: Request) -> str | None:
    """The header, or None without it. Raises Problem (422) for one that will not do."""
    key = request.headers.get("idempotency-key")
    if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
        sentence = "Idempotency-Key: 1 to 255 visible characters are expected."
        raise Problem("malformed-request", sentence, "Idempotency-Key")
    return key


def operation_id(word: Literal["grant", "correct", "refund"], of: str, owner: str, idempotency_key: str | None) -> str:
    """The ledger's operation id: derived, so that the same request takes effect once whatever is lost in between.
    `of`: the user or call that the path names; the same key for another one is another request."""
    letter = {"grant": "g", "correct": "k", "refund": "r"}[word]  # the ids of calls begin with "c"
    if idempotency_key is None:
        return letter + secrets.token_hex(12)
    return letter + hashlib.sha256(f"{owner}\0{word}\0{of}\0{idempotency_key}".encode()).hexdigest()[:24]


async def surely(op: str, once: str | None, doing: Awaitable[T]) -> T:
    """What may have been done though its answer was lost is told so, with the id by which the statement names it."""
    try:
        return await doing
    except Unavailable as e:
        log.warning("not confirmed", op=op, why=str(e))
        what = "It may have been done, but the store did not confirm it. "
        if once is not None:
            again = "Ask again with the same Idempotency-Key: it takes effect once."
            raise Problem("unconfirmed", what + again, retry_after_s=AGAIN_S, extra={"op": op}) from None
        again = f"Look for {op} on the statement before you ask again; with an Idempotency-Key you need not."
        raise Problem("unconfirmed", what + again, extra={"op": op}) from None


def gives(
    view: str, *refusals: int, status: int = 200, also: int | None = None, needs_key: bool = True
) -> dict[int | str, dict[str, Any]]:
    """The answers of a route for the API's description (OpenAPI): the view, and the statuses of its problems."""
    problem = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    good = {"description": view, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{view}"}}}}
    told: dict[int | str, dict[str, Any]] = {status: good}
    if also is not None:
        told[also] = good
    usual = (401, 403, 422, 429, 503) if needs_key else ()
    return told | {refusal: {"description": "Problem", **problem} for refusal in (*refusals, *usual)}


IDEMPOTENT = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "maxLength": 255},
            "description": "Same key and body, same answer, for 24 hours; same key with another body is 409.",
        }
    ]
}
"""For openapi_extra of a POST that can cost minutes or money."""
