"""What a receiver of webhooks must do before he believes one: verify its signature (Standard Webhooks)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ari_app.client.live import Event


class NotGenuine(Exception):
    """Not signed with this secret, changed on the way, or too old to be taken: answer 400."""


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> Event:
    """`secret`: `whsec_…`, shown when the webhook was made. `body`: the bytes as they came, not JSON written anew.
    Raises NotGenuine. The same event may come twice: its `id` tells."""
    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
        return msgspec.json.decode(body, type=Event)
    except (WebhookVerificationError, ValueError) as e:  # a header or a body that cannot be read is no better
        raise NotGenuine(str(e)) from None
