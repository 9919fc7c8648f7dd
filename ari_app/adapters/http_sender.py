"""The Sender port over aiohttp: one POST to an address that a stranger named. Knows what may be reached
(domain/reach.py); must not know what is sent, nor when it is tried again.

A name is looked up once for each connection, and what is connected to is the very address that was checked: a name that
resolves to another one a moment later gains nothing. The last check is where the socket is made, so that no way of
writing an address gets around it.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientResponseError,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    InvalidURL,
    ServerDisconnectedError,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from ari_app.domain.reach import INNER, Reach, is_open
from ari_app.ports.sender import Answer

USER_AGENT = "Ringbridge-Webhooks/1"
REDIRECTS_MAX = 3
FOLLOWED = (307, 308)
"""The others turn a POST into a GET, or leave open whether they do."""
NOT_FOLLOWED = (301, 302, 303)
ANSWER_MAX = 64 * 1024
ANSWER_WITHIN_S = 1.0
"""The answer is in when its head is: its body is taken only so that the connection can be used again."""
CONNECTIONS_MAX = 1_000
OF_ONE_HOST_MAX = 32
RETRY_AFTER_MAX_S = 86_400
KEPT_OPEN_S = 30.0
KNOWN_URLS_MAX = 1_000
FAILURES = (ClientError, OSError, ValueError, RuntimeError, LookupError, ArithmeticError)

Lookup = Callable[[str, int], Awaitable[Sequence[tuple[int, str]]]]
"""Host and port → (address family, address) pairs. May raise OSError."""


class HttpSender:
    """Implements Sender. `own_ports`: of our own servers on this machine: not even an allowed inner address is
    connected to there."""

    def __init__(
        self, reach: Reach, timeout_ms: int = 10_000, *, own_ports: Collection[int] = (), lookup: Lookup | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._reach = reach
        self._timeout_s = timeout_ms / 1000
        self._own_ports = frozenset(own_ports)
        self._lookup = lookup or _looked_up
        self._tls = tls
        self._session: ClientSession | None = None
        self._let: set[str] = set()
        self._fault = lru_cache(KNOWN_URLS_MAX)(reach.fault)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._followed(url, body, headers)
        except TimeoutError:
            answer = Answer(None, "timeout")
        except FAILURES as e:  # whatever a stranger's server makes of this is its own failure, never ours
            answer = Answer(None, _why(e))
        took_ms = round((time.monotonic() - began_s) * 1000)
        return Answer(answer.status, answer.why, took_ms, answer.retry_after_s)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def _followed(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        for _ in range(REDIRECTS_MAX + 1):
            if fault := self._fault(url):
                return Answer(None, "inner address" if INNER in fault else fault)
            answer, to = await self._asked(url, body, headers)
            if not to:
                return answer
            there = urljoin(url, to)
            if urlsplit(url).scheme == "https" and urlsplit(there).scheme != "https":
                return Answer(None, "redirect from https to http")
            url = there
        return Answer(None, "too many redirects")

    async def _asked(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[Answer, str]:
        """What came of one request, and where it is to go instead; "": nowhere."""
        async with self._opened().post(
            URL(url, encoded=True), data=body, headers=dict(headers), allow_redirects=False
        ) as got:
            to = got.headers.get("location", "")
            status, is_followed = got.status, got.status in FOLLOWED and bool(to)
            why = f"redirect {status} is not followed, only 307 and 308 are" if status in NOT_FOLLOWED else ""
            answer = Answer(status, why, retry_after_s=retry_after_s(got.headers.get("retry-after", "")))
            await _emptied(got)
        return answer, to if is_followed else ""

    def _opened(self) -> ClientSession:
        """Made where the loop runs. No proxy, password or cookie comes from anywhere."""
        if self._session is None:
            connector = TCPConnector(
                resolver=_Resolver(self._reach, self._lookup, self._let), use_dns_cache=False,
                socket_factory=self._socket,
                limit=CONNECTIONS_MAX, limit_per_host=OF_ONE_HOST_MAX, keepalive_timeout=KEPT_OPEN_S,
                ssl=self._tls or True,
            )  # fmt: skip
            self._session = ClientSession(
                connector=connector, cookie_jar=DummyCookieJar(), trust_env=False, auto_decompress=False,
                timeout=ClientTimeout(), read_bufsize=ANSWER_MAX // 2,
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Accept": "*/*"},
            )  # fmt: skip
        return self._session

    def _socket(self, at: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        """The last look before a connection, which every address comes by, however it was written."""
        family, kind, protocol, _, place = at
        host, port = str(place[0]), place[1]
        is_ours = port in self._own_ports and not is_open(host)
        if is_ours or not (self._reach.may(host) or host in self._let):
            raise InnerAddress(host)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


class InnerAddress(OSError):
    """A name that leads inside, or an address that is there."""


class _Resolver(AbstractResolver):
    """Gives the addresses that may be connected to alone. `let`: takes those that are allowed for their name's sake."""

    def __init__(self, reach: Reach, lookup: Lookup, let: set[str]) -> None:
        self._reach = reach
        self._lookup = lookup
        self._let = let

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._lookup(host, port)
        good = [(kind, address) for kind, address in found if self._reach.may(address, host)]
        if not good:
            raise InnerAddress(host) if found else OSError(f"no address of {host}")
        self._let.update(address for _, address in good if not self._reach.may(address))
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in good
        ]

    async def close(self) -> None:
        """Holds nothing."""


async def _looked_up(host: str, port: int) -> Sequence[tuple[int, str]]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))


async def _emptied(got: ClientResponse) -> None:
    """Small answers are taken, so that the connection can be used again; from all others we leave."""
    if got.content.is_eof():
        return
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            left = ANSWER_MAX
            while left > 0 and (part := await got.content.read(left)):
                left -= len(part)
    except (TimeoutError, ClientError):
        left = 0
    if left <= 0:
        got.close()


def retry_after_s(told: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> int | None:
    """Seconds, or a date; no more than a day. None: nothing that can be read."""
    told = told.strip()
    if told.isascii() and told.isdecimal():
        return min(int(told[:9]), RETRY_AFTER_MAX_S)
    try:
        at = parsedate_to_datetime(told)
    except (ValueError, OverflowError):  # the latter of a year of twenty digits
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return max(0, min(int((at - now()).total_seconds()) + 1, RETRY_AFTER_MAX_S))


def _why(e: Exception) -> str:
    """In a few words, for whoever runs the receiver."""
    cause: BaseException = e.os_error if isinstance(e, ClientConnectorError) else e
    match cause:
        case InnerAddress():
            return "inner address"
        case ssl.SSLCertVerificationError():
            return f"tls: {cause.verify_message}"
        case ssl.SSLError():
            return f"tls: {(cause.reason or 'failed').lower().replace('_', ' ')}"
        case ConnectionRefusedError():
            return "refused"
    match e:
        case ClientConnectorDNSError():
            return "no such host"
        case ClientSSLError():
            return "tls: failed"
        case ServerDisconnectedError() | ConnectionResetError() | BrokenPipeError():
            return "reset"
        case InvalidURL() | ValueError():
            return "no address that can be connected to"
        case ClientConnectorError():
            return "unreachable"
        case ClientResponseError():
            return "too long" if "more than" in e.message else "not HTTP"
        case ClientError() | OSError():
            return "reset"
    return f"failed: {type(e).__name__}"
