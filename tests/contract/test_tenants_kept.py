"""Tenants over memory, Redis and a cluster: put, closed, opened again, never lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ari_app.adapters.memory_tenants import MemoryTenants
from ari_app.adapters.redis.tenants import RedisTenants
from ari_app.ports.tenants import Tenant, Tenants

ACME = Tenant("acme", "Acme “吉” GmbH", 1_795_422_792_123, 50, 100)


@pytest.fixture(params=["memory", "redis", "cluster"])
def tenants(request: pytest.FixtureRequest) -> Tenants:
    if request.param == "memory":
        return MemoryTenants()
    return RedisTenants(request.getfixturevalue("cluster_link" if request.param == "cluster" else "link"))


async def test_one_is_put_found_listed_by_id_and_changed_but_for_when_it_was_made(tenants: Tenants) -> None:
    assert await tenants.get("acme") is None
    assert await tenants.put(ACME) == ACME
    other = Tenant("a-first", "First", 9)
    await tenants.put(other)
    changed = replace(ACME, name="Acme AG", requests_per_s=None, requests_burst=None, created_at_ms=7)
    assert await tenants.put(changed) == replace(changed, created_at_ms=ACME.created_at_ms)
    assert await tenants.all() == [other, await tenants.get("acme")]


async def test_one_that_is_closed_stays_as_it_was_closed_and_is_opened_by_being_put(tenants: Tenants) -> None:
    assert await tenants.close("acme", 5) is None
    await tenants.put(ACME)
    closed = replace(ACME, closed_at_ms=5)
    assert [await tenants.close("acme", at_ms) for at_ms in (5, 6)] == [closed, closed]
    assert closed.is_closed
    assert await tenants.get("acme") == closed
    assert await tenants.put(ACME) == ACME


async def test_there_is_an_end_to_tenants_but_those_that_are_there_are_changed(tenants: Tenants) -> None:
    await tenants.put(ACME, 1)
    assert await tenants.put(Tenant("globex", "Globex", 1), 1) is None
    assert await tenants.get("globex") is None
    assert await tenants.put(replace(ACME, name="A"), 1) == replace(ACME, name="A")


async def test_of_many_changes_at_once_none_is_half_done(tenants: Tenants) -> None:
    await tenants.put(ACME)
    names = [f"n{n}" for n in range(4)]
    await asyncio.gather(tenants.close("acme", 5), *(tenants.put(replace(ACME, name=name)) for name in names))
    found = await tenants.get("acme")
    assert found is not None
    assert found.name in [*names, ACME.name]
    assert found == replace(ACME, name=found.name, closed_at_ms=found.closed_at_ms)
