"""A number that no trunk takes now: refused with the reason, and with when it is worth asking again."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.adapters.memory_users import MemoryUsers
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.domain.breaker import Rule
from ari_app.domain.call import Call, Terms
from ari_app.domain.numbers import Rules
from ari_app.domain.trunks import Trunk, Window
from ari_app.engine.asks import Refusal
from ari_app.engine.lines_now import LinesNow
from ari_app.engine.making import CallMaker
from ari_app.engine.trunk_book import TrunkBook
from ari_app.engine.trunk_health import TrunkHealth
from ari_app.engine.trunk_signs import Sign
from ari_app.ports.users import OwnedNumber, User
from tests.support import callback_ask, personal

OFFICE = Window(frozenset(range(5)), 9 * 60, 17 * 60)
SHANGHAI = "Asia/Shanghai"
ASK = callback_ask("alice", "+8613900000002")


class World:
    """Thursday, half past four in the afternoon."""

    def __init__(self, *trunks: Trunk) -> None:
        self.now_ms = round(1000 * datetime(2026, 11, 26, 16, 30, tzinfo=ZoneInfo(SHANGHAI)).timestamp())
        self.lines = MemoryLines()
        self.health = TrunkHealth(Rule(after=1))
        self.book = TrunkBook(trunks, self.health, SHANGHAI)
        self.users = MemoryUsers()
        policy: Any = SimpleNamespace(
            rules=Rules(("CN",)), platform_number="+864001234567", terms=Terms(), caller_ring_ms=1, callee_ring_ms=1,
            tries_max=4, phones_max={},
        )  # fmt: skip
        self.maker = CallMaker(
            users=self.users, read_number=PhoneNumbers("CN").read, policy=policy, trunks=self.book,
            now_ms=lambda: self.now_ms, entitled=personal, lines=LinesNow(self.lines, self.book),
        )  # fmt: skip

    async def make(self, key: str = "c1") -> Call | Refusal:
        await self.users.put(User("alice", (OwnedNumber("+8613900000001", "admin", 1),)))
        return await self.maker.make(ASK, key)


async def test_out_of_hours_it_is_worth_asking_again_when_the_first_trunk_opens() -> None:
    world = World(Trunk("day", "a", hours=(OFFICE,)))
    assert isinstance(await world.make(), Call)
    world.now_ms += 60 * 60_000
    refused = await world.make()
    assert isinstance(refused, Refusal)
    assert (refused.type, refused.retry_after_s) == ("no-capacity", (15 * 60 + 30) * 60)


async def test_what_no_trunk_takes_at_any_time_is_blocked() -> None:
    refused = await World(Trunk("hk", "a", prefixes=("+852",))).make()
    assert isinstance(refused, Refusal)
    assert (refused.type, refused.retry_after_s) == ("destination-blocked", None)


async def test_while_all_lines_are_taken_no_call_is_accepted_that_would_come_to_nothing() -> None:
    world = World(Trunk("small", "a", max_channels=3))
    await world.lines.take("small", "other.caller.0", max_channels=3, max_cps=0)
    assert isinstance(await world.make(), Call), "there are two lines, one for each phone"
    refused = await world.make("c2")
    assert isinstance(refused, Refusal), "and they are spoken for"
    assert (refused.type, refused.retry_after_s) == ("no-capacity", 5)


@pytest.mark.parametrize("spare", [Trunk("spare", "b"), Trunk("spare", "b", max_channels=9)])
async def test_a_full_trunk_beside_one_that_is_not_keeps_no_call_from_being_accepted(spare: Trunk) -> None:
    world = World(Trunk("small", "a", max_channels=1), spare)
    await world.lines.take("small", "other.caller.0", max_channels=1, max_cps=0)
    assert isinstance(await world.make(), Call)


async def test_a_call_whose_only_trunk_is_rested_is_tried_all_the_same() -> None:
    world = World(Trunk("a", "a"), Trunk("b", "b", priority=99))
    for name in "ab":
        world.health.saw([Sign(name, "x", False, "SIP 503")])
    made = await world.make()
    assert isinstance(made, Call)
    assert [route.trunk for route in made.legs[1].routes] == ["a", "b"]
