"""Which signal asks for what, and how what is waited for is given up."""

from __future__ import annotations

import asyncio

import pytest

from ari_app.stopping import EXIT_NOW, Stopping, Told


def signals(said: str) -> tuple[bool, bool, list[int]]:
    """(drains, leaves, exits at once) after Terminate or Interrupt signals, one letter each."""
    codes: list[int] = []
    stopping = Stopping(codes.append)
    for letter in said:
        stopping.terminated() if letter == "T" else stopping.interrupted()
    return stopping.drain.is_set(), stopping.leave.is_set(), codes


@pytest.mark.parametrize(
    ("said", "drains", "leaves", "exits"),
    [
        ("", False, False, 0),
        ("T", False, True, 0),
        ("TT", False, True, 1),
        ("TI", False, True, 1),
        ("I", True, False, 0),
        ("II", True, True, 0),
        ("IT", True, True, 0),
        ("III", True, True, 1),
        ("ITT", True, True, 1),
    ],
)
def test_what_signals_ask_for(said: str, drains: bool, leaves: bool, exits: int) -> None:
    assert signals(said) == (drains, leaves, [EXIT_NOW] * exits)


async def test_what_is_waited_for_is_given_up_when_the_process_is_told() -> None:
    stopping, given_up = Stopping(), asyncio.Event()

    async def waiting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    asyncio.get_running_loop().call_soon(stopping.terminated)
    with pytest.raises(Told):
        await stopping.unless_told(waiting())
    assert given_up.is_set()


async def test_what_comes_to_its_end_is_given() -> None:
    async def done() -> int:
        return 7

    async def fault() -> None:
        raise KeyError("why")

    assert await Stopping().unless_told(done()) == 7
    with pytest.raises(KeyError, match="why"):
        await Stopping().unless_told(fault())
