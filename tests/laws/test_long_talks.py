"""A talk that would go on for ever, in a calm world but for one trouble: what the minutes say at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain.call import Call
from ari_app.flows import callback, conversation
from tests.laws.stories import app_killed, begin, calm_world, stored, until_settled, verdict
from tests.laws.virtual_time import run
from tests.laws.world import World

SLICE_S = 120


async def talk(world: World, minutes_s: int, trouble: Callable[[World], Awaitable[None]]) -> Call:
    await begin(world, minutes_s, slice_s=SLICE_S, max_duration_s=9_000)
    await asyncio.sleep(5)
    assert callback.state(stored(world)) == "talking"
    await trouble(world)
    return await until_settled(world, within_s=5_000)


async def nothing(_world: World) -> None:
    pass


async def ledger_away_to_the_end(world: World) -> None:
    world.away_until_s = world.loop.now_s + 2 * SLICE_S


async def ledger_away_for_a_while(world: World) -> None:
    world.away_until_s = world.loop.now_s + SLICE_S - 30


async def killed_after_a_renewal(world: World) -> None:
    """The next process must know what is held, and ask the ledger before it says that the minutes are at their end."""
    await asyncio.sleep(2 * SLICE_S)
    await app_killed(world, for_s=20)


async def killed_before_a_renewal(world: World) -> None:
    """Started again at the very moment at which all that the record knows of is used up."""
    await asyncio.sleep(SLICE_S - 100)
    await app_killed(world, for_s=95.3)


def ended(minutes_s: int, trouble: Callable[[World], Awaitable[None]]) -> tuple[str, str, int]:
    world = calm_world()
    return verdict(run(world.loop, talk(world, minutes_s, trouble)))


@pytest.mark.parametrize(
    "trouble", [nothing, ledger_away_for_a_while, killed_after_a_renewal, killed_before_a_renewal],
    ids=lambda t: t.__name__,
)  # fmt: skip
def test_all_minutes_can_be_talked(trouble: Any) -> None:
    reason, by, charged_s = ended(900, trouble)
    assert (reason, by) == ("balance_empty", "system")
    assert charged_s == 900


def test_that_the_balance_is_empty_is_said_only_if_the_ledger_said_so() -> None:
    reason, by, charged_s = ended(900, ledger_away_to_the_end)
    assert (reason, by) == ("interrupted", "system")
    assert SLICE_S - 1 <= charged_s <= 2 * SLICE_S


def test_the_ledger_being_away_never_makes_the_balance_empty_has_teeth(monkeypatch: pytest.MonkeyPatch) -> None:
    real = conversation.end_by_clock

    def guess(c: Call, at_ms: int) -> Any:
        return real(replace(c, refused_at_ms=1), at_ms)

    monkeypatch.setattr(conversation, "end_by_clock", guess)
    monkeypatch.setattr(conversation, "more_may_be_held", lambda _c: False)
    assert ended(900, ledger_away_to_the_end)[0] == "balance_empty"


async def killed_until_the_pbx_has_cut(world: World) -> None:
    await app_killed(world, for_s=3 * SLICE_S)


@pytest.mark.parametrize(("minutes_s", "reason"), [(SLICE_S, "balance_empty"), (900, "interrupted")])
def test_a_talk_that_the_pbx_cut_is_called_what_the_ledger_says(
    minutes_s: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "keep_funded", asking_late(conversation.keep_funded))
    assert ended(minutes_s, killed_until_the_pbx_has_cut) == (reason, "system", SLICE_S)


def asking_late(real: Any) -> Any:
    """A renewal that comes only when it must, so that the process dies before it."""

    def keep_funded(c: Call, used_s: int, cap_s: int) -> Any:
        return real(replace(c, terms=replace(c.terms, margin_s=1, warning_s=1)), used_s, cap_s)

    return keep_funded
