"""The ear of conferences: it must tell every pair apart in any mixture, and must not hear who is muted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ari_app.stack.carrier import CarrierCall
from tests.who_heard import RATE, Samples, everybody, heard_table, shares, tone_of
from tests.wire import on_the_wire

PHONES = {f"p{nn:02}": f"+86139000000{nn:02}" for nn in range(1, 10)}
LOUD = 7220  # as Asterisk's PlayTones has it
T0_MS = 1_700_000_000_000
Loudness = dict[str, float]


def tone(hz: float, ms: int, phase: float = 0.0) -> Samples:
    return LOUD * np.sin(2 * np.pi * hz * np.arange(ms * 8) / RATE + phase)


def mixed(hz: list[int], ms: int, seed: int) -> Samples:
    """As a bridge mixes it, cut off where it is too loud; and as it comes over the wire."""
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(hz))
    total = sum((tone(f, ms, p) for f, p in zip(hz, phase, strict=True)), np.zeros(ms * 8))
    return on_the_wire(total)


class Room:
    """A conference's recordings: who hears whom in which second."""

    def __init__(self, at: Path) -> None:
        self.at = at

    def recorded(self, listener: str, *speakers_by_second: set[str], begins_ms: int = T0_MS) -> CarrierCall:
        seconds = [
            mixed([tone_of(PHONES[s]) for s in sorted(speakers)], 1000, seed=at)
            for at, speakers in enumerate(speakers_by_second)
        ]
        path = self.at / f"{listener}.sln"
        path.write_bytes(np.concatenate(seconds).astype("<i2").tobytes())
        return CarrierCall(
            listener, PHONES[listener], None, None, None, begins_ms, None, None, begins_ms, None, None, None, "",
            str(path), 1000 * len(seconds), "", recorded_from_ms=begins_ms,
        )  # fmt: skip


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.mark.parametrize("muted", [(), ("p05",), ("p01", "p09")])
def test_nine_who_talk_at_once_are_told_apart_and_the_muted_ones_are_silent(room: Room, muted: tuple[str, ...]) -> None:
    calls = {p: room.recorded(p, *[PHONES.keys() - {p} - set(muted)] * 2) for p in PHONES}
    table = heard_table(calls, T0_MS, T0_MS + 2000)
    table.must_be(everybody(*PHONES, muted=muted))


@pytest.mark.parametrize("seed", range(8))
def test_fifteen_at_once_are_told_apart_from_the_one_who_is_missing(seed: int) -> None:
    everyone = [300 + 50 * nn for nn in range(1, 17)]
    missing = everyone[seed * 2]
    found = shares(mixed([hz for hz in everyone if hz != missing], 1000, seed), everyone, 0, 1000)
    assert [hz for hz, [share] in zip(everyone, found, strict=True) if share < 0.9] == [missing]
    assert found[everyone.index(missing)] == [0]


def test_one_deaf_ear_among_nine_is_found(room: Room) -> None:
    """The tooth: everybody hears everybody, but for one who does not hear one."""
    calls = {p: room.recorded(p, PHONES.keys() - {p}) for p in PHONES}
    calls["p03"] = room.recorded("p03", PHONES.keys() - {"p03", "p07"})
    table = heard_table(calls, T0_MS, T0_MS + 1000)
    table.must_be(everybody(*PHONES) - {("p03", "p07")})
    with pytest.raises(AssertionError, match=r"not heard: \[\('p03', 'p07'\)\]"):
        table.must_be(everybody(*PHONES))


def test_who_hears_a_muted_one_or_himself_is_found(room: Room) -> None:
    calls = {"p01": room.recorded("p01", {"p02"}), "p02": room.recorded("p02", {"p01", "p02"})}
    table = heard_table(calls, T0_MS, T0_MS + 1000)
    with pytest.raises(AssertionError, match=r"heard: \[\('p02', 'p02'\)\]"):
        table.must_be(everybody("p01", "p02"))
    with pytest.raises(AssertionError, match=r"heard: \[\('p01', 'p02'\)"):
        table.must_be(everybody("p01", "p02", muted=["p02"]))


def test_each_second_is_told_by_the_carriers_clock(room: Room) -> None:
    """One recording begins a second later than the other."""
    calls = {
        "p01": room.recorded("p01", set(), {"p02"}, {"p02"}, set()),
        "p02": room.recorded("p02", {"p01"}, {"p01"}, set(), begins_ms=T0_MS + 1000),
    }
    table = heard_table(calls, T0_MS, T0_MS + 5000)
    assert table.seconds("p01", "p02") == [1, 2]
    assert table.seconds("p02", "p01") == [1, 2]
    assert heard_table(calls, T0_MS + 1000, T0_MS + 3000).heard() == everybody("p01", "p02")


def test_half_a_second_is_neither_heard_nor_silent(room: Room) -> None:
    calls = {"p01": room.recorded("p01", {"p02"}, set()), "p02": room.recorded("p02", {"p01"}, {"p01"})}
    table = heard_table(calls, T0_MS + 500, T0_MS + 1500)
    assert ("p01", "p02") not in table.heard() | table.silent()
    assert "p02 +" in str(table)


@pytest.mark.parametrize("what", ["silence", "noise", "another tone", "faint", "between two"])
def test_wrong_sound_is_not_heard(what: str) -> None:
    rng = np.random.default_rng(1)
    sound = {
        "silence": np.zeros(8000),
        "noise": rng.normal(0, 6000, 8000),
        "another tone": tone(450, 1000) + tone(550, 1000),
        "faint": tone(500, 1000) / 4,
        "between two": tone(475, 1000) + tone(525, 1000),
    }[what]
    assert shares(on_the_wire(sound), [500], 0, 1000) == [[0]]
