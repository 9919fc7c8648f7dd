"""GETs at an even pace over a few kept connections, in a process that does nothing else: it reads just so much of an
answer as tells its end, so that it leaves the machine to the one that it loads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.bench.measure import percentile
from tests.support import until

CONNECTIONS = 32
END_WITHIN_S = 10
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(slots=True)
class Reads:
    """How they were answered. `took_ms` from when each one was due, so that a late sender hides nothing."""

    took_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    over_s: float = 0.0

    @property
    def per_s(self) -> float:
        return len(self.took_ms) / self.over_s if self.over_s else 0.0

    def __str__(self) -> str:
        p50, p99 = (percentile(self.took_ms, share) for share in (50, 99))
        return f"{self.per_s:.0f} answers a second, p50 {p50:.1f} ms, p99 {p99:.1f} ms, most {max(self.took_ms):.1f} ms"


class _Connection(asyncio.Protocol):
    """One question after the other; those that come while one is open wait in line."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._due_s: list[float] = []
        self._waiting: list[tuple[float, bytes]] = []
        self._got = b""
        self._loop = asyncio.get_running_loop()
        self.left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, due_s: float, request: bytes) -> None:
        self.left += 1
        self._waiting.append((due_s, request))
        if len(self._waiting) == 1:
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        head = self._got.find(HEAD_END)
        if head < 0:
            return
        begin = self._got.index(LENGTH) + len(LENGTH)
        whole = head + len(HEAD_END) + int(self._got[begin : self._got.index(b"\r", begin)])
        if len(self._got) < whole:
            return
        self._reads.statuses[int(self._got[9:12])] += 1
        self._got = self._got[whole:]
        due_s, _ = self._waiting.pop(0)
        self._reads.took_ms.append((self._loop.time() - due_s) * 1000)
        self.left -= 1
        if self._waiting:
            self.transport.write(self._waiting[0][1])


async def read_at(api: str, key: str, paths: Sequence[str], rate_per_s: float, for_s: float) -> Reads:
    """One path after the other, round and round."""
    loop, reads, host = asyncio.get_running_loop(), Reads(), urlsplit(api)
    asked = [
        f"GET {path} HTTP/1.1\r\nHost: {host.netloc}\r\nAuthorization: Bearer {key}\r\n\r\n".encode() for path in paths
    ]
    open_ = [
        (await loop.create_connection(lambda: _Connection(reads), host.hostname, host.port))[1]
        for _ in range(CONNECTIONS)
    ]
    began_s, most = loop.time(), round(rate_per_s * for_s)
    for n in range(most):
        due_s = began_s + n / rate_per_s
        if (ahead_s := due_s - loop.time()) > 0:
            await asyncio.sleep(ahead_s)
        open_[n % CONNECTIONS].ask(due_s, asked[n % len(asked)])
    await until(lambda: not any(one.left for one in open_), END_WITHIN_S, "all are answered")
    reads.over_s = loop.time() - began_s
    for one in open_:
        one.transport.close()
    return reads
