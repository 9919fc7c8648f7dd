"""What people and programs see of a webhook and of what was sent to it: names are contracts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ari_app.domain.tenants import OPERATOR
from ari_app.entrypoints.views import Time, rfc3339
from ari_app.hooks.catalogue import ALL
from ari_app.ports.sender import Answer
from ari_app.ports.webhooks import Attempt, Standing, Webhook


class WebhookView(msgspec.Struct):
    """`waiting`: events that are still to be sent, the oldest since `oldest_waiting_at`. `dead`: those that were given
    up. `why_paused`: where we paused it. `old_secret_until`: until then it is signed with the secret before, too."""

    id: str
    url: str
    events: list[str]
    description: str
    paused: bool
    created_at: Time
    waiting: int
    oldest_waiting_at: Time | None
    dead: int
    why_paused: str | UnsetType = UNSET
    old_secret_until: Time | UnsetType = UNSET
    tenant: str | UnsetType = UNSET


class WebhookMadeView(WebhookView, kw_only=True):
    secret: str


class WebhookList(msgspec.Struct):
    """Oldest first."""

    webhooks: list[WebhookView]


class DeliveryView(msgspec.Struct, rename={"type_": "type"}):
    """One request. `n`: the how manyth try. `status`: of the answer; null: there was none, and `why` says why."""

    event: str
    type_: str
    at: Time
    outcome: Annotated[str, Meta(description="delivered, failed, dead (given up) or forgotten.")]
    n: int
    status: int | None
    why: str
    took_ms: int
    again_at: Time | None


class Deliveries(msgspec.Struct):
    """Newest first. `cursor` (of the next page) goes into the next question."""

    deliveries: list[DeliveryView]
    cursor: str | None


class ReplayedView(msgspec.Struct):
    """`replayed`: so many will be sent (again). `missing`: ids of which nothing is kept. `gap`: the feed does not reach
    back that far. `cursor`: there was more than one request takes; it goes into the next one, beside the same
    `since`."""

    replayed: int
    missing: list[str]
    gap: bool
    cursor: str | None


class TestedView(msgspec.Struct):
    """What came of it: `status` of the answer; null: there was none, and `why` says why."""

    event: str
    delivered: bool
    status: int | None
    why: str
    took_ms: int


def webhook_view(webhook: Webhook, standing: Standing, now_ms: int) -> WebhookView:
    view = WebhookView(
        id=webhook.id, url=webhook.url, events=list(webhook.events) or [ALL], description=webhook.description,
        paused=webhook.is_paused, created_at=rfc3339(webhook.created_at_ms), waiting=standing.waiting,
        oldest_waiting_at=None if standing.oldest_ms is None else rfc3339(standing.oldest_ms), dead=standing.dead,
    )  # fmt: skip
    if webhook.is_paused and webhook.why_paused:
        view.why_paused = webhook.why_paused
    ends = [one.until_ms for one in webhook.secrets if one.until_ms is not None and one.until_ms > now_ms]
    if ends:
        view.old_secret_until = rfc3339(max(ends))
    if webhook.tenant != OPERATOR:
        view.tenant = webhook.tenant
    return view


def made_view(view: WebhookView, secret: str) -> WebhookMadeView:
    return WebhookMadeView(**msgspec.structs.asdict(view), secret=secret)


def delivery_views(attempts: Sequence[Attempt]) -> list[DeliveryView]:
    return [
        DeliveryView(
            event=one.news.id, type_=one.news.type, at=rfc3339(one.at_ms), outcome=one.outcome, n=one.n,
            status=one.status, why=one.why, took_ms=one.took_ms,
            again_at=None if one.again_ms is None else rfc3339(one.again_ms),
        )
        for one in attempts
    ]  # fmt: skip


def tested_view(event: str, answer: Answer) -> TestedView:
    return TestedView(event, answer.is_good, answer.status, answer.why, answer.took_ms)
