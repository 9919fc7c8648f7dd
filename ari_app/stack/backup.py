"""A snapshot of the embedded Redis, taken while it runs, and put back while it does not.

A restored folder is made beside the old one and takes its place when it is whole, log and all: whatever goes wrong before
that, a kill included, has changed nothing. Knows nothing of what the snapshot says.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis

from ari_app.stack import logs, process
from ari_app.stack.errors import StackError
from ari_app.stack.servers import Redis
from ari_app.stack.stack import GONE_WITHIN_S, STOP_GRACE_S, Stack
from ari_app.stack.state import StateDir

WITHIN_S = 900  # gigabytes, on a slow disk
ANSWER_WITHIN_S = 30
MAGIC = b"REDIS"  # how a snapshot begins
FRESH = "redis.new"


@dataclass(frozen=True)
class Restored:
    folder: Path
    before: Path | None  # where the data of before lies now; None: there was none


class Loader(Redis):
    """Reads dump.rdb, as it has no log yet. Nobody but this process finds it: no port, a socket in a private folder."""

    @property
    def socket(self) -> Path:
        return self.home / "redis.sock"

    def _conf(self) -> str:
        mine = f'port 0\nunixsocket "{self.socket}"\nunixsocketperm 700\nappendonly no\n'
        left_out = ("bind ", "port ", "requirepass ", "appendonly ")
        return mine + "".join(f"{s}\n" for s in super()._conf().splitlines() if not s.startswith(left_out))


def backup(stack: Stack, file: Path, *, force: bool = False) -> int:
    """Write a snapshot of the running Redis, whole or not at all; its bytes."""
    if os.path.lexists(file) and not (force and file.is_file()):
        raise StackError(f"{file} is there already{': --force overwrites it' if file.is_file() else ''}")
    if not _runs(stack):
        raise StackError("the embedded Redis is not running: `ringbridge stack start` starts it")
    with _told(), redis.Redis.from_url(stack.info().redis_url, socket_timeout=ANSWER_WITHIN_S) as client:
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600
        fresh = Path(name)
        try:
            with os.fdopen(handle, "wb") as to, _snapshot(client).open("rb") as dump:
                shutil.copyfileobj(dump, to)
                to.flush()
                os.fsync(to.fileno())
            fresh.replace(file)
        finally:
            fresh.unlink(missing_ok=True)
        _sync(file.parent)
    return file.stat().st_size


def restore(stack: Stack, file: Path) -> Restored:
    """Make the snapshot the data of the embedded Redis, which does not run. What was there is set aside."""
    with _told():
        with file.open("rb") as snapshot:
            if snapshot.read(len(MAGIC)) != MAGIC:
                raise StackError(f"{file} is no snapshot of Redis: give a file that `ringbridge stack backup` wrote")
        only_redis = Stack(replace(stack.options, pbx=False, carrier=False))
        home = StateDir(stack.options.state_dir)
        with home.locked():
            try:
                if _runs(stack):
                    raise StackError("the embedded Redis runs: stop it first: ringbridge stack stop")
                return _restored(only_redis, home, file)
            finally:
                if all(part.state != "running" for part in stack.status()):
                    home.drop_link()


def _restored(stack: Stack, home: StateDir, file: Path) -> Restored:
    fresh, data = home.path / FRESH, home.path / "redis"
    loader = Loader(home.run_dir(FRESH), 0, "")
    _clear(loader, fresh)
    try:
        fresh.mkdir(mode=0o700)
        shutil.copyfile(file, fresh / "dump.rdb")
        _write_log(loader, stack)
        for name in ("dump.rdb", "redis.conf", "redis.pid"):  # the log is the record now
            (fresh / name).unlink(missing_ok=True)
        _sync(fresh)
        before = home.path / time.strftime("redis.before-%Y%m%dT%H%M%SZ", time.gmtime())
        return Restored(data, _exchange(data, fresh, before))
    except BaseException:
        _clear(loader, fresh)
        raise


def _write_log(loader: Loader, stack: Stack) -> None:
    """The server reads the snapshot, writes all of it to its log, and ends."""
    loader.write(stack.prepare())
    console = loader.home / "console.log"
    spawned = process.spawn(loader.argv(stack.prepare()), marker=loader.marker, cwd=loader.home, log=console)

    def wait(until: Callable[[], bool], what: str, within_s: float = WITHIN_S) -> None:
        if not process.until(lambda: spawned.exit_code is not None or until(), within_s=within_s):
            raise StackError(f"the snapshot cannot be restored: {what} takes more than {within_s:.0f} s")
        if spawned.exit_code:
            raise StackError(f"the snapshot cannot be restored. {logs.last_words(loader)}")

    with redis.Redis(unix_socket_path=str(loader.socket), socket_timeout=ANSWER_WITHIN_S) as client:
        wait(lambda: _answers(client), "reading it")
        client.config_set("appendonly", "yes")
        wait(lambda: _says(client, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0), "writing the log")
        if not _says(client, aof_enabled=1, aof_last_bgrewrite_status="ok"):
            raise StackError(f"the snapshot cannot be restored. {logs.last_words(loader)}")
        client.shutdown(nosave=True)  # what is in the log is flushed all the same
        wait(lambda: spawned.exit_code is not None, "its end", STOP_GRACE_S)


def _snapshot(client: Any) -> Path:
    """Has the server write one, now; where it lies."""
    _await(lambda: _says(client, rdb_bgsave_in_progress=0, aof_rewrite_in_progress=0))  # it does one at a time
    client.bgsave(schedule=False)
    _await(lambda: _says(client, rdb_bgsave_in_progress=0))
    if not _says(client, rdb_last_bgsave_status="ok"):
        raise StackError("Redis could not write a snapshot: `ringbridge stack logs redis` tells why")
    at = client.config_get("dir", "dbfilename")
    return Path(at["dir"]) / at["dbfilename"]


def _await(done: Callable[[], bool]) -> None:
    if not process.until(done, within_s=WITHIN_S):
        raise StackError(f"Redis has written its snapshot for {WITHIN_S} s and is not done: try again in a quiet hour")


def _says(client: Any, **facts: object) -> bool:
    told = client.info("persistence")
    return all(told[name] == value for name, value in facts.items())


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:  # no socket yet, or it still reads
        return False


def _runs(stack: Stack) -> bool:
    return any(part.part == "redis" and part.state == "running" for part in stack.status())


def _exchange(data: Path, fresh: Path, before: Path) -> Path | None:
    had_some = os.path.lexists(data)
    if had_some:
        data.rename(before)
    try:
        fresh.rename(data)
    except OSError:
        if had_some:
            before.rename(data)
        raise
    _sync(data.parent)
    return before if had_some else None


def _clear(loader: Loader, fresh: Path) -> None:
    """Also what a restore that was killed has left."""
    if identity := process.from_pid_file(loader.pid_file, loader.marker):
        process.stop(identity, grace_s=GONE_WITHIN_S)
    shutil.rmtree(fresh, ignore_errors=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told() -> Iterator[None]:
    """What a disk or a server refuses, as a sentence."""
    try:
        yield
    except OSError as why:
        raise StackError(f"{why.filename or 'the disk'}: {why.strerror or why}") from None
    except redis.RedisError as why:
        raise StackError(f"Redis does not do it: {why}") from None
