"""The same requests over a pool of HTTP connections. Knows HTTP and its faults; must not know events.

Asterisk serves each connection by a thread of its own, so requests run side by side here, unlike over the WebSocket.
"""

from __future__ import annotations

import asyncio
from typing import TypeVar
from urllib.parse import quote

import aiohttp
from yarl import URL

from ari_app.adapters.ari.errors import LinkLost, RequestTimeout
from ari_app.adapters.ari.operations import Param, Request
from ari_app.adapters.ari.requests import BeforeSend
from ari_app.adapters.ari.settings import LinkSettings, LinkStatus
from ari_app.adapters.ari.wire import reply_of

R = TypeVar("R")


class HttpPool:
    def __init__(
        self,
        session: aiohttp.ClientSession,
        base_url: str,
        before_send: BeforeSend | None,
        settings: LinkSettings,
        status: LinkStatus,
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._before_send = before_send
        self._settings = settings
        self._status = status
        self._slots = asyncio.Semaphore(settings.http_pool)

    async def send(self, request: Request[R]) -> R:
        sent = False
        try:
            async with asyncio.timeout(self._settings.request_ms / 1000), self._slots:
                if self._before_send is not None:
                    self._before_send()
                sent = True
                self._status.requests += 1
                status, reason, body = await self._exchange(request)
        except TimeoutError as fault:
            self._status.requests_failed += 1
            raise RequestTimeout("no reply in time" if sent else "not sent in time", sent=sent) from fault
        except aiohttp.ClientConnectorError as fault:
            self._status.requests_failed += 1
            raise LinkLost(f"Asterisk cannot be reached: {fault}", sent=False) from fault
        except (aiohttp.ClientError, OSError) as fault:
            self._status.requests_failed += 1
            raise LinkLost(f"the connection broke: {reason_of(fault)}", sent=True) from fault
        return reply_of(request, status, reason, body)

    async def _exchange(self, request: Request[R]) -> tuple[int, str, bytes]:
        url = URL(f"{self._base_url}/{request.uri}{_query(request.query)}", encoded=True)
        headers = {"Content-Type": "application/json"} if request.body else None
        async with self._session.request(request.method, url, data=request.body or None, headers=headers) as response:
            return response.status, response.reason or "", await response.read()


def reason_of(fault: BaseException) -> str:
    """For a log. Never repr(): aiohttp's errors carry the request's headers, and with them the password."""
    if isinstance(fault, aiohttp.ClientResponseError):
        return f"HTTP {fault.status} {fault.message}"
    return str(fault) or type(fault).__name__


def _query(params: list[Param]) -> str:
    if not params:
        return ""
    return "?" + "&".join(f"{param.name}={quote(param.value, safe='')}" for param in params)
