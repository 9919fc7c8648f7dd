"""Leases of nodes: one body of tests over memory and Redis, and how a dead process of this host is known."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ari_app.adapters.redis import owner
from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError
from ari_app.ports.leases import HeldBy, Lease, Leases, Lost
from tests.support import until

LONG_MS = 60_000


async def test_one_owner_has_a_node_and_the_next_one_is_told_who(leases: Leases) -> None:
    mine = await leases.acquire("pbx1", "me", LONG_MS)
    assert isinstance(mine, Lease)

    theirs = await leases.acquire("pbx1", "you", LONG_MS)
    assert isinstance(theirs, HeldBy)
    assert (theirs.owner, theirs.number) == ("me", mine.number)
    assert 0 < theirs.ttl_ms <= LONG_MS
    assert isinstance(await leases.acquire("pbx2", "you", LONG_MS), Lease)


async def test_every_acquisition_has_a_higher_number(leases: Leases) -> None:
    numbers = []
    for n in range(5):
        lease = await leases.acquire("pbx1", f"owner{n}", LONG_MS)
        assert isinstance(lease, Lease)
        numbers.append(lease.number)
        await leases.release(lease)
    again = await leases.acquire("pbx1", "same", LONG_MS)
    more = await leases.acquire("pbx1", "same", LONG_MS)
    assert isinstance(again, Lease)
    assert isinstance(more, Lease)
    numbers += [again.number, more.number]

    assert numbers == sorted(set(numbers))


async def test_a_lease_runs_out_and_its_owner_has_lost_it(leases: Leases) -> None:
    mine = await leases.acquire("pbx1", "me", 50)
    assert isinstance(mine, Lease)

    theirs = await until(lambda: _acquired(leases, "you"))
    assert theirs.number > mine.number
    assert await leases.renew(mine, LONG_MS) == Lost()
    await leases.release(mine)  # does no harm
    assert isinstance(await leases.acquire("pbx1", "third", LONG_MS), HeldBy)


async def test_a_renewed_lease_keeps_its_number_and_lives_longer(leases: Leases) -> None:
    mine = await leases.acquire("pbx1", "me", 10_000)
    assert isinstance(mine, Lease)

    renewed = await leases.renew(mine, LONG_MS)
    assert isinstance(renewed, Lease)
    assert renewed.number == mine.number
    assert renewed.deadline_ms > mine.deadline_ms
    theirs = await leases.acquire("pbx1", "you", LONG_MS)
    assert isinstance(theirs, HeldBy)
    assert theirs.ttl_ms > 10_000


async def test_the_deadline_counts_from_before_the_request_was_sent(leases: Leases) -> None:
    before_ms = time.monotonic_ns() // 1_000_000
    lease = await leases.acquire("pbx1", "me", 5000)
    after_ms = time.monotonic_ns() // 1_000_000

    assert isinstance(lease, Lease)
    assert before_ms + 5000 <= lease.deadline_ms <= after_ms + 5000


async def test_who_was_overtaken_by_his_own_second_acquisition_has_lost_the_first(leases: Leases) -> None:
    first = await leases.acquire("pbx1", "me", LONG_MS)
    second = await leases.acquire("pbx1", "me", LONG_MS)
    assert isinstance(first, Lease)
    assert isinstance(second, Lease)

    assert await leases.renew(first, LONG_MS) == Lost()
    assert isinstance(await leases.renew(second, LONG_MS), Lease)


async def test_a_dead_owner_of_this_host_is_not_waited_for(leases: Leases) -> None:
    dead = await leases.acquire("pbx1", "dead one", LONG_MS)
    assert isinstance(dead, Lease)

    mine = await leases.acquire("pbx1", "me", LONG_MS)
    assert isinstance(mine, Lease)
    assert mine.number > dead.number
    assert await leases.renew(dead, LONG_MS) == Lost()


async def test_of_many_who_take_over_at_once_one_has_it(leases: Leases) -> None:
    await leases.acquire("pbx1", "dead one", LONG_MS)

    answers = await asyncio.gather(*(leases.acquire("pbx1", f"owner{n}", LONG_MS) for n in range(10)))

    assert [type(answer) for answer in answers].count(Lease) == 1


async def test_numbers_grow_even_if_redis_lost_the_last_one(link: Link) -> None:
    leases = RedisLeases(link)
    first = await leases.acquire("pbx1", "me", LONG_MS)
    assert isinstance(first, Lease)

    async def a_moment_later() -> bool:
        seconds, micros = map(int, await link.command("TIME"))
        return seconds * 1000 + micros // 1000 > first.number

    await until(a_moment_later)
    await link.command("FLUSHALL")
    second = await leases.acquire("pbx1", "you", LONG_MS)
    assert isinstance(second, Lease)
    assert second.number > first.number


async def test_an_owner_is_one_line(link: Link) -> None:
    with pytest.raises(CallerError, match="owner"):
        await RedisLeases(link).acquire("pbx1", "two\nlines", LONG_MS)


# ---- who is dead ----------------------------------------------------------------------------------------------------


def test_this_process_is_not_dead() -> None:
    assert not owner.is_dead(owner.this_process())


def test_a_process_of_this_host_that_was_killed_is_dead_even_before_it_is_buried() -> None:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        its_owner = owner.this_process().rsplit("/", 2)[0] + f"/{child.pid}/{owner._started(child.pid)}"
        assert not owner.is_dead(its_owner)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and a zombie still
        assert owner.is_dead(its_owner)
    assert owner.is_dead(its_owner)


def test_another_process_with_the_same_pid_is_not_the_one_that_died() -> None:
    where, pid, started = owner.this_process().rsplit("/", 2)

    assert owner.is_dead(f"{where}/{pid}/{int(started) - 1}")


def test_of_a_process_elsewhere_nobody_here_knows() -> None:
    _, pid, started = owner.this_process().rsplit("/", 2)

    assert not owner.is_dead(f"otherhost/boot/pid:[1]/{pid}/{int(started) - 1}")
    for odd in ("", "x", "a/b", "a/b/c", "/".join("abcdef")):
        assert not owner.is_dead(odd)


def test_a_process_that_proc_hides_lives_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As another user's does under hidepid, or ProtectProc in a systemd unit: taken for dead, two would own one PBX."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        its_owner = owner.this_process().rsplit("/", 2)[0] + f"/{child.pid}/{owner._started(child.pid)}"
        for shown in ("self", "sys", str(os.getpid())):
            (tmp_path / shown).symlink_to(f"/proc/{shown}")
        monkeypatch.setattr(owner, "_PROC", tmp_path)
        assert not owner.is_dead(its_owner)
        child.kill()
    assert owner.is_dead(its_owner)


async def _acquired(leases: Leases, who: str) -> Lease | None:
    lease = await leases.acquire("pbx1", who, LONG_MS)
    return lease if isinstance(lease, Lease) else None
