"""The laws of what receivers are told have teeth."""

from __future__ import annotations

import pytest

from tests.chaos.evidence import Evidence
from tests.chaos.told import Event, Told
from tests.chaos.told_laws import TOLD_LAWS

ON_RECORD = [Event(n, f"call.{state}", f"t{n}") for n, state in enumerate(("queued", "talking", "ended"), start=1)]


def told(*seqs: int, id: str = "", **other: object) -> list[Told]:
    return [Told(id or f"evt{n}", "c1", n, ON_RECORD[n - 1].type, f"t{n}")._replace(**other) for n in seqs]  # type: ignore[arg-type]


def broken(*had: Told) -> list[str]:
    evidence = Evidence([], {}, {}, {}, {}, [], events={"c1": ON_RECORD}, told={"shop": had})
    return [sentence for law in TOLD_LAWS for sentence in law(evidence, [])]


def test_all_in_order_is_right() -> None:
    assert not broken(*told(1, 2, 3))


def test_again_is_right_too() -> None:
    """At least once: the second time it is known by its id."""
    assert not broken(*told(1, 2), *told(1, 2), *told(3))


@pytest.mark.parametrize(
    ("had", "said"),
    [
        (told(1, 3), "never heard of number 2 of c1"),
        (told(1, 3, 2), "heard number 2 of c1 behind number 3"),
        (told(1, 2, 3, type="call.sung"), "is not on record"),
        (told(1, 2, 3, is_signed=False), "a signature that does not hold"),
        ([*told(1, 2, 3), *told(2, id="another")], "heard number 2 of c1 behind number 3"),
    ],
)
def test_what_is_wrong_is_named(had: list[Told], said: str) -> None:
    assert any(said in sentence for sentence in broken(*had))


def test_nobody_is_told_of_nothing() -> None:
    evidence = Evidence([], {}, {}, {}, {}, [], events={"c1": ON_RECORD}, told={"shop": ()})
    assert len([sentence for law in TOLD_LAWS for sentence in law(evidence, [])]) == 3
