"""A Redis Cluster of its own for a test: three masters on free ports of the loopback, each with a replica if wanted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis

from ari_app.adapters.redis.slots import SLOTS, slot_of
from tests.contract.redis_server import RedisServer
from tests.ports import claim
from tests.support import until_sync

MASTERS = 3


class RedisCluster:
    def __init__(self, home: Path, *, has_replicas: bool = False, node_timeout_ms: int = 1500) -> None:
        count = MASTERS * (2 if has_replicas else 1)
        ports = claim(2 * count)
        self._has_replicas = has_replicas
        self._bus_ports = ports[count:]
        self.nodes = [
            RedisServer(_made(home / f"node{n}"), appendfsync="always", port=ports[n],
                        more=_cluster(ports[count + n], node_timeout_ms))
            for n in range(count)
        ]  # fmt: skip

    @property
    def url(self) -> str:
        return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> RedisCluster:
        for node in self.nodes:
            node.launch()
        for n, node in enumerate(self.nodes):
            node.wait()
            with asking(node) as ask:
                ask("CLUSTER", "SET-CONFIG-EPOCH", n + 1)
                if n < MASTERS:
                    ask("CLUSTER", "ADDSLOTSRANGE", SLOTS * n // MASTERS, SLOTS * (n + 1) // MASTERS - 1)
                if n:
                    ask("CLUSTER", "MEET", "127.0.0.1", self.nodes[0].port, self._bus_ports[0])
        until_sync(self._all_know_all, within_s=20, what="the nodes know one another", every_s=0.05)
        for n, replica in enumerate(self.nodes[MASTERS:]):
            with asking(replica) as ask:
                ask("CLUSTER", "REPLICATE", self.id_of(n))
        self.wait_whole()
        return self

    def stop(self) -> None:
        for node in self.nodes:
            node.kill()

    def wait_whole(self) -> None:
        until_sync(self.is_whole, within_s=20, what="the cluster is whole", every_s=0.05)

    def is_whole(self) -> bool:
        """Every node says so, and every replica is in step."""
        for node in self.nodes:
            with asking(node) as ask:
                said, role = ask("CLUSTER", "INFO"), ask("ROLE")
                if b"cluster_state:ok" not in said or (role[0] == b"slave" and role[3] != b"connected"):
                    return False
                if self._has_replicas and role[0] == b"master" and not role[2]:
                    return False
        return True

    def id_of(self, n: int) -> str:
        with asking(self.nodes[n]) as ask:
            return str(ask("CLUSTER", "MYID").decode())

    def master_of(self, key: str) -> int:
        """Which node it is."""
        return next(node for first, last, node in self.served() if first <= slot_of(key) <= last)

    def masters(self) -> list[int]:
        return sorted({node for _, _, node in self.served()})

    def served(self) -> list[tuple[int, int, int]]:
        """First slot, last slot, node."""
        ports = [node.port for node in self.nodes]
        with asking(next(node for node in self.nodes if node._answers())) as ask:
            return [(first, last, ports.index(master[1])) for first, last, master, *_ in ask("CLUSTER", "SLOTS")]

    def replica_of(self, n: int) -> int:
        with asking(self.nodes[n]) as ask:
            return [node.port for node in self.nodes].index(int(ask("ROLE")[2][0][1]))

    def move(self, key: str, to: int, between: Callable[[], None] = lambda: None) -> None:
        """Its slot, with all that is in it, as redis-cli does it; `between`: when half of its keys are gone."""
        slot, source = slot_of(key), self.master_of(key)
        with asking(self.nodes[source]) as old, asking(self.nodes[to]) as new:
            new("CLUSTER", "SETSLOT", slot, "IMPORTING", self.id_of(source))
            old("CLUSTER", "SETSLOT", slot, "MIGRATING", self.id_of(to))
            keys = old("CLUSTER", "GETKEYSINSLOT", slot, 1000)
            for one in keys[: len(keys) // 2]:
                old("MIGRATE", "127.0.0.1", self.nodes[to].port, one, 0, 5000)
            between()
            for one in keys[len(keys) // 2 :]:
                old("MIGRATE", "127.0.0.1", self.nodes[to].port, one, 0, 5000)
            new("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))
            old("CLUSTER", "SETSLOT", slot, "NODE", self.id_of(to))

    def _all_know_all(self) -> bool:
        for node in self.nodes:
            with asking(node) as ask:
                if b"cluster_known_nodes:%d\r" % len(self.nodes) not in ask("CLUSTER", "INFO"):
                    return False
        return True


def payers_of(cluster: RedisCluster, node: int, count: int) -> list[str]:
    """Whose accounts that node serves."""
    its = [range(first, last + 1) for first, last, master in cluster.served() if master == node]
    names = (f"payer{n}" for n in itertools.count() if its)
    found = (name for name in names if any(slot_of(f"{{p:{name}}}:a") in slots for slots in its))
    return list(itertools.islice(found, count))


@contextmanager
def asking(node: RedisServer) -> Iterator[Callable[..., Any]]:
    with redis.Redis(port=node.port, socket_timeout=5) as client:
        yield client.execute_command


def _cluster(bus_port: int, node_timeout_ms: int) -> list[str]:
    return [
        "--cluster-enabled", "yes", "--cluster-port", str(bus_port), "--cluster-node-timeout", str(node_timeout_ms),
        "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
    ]  # fmt: skip


def _made(home: Path) -> Path:
    home.mkdir()
    return home
