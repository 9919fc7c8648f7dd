"""The client: keeps one application connected to one Asterisk, and offers its resources and its stream of events.

Knows the order "subscribe, then snapshot, then stream" and when to stand down. Must not know what a call is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Literal, Self, TypeVar

import aiohttp
import structlog
from yarl import URL

from ari_app.adapters.ari.backoff import Backoff
from ari_app.adapters.ari.channels import Channels
from ari_app.adapters.ari.connection import REPLACED, Connection, WebSocket
from ari_app.adapters.ari.errors import AriFault, LinkLost
from ari_app.adapters.ari.http import HttpPool, reason_of
from ari_app.adapters.ari.media import Bridges, Playbacks, Recordings, Sounds
from ari_app.adapters.ari.operations import Request
from ari_app.adapters.ari.requests import BeforeSend
from ari_app.adapters.ari.settings import LinkSettings, LinkStatus
from ari_app.adapters.ari.stream import EventQueue
from ari_app.adapters.ari.system import Applications, Asterisk, DeviceStates, Endpoints, Events, Mailboxes
from ari_app.adapters.ari.wire import AnyEvent

log = structlog.get_logger(__name__)

R = TypeVar("R")
Hook = Callable[["Client"], Awaitable[None]]


class Client:
    """`run()` keeps the link until `aclose()`, or until another connection takes the application over.

    on_connected: on every (re)connect, after the subscription stands and before any of its events is delivered: take
    the snapshot here. An AriFault out of it drops the connection, and the link tries again; any other exception ends
    run(). on_disconnected: the link is gone, all requests have failed already. on_replaced: stand down; run() returns
    after it. before_send: called right before each request is written; what it raises, the request's caller gets.
    may_connect: asked before each connect, which takes the application away from whoever has it.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        app: str,
        *,
        rest: Literal["websocket", "http"] = "websocket",
        settings: LinkSettings | None = None,
        on_connected: Hook | None = None,
        on_disconnected: Hook | None = None,
        on_replaced: Hook | None = None,
        before_send: BeforeSend | None = None,
        may_connect: Callable[[], bool] = lambda: True,
        as_sent: Callable[[Request[Any]], Request[Any]] = lambda request: request,
    ) -> None:
        base = url.rstrip("/")
        self._base_url = base if base.endswith("/ari") else base + "/ari"
        self._headers = {"Authorization": aiohttp.encode_basic_auth(username, password)}
        self.app = app
        self.settings = settings or LinkSettings()
        self.status = LinkStatus()
        self._rest = rest
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._on_replaced = on_replaced
        self._before_send = before_send
        self._may_connect = may_connect
        self._as_sent = as_sent
        self._queue = EventQueue(self.settings.queue_max, self.status)
        self._connection: Connection | None = None
        self._pool: HttpPool | None = None
        self._epoch = 0
        self._replaced = False
        self._closing = asyncio.Event()
        self._streaming = asyncio.Event()
        self._finished = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._runner: asyncio.Task[None] | None = None
        self._resources()

    def _resources(self) -> None:
        self.channels = Channels(self._send)
        self.bridges = Bridges(self._send)
        self.playbacks = Playbacks(self._send)
        self.recordings = Recordings(self._send)
        self.sounds = Sounds(self._send)
        self.applications = Applications(self._send)
        self.endpoints = Endpoints(self._send)
        self.asterisk = Asterisk(self._send)
        self.events = Events(self._send)
        self.deviceStates = DeviceStates(self._send)
        self.mailboxes = Mailboxes(self._send)

    # --- requests and events ------------------------------------------------------------------------------------------
    async def _send(self, request: Request[R]) -> R:
        if self._connection is None:
            raise LinkLost(f"the link is {self.status.state}", sent=False)
        request = self._as_sent(request)
        if self._pool is not None:
            return await self._pool.send(request)
        return await self._connection.requests.send(request)

    @property
    def oldest_request_s(self) -> float:
        """How long the oldest request without an answer has been waiting; 0 without a link, or over HTTP."""
        return 0.0 if self._connection is None else self._connection.requests.oldest_s

    def stream(self) -> AsyncIterator[AnyEvent]:
        """Events in the order in which they came; for one consumer. Ends when the link has stood down or was closed."""
        return aiter(self._queue)

    # --- life ---------------------------------------------------------------------------------------------------------
    async def __aenter__(self) -> Self:
        """Runs the link in a task of its own and waits until the first snapshot is taken: handy in scripts and tests.
        A service awaits `run()` itself, so that its death is noticed."""
        self._task = asyncio.create_task(self.run(), name=f"ari-link-{self.app}")
        streaming = asyncio.create_task(self._streaming.wait())
        try:
            await asyncio.wait({self._task, streaming}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.aclose()
            raise
        finally:
            streaming.cancel()
        if self._task.done():
            self._task.result()
            raise LinkLost(f"the link is {self.status.state}", sent=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def wait_streaming(self) -> None:
        """Returns once connected and the snapshot is taken."""
        await self._streaming.wait()

    @property
    def silent_ms(self) -> int:
        """For how long a ping has been waiting for its answer: the link may be dead, and not be known to be yet."""
        return 0 if self._connection is None else self._connection.silent_ms

    def drop(self, why: str) -> None:
        """Closes the socket at once and connects anew: for an owner who can no longer trust the link."""
        if self._connection is not None:
            self._connection.stop(why)

    async def aclose(self) -> None:
        """Closes the link and waits until run() is over (but not when called from a hook, which run() itself awaits).
        Channels live on in Asterisk."""
        self._closing.set()
        self.drop("closed by us")
        if self._runner in (None, asyncio.current_task()):
            return
        await self._finished.wait()
        if self._task is not None:
            task, self._task = self._task, None
            await task

    async def run(self) -> None:
        if self.status.state != "idle":
            raise RuntimeError("a Client runs once; make a new one")
        self.status.enter("connecting")
        self._runner = asyncio.current_task()
        connector = aiohttp.TCPConnector(
            limit=self.settings.http_pool + 1, keepalive_timeout=self.settings.http_keepalive_ms / 1000
        )
        timeout = aiohttp.ClientTimeout(total=None, connect=self.settings.connect_ms / 1000)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self._headers) as session:
                if self._rest == "http":
                    self._pool = HttpPool(session, self._base_url, self._before_send, self.settings, self.status)
                await self._keep_connected(session)
        finally:
            self._streaming.clear()
            self._queue.close()
            if not self._replaced:
                self.status.enter("closed")
            self._finished.set()

    async def _keep_connected(self, session: aiohttp.ClientSession) -> None:
        backoff = Backoff(self.settings)
        loop = asyncio.get_running_loop()
        while await self._is_allowed():
            try:
                websocket = await self._connect(session)
            except (aiohttp.ClientError, OSError, TimeoutError) as fault:
                why = f"cannot connect: {reason_of(fault)}"
            else:
                if self._closing.is_set():  # meanwhile
                    await websocket.close()
                    return
                born = loop.time()
                why = await self._live(websocket)
                if why == REPLACED:
                    await self._stand_down()
                    return
                if (loop.time() - born) * 1000 >= self.settings.stable_ms:
                    backoff.reset()
            if self._closing.is_set():
                return
            delay_ms = backoff.next_ms()
            self.status.last_error = why
            self.status.enter("waiting")
            log.warning("ari link down", app=self.app, why=why, retry_ms=delay_ms)
            await self._pause(delay_ms)

    async def _is_allowed(self) -> bool:
        """Once it may connect; False: closed before."""
        while not self._closing.is_set() and not self._may_connect():
            self.status.last_error = "not the owner of this PBX now"
            await self._pause(self.settings.tick_ms)
        return not self._closing.is_set()

    async def _pause(self, delay_ms: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_ms / 1000):
                await self._closing.wait()

    async def _connect(self, session: aiohttp.ClientSession) -> WebSocket:
        """Registers the application: from here on Asterisk has somebody to send its events to."""
        self.status.enter("connecting")
        url = URL(f"{self._base_url}/events").with_query(app=self.app, subscribeAll="false")
        async with asyncio.timeout(self.settings.connect_ms / 1000):
            return await session.ws_connect(
                url,
                autoping=False,
                max_msg_size=0,
                decode_text=False,
                timeout=aiohttp.ClientWSTimeout(ws_close=self.settings.close_ms / 1000),
            )

    async def _live(self, websocket: WebSocket) -> str:
        """One connection: subscribed already, then snapshot, then stream. The reason of its end."""
        self._epoch += 1
        self._queue.gate(self._epoch)
        connection = Connection(websocket, self._queue, self._before_send, self.settings, self.status)
        self._connection = connection
        self.status.enter("connected")
        self.status.reconnects = self._epoch - 1
        serving = asyncio.create_task(connection.serve(), name=f"ari-socket-{self.app}")
        try:
            await self._take_snapshot(connection)
            why = await asyncio.shield(serving)
        finally:
            connection.stop("closed by us")
            self._connection = None
            self._streaming.clear()
            await asyncio.wait({serving})
        if self._on_disconnected is not None:
            await self._on_disconnected(self)
        return why

    async def _take_snapshot(self, connection: Connection) -> None:
        try:
            await self._set_filter()
            if self._on_connected is not None:
                await self._on_connected(self)
        except AriFault as fault:
            log.warning("ari snapshot failed", app=self.app, why=str(fault))
            connection.stop(f"snapshot failed: {fault}")
        if connection.is_over:
            return
        self._queue.open(self._epoch)
        self.status.streaming = True
        self._streaming.set()
        log.info("ari link up", app=self.app, reconnects=self.status.reconnects)

    async def _set_filter(self) -> None:
        """Asterisk keeps a filter over a reconnect, but forgets it when it restarts: so each connect sets it."""
        unwanted = self.settings.disallowed_events
        if unwanted is not None:
            await self.applications.filter(self.app, filter={"disallowed": [{"type": name} for name in unwanted]})

    async def _stand_down(self) -> None:
        self._replaced = True
        self.status.last_error = REPLACED
        self.status.enter("replaced")
        log.error("ari link replaced", app=self.app)
        if self._on_replaced is not None:
            await self._on_replaced(self)
