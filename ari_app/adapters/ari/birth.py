"""Since when this Asterisk runs: what lived on it before died with the one before it. Asks, and judges nothing."""

from __future__ import annotations

from contextlib import suppress

from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.errors import AriError, UndecodableReply


async def born_ms(client: Client) -> int:
    """By the PBX's own clock, whole seconds cut down; 0 where it does not tell."""
    with suppress(AriError, UndecodableReply):  # no reason to have no link to it
        return (await client.asterisk.getInfo(only=["status"])).status.started_ms
    return 0
