"""What is durable is still there after Redis was killed; what may be lost is told, and asked again by its operation."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ari_app.adapters.redis import disk
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.adapters.redis.teams import RedisShares
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_types import OPS_KEPT_MS
from ari_app.ports.ledger import Granted, Settled
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer
from tests.support import surely, until


async def test_a_settlement_that_is_durable_outlives_redis(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    link = Link(server.url)
    await link.start()
    desk = Desk(RedisLedger(link))
    await desk.hold("c1", 120)
    settled = await desk.settle("c1", 70, 120)
    await desk.ledger.durable()

    server.kill()
    await until(lambda: not link.is_up)
    server.start()
    await until(lambda: link.is_up)

    account = await desk.account()
    assert account.totals.spent_s == 120
    assert await desk.settle("c1", 70, 120) == settled
    await desk.ledger.durable()
    await link.close()
    server.kill()


async def test_many_wait_for_the_disk_together(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    link = Link(server.url)
    await link.start()
    desk = Desk(RedisLedger(link))

    async def grant(n: int) -> None:
        await desk.grant(1, f"g{n}")
        await desk.ledger.durable()

    before = await _waits(link)
    await asyncio.gather(*(grant(n) for n in range(100)))

    assert await _waits(link) - before <= 3
    await link.close()
    server.kill()


async def test_a_write_that_redis_may_have_lost_is_told_and_counts_once_when_asked_again(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    link = Link(server.url, timeout_ms=500)
    await link.start()
    desk = Desk(RedisLedger(link), allowance_s=0)
    assert await desk.grant(60) == Granted(60, 60)
    waiting = asyncio.create_task(desk.ledger.durable())
    server.kill()
    server.lose_what_is_not_on_disk()

    with pytest.raises(Unavailable):
        await waiting
    server.start()
    await until(lambda: link.is_up)
    assert (await desk.account()).available_s == 0, "Redis has lost it: else this test shows nothing"

    with pytest.raises(Unavailable, match="may be lost"):
        await until_barrier(desk)
    assert await desk.grant(60) == Granted(60, 60)
    await desk.ledger.durable()
    assert (await desk.account()).available_s == 60
    await link.close()
    server.kill()


async def until_barrier(desk: Desk) -> None:
    """The wait for the disk, once its own connection stands again."""

    async def says_more_than_away() -> bool:
        try:
            await desk.ledger.durable()
        except Unavailable as error:
            if "away" in str(error) or "not on disk" in str(error):
                return False
            raise
        return True

    await until(says_more_than_away, within_s=10)


async def test_a_disk_that_takes_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "DISK_TIMEOUT_MS", 50)
    server = RedisServer(tmp_path, appendfsync="no").start()  # left to the system, which takes half a minute
    link = Link(server.url)
    await link.start()
    desk = Desk(RedisLedger(link))
    await desk.grant(60)

    with pytest.raises(Unavailable, match="not on disk within 50 ms"):
        await desk.ledger.durable()
    await link.command("CONFIG", "SET", "appendfsync", "always")
    await desk.grant(60, "another")
    await surely(desk.ledger.durable)
    await link.close()
    server.kill()


async def test_redis_keeps_operations_for_35_days_and_shares_of_a_number_for_their_month(link: Link) -> None:
    desk = Desk(RedisLedger(link))
    await desk.grant(60)
    (ops,) = await link.command("KEYS", "{p:alice}:o*")
    left_s = await link.command("TTL", ops)
    assert 2 * OPS_KEPT_MS // 1000 <= left_s <= 2 * OPS_KEPT_MS // 1000 + 86_400, "this epoch and the whole next one"

    until_ms = int(time.time() * 1000) + 40 * 86_400_000
    shares = RedisShares(link)
    await shares.claim("+861", month="2026-11", user_id="a", allowance_s=60, until_ms=until_ms)
    assert await link.command("PEXPIRETIME", "{n:+861}:2026-11") == until_ms


async def test_an_account_that_lies_idle_takes_little_memory(link: Link) -> None:
    desk = Desk(RedisLedger(link), "u123456")
    await desk.touch()

    keys = await link.command("KEYS", "*u123456*")
    used_bytes = [await link.command("MEMORY", "USAGE", key) for key in keys]
    assert len(keys) == 2  # the account and its statement of one line
    assert sum(used_bytes) <= 600


async def test_a_redis_that_keeps_nothing_is_warned_of_and_not_waited_for(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, appendfsync=None).start()
    with capture_logs() as logs:
        link = Link(server.url)
        await link.start()
    desk = Desk(RedisLedger(link))
    assert isinstance(await desk.settle("c1", 0), Settled)

    await asyncio.wait_for(desk.ledger.durable(), timeout=3)

    assert [log["log_level"] for log in logs if "cannot tell what is on its disk" in log["event"]] == ["warning"]
    await link.close()
    server.kill()


async def _waits(link: Link) -> int:
    """How often this server was asked to wait for its disk."""
    stats = (await link.command("INFO", "commandstats")).decode()
    found = [line for line in stats.splitlines() if line.startswith("cmdstat_waitaof:")]
    return int(found[0].split("calls=")[1].split(",")[0]) if found else 0
