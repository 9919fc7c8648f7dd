"""What in the set-up of a Redis could lose minutes: in plain words, with the cure. Sets nothing."""

from __future__ import annotations

from collections.abc import Mapping

import hiredis

from ari_app.adapters.redis.lane import Lane
from ari_app.adapters.redis.wire import all_of

LAG_MAX_S = 10
ASKED = ("appendonly", "appendfsync", "maxmemory-policy")


async def risks_of(lane: Lane, replicas: int) -> list[str]:
    """Of the server behind this connection. Managed servers forbid CONFIG; then INFO alone is looked at."""
    info, config = await all_of([lane.send("INFO"), lane.send("CONFIG", "GET", *ASKED)])
    pairs = [] if isinstance(config, hiredis.ReplyError) else [word.decode() for word in config]
    return risks(
        _fields(info) if isinstance(info, bytes) else {}, dict(zip(pairs[::2], pairs[1::2], strict=True)), replicas
    )


def risks(info: Mapping[str, str], config: Mapping[str, str], replicas: int = 0) -> list[str]:
    """`info` as INFO says it, field by field; `config` may be empty. `replicas`: how many are to have each write."""
    return [*_disk(info, config), *_memory(info, config), *_role(info), *_replicas(info, replicas)]


def _disk(info: Mapping[str, str], config: Mapping[str, str]) -> list[str]:
    if info.get("aof_enabled") == "0":
        return ["redis keeps no append-only file, so a restart loses minutes: set appendonly yes"]
    found = []
    if config.get("appendfsync") == "no":
        found.append("redis leaves it to the system when its file is written to disk, so a power cut loses up to half "
                     "a minute: set appendfsync everysec or always")  # fmt: skip
    if info.get("aof_last_write_status", "ok") != "ok":
        found.append("redis could not write its append-only file: see that its disk has room and can be written to")
    return found


def _memory(info: Mapping[str, str], config: Mapping[str, str]) -> list[str]:
    policy = info.get("maxmemory_policy", config.get("maxmemory-policy", "noeviction"))
    if policy == "noeviction":
        return []
    when = "as soon as a memory limit is set" if info.get("maxmemory") == "0" else "when its memory is full"
    return [f"redis throws accounts out {when} (maxmemory-policy {policy}): set maxmemory-policy noeviction"]


def _role(info: Mapping[str, str]) -> list[str]:
    if info.get("role") != "slave":
        return []
    return ["redis is a replica and takes no minutes: name its master in redis_url, or its sentinels "
            "(redis+sentinel://...)"]  # fmt: skip


def _replicas(info: Mapping[str, str], wanted: int) -> list[str]:
    if info.get("role") != "master":
        return []
    each = [_replica(info[name]) for name in sorted(info) if name.startswith("slave") and name[5:].isdecimal()]
    found = [
        f"redis replica {one['at']} is {one['why']}, so it would lose minutes if it took over: see its log and network"
        for one in each
        if one["why"]
    ]
    good = len(each) - len(found)
    if good < wanted:
        found.append(f"redis has {good} replicas in step, and redis_replicas is {wanted}: no grant or settlement "
                     "counts as safe until there are as many; add replicas, or lower redis_replicas")  # fmt: skip
    return found


def _replica(text: str) -> dict[str, str]:
    """`ip=…,port=…,state=online,offset=…,lag=0`"""
    said = dict(part.partition("=")[::2] for part in text.split(","))
    lag = said.get("lag", "0")
    if said.get("state") != "online":
        why = f"not in step yet ({said.get('state')})"
    elif lag.isdecimal() and int(lag) > LAG_MAX_S:
        why = f"{lag} s behind"
    else:
        why = ""
    return {"at": f"{said.get('ip')}:{said.get('port')}", "why": why}


def _fields(info: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in info.decode().splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}
