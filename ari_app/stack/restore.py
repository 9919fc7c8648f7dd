"""Puts a snapshot back as the data of the embedded Redis, while that is stopped.

The folder is made beside the old one and takes its place when it is whole, log and all: whatever goes wrong before
that, a kill or a power cut included, has changed nothing. Killed in the midst of the exchange, it is finished by the
next start. Deletes no data.
"""

import itertools
import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis

from ari_app.stack import logs, process
from ari_app.stack.backup import WITHIN_S, asking, redis_runs, says, told
from ari_app.stack.errors import StackError
from ari_app.stack.servers import WHOLE, Redis, finish_restore
from ari_app.stack.stack import STOP_GRACE_S, Stack
from ari_app.stack.state import StateDir
from ari_app.whole_files import sync_folder

MAGIC = b"REDIS"  # how a snapshot begins
FRESH = "redis.new"


@dataclass(frozen=True)
class Restored:
    folder: Path
    before: Path | None  # where the data of before lies now; None: there was none


class Loader(Redis):
    """Reads dump.rdb, which a server with a log would not. Nobody else finds it: its socket is in a private folder."""

    @property
    def socket(self) -> Path:
        return self.home / "redis.sock"

    def _conf(self) -> str:
        return super()._conf() + f'port 0\nunixsocket "{self.socket}"\nunixsocketperm 700\nappendonly no\n'


def restore(stack: Stack, file: Path) -> Restored:
    """Make `file` the data of the embedded Redis; what was there is set aside. Where it raises, nothing is changed."""
    with told():
        with file.open("rb") as snapshot:
            if snapshot.read(len(MAGIC)) != MAGIC:
                raise StackError(f"{file} is no snapshot of Redis: give a file that `ringbridge stack backup` wrote")
        server = Stack(replace(stack.options, redis=True, pbx=False, carrier=False))
        server.prepare()
        home = StateDir(stack.options.state_dir)
        with home.locked():
            try:
                if redis_runs(server):
                    raise StackError("the embedded Redis runs: stop it first: ringbridge stack stop")
                return _restored(server, home, file)
            finally:
                if all(part.state != "running" for part in server.status()):
                    home.drop_link()


def _restored(stack: Stack, home: StateDir, file: Path) -> Restored:
    fresh, whole, data = home.path / FRESH, home.path / WHOLE, home.path / "redis"
    loader = Loader(home.run_dir(FRESH), 0, secrets.token_hex(16))
    finish_restore(data)
    _clear(loader, fresh)
    shutil.rmtree(whole, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700)
        shutil.copyfile(file, fresh / "dump.rdb")
        _write_log(loader, stack)
        for name in ("dump.rdb", "redis.conf", "redis.pid"):  # the log is the record now
            (fresh / name).unlink(missing_ok=True)
        sync_folder(fresh)
        fresh.rename(whole)
        return Restored(data, _exchange(data, whole, _aside(data)))
    except BaseException:
        _clear(loader, fresh)
        raise


def _write_log(loader: Loader, stack: Stack) -> None:
    """The server reads the snapshot, writes all of it to its log, and ends."""
    loader.write(stack.prepare())
    console = loader.home / "console.log"
    spawned = process.spawn(loader.argv(stack.prepare()), marker=loader.marker, cwd=loader.home, log=console)
    try:
        with asking(socket=loader.socket, password=loader.password) as client:
            _await(lambda: _answers(client), loader, spawned)
            client.config_set("appendonly", "yes")
            _await(lambda: says(client, aof_rewrite_in_progress=0, aof_rewrite_scheduled=0), loader, spawned)
            if not says(client, aof_enabled=1, aof_last_bgrewrite_status="ok", aof_last_write_status="ok"):
                raise StackError(_refused(loader))
            client.shutdown(nosave=True)  # no second snapshot; its log is flushed to the disk
            _await(lambda: spawned.exit_code == 0, loader, spawned)
    finally:
        if spawned.identity:
            process.stop(spawned.identity, grace_s=STOP_GRACE_S)


def _await(done: Callable[[], bool], loader: Loader, server: process.Spawned) -> None:
    if not process.until(lambda: bool(server.exit_code) or done(), within_s=WITHIN_S):
        raise StackError(f"the snapshot is not restored after {WITHIN_S} s: see to this machine's disk")
    if server.exit_code:
        raise StackError(_refused(loader))


def _refused(loader: Loader) -> str:
    """Its log goes with its folder: what tells is said here. Warnings are of the machine, and come at every start."""
    bad = [line.partition(" # ")[2] for line in logs.lines(loader.log, follow=False) if "WARNING" not in line]
    words = " | ".join([word for word in bad if word][-3:]) or logs.last_words(loader)
    return f"the snapshot cannot be restored (damaged, or of a newer Redis?), nothing is changed: {words}"


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except (redis.ConnectionError, redis.TimeoutError):  # no socket yet, or it still reads
        return False


def _aside(data: Path) -> Path:
    """A name that is free, and tells when."""
    name = time.strftime(f"{data.name}.before-%Y%m%dT%H%M%SZ", time.gmtime())
    names = itertools.chain([name], (f"{name}-{n}" for n in itertools.count(2)))
    return next(path for path in map(data.with_name, names) if not os.path.lexists(path))


def _exchange(data: Path, whole: Path, before: Path) -> Path | None:
    had_some = os.path.lexists(data)
    try:
        sync_folder(data.parent)
        if had_some:
            data.rename(before)
        whole.rename(data)
        sync_folder(data.parent)
    except BaseException:
        if not os.path.lexists(whole):
            data.rename(whole)
        if had_some and not os.path.lexists(data):
            before.rename(data)
        shutil.rmtree(whole, ignore_errors=True)  # not reached while the old data are not back in their place
        raise
    return before if had_some else None


def _clear(loader: Loader, fresh: Path) -> None:
    """Also what a restore that was killed has left."""
    if identity := process.from_pid_file(loader.pid_file, loader.marker):
        process.stop(identity, grace_s=STOP_GRACE_S)
    shutil.rmtree(fresh, ignore_errors=True)
