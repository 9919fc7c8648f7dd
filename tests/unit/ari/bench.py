"""Measures what one request costs over the WebSocket and over the HTTP pool, on a live Asterisk. Run by hand:

    python -m tests.unit.ari.bench http://127.0.0.1:8088/ari USER PASSWORD [ASTERISK_PID]

With the pid of Asterisk (on this machine) its CPU a request is shown too. It creates one Local channel and hangs it up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import structlog

from ari_app.adapters.ari import Client, LinkSettings, StasisStart

ROUNDS = 5
REQUESTS = 2_000
Rest = Literal["websocket", "http"]
WAYS: list[tuple[Rest, int]] = [("websocket", 1), ("websocket", 4), ("websocket", 16), ("http", 20)]


@dataclass(slots=True)
class Figures:
    rate: float
    p50_us: float
    p99_us: float
    client_us: float
    asterisk_us: float


def cpu_us(pid: int) -> float:
    if not pid:
        return float("nan")
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e6


async def measure(client: Client, concurrent: int, pid: int) -> Figures:
    took_us: list[float] = []

    async def one_of_many(count: int) -> None:
        for _ in range(count):
            began = time.perf_counter()
            await client.channels.setChannelVar("bench.1", "BENCH", value="17")
            took_us.append((time.perf_counter() - began) * 1e6)

    own_before, asterisk_before, began = time.process_time(), cpu_us(pid), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrent):
            group.create_task(one_of_many(REQUESTS // concurrent))
    wall_s, count = time.perf_counter() - began, len(took_us)
    cuts = statistics.quantiles(took_us, n=100)
    return Figures(
        rate=count / wall_s,
        p50_us=cuts[49],
        p99_us=cuts[98],
        client_us=(time.process_time() - own_before) / count * 1e6,
        asterisk_us=(cpu_us(pid) - asterisk_before) / count,
    )


async def drain(client: Client, started: asyncio.Event) -> None:
    async for event in client.stream():
        if isinstance(event, StasisStart):
            started.set()


async def one_round(url: str, user: str, password: str, pid: int, rest: Rest, width: int, concurrent: int) -> Figures:
    settings = LinkSettings(in_flight_max=width, http_pool=width)
    async with Client(url, user, password, "bench", rest=rest, settings=settings) as client:
        started = asyncio.Event()
        drained = asyncio.create_task(drain(client, started))
        await client.channels.create("Local/bench@bench", "bench", channelId="bench.1")
        await started.wait()
        figures = await measure(client, concurrent, pid)
        await client.channels.hangup("bench.1")
    await drained
    return figures


async def main(url: str, user: str, password: str, pid: int = 0) -> None:
    print("| way | window or pool | concurrent | requests/s | p50 µs | p99 µs | client CPU µs | Asterisk CPU µs |")  # noqa: T201
    rounds: dict[tuple[int, Rest, int], list[Figures]] = {}
    for _ in range(ROUNDS):  # every way in every round: a noisy minute then hits all of them
        for concurrent in (1, 20, 100):
            for rest, width in WAYS:
                figures = await one_round(url, user, password, pid, rest, width, concurrent)
                rounds.setdefault((concurrent, rest, width), []).append(figures)
    for (concurrent, rest, width), found in rounds.items():
        middle = [statistics.median(getattr(f, name) for f in found) for name in Figures.__slots__]
        print(f"| {rest} | {width} | {concurrent} | " + " | ".join(f"{value:.0f}" for value in middle) + " |")  # noqa: T201


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 0))
