"""What a receiver knows a delivery by: the three headers of Standard Webhooks. Knows secrets; must not know where a
delivery goes.

The signature covers id, time and body. While a secret is being replaced a delivery bears one signature of each that
holds, and is good where any of them is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from standardwebhooks import Webhook

KNOWN = 1_000


@lru_cache(KNOWN)
def _of(secret: str) -> Webhook:
    return Webhook(secret)


def signed_headers(id: str, at_ms: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """`secrets` as the store has them (`whsec_…`), one at least. The time is that of this try, not of the event: what
    is old is refused by the receiver, as it may be a recording of what was sent before."""
    at, text = datetime.fromtimestamp(at_ms // 1000, UTC), body.decode()
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": str(at_ms // 1000),
        "webhook-signature": " ".join(_of(secret).sign(id, at, text) for secret in secrets),
    }
