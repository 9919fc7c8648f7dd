"""A call that is about to be accepted speaks for its lines for a moment. Who is refused speaks for none, and nothing of
it piles up."""

from __future__ import annotations

from ari_app.adapters.memory_lines import MemoryLines
from ari_app.domain.call import Call
from ari_app.domain.trunks import Trunk
from ari_app.engine.lines_now import TAKEN_WITHIN_S, LinesNow
from ari_app.engine.trunk_book import TrunkBook
from tests.laws.virtual_time import run
from tests.unit.service.test_asking_again import OTHER
from tests.unit.service.test_called_too_often import RULES, GuardedDesk, SpendRules

SMALL, WIDE = Trunk("t", "127.0.0.1", max_channels=8), Trunk("wide", "127.0.0.1")


class SmallDesk(GuardedDesk):
    """Its only trunk has lines for four calls."""

    async def open(self, minutes_s: int) -> None:
        await super().open(minutes_s)
        book = TrunkBook([SMALL])
        self.service._maker._trunks = book
        self.lines = LinesNow(MemoryLines(), book, lambda: self.world.loop.now_s)
        self.service._maker._lines = self.lines


def test_one_who_is_refused_over_and_over_keeps_no_line_from_others() -> None:
    desk = SmallDesk(RULES, SpendRules())

    async def story() -> None:
        await desk.open(3_600)
        for _ in range(3):
            await desk.called()
        await desk.later(TAKEN_WITHIN_S)
        for _ in range(20):
            assert (await desk.refused()).type == "too-many-calls"
        answer = await desk.place(OTHER, key=None)
        assert isinstance(answer, Call), answer

    run(desk.world.loop, story())


def test_nor_does_one_without_minutes() -> None:
    desk = SmallDesk(RULES, SpendRules())

    async def story() -> None:
        await desk.open(0)
        for _ in range(20):
            assert (await desk.refused()).type == "balance-empty"
        assert not await desk.lines.are_full([SMALL], need=8)

    run(desk.world.loop, story())


async def test_what_was_spoken_for_is_forgotten_also_of_trunks_that_never_fill() -> None:
    clock = [0.0]
    lines = LinesNow(MemoryLines(), TrunkBook([SMALL, WIDE]), lambda: clock[0])
    for _ in range(1_000):
        clock[0] += TAKEN_WITHIN_S
        assert not await lines.are_full([SMALL, WIDE], need=1)
        lines.accepted(SMALL.name)
        lines.accepted(WIDE.name)
    assert sum(map(len, lines._accepted.values())) <= 1
