"""Takes a snapshot of the embedded Redis while it runs. Knows nothing of what the snapshot says."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ari_app.stack import process
from ari_app.stack.errors import StackError
from ari_app.stack.stack import Stack
from ari_app.whole_files import written_whole

WITHIN_S = 900  # gigabytes, on a slow disk
ANSWER_WITHIN_S = 30


def backup(stack: Stack, file: Path, *, force: bool = False) -> int:
    """Write a snapshot of the running Redis to `file`, whole or not at all; its bytes. Blocks."""
    if os.path.lexists(file) and not (force and file.is_file()):
        raise StackError(f"{file} is there already" + (": --force overwrites it" if file.is_file() else ""))
    if not redis_runs(stack):
        raise StackError("the embedded Redis is not running: `ringbridge stack start` starts it")
    url = stack.info().redis_url
    with told(), asking(url=url) as client, written_whole(file) as to, _snapshot(client).open("rb") as dump:
        shutil.copyfileobj(dump, to)
        return to.tell()


def _snapshot(client: Any) -> Path:
    """Has the server write one, now; where it lies."""
    _await(lambda: says(client, rdb_bgsave_in_progress=0, aof_rewrite_in_progress=0))  # it does one at a time
    client.bgsave(schedule=False)
    _await(lambda: says(client, rdb_bgsave_in_progress=0))
    if not says(client, rdb_last_bgsave_status="ok"):
        raise StackError("Redis could not write a snapshot: `ringbridge stack logs redis` tells why")
    at = client.config_get("dir", "dbfilename")
    return Path(str(at["dir"]), str(at["dbfilename"]))


def _await(done: Callable[[], bool]) -> None:
    if not process.until(done, within_s=WITHIN_S):
        raise StackError(f"Redis has written to its disk for {WITHIN_S} s and is not done: try again in a quiet hour")


# ---- what a restore needs, too --------------------------------------------------------------------------------------


@contextmanager
def asking(*, url: str = "", socket: Path | None = None, password: str | None = None) -> Iterator[Any]:
    """A connection that asks once: who waits for a server asks again himself."""
    once = {"retry": Retry(NoBackoff(), 0), "socket_timeout": ANSWER_WITHIN_S}
    at: dict[str, Any] = once | ({"unix_socket_path": str(socket), "password": password} if socket else {})
    client: Any = redis.Redis(**at) if socket else redis.Redis.from_url(url, **at)
    with client:
        yield client


def says(client: Any, **facts: object) -> bool:
    """Whether INFO persistence does, of all of them."""
    found = client.info("persistence")
    return all(found[name] == value for name, value in facts.items())


def redis_runs(stack: Stack) -> bool:
    return any(part.part == "redis" and part.state == "running" for part in stack.status())


@contextmanager
def told() -> Iterator[None]:
    """What a disk or the server refuses, as a sentence."""
    try:
        yield
    except OSError as why:
        raise StackError(f"{why.filename or 'the disk'}: {why.strerror or why}") from None
    except redis.RedisError as why:
        raise StackError(f"the embedded Redis does not do it: {why}") from None
