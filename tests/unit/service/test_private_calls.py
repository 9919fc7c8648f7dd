"""A call that was asked for as private, on the real engine and virtual time: a while after its end nobody can read who
took part, whoever died in between; the minutes and the carriers' money stay what they were."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import structlog

from ari_app.adapters.memory_erasing import MemoryToErase
from ari_app.adapters.memory_tapes import MemoryTapes
from ari_app.domain.call import Call
from ari_app.domain.errors import Unavailable
from ari_app.domain.recordings import Recording
from ari_app.engine import records
from ari_app.engine.asks import Refusal
from ari_app.engine.engine import Engine
from ari_app.engine.erasing import AGAIN_MS, Erasing
from ari_app.engine.keeping import TOLD_S, Keeping
from ari_app.engine.recent_callers import RecentCallers
from ari_app.entrypoints.views import call_view
from ari_app.logs import without_numbers
from tests.laws.virtual_time import run
from tests.laws.world import PAYER
from tests.support import until
from tests.unit.http.http_bench import a_talk
from tests.unit.service.test_asking_again import ASK, BOB, Desk
from tests.unit.service.test_called_too_often import Dull

PRIVATE_S, CALL_S = 60, 3600
SECRETS = ("+8613900000001", BOB, "Mrs Li")


class PrivateDesk(Desk):
    def __init__(self) -> None:
        super().__init__()
        self.world.pbx._rng = Dull(1)
        self.world.calls._clock = lambda: self.world.loop.now_ms() / 1000

    @property
    def engine(self) -> Engine:
        assert self.world.engine is not None
        return self.world.engine

    async def open(self, minutes_s: int) -> None:
        await super().open(minutes_s)
        self.keep()

    def keep(self) -> None:
        self.engine.forgetting._keeping = Keeping(CALL_S, None, PRIVATE_S)

    async def talk(self, *, private: bool = True) -> Call:
        ask = replace(ASK, private=private, metadata={"for": "Mrs Li"})
        placed = await self.place(ask)
        assert isinstance(placed, Call)
        self.engine.cancel(placed.id)
        await until(lambda: self.engine.mailbox(placed.id) is None)
        return placed

    async def read(self, id: str) -> Call:
        stored = await self.world.calls.load(id)
        assert stored is not None
        return records.call_of(stored)

    async def wait(self, seconds: float) -> None:
        """By its own clock."""
        await asyncio.sleep(seconds)


def at_the_desk(story: Callable[[PrivateDesk], Awaitable[None]]) -> None:
    desk = PrivateDesk()

    async def told() -> None:
        await desk.open(3600)
        await story(desk)

    run(desk.world.loop, told())


def test_its_details_go_when_its_time_is_up_and_what_it_cost_stays() -> None:
    async def story(desk: PrivateDesk) -> None:
        placed = await desk.talk()
        whole = await desk.read(placed.id)
        assert not whole.is_forgotten
        assert whole.metadata == {"for": "Mrs Li"}
        balance = await desk.world.ledger.balance(payer=PAYER, now_ms=desk.world.loop.now_ms())
        costs = desk.world.costs.all()

        await desk.wait(PRIVATE_S + 1)
        left = await desk.read(placed.id)
        assert left.is_forgotten
        stored = await desk.world.calls.load(placed.id)
        assert stored is not None
        assert not any(secret.encode() in stored.record for secret in SECRETS)
        await desk.wait(TOLD_S - PRIVATE_S)
        assert await desk.world.calls.events(placed.id) == []
        assert (left.payer, left.end, left.settled) == (whole.payer, whole.end, whole.settled)
        assert await desk.world.ledger.balance(payer=PAYER, now_ms=desk.world.loop.now_ms()) == balance
        assert desk.world.costs.all() == costs

    at_the_desk(story)


def test_one_that_is_not_private_stays() -> None:
    async def story(desk: PrivateDesk) -> None:
        placed = await desk.talk(private=False)
        await desk.wait(PRIVATE_S + 1)
        assert not (await desk.read(placed.id)).is_forgotten

    at_the_desk(story)


def test_whoever_dies_before_it_is_closed_leaves_it_to_the_next_and_its_time_is_counted_from_its_end() -> None:
    async def story(desk: PrivateDesk) -> None:
        real, closed = desk.world.calls.close, 0

        async def close(*args: object, **kwargs: object) -> None:
            nonlocal closed
            closed += 1
            await real(*args, **kwargs)  # type: ignore[arg-type]
            desk.world.calls._live.setdefault("n", set()).add(str(args[0]))  # died before that was written

        desk.world.calls.close = close  # type: ignore[method-assign]
        placed = await desk.talk()
        ledger = await desk.world.ledger.balance(payer=PAYER, now_ms=desk.world.loop.now_ms())
        await desk.world.crash()
        await desk.wait(PRIVATE_S / 2)
        desk.world.calls.close = real  # type: ignore[method-assign]
        await desk.world.boot()
        desk.keep()
        await until(lambda: desk.engine.is_empty and placed.id not in desk.world.calls._live["n"])
        assert not (await desk.read(placed.id)).is_forgotten
        await desk.wait(PRIVATE_S / 2 + 1)
        assert (await desk.read(placed.id)).is_forgotten

        desk.world.calls._live["n"].add(placed.id)  # found once more, when nothing of it is left
        await desk.world.crash()
        await desk.world.boot()
        desk.keep()
        await until(lambda: placed.id not in desk.world.calls._live["n"])
        assert (await desk.read(placed.id)).is_forgotten
        assert await desk.world.ledger.balance(payer=PAYER, now_ms=desk.world.loop.now_ms()) == ledger

    at_the_desk(story)


def test_its_idempotency_key_is_answered_until_then_and_refused_after_that() -> None:
    async def story(desk: PrivateDesk) -> None:
        placed = await desk.talk()
        ask = replace(ASK, private=True, metadata={"for": "Mrs Li"})
        again = await desk.place(ask)
        assert isinstance(again, Call)
        assert again.id == placed.id
        public = await desk.place(replace(ask, private=False))
        assert isinstance(public, Refusal), "it is another request"
        rung = dict(desk.world.pbx.rung)
        await desk.wait(PRIVATE_S + 1)
        refused = await desk.place(ask)
        assert isinstance(refused, Refusal)
        assert (refused.type, refused.at) == ("idempotency-conflict", "Idempotency-Key")
        assert desk.world.pbx.rung == rung

    at_the_desk(story)


def test_nothing_of_it_is_in_the_log() -> None:
    async def story(desk: PrivateDesk) -> None:
        with structlog.testing.capture_logs() as lines:
            await desk.talk()
        told = json.dumps([without_numbers(None, "", line) for line in lines], default=str)
        assert "call ended" in told
        assert not any(secret in told for secret in SECRETS)

    at_the_desk(story)


def test_what_is_left_is_shown_without_anybody() -> None:
    keeping = Keeping(CALL_S, None, PRIVATE_S)
    call = replace(a_talk(), is_private=True)
    rest = keeping.rest_of(call, call.now_ms)
    assert rest is not None
    before, after = call_view(call), call_view(records.decode(rest.record))
    assert (after.id, after.state, after.reason, after.hung_up_by, after.charged_s, after.payer) == (
        before.id, "ended", before.reason, before.hung_up_by, before.charged_s, before.payer
    )  # fmt: skip
    assert [after.created_at, after.talking_at, after.ended_at] == [
        before.created_at, before.talking_at, before.ended_at
    ]  # fmt: skip
    assert [(leg.charged_s, leg.cost) for leg in after.legs] == [(leg.charged_s, leg.cost) for leg in before.legs]
    assert not any(leg.number or leg.shown or leg.trunk or leg.tried or leg.cause for leg in after.legs)
    assert (after.caller, after.callee, after.metadata, after.forgotten) == ("", "", {}, True)


@pytest.mark.parametrize(
    ("keeping", "is_private", "kept_s"),
    [(Keeping(100, None, 60), True, 60), (Keeping(100, None, 60), False, None), (Keeping(100, 50, 60), True, 50),
     (Keeping(100, 50, 60), False, 50), (Keeping(100, 50, 0), True, 0), (Keeping(100, 100, 200), True, None)],
)  # fmt: skip
def test_what_goes_first_counts(keeping: Keeping, is_private: bool, kept_s: int | None) -> None:
    call = replace(a_talk(), is_private=is_private)
    ended_ms = max(t.ended_at_ms or 0 for leg in call.legs for t in leg.tries)
    until_ms = keeping.details_until_ms(call)
    assert until_ms == (None if kept_s is None else ended_ms + 1000 * kept_s)


async def test_its_recordings_go_with_it_also_where_a_pbx_is_away_for_a_while() -> None:
    now_ms, is_away = 1_000, True
    names = ["rb20261123-" + letter * 32 for letter in "ab"]

    class Tapes(MemoryTapes):
        async def delete(self, file: str) -> bool:
            if is_away and file == names[0]:
                raise Unavailable("away")
            return await super().delete(file)

    tapes = Tapes()
    tapes.kept = dict.fromkeys(names, b"RIFF")
    erasing = Erasing(MemoryToErase(), tapes, lambda: now_ms)
    recordings = tuple(Recording(name[-1], name, "mixed", "caller", 1, 2) for name in names)
    await erasing.note(replace(a_talk(), recordings=recordings), 2_000)
    assert await erasing.look() == 0
    now_ms = 2_000
    assert await erasing.look() == 1
    assert list(tapes.kept) == names[:1]
    is_away, now_ms = False, now_ms + AGAIN_MS
    assert await erasing.look() == 1
    assert tapes.kept == {}
    assert await erasing.look() == 0


async def test_whom_he_called_is_not_remembered_for_longer_than_that() -> None:
    noted: list[int] = []

    class Recent:
        async def note(self, _number: str, _user: str, *, at_ms: int, keep_s: int) -> None:
            noted.append(keep_s)

        async def last(self, _number: str) -> str | None:
            return None

    call = replace(a_talk(), is_private=True)
    routes = tuple(replace(route, shown="+864001234567") for route in call.legs[1].routes)
    call = replace(call, legs=(call.legs[0], replace(call.legs[1], routes=routes)))
    for private_s in (60, 0):
        recent = RecentCallers(Recent(), "+864001234567", 7, Keeping(CALL_S, None, private_s).kept_s)
        await recent.ended(call)
    await RecentCallers(Recent(), "+864001234567", 7, Keeping(CALL_S).kept_s).ended(replace(call, is_private=False))
    assert noted == [60, 7 * 86_400]
