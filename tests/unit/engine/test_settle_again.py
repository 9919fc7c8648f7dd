"""A settlement that the store lost is asked for again in the same words, whatever rule the call was charged by."""

from dataclasses import replace
from typing import Any, cast

from ari_app.adapters.memory_ledger import MemoryLedger
from ari_app.domain import wishes as w
from ari_app.domain.call import Call, Leg, Terms
from ari_app.domain.events import Settled
from ari_app.domain.ledger_types import Conflict
from ari_app.domain.step import observe
from ari_app.engine.perform import Performer
from ari_app.engine.records import decode, encode

NOW_MS = 1_800_000_000_000


async def test_three_legs_of_half_a_minute_are_three_minutes_the_second_time_too() -> None:
    """Each leg is rounded by itself: the sum cannot be told from the 90 seconds that were talked."""
    ledger = MemoryLedger()
    performer = Performer(cast(Any, None), ledger, lambda: NOW_MS, cast(Any, None))
    leg = Leg("caller", "+8613700000001", (), 1)
    call = Call("c1", "callback", NOW_MS, "alice", legs=(leg,), terms=Terms(increment="60/60"))
    [fact] = await performer.perform(call, w.Settle(used_s=90, rounded_s=180))
    assert isinstance(fact, Settled)
    ended = decode(encode(observe(call, fact)))  # as it is kept
    first = await ledger.settle(op="c1:s", payer="alice", call="c1", used_s=90, rounded_s=180, now_ms=NOW_MS)
    account = ledger.accounts["alice"]
    ledger.accounts["alice"] = replace(account, done={}, settlements={})  # lost with the last second

    await performer.settle_again(ended)

    again = await ledger.settle(op="c1:s", payer="alice", call="c1", used_s=90, rounded_s=180, now_ms=NOW_MS)
    assert not isinstance(again, Conflict)
    assert again == first
