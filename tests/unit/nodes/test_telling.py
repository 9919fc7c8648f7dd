"""What is told to a live call, one more phone or a word about one: takes effect once, wherever the call is tended and
whoever dies in between; and whoever told it learns that it is written down, or why not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.events import LegAdded, Told
from ari_app.domain.step import ASKS_MAX, LEGS_MAX
from ari_app.engine.fleet import Fleet
from ari_app.engine.telling import TOLD_WITHIN_S, NotTaken, Word, payload_of, word_of
from tests.laws.stories import CALL, OTHER, app, in_virtual_time, is_talking, stored, until, until_settled
from tests.laws.world import World
from tests.unit.nodes.afar import NODE, THERE, Afar

MUTE = Told("callee", "mute", "ask1", 0)


class Ours:
    """The node, at the process that owns it."""

    name, live, calls_max, others = NODE, 0, 9, None

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def engine(self) -> object:
        return self._world.engine

    def why_closed(self) -> str:
        return ""


async def talking(afar: Afar) -> None:
    await afar.opened()
    await afar.owned()
    await afar.fleet.begin(afar.a_call(), THERE)
    await until(afar.world, lambda: is_talking(afar.world), 5)


def here(afar: Afar) -> Fleet:
    return Fleet([Ours(afar.world)], afar.board, afar.calls)  # type: ignore[list-item]


def afar_(afar: Afar) -> Fleet:
    return afar.fleet


WHERE = pytest.mark.parametrize("where", [here, afar_], ids=["tended here", "tended by another process"])
Where = Callable[[Afar], Fleet]


def one_more(call: Call, ask: str = "ask2", **more: str) -> LegAdded:
    return LegAdded(replace(call.leg("callee"), tries=(), role="guest"), ask, 0, **more)


@WHERE
def test_a_word_is_written_down_when_its_teller_has_the_answer(world: World, where: Where) -> None:
    @in_virtual_time
    async def story(world: World) -> None:
        afar = Afar(world)
        await talking(afar)
        await asyncio.sleep(5)  # nothing else is to be saved just now
        fleet, asked_s = where(afar), world.loop.now_s
        told = await fleet.tell(CALL, MUTE)
        assert isinstance(told, Call)
        assert told.leg("callee").words == ("mute",)
        assert stored(world).leg("callee").words == ("mute",)
        assert world.loop.now_s - asked_s < 0.5
        await until(world, lambda: not afar.board.inner._nodes.get(NODE) or not afar.board.inner._nodes[NODE].orders, 2)

    story(world)


@WHERE
def test_one_told_twice_takes_effect_once_and_both_are_answered(world: World, where: Where) -> None:
    @in_virtual_time
    async def story(world: World) -> None:
        afar = Afar(world)
        await talking(afar)
        fleet = where(afar)
        answers = await asyncio.gather(fleet.tell(CALL, MUTE), fleet.tell(CALL, MUTE))
        answers += [await fleet.tell(CALL, MUTE)]
        assert all(isinstance(one, Call) for one in answers)
        assert stored(world).leg("callee").words == ("mute",)

    story(world)


@WHERE
def test_one_more_phone_comes_whole_and_has_a_role_of_its_own(world: World, where: Where) -> None:
    @in_virtual_time
    async def story(world: World) -> None:
        afar = Afar(world)
        await talking(afar)
        fleet = where(afar)
        added = one_more(stored(world), stem="p")
        told = await fleet.tell(CALL, added)
        assert isinstance(told, Call)
        assert told.legs[-1] == replace(added.leg, role="p1", ask="ask2")
        again = await fleet.tell(CALL, one_more(stored(world), "ask3", stem="p"))
        assert isinstance(again, Call)
        assert [leg.role for leg in again.legs] == ["caller", "callee", "p1", "p2"]

    story(world)


@WHERE
def test_what_is_not_taken_is_told_with_its_reason_and_changes_nothing(world: World, where: Where) -> None:
    @in_virtual_time
    async def story(world: World) -> None:
        afar = Afar(world)
        await talking(afar)
        fleet, before = where(afar), stored(world)
        assert await fleet.tell(CALL, replace(MUTE, leg="nobody")) == NotTaken("no-such-leg")
        assert await fleet.tell(CALL, one_more(before, "a")) != NotTaken("no-such-leg")
        assert await fleet.tell(CALL, one_more(before, "b")) == NotTaken("no-such-leg"), "there is one of that role"
        for n in range(LEGS_MAX - len(stored(world).legs)):
            await fleet.tell(CALL, one_more(before, f"more{n}", stem="p"))
        assert await fleet.tell(CALL, one_more(before, "too many", stem="p")) == NotTaken("full")
        assert len(stored(world).legs) == LEGS_MAX
        assert await fleet.tell(OTHER, MUTE) == NotTaken("no-such-call")
        assert await fleet.cancel_for_good(CALL)
        assert await fleet.tell(CALL, replace(MUTE, ask="late")) == NotTaken("over")
        await until_settled(world)
        assert await fleet.tell(CALL, replace(MUTE, ask="later")) == NotTaken("over")
        assert isinstance(await fleet.tell(CALL, one_more(before, "a")), Call), "what was told in time was taken"

    story(world)


@in_virtual_time
async def test_a_call_takes_so_many_words_and_no_more(world: World) -> None:
    afar = Afar(world)
    await talking(afar)
    for n in range(ASKS_MAX):
        app(world)._boxes[CALL].post(Told("", "x", f"w{n}", 0))
    assert await here(afar).tell(CALL, MUTE) == NotTaken("full")


@in_virtual_time
async def test_what_was_told_while_its_owner_was_dead_is_carried_out_by_the_next_and_once(world: World) -> None:
    afar = Afar(world)
    await talking(afar)
    await afar.died()
    with pytest.raises(Unavailable):
        await afar.fleet.tell(CALL, MUTE)
    with pytest.raises(Unavailable):
        await afar.fleet.tell(CALL, MUTE)
    await afar.owned()
    told = await afar.fleet.tell(CALL, MUTE)
    assert isinstance(told, Call)
    await until(world, lambda: not afar.board.inner._nodes[NODE].orders, 5)
    assert stored(world).leg("callee").words == ("mute",)


@in_virtual_time
async def test_an_owner_killed_before_it_is_written_down_has_told_nobody_that_it_is(world: World) -> None:
    afar = Afar(world)
    await talking(afar)
    box = app(world)._boxes[CALL]
    world.away_until_s = world.loop.now_s + 2
    telling = asyncio.create_task(afar.fleet.tell(CALL, MUTE), name="world teller")
    await until(world, lambda: box.call.leg("callee").words == ("mute",), 2, every_s=0.01)
    await afar.died()
    assert stored(world).leg("callee").words == ()
    await afar.owned()
    told = await telling
    assert isinstance(told, Call)
    assert stored(world).leg("callee").words == ("mute",)


@in_virtual_time
async def test_while_the_store_is_away_nobody_is_told_that_it_is_written_down(world: World) -> None:
    afar = Afar(world)
    await talking(afar)
    world.away_until_s = world.loop.now_s + TOLD_WITHIN_S + 3
    with pytest.raises(Unavailable):
        await here(afar).tell(CALL, MUTE)
    await until(world, lambda: stored(world).leg("callee").words == ("mute",), 8)
    assert isinstance(await here(afar).tell(CALL, MUTE), Call)
    assert stored(world).leg("callee").words == ("mute",)


@pytest.mark.parametrize("word", [MUTE, Told("", "again", "x", 7)])
def test_a_word_goes_over_the_board_as_it_is(word: Word) -> None:
    assert word_of(payload_of(word)) == word


@in_virtual_time
async def test_a_phone_goes_over_the_board_with_all_its_routes(world: World) -> None:
    added = one_more(Afar(world).a_call(), stem="p")
    route = replace(added.leg.routes[0], causes=((17, "busy"),), later=(5, 6, "6/6"), device="dev")
    word = replace(added, leg=replace(added.leg, routes=(route,), language="zh", came_in=True))
    assert word_of(payload_of(word)) == word


@in_virtual_time
async def test_a_word_that_this_version_does_not_understand_is_taken_off_and_harms_nothing(world: World) -> None:
    afar = Afar(world)
    await talking(afar)
    for payload in ("", "{}", '{"sung": {}}', "not json"):
        assert word_of(payload) is None
        await afar.board.order(NODE, "tell", CALL, payload)
    await until(world, lambda: not afar.board.inner._nodes[NODE].orders, 2)
    assert is_talking(world)
