"""The process that tells of events: relay, intake and couriers, beside the process that has the calls, and behind it
where both want the CPU. However much is told, and to however many receivers, no call waits for it.

It is forked before there is a loop or a thread, which costs next to nothing; one that died is followed by a fresh one.
One socket joins the two: down it go the terms, then a byte whenever something was hinted at; up come the words of its
watch, for the metrics. When the socket ends, so does the process: it never outlives us, however we end.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from ari_app import logs
from ari_app.adapters.http_sender import HttpSender
from ari_app.adapters.redis.calls import RedisCalls
from ari_app.adapters.redis.feed import RedisFeed
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.notices import RedisNotices
from ari_app.adapters.redis.outbox import RedisOutbox
from ari_app.adapters.redis.owner import this_process
from ari_app.adapters.redis.webhooks import RedisWebhooks
from ari_app.concealed import conceal_those_of
from ari_app.config import Settings
from ari_app.domain.errors import Unavailable
from ari_app.domain.reach import Reach
from ari_app.entrypoints.stories import KeptStories
from ari_app.fast_loop import fast_loop
from ari_app.ground import courier_rules_of, feed_rules_of
from ari_app.hooks.signing import signed_headers
from ari_app.hooks.sources import Sources
from ari_app.hooks.telling import Stores, Telling, Watch
from ari_app.ports.feed import News
from ari_app.ports.webhooks import Attempt, Standing

log = structlog.get_logger()

NICE = 5
NAME = "ringbridge-tell"  # as ps and top show it, 15 letters at most
AGAIN_S, AGAIN_MAX_S, YOUNG_S = 1.0, 30.0, 10.0
"""Between two of them; longer each time where they die young."""
LEAVE_S = 5.0
"""So long it may take to give back its lease; then it is killed."""
LOOK_S = 0.02
SAY_EVERY_S = 0.1
SILENT_S, SILENCES = 5.0, 6
"""So long without a word, so often one after the other, and it hangs: it is ended, and another begins. Once may be that
we ourselves were held up."""
LENGTH = 4  # bytes, before each message but a hint
HINT = b"!"


@dataclass(frozen=True, slots=True)
class Terms:
    """`reach`, `own_ports`: where webhooks may go, and where they never do."""

    settings: Settings
    reach: Reach
    own_ports: frozenset[int]


class Beside:
    """The process as seen from ours. `look`: its exit code, None while it runs."""

    def __init__(self, pid: int, ours: socket.socket, look: Callable[[], int | None]) -> None:
        self.pid = pid
        self.socket = ours
        self._look = look
        self._code: int | None = None

    @property
    def code(self) -> int | None:
        if self._code is None:
            self._code = self._look()
        return self._code

    def close(self) -> None:
        """It is gone when this returns. Harmless twice."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        until_s = time.monotonic() + LEAVE_S
        while self.code is None:
            if time.monotonic() > until_s:
                with suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
            time.sleep(LOOK_S)


def begin() -> Beside | None:
    """Fork it. For who has no loop and no thread yet; it waits for its terms. None: that cannot be done now."""
    for said in (sys.stdout, sys.stderr):
        if said is not None:
            said.flush()
    gc.freeze()  # what is here by now stays, in both: not to be looked through again and again
    try:
        ours, theirs = socket.socketpair()
        pid = os.fork()
    except OSError:  # it is begun later, or again and again: calls need none
        return None
    if pid == 0:
        ours.close()
        _live(theirs)
    theirs.close()

    def look() -> int | None:
        try:
            done, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # nobody keeps what a child ended with, where SIGCHLD is ignored
            return 0
        return os.waitstatus_to_exitcode(status) if done else None

    return Beside(pid, ours, look)


def _fresh() -> Beside:
    ours, theirs = socket.socketpair()
    with theirs:
        command = [sys.executable, "-P", "-m", "ari_app.teller", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return Beside(process.pid, ours, process.poll)


# ---- ours: what is told, and what comes back ------------------------------------------------------------------------


class Teller:
    """`watch` is told what the process beside us tells."""

    def __init__(self, terms: Terms, watch: Watch, first: Beside | None = None) -> None:
        self._terms = terms
        self._watch = watch
        self._beside = first
        self._to: asyncio.StreamWriter | None = None

    def wake(self) -> None:
        """Something was hinted at."""
        if self._to is None or self._to.transport.is_closing() or self._to.transport.get_write_buffer_size():
            return
        self._to.write(HINT)

    async def run(self) -> None:
        """Until cancelled. Whatever goes wrong here ends no call."""
        wait_s = AGAIN_S
        while True:
            began_s = time.monotonic()
            try:
                if self._beside is None:
                    self._beside = _fresh()
                await self._listen(self._beside)
            except Exception:
                log.exception("nobody tells of events for a fault, trying again")
            if self._beside is not None:
                await self.close()
                log.error("the process that tells of events has ended, starting another", code=self._beside.code)
                self._beside = None
                self._watch.leads(False)
            died_young = time.monotonic() - began_s < YOUNG_S
            wait_s = min(2 * wait_s, AGAIN_MAX_S) if died_young else AGAIN_S
            await asyncio.sleep(wait_s)

    async def close(self) -> None:
        if self._beside is not None:
            with suppress(RuntimeError):  # no thread is to be had
                await asyncio.to_thread(self._beside.close)

    async def _listen(self, beside: Beside) -> None:
        """Until it ends, or says nothing any more."""
        reader, self._to = await asyncio.open_unix_connection(sock=beside.socket)
        self._to.write(_message(self._terms))
        size = silences = 0
        try:
            while silences < SILENCES:
                try:
                    async with asyncio.timeout(SILENT_S):
                        size = size or int.from_bytes(await reader.readexactly(LENGTH))
                        words = await reader.readexactly(size)
                except TimeoutError:
                    silences += 1
                    continue
                size = silences = 0
                for name, said in pickle.loads(words):
                    getattr(self._watch, name)(*said)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._to.close()
            self._to = None


def _message(what: object) -> bytes:
    raw = pickle.dumps(what)
    return len(raw).to_bytes(LENGTH) + raw


# ---- theirs ---------------------------------------------------------------------------------------------------------


def _live(theirs: socket.socket) -> None:
    """The whole life of the process. Signals are for the other one, which ends this one."""
    code = 1
    try:
        for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(one, signal.SIG_IGN)
        with suppress(OSError):  # where that is forbidden, it tells all the same
            os.nice(NICE)
        with suppress(OSError):
            Path("/proc/self/comm").write_text(NAME)
        size = theirs.recv(LENGTH, socket.MSG_WAITALL)
        if size:
            terms: Terms = pickle.loads(theirs.recv(int.from_bytes(size), socket.MSG_WAITALL))
            conceal_those_of(terms.settings)
            logs.configure(terms.settings.log_level, terms.settings.log_format)
            with asyncio.Runner(loop_factory=fast_loop()) as runner:
                runner.run(_tell(terms, theirs))
        code = 0
    except Exception:
        log.exception("what tells of events was ended by a fault")
    finally:
        os._exit(code)


async def _tell(terms: Terms, theirs: socket.socket) -> None:
    """Until the other end is closed."""
    s = terms.settings
    reader, writer = await asyncio.open_unix_connection(sock=theirs)
    link = Link(s.redis_url, timeout_ms=s.redis_timeout_ms, replicas=s.redis_replicas)
    outbox, feed = RedisOutbox(link), RedisFeed(link, s.redis_timeout_ms)
    calls, notices = RedisCalls(link, retention_s=s.call_days * 86_400, outbox=outbox), RedisNotices(link, outbox)
    webhooks = RedisWebhooks(link, s.webhook_waiting_max, s.webhook_deliveries)
    sender = HttpSender(terms.reach, s.webhook_timeout_ms, own_ports=terms.own_ports)
    words = _Words()
    telling = Telling(
        Stores(outbox, feed, webhooks, Sources(calls, notices), KeptStories(calls, notices)), sender, signed_headers,
        leases=RedisLeases(link), owner=this_process(), now_ms=lambda: time.time_ns() // 1_000_000,
        feed=feed_rules_of(s), rules=courier_rules_of(s), watch=words,
    )  # fmt: skip

    async def hints() -> None:
        while await reader.read(1024):
            telling.wake()
        signal.alarm(round(LEAVE_S))  # SIGALRM ends it, whatever still keeps it

    async def tell() -> None:
        while True:
            try:
                await link.start()
                break
            except Unavailable:
                await asyncio.sleep(AGAIN_S)
        await telling.run()

    tasks = [asyncio.create_task(one) for one in (hints(), tell(), words.say(writer))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for one in done - {tasks[0]}:
            with suppress(ConnectionError):
                one.result()
    finally:
        for one in tasks:
            one.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for close in (sender.close, feed.close, link.close):
            with suppress(Exception):
                await close()
    os._exit(0)  # the loop would wait for a name that is being looked up


class _Words(Watch):
    """What the watch on the other side is to be told."""

    def __init__(self) -> None:
        self._said: list[tuple[str, tuple[Any, ...]]] = []

    async def say(self, writer: asyncio.StreamWriter) -> None:
        """Until cancelled, or nobody listens any more. Nothing to say is a sign of life."""
        spoken_s = 0.0
        while True:
            await asyncio.sleep(SAY_EVERY_S)
            said, self._said = self._said, []
            if said or time.monotonic() - spoken_s > SILENT_S / 5:
                spoken_s = time.monotonic()
                writer.write(_message(said))
                await writer.drain()

    def _note(self, name: str, *said: Any) -> None:
        self._said.append((name, said))

    def published(self, news: Sequence[News]) -> None:
        self._note("published", news)

    def missed(self, id: str) -> None:
        self._note("missed", id)

    def leads(self, is_ours: bool) -> None:
        self._note("leads", is_ours)

    def standing(self, each: Mapping[str, Standing], unrelayed: int) -> None:
        self._note("standing", each, unrelayed)

    def attempted(self, attempt: Attempt) -> None:
        self._note("attempted", attempt)

    def rested(self, id: str, is_rested: bool) -> None:
        self._note("rested", id, is_rested)


if __name__ == "__main__":
    gc.freeze()
    _live(socket.socket(fileno=int(sys.argv[1])))
