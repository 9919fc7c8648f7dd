"""Random histories of an account, on the pure functions and on a real Redis: the same answers, the same account, and
every law after every step. More of them with SOAK=1 in the environment."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import CallerError
from ari_app.domain.ledger_archive import old_part
from ari_app.domain.ledger_laws import check_laws
from ari_app.domain.plans import month_of
from ari_app.domain.units import Increment
from ari_app.ports.ledger import Kind, Ledger, MonthGrant
from tests.contract.desk import HOUR_MS, NOVEMBER, ZONE
from tests.contract.redis_server import RedisServer

EXAMPLES = 5_000 if os.environ.get("SOAK") else 150

Step = tuple[str, dict[str, Any]]  # a method of the ledger, its arguments but payer, now_ms and month
NEEDS_MONTH = ("hold", "correct", "touch")

call = st.sampled_from(["c1", "c2", "c3"])
seconds = st.sampled_from([1, 5, 59, 60, 61, 100, 180, 600, 5000])
increment = st.sampled_from([Increment(60, 60), Increment(6, 6), Increment(60, 1), Increment(1, 1), Increment(30, 7)])
expiry = st.sampled_from([None, *(NOVEMBER.starts_at_ms + day * 24 * HOUR_MS for day in (1, 5, 12, 30, 31, 90))])


def asks(method: str, **args: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(method), st.fixed_dictionaries(args))


def of_a_call(step: Step) -> Step:
    """Operations of a call are named after it."""
    method, args = step
    return method, args | {"op": f"{args['call']}:{args['op']}"}


step = st.one_of(
    asks("hold", call=call, op=st.sampled_from(["h0", "h1", "h2"]), want_s=seconds, increment=increment,
         max_live_calls=st.integers(1, 3)).map(of_a_call),
    asks("settle", call=call, op=st.sampled_from("sst"), used_s=st.sampled_from([0, 1, 59, 60, 61, 130]),
         rounded_s=st.sampled_from([0, 60, 120, 180])).map(of_a_call),
    asks("void", call=call, op=st.sampled_from("sv")).map(of_a_call),
    asks("grant", op=st.sampled_from(["g1", "g2", "g3", "g4", "x"]), kind=st.sampled_from([Kind.BONUS, Kind.BOUGHT]),
         seconds=seconds, expires_at_ms=expiry),
    asks("correct", op=st.sampled_from(["k1", "k2", "k3", "x"]), reason=st.sampled_from(["a | b", "说明"]),
         seconds=st.builds(lambda sign, seconds: sign * seconds, st.sampled_from([-1, 1]), seconds)),
    asks("refund", op=st.sampled_from(["r1", "r2", "r3", "x"]), call=call, seconds=st.sampled_from([None, 1, 30, 60])),
    asks("touch"),
    asks("forget", age_ms=st.sampled_from([0, HOUR_MS, 30 * 24 * HOUR_MS])),
)  # fmt: skip
# Mostly forward, across days, months and epochs; now and then a clock that is late.
later_ms = st.sampled_from([0, 0, 0, 1000, HOUR_MS, 24 * HOUR_MS, 9 * 24 * HOUR_MS, 40 * 24 * HOUR_MS, -HOUR_MS])
allowance = st.sampled_from([0, 90, 90, 3600, 5400])
counted = st.sampled_from([0, 0, 0, None, 60, 3600])  # what others were granted through the number
history = st.lists(st.tuples(later_ms, st.tuples(allowance, counted), step), min_size=1, max_size=40)


def test_any_history_has_the_same_answers_in_memory_and_in_redis(redis_server: RedisServer) -> None:
    turn = itertools.count()
    with asyncio.Runner() as runner:
        link = Link(redis_server.url)
        runner.run(link.start())
        runner.run(link.command("FLUSHALL"))

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(history)
        def compare(steps: list[tuple[int, tuple[int, int | None], Step]]) -> None:
            runner.run(both(RedisLedger(link), f"payer{next(turn)}", steps))

        try:
            compare()
        finally:
            runner.run(link.close())


async def both(redis: RedisLedger, payer: str, steps: list[tuple[int, tuple[int, int | None], Step]]) -> None:
    memory = MemoryLedger()
    now_ms = NOVEMBER.starts_at_ms
    for more_ms, (allowance_s, counted_s), (method, args) in steps:
        now_ms += more_ms
        if method == "forget":
            await forget_in_both(redis, memory, payer, now_ms - args["age_ms"])
            continue
        month = replace(month_of(now_ms, ZONE).grant(allowance_s), counted_s=counted_s)
        given_ = asked(method, args, payer, now_ms, month)
        expected = await told(given_, memory)
        assert await told(given_, redis) == expected
        assert await told(given_, redis) == expected == await told(given_, memory), "asked again"
        account = await redis.read_account(payer)
        assert account == await memory.read_account(payer)
        assert check_laws(account) == []


async def forget_in_both(redis: RedisLedger, memory: MemoryLedger, payer: str, before_ms: int) -> None:
    old = old_part(await memory.read_account(payer), before_ms)
    if old is not None:
        assert await redis.forget(payer=payer, old=old)
        assert await memory.forget(payer=payer, old=old)
        assert not await redis.forget(payer=payer, old=old) or not old.lines
    account = await redis.read_account(payer)
    assert account == await memory.read_account(payer)
    assert check_laws(account) == []


def asked(
    method: str, args: dict[str, Any], payer: str, now_ms: int, month: MonthGrant
) -> Callable[[Ledger], Awaitable[object]]:
    whole = {**args, "payer": payer, "now_ms": now_ms} | ({"month": month} if method in NEEDS_MONTH else {})
    return lambda ledger: getattr(ledger, method)(**whole)


async def told(ask: Callable[[Ledger], Awaitable[object]], ledger: Ledger) -> object:
    try:
        return await ask(ledger)
    except CallerError as error:
        return str(error)
