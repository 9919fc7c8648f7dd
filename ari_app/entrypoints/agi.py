"""FastAGI: a dialplan asks who calls the platform's number, and is answered by variables of its channel.

Lookups only; what is done with a call after that is said over ARI. A dialplan cannot tell a server that is dead from
one that knows no such route, so what counts for it is RINGBRIDGE_ANSWERED, which is set last (docs/inbound.md).

panoramisk 1.4 has the routes and the commands. Its own reading of a request is not used: it turns for ever, and holds
up everything else, when a connection ends before its request is whole; and it swallows a handler's cancellation.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from panoramisk.fast_agi import Application, Request  # type: ignore[import-untyped]  # it has no types

from ari_app.desks.inbound import Answer, Arrival
from ari_app.domain.errors import Unavailable

log = structlog.get_logger()

SECRET = "RINGBRIDGE_AGI_SECRET"
REQUEST_MAX = 16_384
"""Bytes of a request, or of one answer of Asterisk."""
WITHIN_S = 4.0
"""From a connection to its end. The dialplan asks for 8 s in all; then it says itself that nobody is here."""
CONNECTIONS_MAX = 100
PORT_AGAIN_S = 0.5
CATCH_ALL = ""
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.&/:+-")

Said = Callable[[str, str], Awaitable[Sequence[str]]]


class Door(Protocol):
    """Of desks.inbound.Inbound."""

    async def arrived(self, arrival: Arrival) -> Answer:
        """May raise Unavailable."""


class NotOurs(Exception):
    """Whoever asks is not the Asterisk that he says he is, or says what no Asterisk says."""


class Gone(Exception):
    """The caller hung up before all was said."""


class AgiServer:
    """`said`: what is played for a sound in a language, as Playback takes it. `refused`: told why somebody was."""

    def __init__(
        self, door: Door, said: Said, *, host: str, port: int, secret: str, peers: Sequence[str],
        refused: Callable[[str], None] = lambda _why: None,
    ) -> None:  # fmt: skip
        self._door = door
        self._said = said
        self._host, self._port = host, port
        self._secret = secret
        self._peers = frozenset(peers)
        self._refused = refused
        self._open = 0
        self._app = _Routes()
        self._app.add_route("inbound", self._inbound)
        self._app.add_route(CATCH_ALL, self._unknown)

    async def run(self) -> None:
        """For ever. While another process, whose place this one takes, has the port, that one answers."""
        server = await self._listen()
        log.info("FastAGI listens", host=self._host, port=self._port)
        async with server:
            await server.serve_forever()

    async def _listen(self) -> asyncio.Server:
        is_told = False
        while True:
            try:
                return await asyncio.start_server(self._serve, self._host, self._port, limit=REQUEST_MAX)
            except OSError as e:
                if not is_told:
                    log.warning("FastAGI waits for its port", host=self._host, port=self._port, why=e.strerror)
                    is_told = True
            await asyncio.sleep(PORT_AGAIN_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        self._open += 1
        try:
            if address not in self._peers:
                self._refuse("address", address)
            elif self._open > CONNECTIONS_MAX:
                self._refuse("connections", address)
            else:
                async with asyncio.timeout(WITHIN_S):
                    await self._app.handler(reader, writer)
        except Gone as e:
            log.info("caller gone before he was answered", why=str(e))
        except (NotOurs, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
            self._refuse("request", address, str(e))
        except (TimeoutError, OSError) as e:
            self._refuse("late", address, str(e))
        except asyncio.CancelledError:  # we leave; a task that says so makes asyncio complain of it
            log.debug("FastAGI request left", address=address)
        except Exception:
            log.exception("call that came in stopped by a fault")
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _refuse(self, why: str, address: str, told: str = "") -> None:
        log.warning("FastAGI request refused", why=why, address=address, told=told[:200])
        self._refused(why)

    # ---- routes -------------------------------------------------------------------------------------------------

    async def _inbound(self, request: Request) -> None:
        told = request.headers
        if not hmac.compare_digest((await _variable(request, SECRET)).encode(), self._secret.encode()):
            raise NotOurs("it does not know the secret")
        arrival = Arrival(
            node=told.get("agi_arg_1", ""), channel=told.get("agi_uniqueid", ""), caller=told.get("agi_callerid", ""),
            to=told.get("agi_arg_2", ""), trunk=_trunk_of(told.get("agi_channel", "")),
        )  # fmt: skip
        if not arrival.channel:
            raise NotOurs("it names no channel")
        try:
            answer = await self._door.arrived(arrival)
        except Unavailable as e:
            log.warning("nobody can tell who calls", why=str(e))
            return
        variables = await self._variables(answer)
        for name, value in (variables | {"RINGBRIDGE_ANSWERED": "1"}).items():
            await _set(request, name, value)

    async def _unknown(self, request: Request) -> None:
        """Nothing is set: the dialplan asks again, and then says that nobody is here."""
        raise NotOurs(f"no route {request.headers.get('agi_network_script', '')[:40]!r}")

    async def _variables(self, answer: Answer) -> dict[str, str]:
        route, said = str(answer.route), ""
        if answer.sound:
            said = "&".join(await self._said(answer.sound, answer.language))
            if not said or not PLAIN.issuperset(said):  # nothing is to be said; or the dialplan would misread it
                route = "nobody" if said else "busy"
        return {
            "RINGBRIDGE_ROUTE": route,
            "RINGBRIDGE_LEG": answer.leg,
            "RINGBRIDGE_RINGS": "1" if answer.rings else "",
            "RINGBRIDGE_LIFE_S": str(answer.life_s),
            "RINGBRIDGE_SAY": said,
        }


class _Routes(Application):  # type: ignore[misc]  # it has no types
    async def handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\n\n")
        lines = head.decode(errors="replace").split("\n")
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        route = self._route.get(headers.get("agi_network_script") or CATCH_ALL) or self._route[CATCH_ALL]
        await route(Request(self, headers, reader, writer, "utf-8"))


async def _variable(request: Request, name: str) -> str:
    found: dict[str, Any] = await request.send_command(f"GET VARIABLE {name}")
    value, data = found.get("result", ("", ""))
    return str(data) if value == "1" else ""


async def _set(request: Request, name: str, value: str) -> None:
    """Raises Gone where it was not."""
    assert PLAIN.issuperset(value), f"{name} would be misread"
    try:
        answer: dict[str, Any] = await request.send_command(f'SET VARIABLE {name} "{value}"')
    except (ValueError, OSError) as e:
        raise Gone(f"{name} was not set: {e}") from None
    if "error" in answer or answer.get("status_code") != 200:
        raise Gone(f"{name} was not set: {answer.get('error', answer.get('status_code'))}")


def _trunk_of(channel: str) -> str:
    """Of `PJSIP/carrier-00000001`, carrier."""
    return channel.partition("/")[2].rpartition("-")[0]
