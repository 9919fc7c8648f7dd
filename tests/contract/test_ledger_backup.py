"""Backup and restore, step by step as docs/ledger.md tells it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.ledger_tools import verify
from ari_app.ports.ledger import Settled
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.support import until


async def test_a_backup_taken_while_calls_go_on_is_restored_to_the_second(tmp_path: Path) -> None:
    server = RedisServer(_made(tmp_path / "there"), appendfsync="always").start()
    link = Link(server.url)
    await link.start()
    desk = Desk(RedisLedger(link))
    await desk.hold("c1", 120)
    settled = await desk.settle("c1", 70, 120)
    await desk.hold("c2", 60)
    before = await desk.account()

    await link.command("BGSAVE")
    await until(lambda: _says(link, "persistence", "rdb_bgsave_in_progress:0"))
    backup = tmp_path / "dump.rdb"
    shutil.copy(server.home / "dump.rdb", backup)
    await desk.settle("c2", 60)
    await link.close()
    server.kill()

    home = _made(tmp_path / "here")
    shutil.copy(backup, home / "dump.rdb")
    await _with_a_log(home)

    server = RedisServer(home).start()
    link = Link(server.url)
    await link.start()
    desk = Desk(RedisLedger(link))
    checked = await verify(desk.ledger)
    assert (checked.accounts, checked.broken) == (1, [])
    assert await desk.account() == before
    assert await desk.settle("c1", 70, 120) == settled, "what was done before is known again"
    assert isinstance(await desk.settle("c2", 60), Settled), "what was done since is done again"
    await link.close()
    server.kill()


async def _with_a_log(home: Path) -> None:
    """Started without its log, which would be read in place of the dump; the log is switched on while it runs."""
    server = RedisServer(home, appendfsync=None).start()
    link = Link(server.url)
    await link.start()
    await link.command("CONFIG", "SET", "appendonly", "yes")
    await until(lambda: _says(link, "persistence", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"))
    await link.close()
    await asyncio.to_thread(server.kill)


async def _says(link: Link, section: str, *facts: str) -> bool:
    info = (await link.command("INFO", section)).decode()
    return all(fact in info for fact in facts)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
