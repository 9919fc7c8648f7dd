"""The door for calls where the PBX lags: who is refused, what that costs, and who is answered all the same."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ari_app.domain.call import Call
from ari_app.engine.admission import Admission, Why
from ari_app.engine.asks import Refusal
from ari_app.ports.telephony import DialRequest
from tests.support import callback_ask
from tests.unit.service.test_asking_again import Desk, at_the_desk

LAG_MAX_S = 0.15


class Overloaded:
    def __init__(self, desk: Desk) -> None:
        self.lag_s = 0.0
        self.refused: list[Why] = []
        assert desk.world.engine is not None
        self.engine = desk.world.engine
        self.admission = Admission(
            lambda: self.lag_s, LAG_MAX_S, self.refused.append, clock=lambda: desk.world.loop.now_s
        )
        self.engine.admission = self.admission
        self.engine.performer._dialled = self.admission.dialled


def lagging(story: Callable[[Desk, Overloaded], Awaitable[None]]) -> None:
    async def told(desk: Desk) -> None:
        await story(desk, Overloaded(desk))

    at_the_desk(told)


def test_a_new_call_is_refused_and_asked_to_come_again() -> None:
    async def story(desk: Desk, pbx: Overloaded) -> None:
        await desk.placed()
        pbx.lag_s = 1
        answer = await desk.place(key=None)
        assert isinstance(answer, Refusal)
        assert answer.type == "no-capacity"
        assert (answer.retry_after_s or 0) >= 1
        assert pbx.refused == ["lag"]
        pbx.lag_s = 0
        assert isinstance(await desk.place(key=None), Call)

    lagging(story)


def test_a_refusal_asks_nothing_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(desk: Desk, pbx: Overloaded) -> None:
        await desk.placed()
        pbx.lag_s = 1

        async def never(*asked: object) -> None:
            raise AssertionError(asked)

        for store, ask in ((desk.users, "get"), (desk.users, "by_number"), (desk.world.calls, "load")):
            monkeypatch.setattr(store, ask, never)
        assert isinstance(await desk.place(key=None), Refusal)

    lagging(story)


def test_a_known_key_has_its_answer() -> None:
    async def story(desk: Desk, pbx: Overloaded) -> None:
        placed = await desk.placed()
        pbx.lag_s = 1
        assert (await desk.placed()).id == placed.id
        assert pbx.refused == []

    lagging(story)


def test_a_request_that_is_wrong_leaves_no_trace() -> None:
    async def story(desk: Desk, pbx: Overloaded) -> None:
        for _ in range(100):
            answer = await desk.place(callback_ask("nobody", "+8613900000005"), key=None)
            assert isinstance(answer, Refusal)
            assert answer.type == "unknown-user"
        assert pbx.refused == []

    lagging(story)


def test_a_call_is_waited_for_until_its_phone_is_dialled() -> None:
    async def story(desk: Desk, pbx: Overloaded) -> None:
        real = desk.world.pbx.dial

        async def slow_dial(request: DialRequest) -> None:
            await asyncio.sleep(1)
            await real(request)

        desk.world.pbx.dial = slow_dial  # type: ignore[method-assign]
        await desk.placed()
        await asyncio.sleep(0.5)
        assert pbx.admission.lag_s >= 0.5
        assert isinstance(await desk.place(key=None), Refusal)
        await asyncio.sleep(0.6)
        assert pbx.admission.lag_s == 0
        assert isinstance(await desk.place(key=None), Call)

    lagging(story)
