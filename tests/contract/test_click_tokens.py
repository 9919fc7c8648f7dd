"""Click tokens over memory, Redis and a cluster: what was put first stays, and all of it goes in its time."""

from __future__ import annotations

import pytest

from ari_app.adapters.memory_click import MemoryClickTokens
from ari_app.adapters.redis.click import RedisClickTokens
from ari_app.domain.errors import CallerError
from ari_app.ports.click import ClickToken, ClickTokens, Made
from tests.support import until

TOKEN = ClickToken(
    "ab12", "key1", "cd34", "acme", "+8613900000004", "demo", 5_000, 60, {"order": "7"}, ("https://shop.example.com",)
)
KEEP_MS = 60_000


@pytest.fixture(params=["memory", "redis", "cluster"])
def store(request: pytest.FixtureRequest) -> ClickTokens:
    if request.param == "memory":
        return MemoryClickTokens()
    return RedisClickTokens(request.getfixturevalue("cluster_link" if request.param == "cluster" else "link"))


async def test_a_token_is_found_as_it_was_put_first(store: ClickTokens) -> None:
    await store.put(TOKEN, KEEP_MS)
    await store.put(ClickToken("ab12", "key2", "", "", "+8613900000005", "", 9_000), KEEP_MS)
    assert await store.find("ab12") == TOKEN
    assert await store.find("ab13") is None


async def test_who_asks_again_has_what_was_remembered_first(store: ClickTokens) -> None:
    first, other = Made("f1", "sealed1", 5_000), Made("f2", "sealed2", 6_000)
    assert [await store.remember("o1", one, KEEP_MS) for one in (first, other)] == [first, first]
    assert await store.remember("o2", other, KEEP_MS) == other


async def test_all_of_it_goes_in_its_time(store: ClickTokens) -> None:
    await store.put(TOKEN, 100)

    async def is_gone() -> bool:
        return await store.find("ab12") is None

    await until(is_gone, 3)


async def test_what_could_be_misread_is_no_token(store: ClickTokens) -> None:
    with pytest.raises(CallerError):
        await store.find("a}b")
