"""The client for who builds on the API: `Ringbridge(api, key)`, and `AsyncRingbridge` for asyncio. Stands alone: of
this package it needs nothing else, and beside it msgspec, aiohttp (the async one) and standardwebhooks (verify)."""

from ari_app.client import answers
from ari_app.client.asking import ApiError, ApiFailure, Request, Retry, Unreachable
from ari_app.client.clients import AsyncRingbridge, Ringbridge
from ari_app.client.live import Event
from ari_app.client.webhooks import NotGenuine, verify

__all__ = [
    "ApiError", "ApiFailure", "AsyncRingbridge", "Event", "NotGenuine", "Request", "Retry", "Ringbridge", "Unreachable",
    "answers", "verify",
]  # fmt: skip
