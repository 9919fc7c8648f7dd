"""The laws have teeth for calls of many phones, too: what is said to them, who hears whom, what each leg is charged."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from ari_app.domain import charging
from ari_app.domain import step as core
from ari_app.domain.call import Call
from ari_app.domain.charging import Talk, Timed
from ari_app.domain.events import Done, Event, LegAdded
from ari_app.domain.wishes import Join
from ari_app.engine.perform import Performer
from ari_app.engine.telling import Word
from ari_app.flows import flows
from tests.laws.makers import conference
from tests.laws.test_teeth import noticed

Patch = pytest.MonkeyPatch


def what_is_told_twice_takes_effect_twice(patch: Patch) -> None:
    real = core._told

    def told(call: Call, event: Any) -> Call:
        return real(replace(call, asks=call.asks - {event.ask}), event)

    patch.setattr(core, "_told", told)


def _does_not(patch: Patch, kind: type, of: Callable[[Any], bool] = lambda _wish: True) -> None:
    real = Performer.perform

    async def perform(self: Performer, call: Call, wish: Any) -> list[Event]:
        if isinstance(wish, kind) and of(wish):
            return [Done(wish.key, self._now_ms())]
        return await real(self, call, wish)

    patch.setattr(Performer, "perform", perform)


def leaves_one_of_them_alone(patch: Patch) -> None:
    _does_not(patch, Join, lambda wish: wish.leg == "p2")


def one_leg_is_not_charged(patch: Patch) -> None:
    def each_leg(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
        return charging.each_leg([talk for talk in talks if talk.role != "p1"], now_ms)

    patch.setattr("ari_app.flows.funding.charging.charge", _with(each_leg))


def who_dialled_in_is_charged(patch: Patch) -> None:
    def each_leg(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
        return charging.each_leg([replace(talk, called_by_us=True) for talk in talks], now_ms)

    patch.setattr("ari_app.flows.funding.charging.charge", _with(each_leg))


def _with(rule: charging.Rule) -> Callable[..., charging.Charge]:
    real = charging.charge
    return lambda _rule, talks, now_ms, increment: real(rule, talks, now_ms, increment)


def dials_in(call: Call, rng: random.Random) -> Word | None:
    """As soon as somebody is there."""
    if not any(leg.is_up for leg in call.legs) or sum(leg.came_in for leg in call.legs) > 2:
        return None
    while not (isinstance(word := conference.words(call, rng), LegAdded) and word.leg.came_in):
        pass
    return word


BREAKS: list[Callable[[Patch], None]] = [
    what_is_told_twice_takes_effect_twice, leaves_one_of_them_alone, one_leg_is_not_charged, who_dialled_in_is_charged,
]  # fmt: skip


FIRST = {who_dialled_in_is_charged: 20}
"""See test_teeth.py."""


@pytest.mark.parametrize("broken", BREAKS, ids=lambda b: b.__name__)
def test_the_laws_notice(broken: Callable[[Patch], None], monkeypatch: Patch) -> None:
    broken(monkeypatch)
    words = dials_in if broken is who_dialled_in_is_charged else conference.words
    assert noticed(flows()["conference"], replace(conference.MAKER, words=words), FIRST.get(broken, 0)), (
        "nobody noticed"
    )
