"""A master, its replica and the sentinels that watch them, of a test's own, on free ports of the loopback."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import redis

from tests.contract.redis_server import RedisServer, redis_command
from tests.ports import claim
from tests.support import until_sync

SERVICE = "mymaster"


class WatchedRedis:
    def __init__(self, home: Path, *, sentinels: int = 1, down_after_ms: int = 300) -> None:
        master, replica, *self.sentinel_ports = claim(2 + sentinels)
        soon, follows = ["--repl-diskless-sync-delay", "0"], ["--replicaof", "127.0.0.1", str(master)]
        self.master = RedisServer(_made(home / "master"), appendfsync="always", port=master, more=soon)
        self.replica = RedisServer(_made(home / "replica"), appendfsync="always", port=replica, more=[*soon, *follows])
        self._home = home
        self._down_after_ms = down_after_ms
        self._sentinels: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in self.sentinel_ports)}/{SERVICE}/0"

    def start(self) -> WatchedRedis:
        self.master.start()
        self.replica.start()
        until_sync(self._is_in_step, within_s=10, what="the replica is in step")
        for port in self.sentinel_ports:
            self._watch(port)
        until_sync(self._is_watched, within_s=10, what="the sentinels know the replica, and one another")
        return self

    def stop(self) -> None:
        for sentinel in self._sentinels:
            sentinel.kill()
            sentinel.wait()
        for server in (self.master, self.replica):
            server.kill()

    def _watch(self, port: int) -> None:
        quorum = len(self.sentinel_ports) // 2 + 1
        conf = self._home / f"sentinel{port}.conf"
        conf.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {self._home}\nlogfile {conf}.log\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {self.master.port} {quorum}\n"
            f"sentinel down-after-milliseconds {SERVICE} {self._down_after_ms}\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        self._sentinels.append(subprocess.Popen([*redis_command(), str(conf), "--sentinel"]))

    def _is_in_step(self) -> bool:
        return bool(asked(self.master.port, "ROLE")[2])

    def _is_watched(self) -> bool:
        others = len(self.sentinel_ports) - 1
        try:
            known = [asked(port, "INFO", "sentinel")["master0"] for port in self.sentinel_ports]
        except redis.ConnectionError:
            return False
        return all((one["slaves"], one["sentinels"]) == (1, others + 1) for one in known)


def asked(port: int, *command: str) -> Any:
    with redis.Redis(port=port, socket_timeout=5, decode_responses=True) as client:
        return client.execute_command(*command)


def _made(home: Path) -> Path:
    home.mkdir()
    return home
