"""/v1/webhooks: to whom events are sent. Translates only: what is sent when, and again, is hooks' business.

A tenant's key manages its tenant's own; the operator's sees all, and makes such as are told of everything.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
import structlog
from fastapi import APIRouter, Path, Query, Request, Response

from ari_app.domain.errors import CallerError
from ari_app.domain.tenants import may_see
from ari_app.entrypoints import views
from ari_app.entrypoints.http.auth import allowed
from ari_app.entrypoints.http.bodies import read, takes
from ari_app.entrypoints.http.doors import Doors
from ari_app.entrypoints.http.problems import Problem
from ari_app.entrypoints.http.reply import IDEMPOTENT, doors, gives, idempotency_key, reply
from ari_app.entrypoints.http.webhook_bodies import ChangeWebhook, NewWebhook, Replay, RotateSecret, patterns
from ari_app.entrypoints.views_webhook import (
    Deliveries,
    ReplayedView,
    WebhookList,
    WebhookView,
    delivery_views,
    made_view,
    tested_view,
    webhook_view,
)
from ari_app.hooks.catalogue import TEST
from ari_app.hooks.replays import Replayed, source_of
from ari_app.hooks.signing import signed_headers
from ari_app.ports.keys import ApiKey
from ari_app.ports.webhooks import SECRETS_MAX, WEBHOOKS_MAX, Outcome, Secret, Webhook, new_secret

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
log = structlog.get_logger()

ID_BYTES = 12
DAY_MS = 86_400_000
CHANGES_MAX = 5
"""So often a change is tried anew where somebody else's came in between."""
WebhookId = Annotated[str, Path(description="As listed.", max_length=100)]
ASK_AGAIN_S = 1
TESTS_MAX = 20
"""At once, of all: they go beside what is delivered, and strangers' servers may be slow."""


@router.post(
    "", status_code=201, summary="Make a webhook", openapi_extra=takes(NewWebhook) | IDEMPOTENT,
    responses=gives("NewWebhookMade", 409, 413, 415, status=201),
)  # fmt: skip
async def make_webhook(request: Request) -> Response:
    """From now on events are sent there. The answer alone has `secret`, by which you verify them: keep it."""
    key = await allowed(request, "admin")
    once = idempotency_key(request)
    body = await read(request, NewWebhook)
    d = doors(request)
    _check(d, body.url)
    begins, id = _id_of(key, once, body)
    there = await _made_before(d, key, begins, id) if once else None
    if there is None:
        made = Webhook(
            id, key.tenant, body.url, patterns(body.events), (Secret(new_secret()),), d.hooks.wall_ms(),
            body.description,
        )  # fmt: skip
        if not await d.hooks.webhooks.add(made, await d.hooks.feed.last()):
            raise Problem("too-many-webhooks", f"There are {WEBHOOKS_MAX} webhooks already; remove one.")
        there = await d.hooks.webhooks.find(id) or made  # as another request with the same key may have made it
        log.info("webhook made", webhook=id, by=key.id, tenant=key.tenant)
    view = made_view(await _view(d, there), there.secrets[0].text)
    return reply(view, 201, {"Location": f"/v1/webhooks/{id}"})


@router.get("", summary="List webhooks", responses=gives("Webhooks"))
async def list_webhooks(request: Request) -> Response:
    """Without their secrets."""
    key = await allowed(request, "read")
    d = doors(request)
    seen = [one for one in await d.hooks.webhooks.all() if may_see(key.tenant, one.tenant)]
    return reply(WebhookList([await _view(d, one) for one in seen]))


@router.get("/{id}", summary="Look at a webhook", responses=gives("Webhook", 404))
async def show_webhook(request: Request, id: WebhookId) -> Response:
    """And at what waits for it."""
    key = await allowed(request, "read")
    d = doors(request)
    return reply(await _view(d, await _found(d, key, id)))


@router.patch("/{id}", summary="Change a webhook", responses=gives("Webhook", 404, 413, 415),
              openapi_extra=takes(ChangeWebhook))  # fmt: skip
async def change_webhook(request: Request, id: WebhookId) -> Response:
    """Only what is given. While it is paused its events wait; then, or with another `url`, they are sent at once."""
    key = await allowed(request, "admin")
    d = doors(request)
    await _found(d, key, id)
    body = await read(request, ChangeWebhook)
    if body.url is not None:
        _check(d, body.url)
    now = await _changed(d, key, id, lambda was: _with(was, body))
    if not now.is_paused and (body.paused is False or body.url is not None):
        await d.hooks.webhooks.hurry(id, d.hooks.wall_ms())
    return reply(await _view(d, now))


@router.delete("/{id}", summary="Remove a webhook", responses=gives("Webhook", 404))
async def remove_webhook(request: Request, id: WebhookId) -> Response:
    """With all that waits for it. One request that is under way may still arrive."""
    key = await allowed(request, "admin")
    d = doors(request)
    view = await _view(d, await _found(d, key, id))
    if await d.hooks.webhooks.delete(id) is None:
        raise _unknown()
    log.info("webhook removed", webhook=id, by=key.id)
    return reply(view)


@router.post("/{id}/secret", summary="Replace its secret", responses=gives("NewWebhookMade", 404, 409, 413, 415),
             openapi_extra=takes(RotateSecret))  # fmt: skip
async def rotate_secret(request: Request, id: WebhookId) -> Response:
    """The answer alone has the new one. Until the overlap ends every delivery is signed with both."""
    key = await allowed(request, "admin")
    d = doors(request)
    await _found(d, key, id)
    body = await read(request, RotateSecret)
    fresh = Secret(new_secret())
    now = await _changed(d, key, id, lambda was: _with_secret(was, fresh, d.hooks.wall_ms(), body.overlap_s * 1000))
    log.info("webhook secret replaced", webhook=id, by=key.id)
    return reply(made_view(await _view(d, now), fresh.text))


@router.get("/{id}/deliveries", summary="What was sent, and what came of it", responses=gives("Deliveries", 404))
async def list_deliveries(
    request: Request, id: WebhookId,
    outcome: Annotated[Outcome | None, Query(description="Only these.")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:  # fmt: skip
    """Every try, newest first, as far back as they are kept; with `outcome=dead` all that may be replayed."""
    key = await allowed(request, "read")
    d = doors(request)
    await _found(d, key, id)
    try:
        page = await d.hooks.webhooks.deliveries(id, outcome=outcome, cursor=cursor, limit=limit)
    except CallerError:
        raise Problem("malformed-request", "cursor: give back the cursor of the page before.", "cursor") from None
    return reply(Deliveries(delivery_views(page.attempts), page.next_cursor))


@router.post("/{id}/replay", summary="Send events again", responses=gives("Replayed", 404, 413, 415),
             openapi_extra=takes(Replay))  # fmt: skip
async def replay_events(request: Request, id: WebhookId) -> Response:
    """Under the ids that they had: what waits already is not put twice. As many as 10,000 of one request."""
    key = await allowed(request, "admin")
    d = doors(request)
    webhook = await _found(d, key, id)
    asked = await read(request, Replay)
    if id in d.hooks.replaying:
        sentence = "A replay of this webhook is under way."
        raise Problem("too-many-requests", sentence, retry_after_s=ASK_AGAIN_S, extra={"rule": "webhook-replay"})
    d.hooks.replaying.add(id)
    try:
        done = await _replayed(d, webhook, asked)
    finally:
        d.hooks.replaying.discard(id)
    return reply(ReplayedView(done.count, list(done.missing), done.is_gap, done.place))


@router.post("/{id}/test", summary="Send a test", responses=gives("Tested", 404))
async def test_webhook(request: Request, id: WebhookId) -> Response:
    """One event of the type `webhook.test`, now and once; the answer says what came of it. One at a time."""
    key = await allowed(request, "admin")
    d = doors(request)
    webhook = await _found(d, key, id)
    if id in d.hooks.testing or len(d.hooks.testing) >= TESTS_MAX:
        sentence = "A test of this webhook is under way." if id in d.hooks.testing else "Many tests are under way."
        raise Problem("too-many-requests", sentence, retry_after_s=ASK_AGAIN_S, extra={"rule": "webhook-test"})
    event, at_ms = f"evt_test_{secrets.token_hex(8)}", d.hooks.wall_ms()
    told = {"type": TEST, "timestamp": views.rfc3339(at_ms), "id": event, "data": {"webhook": id}}
    body = msgspec.json.encode(told)
    d.hooks.testing.add(id)
    try:
        headers = signed_headers(event, at_ms, body, webhook.signing(d.hooks.wall_ms()))
        answer = await d.hooks.sender.post(webhook.url, body, headers)
    finally:
        d.hooks.testing.discard(id)
    return reply(tested_view(event, answer))


# ---- inner ------------------------------------------------------------------------------------------------------


def _check(d: Doors, url: str) -> None:
    if fault := d.hooks.reach.fault(url):
        raise Problem("malformed-body", f"url: {fault}.", "url")


def _id_of(key: ApiKey, once: str | None, body: NewWebhook) -> tuple[str, str]:
    """What its id begins with, by the Idempotency-Key alone, and the id, in which the request is, too."""
    if once is None:
        id = f"wh_{secrets.token_hex(ID_BYTES)}"
        return id, id
    begins = "wh_" + hashlib.sha256(f"{key.owner}\0webhook\0{once}".encode()).hexdigest()[:16]
    asked: dict[str, Any] = {"url": body.url, "events": sorted(patterns(body.events)), "d": body.description}
    return begins, begins + hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:8]


async def _made_before(d: Doors, key: ApiKey, begins: str, id: str) -> Webhook | None:
    """By the same Idempotency-Key. Its secret is told again for a day."""
    there = next((one for one in await d.hooks.webhooks.all() if one.id.startswith(begins)), None)
    if there is None:
        return None
    if there.id != id or not may_see(key.tenant, there.tenant):
        raise Problem("idempotency-conflict", "This Idempotency-Key came before with another webhook.")
    if d.hooks.wall_ms() - there.created_at_ms > DAY_MS:
        sentence = f"This Idempotency-Key made the webhook {id} more than a day ago; its secret is not shown any more."
        raise Problem("idempotency-conflict", sentence)
    return there


async def _found(d: Doors, key: ApiKey, id: str) -> Webhook:
    """Of those that the key may see. Raises Problem (404)."""
    webhook = await d.hooks.webhooks.find(id) if id.startswith("wh_") and id.isascii() else None
    if webhook is None or not may_see(key.tenant, webhook.tenant):
        raise _unknown()
    return webhook


def _unknown() -> Problem:
    return Problem("unknown-webhook", "There is no webhook with this id.", "id")


async def _changed(d: Doors, key: ApiKey, id: str, to: Callable[[Webhook], Webhook]) -> Webhook:
    """What another one changes at the same moment is not lost."""
    for _ in range(CHANGES_MAX):
        was = await _found(d, key, id)
        now = to(was)
        if now == was or await d.hooks.webhooks.change(now, was):
            return now
    raise Problem("no-capacity", "Others change this webhook at the same moment.", retry_after_s=ASK_AGAIN_S)


def _with(was: Webhook, body: ChangeWebhook) -> Webhook:
    now = was
    if body.url is not None:
        now = replace(now, url=body.url)
    if body.events is not None:
        now = replace(now, events=patterns(body.events))
    if body.description is not None:
        now = replace(now, description=body.description)
    if body.paused is not None:
        now = replace(now, is_paused=body.paused, why_paused=was.why_paused if body.paused else "")
    return now


def _with_secret(was: Webhook, fresh: Secret, now_ms: int, overlap_ms: int) -> Webhook:
    """Raises Problem (409)."""
    until_ms = now_ms + overlap_ms
    older = [
        replace(one, until_ms=until_ms) if one.until_ms is None else one  # what was said of an older one still holds
        for one in was.secrets
        if overlap_ms and (one.until_ms is None or one.until_ms > now_ms)
    ]
    if len(older) >= SECRETS_MAX:
        sentence = f"{SECRETS_MAX} secrets hold already; wait until one has ended, or end all with overlap_s 0."
        raise Problem("too-many-secrets", sentence, "overlap_s")
    return replace(was, secrets=(fresh, *older))


async def _replayed(d: Doors, webhook: Webhook, asked: Replay) -> Replayed:
    replays, at_ms = d.hooks.replays, d.hooks.wall_ms()
    if asked.dead:
        return await replays.dead(webhook, at_ms)
    if asked.events is not None:
        return await replays.events(webhook, list(dict.fromkeys(asked.events)), at_ms)
    if (one := asked.call or asked.notice) is not None:
        source = source_of(one)
        if source.kind != ("call" if asked.call else "notice") or not one.isalnum() or not one.isascii():
            return Replayed()
        return await replays.source(webhook, source, at_ms)
    since_ms = _time(asked.since or "", "since")
    until_ms = at_ms + 1 if asked.until is None else _time(asked.until, "until")
    try:
        return await replays.since(webhook, since_ms, until_ms, at_ms, asked.cursor)
    except CallerError:
        raise Problem("malformed-body", "cursor: give back the cursor of the answer before.", "cursor") from None


def _time(written: str, field: Literal["since", "until"]) -> int:
    try:
        return max(0, views.at_ms(written))
    except (ValueError, OverflowError):
        raise Problem("malformed-body", f"{field}: a time such as 2026-11-23T08:00:00Z is expected.", field) from None


async def _view(d: Doors, webhook: Webhook) -> WebhookView:
    return webhook_view(webhook, await d.hooks.webhooks.standing(webhook.id), d.hooks.wall_ms())
