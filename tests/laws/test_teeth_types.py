"""The laws have teeth for calls of many phones, too: what is said to them, who hears whom, what each leg is charged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from ari_app.domain import charging
from ari_app.domain import step as core
from ari_app.domain.call import Call
from ari_app.domain.charging import Talk, Timed
from ari_app.domain.events import Done, Event, LegAdded, Told
from ari_app.domain.wishes import Cutoff, Join
from ari_app.engine.perform import Performer
from ari_app.engine.telling import Tellers
from ari_app.flows import flows
from tests.laws.maker import maker_of
from tests.laws.test_teeth import noticed

Patch = pytest.MonkeyPatch
TYPE = "conference"


def what_is_told_twice_takes_effect_twice(patch: Patch) -> None:
    real = core._told

    def told(call: Call, event: Any) -> Call:
        return real(core.replace(call, asks=call.asks - {event.ask}), event)

    patch.setattr(core, "_told", told)


def answers_before_it_is_written_down(patch: Patch) -> None:
    def folded(self: Tellers, call: Call, batch: Iterable[Event]) -> None:
        asks = [event.ask for event in batch if isinstance(event, LegAdded | Told)]
        self._answer(asks, call)

    patch.setattr(Tellers, "folded", folded)


def _does_not(patch: Patch, kind: type, of: Callable[[Any], bool] = lambda _wish: True) -> None:
    real = Performer.perform

    async def perform(self: Performer, call: Call, wish: Any) -> list[Event]:
        if isinstance(wish, kind) and of(wish):
            return [Done(wish.key, self._now_ms())]
        return await real(self, call, wish)

    patch.setattr(Performer, "perform", perform)


def leaves_one_of_them_alone(patch: Patch) -> None:
    _does_not(patch, Join, lambda wish: wish.leg == "p2")


def no_timer_of_any_leg_is_set(patch: Patch) -> None:
    _does_not(patch, Cutoff)


def one_leg_is_not_charged(patch: Patch) -> None:
    def each_leg(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
        return charging.each_leg([talk for talk in talks if talk.role != "p1"], now_ms)

    patch.setattr("ari_app.flows.funding.each_leg", each_leg, raising=False)
    patch.setattr("ari_app.flows.funding.charging.charge", _with(each_leg), raising=False)


def who_dialled_in_is_charged(patch: Patch) -> None:
    def each_leg(talks: Sequence[Talk], now_ms: int) -> Iterator[Timed]:
        return charging.each_leg([core.replace(talk, called_by_us=True) for talk in talks], now_ms)

    patch.setattr("ari_app.flows.funding.charging.charge", _with(each_leg), raising=False)


def _with(rule: charging.Rule) -> Callable[..., charging.Charge]:
    real = charging.charge
    return lambda _rule, talks, now_ms, increment: real(rule, talks, now_ms, increment)


BREAKS: list[Callable[[Patch], None]] = [
    what_is_told_twice_takes_effect_twice, answers_before_it_is_written_down, leaves_one_of_them_alone,
    no_timer_of_any_leg_is_set, one_leg_is_not_charged, who_dialled_in_is_charged,
]  # fmt: skip


@pytest.mark.parametrize("broken", BREAKS, ids=lambda b: b.__name__)
def test_the_laws_notice(broken: Callable[[Patch], None], monkeypatch: Patch) -> None:
    broken(monkeypatch)
    assert noticed(flows()[TYPE], maker_of(TYPE)), "nobody noticed"
