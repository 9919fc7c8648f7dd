"""A click token over the real door for calls: one call, however often it is clicked, and whoever asks meanwhile."""

from __future__ import annotations

import asyncio

from ari_app.adapters.memory_click import MemoryClickTokens
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.desks.click_desk import ClickAsk, ClickDesk, Minted, NotClicked
from ari_app.domain.call import Call
from ari_app.engine.asks import Refusal
from tests.laws.world import PAYER
from tests.unit.service.test_asking_again import BOB, Desk, at_the_desk


def clicks_of(desk: Desk) -> ClickDesk:
    maker = desk.service.maker
    return ClickDesk(
        MemoryClickTokens(desk.world.loop.now_ms), desk.service, himself=maker.himself, anyone=maker.anyone,
        find=desk.service._fleet.find, read_number=PhoneNumbers("CN").read, now_ms=desk.world.loop.now_ms,
    )  # fmt: skip


async def minted(clicks: ClickDesk, ask: ClickAsk) -> Minted:
    made = await clicks.make(ask, tenant="", owner="shop", key="k", idempotency_key=None)
    assert isinstance(made, Minted), made
    return made


def test_of_many_clicks_at_once_and_later_there_is_one_call() -> None:
    async def story(desk: Desk) -> None:
        clicks = clicks_of(desk)
        made = await minted(clicks, ClickAsk(BOB, PAYER, metadata={"order": "7"}))
        answers = [*await asyncio.gather(*(clicks.click(made.token, None) for _ in range(5)))]
        answers.append(await clicks.click(made.token, None))
        assert {one.id for one in answers if isinstance(one, Call)} == {made.call}
        assert len((await desk.world.calls.list()).call_ids) == 1

    at_the_desk(story)


def test_a_stranger_is_not_rung_as_himself_and_the_token_stays_good_for_one_who_may_call() -> None:
    async def story(desk: Desk) -> None:
        clicks = clicks_of(desk)
        made = await minted(clicks, ClickAsk(BOB))
        stranger = await clicks.click(made.token, "+8613900000077")
        assert isinstance(stranger, Refusal)
        assert stranger.type == "number-not-verified"
        assert isinstance(await clicks.click(made.token, "+8613900000001"), Call)
        assert await clicks.click(made.token, "+8613900000078") == NotClicked("used")

    at_the_desk(story)
