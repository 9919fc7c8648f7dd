"""The two clients: the same operations (operations.py), carried out by urllib or by aiohttp."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, TypeVar

from ari_app.client.asking import ApiFailure, Request, Retry, Unreachable, checked, error, is_here
from ari_app.client.live import LISTEN_S, Event, Stream
from ari_app.client.methods import Operations

if TYPE_CHECKING:
    import aiohttp

T = TypeVar("T")
ANSWER_WITHIN_S = 15.0
USUAL = Retry()


class _Stays(urllib.request.HTTPRedirectHandler):
    """The API redirects nowhere, and a key is not for whoever says that it does."""

    def redirect_request(self, *_args: Any) -> None:
        return None


class Ringbridge(Operations):
    """Raises ApiError or Unreachable; ValueError for an address that is none. May be used by several threads. `retry`:
    None: nothing is asked twice. `language`: of `ApiError.message`, such as zh."""

    def __init__(
        self, api: str, key: str, *, timeout_s: float = ANSWER_WITHIN_S, retry: Retry | None = USUAL,
        language: str | None = None,
    ) -> None:  # fmt: skip
        self.api = checked(api)
        self._headers = {"Authorization": f"Bearer {key}"} | ({"Accept-Language": language} if language else {})
        self._timeout_s = timeout_s
        self._retry = retry or Retry(tries=0)
        proxies = [urllib.request.ProxyHandler({})] if is_here(self.api) else []
        self._opener = urllib.request.build_opener(_Stays, *proxies)

    def send(self, request: Request[T]) -> T:
        began_s, n = time.monotonic(), 0
        while True:
            try:
                return self.once(request)
            except ApiFailure as e:
                n += 1
                wait_s = self._retry.wait_s(request, e, n, time.monotonic() - began_s)
                if wait_s is None:
                    raise
            time.sleep(wait_s)

    def once(self, request: Request[T]) -> T:
        with self.opened(request, {}, self._timeout_s) as answer:
            return request.read(answer.status, answer.read(), answer.headers.items())

    @contextmanager
    def opened(self, request: Request[Any], headers: Mapping[str, str], timeout_s: float) -> Iterator[HTTPResponse]:
        """The good answer, to be read. Whatever goes wrong meanwhile is an ApiFailure."""
        told = self._headers | request.headers() | dict(headers)
        asking = urllib.request.Request(request.url(self.api), request.data, told, method=request.method)
        try:
            with self._opener.open(asking, timeout=timeout_s) as answer:
                yield answer
        except urllib.error.HTTPError as e:
            with e:
                raise error(e.code, e.read(), e.headers.items()) from None
        except (OSError, HTTPException) as e:
            raise Unreachable(f"{self.api} does not answer ({_why(e)})") from None

    def each(self, request: Request[Any]) -> Iterator[Any]:
        """The items of all pages, beginning with this one."""
        while True:
            page = self.send(request)
            yield from getattr(page, request.items)
            if page.cursor is None:
                return
            request = replace(request, query={**request.query, "cursor": page.cursor})

    def listen(self, types: str | None = None, *, after: str | None = None) -> Iterator[Event]:
        """Everything that happens from now on, or behind an `id` of this stream (Stream.last_id). Connects again by
        itself, and goes on where it was."""
        return self._stream(Request("GET", ("v1", "events"), None, {"types": types, "after": after}))

    def follow(self, call: str, *, after: int = 0) -> Iterator[Event]:
        """Everything that happened to one call behind that `seq`, then what happens, up to its end."""
        return self._stream(Request("GET", ("v1", "calls", call, "events"), None, {"after": after}))

    def _stream(self, request: Request[None]) -> Iterator[Event]:
        stream, n = Stream(), 0
        while not stream.is_over:
            try:
                for event in self._lines(request, stream):
                    n = 0
                    yield event
            except ApiFailure as e:
                n += 1
                if (wait_s := self._retry.wait_s(request, e, n, 0)) is None:
                    raise
                time.sleep(max(wait_s, stream.again_s))

    def _lines(self, request: Request[None], stream: Stream) -> Iterator[Event]:
        stream.begin()
        with self.opened(request, stream.headers(), LISTEN_S) as answer:
            stream.is_over = answer.status == 204
            yield from stream.events(answer)
        if not stream.is_over:
            raise Unreachable(f"{self.api} ended the stream")


class AsyncRingbridge(Operations):
    """As Ringbridge, for asyncio: every method is awaited, `each`, `listen` and `follow` are iterated with `async for`.
    Use it with `async with`, or close it."""

    def __init__(
        self, api: str, key: str, *, timeout_s: float = ANSWER_WITHIN_S, retry: Retry | None = USUAL,
        language: str | None = None,
    ) -> None:  # fmt: skip
        self.api = checked(api)
        self._headers = {"Authorization": f"Bearer {key}"} | ({"Accept-Language": language} if language else {})
        self._timeout_s = timeout_s
        self._retry = retry or Retry(tries=0)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> AsyncRingbridge:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, request: Request[T]) -> T:
        began_s, n = time.monotonic(), 0
        while True:
            try:
                return await self.once(request)
            except ApiFailure as e:
                n += 1
                wait_s = self._retry.wait_s(request, e, n, time.monotonic() - began_s)
                if wait_s is None:
                    raise
            await asyncio.sleep(wait_s)

    async def once(self, request: Request[T]) -> T:
        import aiohttp

        try:
            async with self._opened().request(
                request.method, request.url(self.api), data=request.data, headers=self._headers | request.headers(),
                allow_redirects=False, timeout=aiohttp.ClientTimeout(self._timeout_s),
            ) as answer:  # fmt: skip
                return request.read(answer.status, await answer.read(), answer.headers.items())
        except (aiohttp.ClientError, OSError) as e:  # TimeoutError is an OSError
            raise Unreachable(f"{self.api} does not answer ({e or type(e).__name__})") from None

    async def each(self, request: Request[Any]) -> AsyncIterator[Any]:
        while True:
            page = await self.send(request)
            for one in getattr(page, request.items):
                yield one
            if page.cursor is None:
                return
            request = replace(request, query={**request.query, "cursor": page.cursor})

    def listen(self, types: str | None = None, *, after: str | None = None) -> AsyncIterator[Event]:
        return self._stream(Request("GET", ("v1", "events"), None, {"types": types, "after": after}))

    def follow(self, call: str, *, after: int = 0) -> AsyncIterator[Event]:
        return self._stream(Request("GET", ("v1", "calls", call, "events"), None, {"after": after}))

    async def _stream(self, request: Request[None]) -> AsyncIterator[Event]:
        stream, n = Stream(), 0
        while not stream.is_over:
            try:
                async for event in self._lines(request, stream):
                    n = 0
                    yield event
            except ApiFailure as e:
                n += 1
                if (wait_s := self._retry.wait_s(request, e, n, 0)) is None:
                    raise
                await asyncio.sleep(max(wait_s, stream.again_s))

    async def _lines(self, request: Request[None], stream: Stream) -> AsyncIterator[Event]:
        import aiohttp

        stream.begin()
        patience = aiohttp.ClientTimeout(total=None, connect=self._timeout_s, sock_read=LISTEN_S)
        try:
            async with self._opened().get(
                request.url(self.api), headers=self._headers | stream.headers(), allow_redirects=False, timeout=patience
            ) as answer:
                if answer.status >= 300:
                    raise error(answer.status, await answer.read(), answer.headers.items())
                if answer.status == 204:
                    stream.is_over = True
                async for line in answer.content:
                    for event in stream.events((line,)):
                        yield event
        except (aiohttp.ClientError, OSError) as e:
            raise Unreachable(f"{self.api} broke off ({e or type(e).__name__})") from None
        if not stream.is_over:
            raise Unreachable(f"{self.api} ended the stream")

    def _opened(self) -> aiohttp.ClientSession:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(trust_env=not is_here(self.api))
        return self._session


def _why(e: OSError | HTTPException) -> object:
    return e.reason if isinstance(e, urllib.error.URLError) else e or type(e).__name__
