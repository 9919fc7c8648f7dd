"""Which trunks can be reached and are registered, told by Asterisk's manager interface (AMI), read-only, by panoramisk.

Knows PJSIP endpoints, contacts and outbound registrations; must not place, change or end anything: the only actions
that it can send are in READS. panoramisk 1.4 would send unanswered actions again after a reconnect and can wait for
ever, so each connection is a Manager of its own, used once, and every wait has a limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import panoramisk  # type: ignore[import-untyped]  # it has no types
import structlog

log = structlog.get_logger(__name__)

READS = frozenset({"Ping", "PJSIPShowEndpoints", "PJSIPShowEndpoint", "PJSIPShowRegistrationsOutbound"})
ENDPOINTS_MAX = 500
DIGITS_MAX = 18

_SILENT = logging.getLogger("panoramisk.silenced")
_SILENT.disabled = True  # it logs secrets at Login, and each retry with a traceback


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Durations in milliseconds. A dead connection is noticed within ping_ms + answer_ms: what it told last of the
    trunks is believed no longer than that."""

    answer_ms: int = 2_500
    ping_ms: int = 2_000
    refresh_ms: int = 30_000
    """Everything is read again so often, for what no event tells (a trunk added by a reload)."""
    retry_ms: int = 1_000


@dataclass(frozen=True, slots=True)
class TrunkState:
    """`contacts`: address -> Reachable, Unreachable, NonQualified (never asked), Unknown, Created...
    `registration`: "" where the trunk does not register; Registered, Unregistered, Rejected, Stopped."""

    name: str
    contacts: tuple[tuple[str, str], ...] = ()
    registration: str = ""
    roundtrip_us: int = 0
    changed_ms: int = 0

    @property
    def reachable(self) -> bool | None:
        """None: nobody asks this trunk whether it is there. No contact at all: there is nowhere to send to."""
        states = {state for _, state in self.contacts}
        if "Reachable" in states:
            return True
        return None if states - {"Unreachable", "Removed"} else False

    @property
    def usable(self) -> bool:
        return self.reachable is not False and self.registration in ("", "Registered")


class AmiFault(Exception):
    """AMI refused, or did not answer in time."""


OnChange = Callable[[TrunkState], None]


class AmiWatch:
    """`run()` keeps the connection until `aclose()`. Without one, the last known states stay: ask `connected`, too."""

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        *,
        settings: AmiSettings | None = None,
        on_change: OnChange | None = None,
        names: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        """`names`: the trunks that are asked for; None: whatever endpoints there are (users' devices among them)."""
        self._names = names
        self._address = {"host": host, "port": port, "username": user, "secret": secret}
        self._settings = settings or AmiSettings()
        self._on_change = on_change
        self._trunks: dict[str, TrunkState] = {}
        self._registrations: dict[tuple[str, str], str] = {}
        self._closing = asyncio.Event()
        self._finished = asyncio.Event()
        self._finished.set()
        self._was_connected = False
        self._again = asyncio.Event()
        self.connected = False
        self.since_ms = _now_ms()
        self.reconnects = 0
        self.last_error = ""

    def trunk_states(self) -> dict[str, TrunkState]:
        return dict(self._trunks)

    def trunk_state(self, name: str) -> TrunkState | None:
        return self._trunks.get(name)

    def look_again(self) -> None:
        """At once, for what was reloaded: no event tells of a new trunk."""
        self._again.set()

    async def aclose(self) -> None:
        """Ends run(), and waits for it."""
        self._closing.set()
        await self._finished.wait()

    async def run(self) -> None:
        self._finished.clear()
        try:
            await self._keep_watching()
        finally:
            self._finished.set()

    async def _keep_watching(self) -> None:
        while not self._closing.is_set():
            try:
                await self._watch_once()
            except (AmiFault, OSError, TimeoutError) as fault:
                self.last_error = str(fault) or repr(fault)
                log.warning("ami link down", why=self.last_error, retry_ms=self._settings.retry_ms)
            finally:
                self._enter(connected=False)
            await self._pause(self._settings.retry_ms)

    def _enter(self, *, connected: bool) -> None:
        if self.connected != connected:
            self.connected = connected
            self.since_ms = _now_ms()

    async def _pause(self, ms: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ms / 1000):
                await self._closing.wait()

    # --- one connection -----------------------------------------------------------------------------------------------
    async def _watch_once(self) -> None:
        manager = _OneConnection(self._address)
        manager.register_event("ContactStatus", self._on_contact)
        manager.register_event("Registry", self._on_registry)
        try:
            async with asyncio.timeout(self._settings.answer_ms / 1000):
                await manager.log_in()
            await self._read_all(manager)
            self.reconnects += self._was_connected
            self._was_connected = True
            self._enter(connected=True)
            log.info("ami link up", trunks=len(self._trunks), reconnects=self.reconnects)
            await self._tend(manager)
        finally:
            manager.shut()

    async def _tend(self, manager: _OneConnection) -> None:
        """A peer that is gone without a word answers no ping: panoramisk itself would not notice."""
        loop = asyncio.get_running_loop()
        refresh_at = loop.time() + self._settings.refresh_ms / 1000
        while not self._closing.is_set():
            await self._ask(manager, "Ping")
            if self._again.is_set() or loop.time() >= refresh_at:
                self._again.clear()  # before we ask: what is reloaded meanwhile may not be in the answer
                refresh_at = loop.time() + self._settings.refresh_ms / 1000
                await self._read_all(manager)
            await self._pause_or_lost(manager)

    async def _pause_or_lost(self, manager: _OneConnection) -> None:
        """Or somebody wants to know more."""
        waits = [asyncio.ensure_future(event.wait()) for event in (self._closing, manager.lost, self._again)]
        try:
            timeout_s = self._settings.ping_ms / 1000
            await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if manager.lost.is_set():
            raise AmiFault("the connection was closed by the other side")

    async def _ask(self, manager: _OneConnection, action: str, **fields: str) -> list[Any]:
        if action not in READS:
            raise ValueError(f"{action} is not a read-only action")
        try:
            async with asyncio.timeout(self._settings.answer_ms / 1000):
                answer = await manager.send_action({"Action": action, **fields})
        except TimeoutError:
            raise AmiFault(f"no answer to {action} within {self._settings.answer_ms} ms") from None
        messages = answer if isinstance(answer, list) else [answer]
        if not messages[0].success:
            raise AmiFault(f"{action}: {messages[0].message}")
        return messages

    # --- what is known ------------------------------------------------------------------------------------------------
    async def _read_all(self, manager: _OneConnection) -> None:
        names = list(self._names() if self._names is not None else await self._listed(manager))[:ENDPOINTS_MAX]
        registered = await self._read_registrations(manager)
        for name in names:
            try:
                details = await self._ask(manager, "PJSIPShowEndpoint", Endpoint=name)
            except AmiFault as fault:
                if "Unable to retrieve" in str(fault):
                    continue  # taken away by a reload since it was listed
                raise
            contacts = [message for message in details if message.event == "ContactStatusDetail"]
            known = tuple(sorted((_text(message.uri), _text(message.status)) for message in contacts))
            roundtrip_us = max((_integer(message.roundtripusec) for message in contacts), default=0)
            self._learn(name, contacts=known, registration=registered.get(name, ""), roundtrip_us=roundtrip_us)
        for name in self._trunks.keys() - set(names):
            del self._trunks[name]

    async def _listed(self, manager: _OneConnection) -> list[str]:
        try:
            listed = await self._ask(manager, "PJSIPShowEndpoints")
        except AmiFault as fault:
            if "No endpoints found" in str(fault):  # an Asterisk that was told of no trunk yet
                return []
            raise
        told = [_text(message.objectname) for message in listed if message.event == "EndpointList"]
        return [name for name in told if name]

    async def _read_registrations(self, manager: _OneConnection) -> dict[str, str]:
        """Trunk -> status. A registration belongs to the endpoint that it names, else to its namesake."""
        found = {}
        self._registrations.clear()
        for message in await self._ask(manager, "PJSIPShowRegistrationsOutbound"):
            if message.event == "OutboundRegistrationDetail":
                trunk = _text(message.endpoint) or _text(message.objectname)
                self._registrations[_text(message.clienturi), _text(message.serveruri)] = trunk
                found[trunk] = _text(message.status)
        return found

    def _on_contact(self, _: Any, message: Any) -> None:
        before = self._trunks.get(_text(message.endpointname))
        uri, status = _text(message.uri), _text(message.contactstatus)
        if before is None or not uri:
            return
        contacts = dict(before.contacts)
        contacts[uri] = status
        if status == "Removed":
            del contacts[uri]
        roundtrip_us = _integer(message.roundtripusec)
        self._learn(before.name, contacts=tuple(sorted(contacts.items())), roundtrip_us=roundtrip_us)

    def _on_registry(self, _: Any, message: Any) -> None:
        trunk = self._registrations.get((_text(message.username), _text(message.domain)), "")
        if trunk in self._trunks:
            self._learn(trunk, registration=_text(message.status))

    def _learn(self, name: str, **facts: Any) -> None:
        before = self._trunks.get(name, TrunkState(name))
        after = replace(before, **facts)
        changed = name not in self._trunks or (after.contacts, after.registration) != (
            before.contacts,
            before.registration,
        )
        self._trunks[name] = replace(after, changed_ms=_now_ms()) if changed else after
        if changed:
            log.info("trunk state", trunk=name, reachable=after.reachable, registration=after.registration)
            if self._on_change is not None:
                self._on_change(self._trunks[name])


class _OneConnection(panoramisk.Manager):  # type: ignore[misc]  # panoramisk has no types
    """A Manager that connects once. What it says after that is `lost`; it sends nothing again."""

    def __init__(self, address: dict[str, Any]) -> None:
        never_s = 10**6  # its own pings are not awaited by anybody: ours are
        super().__init__(
            **address, events="system", log=_SILENT, ping_delay=never_s, ping_interval=never_s, reconnect_timeout=0
        )
        self.loop = asyncio.get_running_loop()
        self.lost = asyncio.Event()
        self._begun = False
        self._made = asyncio.Event()
        self._logging_in: asyncio.Future[Any] | None = None

    def connect(self, *_: Any, **__: Any) -> Any:
        """The base class calls this again after a failure; it stays one try."""
        if self._begun:
            return None
        self._begun = True
        return super().connect()

    async def log_in(self) -> None:
        await self.connect()
        await self._made.wait()
        assert self._logging_in is not None
        response = await self._logging_in
        if not response.success:
            raise AmiFault(f"login refused: {response.message}")

    def connection_made(self, connecting: Any) -> None:
        if connecting.cancelled():
            return  # the base class would raise it into the event loop
        super().connection_made(connecting)
        self._logging_in = self.authenticated_future
        self._made.set()

    def connection_lost(self, exc: Any) -> None:
        self._connected = False
        self.lost.set()

    def shut(self) -> None:
        self.close()
        if self.protocol is not None:
            self.protocol.transport.abort()


def _text(value: Any) -> str:
    """A field that stands there twice comes as a list: it says nothing."""
    return value if isinstance(value, str) else ""


def _integer(value: Any) -> int:
    text = _text(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < DIGITS_MAX else 0


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
