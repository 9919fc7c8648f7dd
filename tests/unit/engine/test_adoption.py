"""What is told of the calls that came through a gap: once, when the last of them is saved again."""

from __future__ import annotations

import pytest

from ari_app.domain import events as ev
from ari_app.engine.adoption import Adopted, Adoption, found

LIVE = [ev.Dialled("caller", 0, 1), ev.Answered("caller", 0, 2), ev.Recovered(9)]
GONE = [*LIVE, ev.Gone("callee", 0, 5, cause=16)]
UNKNOWN = [*GONE, ev.Gone("caller", 0, 5, how="unknown")]


@pytest.mark.parametrize(("facts", "what"), [(LIVE, "live"), (GONE, "gone"), (UNKNOWN, "unknown"), ([], "live")])
def test_a_call_is_what_is_known_of_its_worst_phone(facts: list[ev.Event], what: str) -> None:
    assert found(facts) == what


def test_it_is_told_once_when_all_are_saved() -> None:
    told: list[Adopted] = []
    adoption = Adoption(told.append)
    adoption.loads()
    adoption.looks()
    for call, facts in (("a", LIVE), ("b", GONE), ("c", UNKNOWN)):
        adoption.found(call, facts)
    for call in ("a", "b", "b"):
        adoption.saved(call)
    assert told == []
    adoption.saved("c")
    adoption.saved("c")
    assert [(one.live, one.gone, one.unknown) for one in told] == [(1, 1, 1)]


def test_a_sight_that_was_broken_off_counts_nothing() -> None:
    told: list[Adopted] = []
    adoption = Adoption(told.append)
    adoption.looks()
    adoption.found("a", LIVE)
    adoption.looks()
    adoption.found("a", GONE)
    adoption.saved("a")
    assert [(one.live, one.gone, one.unknown) for one in told] == [(0, 1, 0)]


def test_a_call_that_is_looked_at_alone_is_told_alone() -> None:
    told: list[Adopted] = []
    adoption = Adoption(told.append)
    for call in ("a", "b"):
        adoption.found(call, LIVE)
        adoption.saved(call)
    assert [(one.live, one.gone, one.unknown) for one in told] == [(1, 0, 0), (1, 0, 0)]
