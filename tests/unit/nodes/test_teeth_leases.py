"""The tests of owners have teeth: each deliberate break of leases, links and orders makes one of their stories fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from ari_app.adapters.ari.client import Client
from ari_app.adapters.memory_calls import MemoryLeases
from ari_app.adapters.memory_nodes import MemoryBoard
from ari_app.domain.errors import Unavailable
from ari_app.engine.node import Node
from ari_app.engine.nodes import LeaseKeeper
from ari_app.engine.orders import Orders
from tests.contract import test_lease_keeper as keeper
from tests.contract import test_leases as leases
from tests.laws.stories import calm_world
from tests.unit.ari import test_ari_link_lives as link
from tests.unit.ari.fake import FakeAsterisk
from tests.unit.nodes import test_node_life as life
from tests.unit.nodes import test_orders as orders
from tests.unit.nodes.conftest import make_waits_short
from tests.unit.nodes.houses import House

Patch = pytest.MonkeyPatch
PATIENCE_S = 8.0


def has_its_lease_for_ever(patch: Patch) -> None:
    patch.setattr(LeaseKeeper, "left_ms", property(lambda _self: 1_000_000))


def goes_on_after_somebody_else_had_it(patch: Patch) -> None:
    async def renewed(self: LeaseKeeper, _lease: Any) -> Any:
        return await self._leases.acquire(self._node, self.owner, self._ttl_ms)

    patch.setattr(LeaseKeeper, "_renewed", renewed)


def gives_every_owner_the_same_number(patch: Patch) -> None:
    real = MemoryLeases.acquire

    async def acquire(self: MemoryLeases, node: str, owner: str, ttl_ms: int) -> Any:
        self._last.clear()
        return await real(self, node, owner, ttl_ms)

    patch.setattr(MemoryLeases, "acquire", acquire)


def connects_whoever_has_the_node(patch: Patch) -> None:
    async def is_allowed(self: Client) -> bool:
        return not self._closing.is_set()

    patch.setattr(Client, "_is_allowed", is_allowed)


def fights_for_ever(patch: Patch) -> None:
    async def must_be_theirs(_self: Node) -> None:
        return

    patch.setattr(Node, "_must_be_theirs", must_be_theirs)


def keeps_what_it_should_give_back(patch: Patch) -> None:
    async def is_wanted(_self: Node) -> bool:
        return False

    patch.setattr(Node, "_is_wanted_at_home", is_wanted)


def takes_orders_off_that_are_another_owners(patch: Patch) -> None:
    async def done(self: MemoryBoard, lease: Any, order_id: str) -> bool:
        self._of(lease.node).orders.pop(int(order_id.partition("-")[0]), None)
        return True

    patch.setattr(MemoryBoard, "done", done)


def forgets_an_order_that_failed(patch: Patch) -> None:
    real = Orders._carry_out

    async def once(self: Orders, order: Any) -> None:
        with suppress(Unavailable):
            await real(self, order)
        with suppress(Unavailable):
            await self._board.done(self._lease.lease, order.id)

    patch.setattr(Orders, "_until_done", once)


# ---- the stories: each is told whole, in a loop of its own ----------------------------------------------------------


def a_lease_that_ran_out_is_known() -> None:
    asyncio.run(keeper.test_a_lease_that_ran_out_and_that_nobody_took_is_taken_again(MemoryLeases()))


def a_lease_in_between_is_lost() -> None:
    asyncio.run(keeper.test_a_lease_that_somebody_had_in_between_is_lost_and_left_free(MemoryLeases()))


def numbers_grow() -> None:
    asyncio.run(leases.test_every_acquisition_has_a_higher_number(MemoryLeases()))


def only_the_owner_connects() -> None:
    async def told() -> None:
        async with FakeAsterisk() as fake:
            await link.test_who_does_not_own_the_pbx_takes_its_application_from_nobody(fake)

    asyncio.run(told())


def who_shares_no_redis_ends() -> None:
    in_a_house(life.test_who_is_replaced_again_and_again_though_the_lease_is_his_gives_up)


def home_gets_its_own() -> None:
    in_a_house(life.test_a_node_is_given_back_to_the_process_that_is_at_home_there)


def in_a_house(story: Callable[[House], Awaitable[None]]) -> None:
    async def told() -> None:
        house = House()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await story(house)
        except TimeoutError:
            raise AssertionError("the story does not come to its end") from None
        finally:
            await house.torn_down()

    asyncio.run(told())


def the_next_owner_has_the_order() -> None:
    orders.test_an_owner_who_lost_the_node_in_the_midst_leaves_the_order_to_the_next_one(calm_world())


def orders_outlive_an_outage() -> None:
    orders.test_an_order_is_taken_off_only_when_it_is_carried_out_however_often_the_store_is_away(calm_world())


Story = Callable[[], None]
NOTICED_BY: list[tuple[Callable[[Patch], None], Story]] = [
    (has_its_lease_for_ever, a_lease_that_ran_out_is_known),
    (goes_on_after_somebody_else_had_it, a_lease_in_between_is_lost),
    (gives_every_owner_the_same_number, numbers_grow),
    (connects_whoever_has_the_node, only_the_owner_connects),
    (fights_for_ever, who_shares_no_redis_ends),
    (keeps_what_it_should_give_back, home_gets_its_own),
    (takes_orders_off_that_are_another_owners, the_next_owner_has_the_order),
    (forgets_an_order_that_failed, orders_outlive_an_outage),
]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: Patch) -> None:
    make_waits_short(monkeypatch)


@pytest.mark.soak("each story is a test of its own")
@pytest.mark.parametrize("story", [story for _, story in NOTICED_BY], ids=lambda one: one.__name__)
def test_unbroken_it_is_told_to_its_end(story: Story) -> None:
    story()


@pytest.mark.parametrize(("broken", "story"), NOTICED_BY, ids=lambda one: one.__name__)
def test_a_story_notices(broken: Callable[[Patch], None], story: Story, monkeypatch: Patch) -> None:
    broken(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        story()
