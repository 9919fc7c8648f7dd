"""Lists of calls, page by page: each once, in order, however many share one moment."""

from __future__ import annotations

import pytest

from ari_app.adapters.redis.calls import ALL, RedisCalls
from ari_app.adapters.redis.link import Link
from ari_app.ports.calls import Calls

AT_MS = 1_795_422_790_000


async def all_pages(calls: Calls, limit: int, **asked: int) -> list[str]:
    page = await calls.list(limit=limit, **asked)  # type: ignore[arg-type]  # times alone
    found = list(page.call_ids)
    while page.next_cursor is not None:
        page = await calls.list(limit=limit, cursor=page.next_cursor, **asked)  # type: ignore[arg-type]
        found += page.call_ids
    return found


async def placed(calls: Calls, n: int, at_ms: int) -> str:
    await calls.create(f"c{n:03d}", b"r", node="n", user_ids=["u"], created_at_ms=at_ms, events=[])
    return f"c{n:03d}"


async def test_calls_of_one_millisecond_come_once_each_on_any_page(calls: Calls) -> None:
    made = [await placed(calls, n, AT_MS) for n in range(20)] + [await placed(calls, 20, AT_MS + 1)]
    for limit in (1, 3, 7, 50):
        assert await all_pages(calls, limit) == sorted(made, reverse=True)


async def test_until_leaves_out_what_is_as_new_or_newer(calls: Calls) -> None:
    made = [await placed(calls, n, AT_MS + n) for n in range(10)]
    asked = {"since_ms": AT_MS + 2, "until_ms": AT_MS + 7}
    for limit in (1, 2, 50):
        assert await all_pages(calls, limit, **asked) == made[6:1:-1]


async def test_a_page_goes_on_behind_a_call_that_went_meanwhile(link: Link) -> None:
    calls = RedisCalls(link)
    made = [await placed(calls, n, AT_MS) for n in range(9)]
    page = await calls.list(limit=4)
    await link.command("ZREM", ALL, page.call_ids[-1])
    rest = await calls.list(limit=50, cursor=page.next_cursor)
    assert [*page.call_ids, *rest.call_ids] == sorted(made, reverse=True)


@pytest.mark.parametrize("newer", [1, 5])
async def test_a_page_behind_which_new_calls_came_loses_none(calls: Calls, newer: int) -> None:
    made = [await placed(calls, n, AT_MS) for n in range(6)]
    page = await calls.list(limit=3)
    for n in range(newer):
        await placed(calls, 100 + n, AT_MS + 1)
    rest = await calls.list(limit=3, cursor=page.next_cursor)
    assert [*page.call_ids, *rest.call_ids] == sorted(made, reverse=True)
