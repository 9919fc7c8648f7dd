"""A Redis that could lose minutes is warned of at the start, also where its settings may not be read."""

from __future__ import annotations

from pathlib import Path

from redis import Redis
from structlog.testing import capture_logs

from ari_app.adapters.redis.link import Link
from tests.contract.redis_server import RedisServer


async def warnings(url: str, replicas: int = 0) -> list[str]:
    with capture_logs() as logs:
        link = Link(url, replicas=replicas)
        await link.start()
        await link.close()
    return [log["event"] for log in logs if log["log_level"] == "warning"]


async def test_what_could_lose_minutes_is_warned_of(tmp_path: Path) -> None:
    server = RedisServer(tmp_path).start()
    try:
        assert await warnings(server.url) == []
        (too_few,) = await warnings(server.url, replicas=1)
        assert "has 0 replicas in step, and redis_replicas is 1" in too_few

        with Redis(port=server.port) as operator:
            operator.config_set("maxmemory-policy", "allkeys-lru")
            operator.config_set("appendfsync", "no")
            written, thrown_out = await warnings(server.url)
            assert "set appendfsync everysec or always" in written
            assert "as soon as a memory limit is set (maxmemory-policy allkeys-lru)" in thrown_out

            operator.execute_command("ACL", "SETUSER", "default", "-config")
            (thrown_out,) = await warnings(server.url)
            assert "maxmemory-policy" in thrown_out, "INFO tells it, too"

            operator.execute_command("ACL", "SETUSER", "default", "+config")
            operator.config_set("maxmemory-policy", "noeviction")
            operator.config_set("appendonly", "no")
            operator.execute_command("REPLICAOF", "127.0.0.1", "1")
            assert [line for line in await warnings(server.url) if "append-only" in line or "is a replica" in line] == [
                "redis keeps no append-only file, so a restart loses minutes: set appendonly yes",
                "redis is a replica and takes no minutes: name its master in redis_url, or its sentinels "
                "(redis+sentinel://...)",
            ]
    finally:
        server.kill()
