"""API keys, over memory and Redis: what was put in is found, listed with its last use, and gone once it is revoked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.requests import Request

from ari_app.adapters.memory_tenants import MemoryTenants
from ari_app.adapters.memory_users import MemoryKeys
from ari_app.adapters.redis.keys import KEYS, RedisKeys
from ari_app.adapters.redis.link import Link
from ari_app.entrypoints.http.auth import Gate
from ari_app.entrypoints.http.limits import Limits
from ari_app.entrypoints.http.problems import Problem
from ari_app.ports.keys import ApiKey, Keys, described, digest_of
from tests.support import until


@pytest.fixture(params=["memory", "redis"])
def keys(request: pytest.FixtureRequest) -> Keys:
    return MemoryKeys() if request.param == "memory" else RedisKeys(request.getfixturevalue("link"))


async def test_a_key_is_found_listed_oldest_first_and_gone_once_it_is_revoked(keys: Keys) -> None:
    _, later = made = described("rb_2", "later", ("read",), 2, 9_000)
    await keys.add(*made)
    await keys.add(*described("rb_1", "sooner", ("call", "read"), 1))
    assert [key.name for key in await keys.all()] == ["sooner", "later"]
    assert await keys.find(digest_of("rb_2")) == later
    assert (later.is_over(8_999), later.is_over(9_000)) == (False, True)
    assert await keys.delete(later)
    assert not await keys.delete(later)
    assert await keys.find(digest_of("rb_2")) is None


async def test_its_last_use_is_noted_and_ends_with_it(keys: Keys) -> None:
    digest, key = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, key)
    assert await keys.uses_ms([key.id, "nobody"]) == {}
    await keys.note_use(key.id, 5)
    await keys.note_use(key.id, 7)
    assert await keys.uses_ms([key.id, "nobody"]) == {key.id: 7}
    await keys.delete(key)
    assert await keys.uses_ms([key.id, "nobody"]) == {}


async def test_a_tenants_keys_are_listed_and_counted_by_themselves(keys: Keys) -> None:
    for n in range(3):
        assert await keys.add(*described(f"rb_{n}", "shop", ("read",), n, tenant="acme"), 3)
    one_more = described("rb_3", "shop", ("read",), 3, tenant="acme")
    assert not await keys.add(*one_more, 3)
    assert await keys.find(one_more[0]) is None
    assert await keys.add(*described("rb_0", "again", ("read",), 0, tenant="acme"), 3), "it is one of the three"
    for tenant in ("globex", ""):
        assert await keys.add(*described(f"rb_{tenant}", "theirs", ("read",), 9, tenant=tenant), 1)
        assert not await keys.add(*described(f"rb_{tenant}_more", "theirs", ("read",), 9, tenant=tenant), 1)
    assert [key.name for key in await keys.of("acme")] == ["again", "shop", "shop"]
    assert [[key.name for key in await keys.of(tenant)] for tenant in ("globex", "", "nobody")] == [["theirs"]] * 2 + [
        []
    ]
    assert len(await keys.all()) == 5
    assert await keys.delete((await keys.of("acme"))[0])
    assert await keys.add(*one_more, 3)


def after(old: ApiKey, secret: str) -> tuple[ApiKey, str, ApiKey]:
    """What a rotation of it is asked with."""
    digest, new = described(secret, old.name, old.scopes, 5, None, old.tenant, old.owner)
    return replace(old, replaced_by=new.id, retires_at_ms=900), digest, new


@pytest.mark.parametrize("tenant", ["", "acme"])
async def test_a_key_that_is_rotated_goes_on_for_a_while_beside_the_new_one(keys: Keys, tenant: str) -> None:
    digest, old = described("rb_1", "shop", ("read",), 1, 9_000, tenant)
    await keys.add(digest, old)
    retired, new_digest, new = after(old, "rb_2")
    assert await keys.rotate(old, retired, new_digest, new, is_over=False) == "done"
    assert [await keys.find(one) for one in (digest, new_digest)] == [retired, new]
    assert [key.id for key in await keys.of(tenant)] == [old.id, new.id]
    assert (retired.is_over(899), retired.is_over(900), retired.ends_at_ms) == (False, True, 900)
    assert new.owner == old.owner == old.id


async def test_a_rotation_that_is_asked_again_replaces_the_new_key_until_that_was_used(keys: Keys) -> None:
    digest, old = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, old)
    retired, lost_digest, lost = after(old, "rb_lost")
    await keys.rotate(old, retired, lost_digest, lost, is_over=False)
    late = await keys.rotate(old, *after(old, "rb_late"), is_over=False)
    assert late == "changed", "it was read before the first one"

    again = after(retired, "rb_2")
    assert await keys.rotate(retired, *again, is_over=True) == "done"
    assert await keys.find(lost_digest) is None
    assert {key.id for key in await keys.of("")} == {old.id, again[2].id}

    await keys.note_use(again[2].id, 7)
    assert await keys.rotate(again[0], *after(again[0], "rb_3"), is_over=False) == "used"
    assert {key.id for key in await keys.of("")} == {old.id, again[2].id}
    await keys.delete(old)
    assert await keys.rotate(again[0], *after(again[0], "rb_3"), is_over=False) == "changed"


async def test_a_key_that_has_ended_is_not_rotated_for_one_that_was_used_and_revoked(keys: Keys) -> None:
    digest, old = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, old)
    retired, new_digest, new = after(old, "rb_2")
    await keys.rotate(old, retired, new_digest, new, is_over=False)
    await keys.note_use(new.id, 7)
    await keys.delete(new)
    assert await keys.rotate(retired, *after(retired, "rb_3"), is_over=True) == "ended"
    assert [key.id for key in await keys.all()] == [old.id]
    assert await keys.rotate(retired, *after(retired, "rb_3"), is_over=False) == "done", "it goes on for a while"


async def test_a_rotation_does_not_drop_a_key_that_was_rotated_itself(keys: Keys) -> None:
    digest, old = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, old)
    first = after(old, "rb_2")
    await keys.rotate(old, *first, is_over=False)
    assert await keys.rotate(first[2], *after(first[2], "rb_3"), is_over=False) == "done"
    assert await keys.rotate(first[0], *after(first[0], "rb_4"), is_over=False) == "used"


async def test_neither_the_secret_nor_a_trace_of_it_lies_in_redis_and_an_older_record_is_read(link: Link) -> None:
    keys = RedisKeys(link)
    await keys.add(*described("rb_very_secret", "shop", ("read",), 1))
    assert all(b"very_secret" not in part for part in await link.command("HGETALL", KEYS))
    old = b'{"id":"abc","name":"old","scopes":["admin"],"created_at_ms":1}'
    await link.command("HSET", KEYS, digest_of("rb_old"), old)
    found = await keys.find(digest_of("rb_old"))
    assert found == ApiKey("abc", "old", ("admin",), 1)
    assert found.is_operators_word
    assert {key.name for key in await keys.of("")} == {"old", "shop"}


async def test_a_key_of_before_there_were_tenants_is_rotated_and_revoked(link: Link) -> None:
    keys = RedisKeys(link)
    digest = digest_of("rb_old")
    old = ApiKey(digest[:12], "old", ("admin",), 1)
    await link.command("HSET", KEYS, digest, f'{{"id":"{old.id}","name":"old","scopes":["admin"],"created_at_ms":1}}')
    retired, new_digest, new = after(old, "rb_new")
    assert await keys.rotate(old, retired, new_digest, new, is_over=False) == "done"
    assert await keys.delete(retired)
    assert await keys.all() == [new]


async def test_a_key_that_one_process_revokes_ends_there_at_once_and_in_the_others_within_the_cache_s_time(
    link: Link,
) -> None:
    keys = RedisKeys(link)
    digest, key = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, key)
    here, there = (Gate(keys, MemoryTenants(), 400, lambda: 1, Limits(wrong_keys_max=0)) for _ in range(2))
    asked = Request({"type": "http", "headers": [(b"authorization", b"Bearer rb_1")], "client": ("127.0.0.1", 1)})

    async def is_refused(gate: Gate) -> bool:
        try:
            await gate.who(asked)
        except Problem as e:
            return e.type == "unauthorized"
        return False

    assert [await is_refused(gate) for gate in (here, there)] == [False, False]
    await keys.delete(key)
    here.forget(key.id)
    assert await is_refused(here)
    await until(lambda: is_refused(there), within_s=2, what="it has ended there, too")
