"""A hundred receivers in one process of their own: a port each, some of which refuse or never answer. Told by a line on
standard input to stop, it prints for each event that came when it did.

python -m tests.overload.hook_sink WELL HANGING: prints the ports, as JSON; then waits.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ID = re.compile(rb"webhook-id: *(\S+)", re.IGNORECASE)
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"

came: list[tuple[int, str, float]] = []


class Well(asyncio.Protocol):
    def __init__(self, n: int) -> None:
        self._n, self._held = n, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end]
            length = LENGTH.search(head)
            whole = end + 4 + int(length[1] if length else 0)
            if len(self._held) < whole:
                return
            self._held = self._held[whole:]
            id = ID.search(head)
            came.append((self._n, id[1].decode() if id else "", time.time()))
            self._transport.write(ANSWER)  # type: ignore[attr-defined]  # a TCP connection can be written


class Hanging(asyncio.Protocol):
    """Takes what comes, and says nothing."""


async def main(well: int, hanging: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda n=n: Well(n), "127.0.0.1", 0) for n in range(well)]  # type: ignore[misc]
    servers += [await loop.create_server(Hanging, "127.0.0.1", 0) for _ in range(hanging)]
    sys.stdout.write(json.dumps([one.sockets[0].getsockname()[1] for one in servers]) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    sys.stdout.write(json.dumps(came) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
