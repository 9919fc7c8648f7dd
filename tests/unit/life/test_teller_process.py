"""The process that tells of events, seen from the one that has it: the test is the other end of the socket."""

from __future__ import annotations

import asyncio
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest

from ari_app import teller
from ari_app.fast_loop import fast_loop
from ari_app.teller import HINT, LENGTH, Beside, Teller
from tests.support import until


class Heard:
    def __init__(self) -> None:
        self.words: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *said: self.words.append((name, said))


class Other:
    """One that never ends by itself: a socket's other end, and a process that sleeps."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        self.process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        self.beside = Beside(self.process.pid, ours, self.process.poll)

    async def read(self, size: int) -> bytes:
        return await asyncio.to_thread(self.socket.recv, size, socket.MSG_WAITALL)

    def say(self, *words: tuple[str, tuple[Any, ...]]) -> None:
        raw = pickle.dumps(list(words))
        self.socket.sendall(len(raw).to_bytes(LENGTH) + raw)


@pytest.fixture
async def others(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Other]]:
    made: list[Other] = []

    def fresh() -> Beside:
        made.append(Other())
        return made[-1].beside

    monkeypatch.setattr(teller, "_fresh", fresh)
    monkeypatch.setattr(teller, "AGAIN_S", 0.01)
    monkeypatch.setattr(teller, "LEAVE_S", 0.05)
    monkeypatch.setattr(teller, "SILENT_S", 0.2)
    yield made
    for one in made:
        one.process.kill()
        one.process.wait()


async def test_terms_and_hints_go_down_and_words_come_up(others: list[Other]) -> None:
    heard: Any = Heard()
    terms: Any = {"terms": 1}
    ours = Teller(terms, heard)
    running = asyncio.create_task(ours.run())
    await until(lambda: others, 5)
    other = others[0]
    size = int.from_bytes(await other.read(LENGTH))
    assert pickle.loads(await other.read(size)) == terms
    ours.wake()
    assert await other.read(1) == HINT
    other.say(("leads", (True,)), ("missed", ("w1",)))
    await until(lambda: len(heard.words) == 2, 5)
    assert heard.words == [("leads", (True,)), ("missed", ("w1",))]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert await other.read(1) == b"", "who is told nothing more leaves"
    await ours.close()
    assert other.beside.code == -signal.SIGKILL, "this one had to be made to"


async def test_one_that_says_nothing_any_more_is_ended_and_another_begins(others: list[Other]) -> None:
    heard: Any = Heard()
    ours = Teller(None, heard)  # type: ignore[arg-type]  # nobody reads the terms
    running = asyncio.create_task(ours.run())
    await until(lambda: len(others) == 2, 10, "another one")
    assert others[0].process.poll() == -signal.SIGKILL
    assert heard.words == [("leads", (False,))]
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await ours.close()


def test_a_hint_for_one_that_has_just_died_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the loop that the program runs on, which tells more often than another that nobody listens."""
    made: list[Other] = []

    def fresh() -> Beside:
        made.append(Other())
        return made[-1].beside

    async def story() -> None:
        ours = Teller(None, Heard())  # type: ignore[arg-type]
        running = asyncio.create_task(ours.run())
        await until(lambda: made, 5)
        ours.wake()
        made[0].socket.close()
        made[0].process.kill()
        while len(made) < 2:
            ours.wake()
            await asyncio.sleep(0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        made[1].process.kill()
        await ours.close()

    monkeypatch.setattr(teller, "_fresh", fresh)
    monkeypatch.setattr(teller, "AGAIN_S", 0.01)
    with asyncio.Runner(loop_factory=fast_loop()) as runner:
        runner.run(asyncio.wait_for(story(), 20))


async def test_where_none_can_be_begun_it_is_tried_again(others: list[Other], monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, faults = teller._fresh, [OSError(24, "Too many open files"), OSError(12, "Cannot allocate memory")]

    def not_always() -> Beside:
        if faults:
            raise faults.pop()
        return fresh()

    monkeypatch.setattr(teller, "_fresh", not_always)
    running = asyncio.create_task(Teller(None, Heard()).run())  # type: ignore[arg-type]
    await until(lambda: others, 5, "the third time")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
