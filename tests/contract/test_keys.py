"""API keys, over memory and Redis: what was put in is found, listed with its last use, and gone once it is revoked."""

from __future__ import annotations

import pytest
from starlette.requests import Request

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
    assert await keys.delete(later.id)
    assert not await keys.delete(later.id)
    assert await keys.find(digest_of("rb_2")) is None


async def test_its_last_use_is_noted_and_ends_with_it(keys: Keys) -> None:
    digest, key = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, key)
    assert await keys.uses_ms() == {}
    await keys.note_use(key.id, 5)
    await keys.note_use(key.id, 7)
    assert await keys.uses_ms() == {key.id: 7}
    await keys.delete(key.id)
    assert await keys.uses_ms() == {}


async def test_neither_the_secret_nor_a_trace_of_it_lies_in_redis_and_an_older_record_is_read(link: Link) -> None:
    keys = RedisKeys(link)
    await keys.add(*described("rb_very_secret", "shop", ("read",), 1))
    assert all(b"very_secret" not in part for part in await link.command("HGETALL", KEYS))
    old = b'{"id":"abc","name":"old","scopes":["admin"],"created_at_ms":1}'
    await link.command("HSET", KEYS, digest_of("rb_old"), old)
    assert await keys.find(digest_of("rb_old")) == ApiKey("abc", "old", ("admin",), 1)


async def test_a_key_that_one_process_revokes_ends_there_at_once_and_in_the_others_within_the_cache_s_time(
    link: Link,
) -> None:
    keys = RedisKeys(link)
    digest, key = described("rb_1", "shop", ("read",), 1)
    await keys.add(digest, key)
    here, there = (Gate(keys, 400, lambda: 1, Limits(wrong_keys_max=0)) for _ in range(2))
    asked = Request({"type": "http", "headers": [(b"authorization", b"Bearer rb_1")], "client": ("127.0.0.1", 1)})

    async def is_refused(gate: Gate) -> bool:
        try:
            await gate.who(asked)
        except Problem as e:
            return e.type == "unauthorized"
        return False

    assert [await is_refused(gate) for gate in (here, there)] == [False, False]
    await keys.delete(key.id)
    here.forget(key.id)
    assert await is_refused(here)
    await until(lambda: is_refused(there), within_s=2, what="it has ended there, too")
