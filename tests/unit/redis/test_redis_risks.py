"""What in the set-up of a Redis is warned of: each risk by itself, in words that name the cure."""

from __future__ import annotations

import pytest

from ari_app.adapters.redis.safety import risks

SAFE = {
    "aof_enabled": "1", "aof_last_write_status": "ok", "maxmemory": "0", "maxmemory_policy": "noeviction",
    "role": "master", "connected_slaves": "1", "slave0": "ip=10.0.0.2,port=6379,state=online,offset=42,lag=1",
}  # fmt: skip
CONFIG = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


def test_a_safe_redis_is_not_warned_of() -> None:
    assert risks(SAFE, CONFIG, replicas=1) == []
    assert risks(SAFE, {}) == [], "a managed server forbids CONFIG"
    assert risks({}, {}) == [], "and one that says nothing is not accused"


@pytest.mark.parametrize(
    ("info", "config", "said"),
    [
        ({"aof_enabled": "0"}, {"appendfsync": "no"}, ["set appendonly yes"]),
        ({}, {"appendfsync": "no"}, ["set appendfsync everysec or always"]),
        ({"aof_last_write_status": "err"}, {}, ["see that its disk has room"]),
        ({"maxmemory_policy": "allkeys-lru"}, {}, ["as soon as a memory limit is set (maxmemory-policy allkeys-lru)"]),
        ({"maxmemory_policy": "volatile-ttl", "maxmemory": "100"}, {}, ["when its memory is full"]),
        ({"role": "slave"}, {}, ["is a replica and takes no minutes: name its master"]),
        ({"slave0": "ip=a,port=1,state=online,lag=11"}, {}, ["replica a:1 is 11 s behind"]),
        ({"slave0": "ip=a,port=1,state=wait_bgsave,lag=0"}, {}, ["not in step yet (wait_bgsave)"]),
        ({"aof_enabled": "0", "maxmemory_policy": "allkeys-lru"}, {}, ["appendonly", "maxmemory-policy"]),
    ],
)
def test_each_risk_is_told_with_its_cure(info: dict[str, str], config: dict[str, str], said: list[str]) -> None:
    told = risks({**SAFE, **info}, {**CONFIG, **config})

    assert len(told) == len(said)
    assert all(words in line for words, line in zip(said, told, strict=True)), told


@pytest.mark.parametrize("behind", ["", "ip=a,port=1,state=online,lag=10"])
def test_too_few_replicas_are_told(behind: str) -> None:
    info = {**SAFE, "slave0": behind} if behind else {name: said for name, said in SAFE.items() if name != "slave0"}
    has = 1 if behind else 0

    assert risks(info, CONFIG, replicas=has) == []
    (told,) = risks(info, CONFIG, replicas=has + 1)
    assert f"has {has} replicas in step, and redis_replicas is {has + 1}" in told
