"""What of the kept sounds is thrown away, and when."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ari_app.adapters.speech.shelf import Shelf

DAY_S = 86_400
WAV = bytes(1644)  # 100 ms


def name(n: int) -> str:
    return f"t{n:040x}"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path, days=30, bytes_max=10 * len(WAV))


def put(shelf: Shelf, n: int, played_days_ago: float = 0) -> None:
    shelf.put(name(n), WAV)
    then = time.time() - played_days_ago * DAY_S
    os.utime(shelf.folder / f"{name(n)}.wav", (then, then))


def kept(shelf: Shelf) -> set[int]:
    return {int(path.stem[1:], 16) for path in shelf.folder.glob("t*.wav")}


def test_what_was_not_played_for_so_many_days_is_thrown_away(shelf: Shelf) -> None:
    for n, days in ((1, 31), (2, 29), (3, 0)):
        put(shelf, n, days)
    assert shelf.purge() == 1
    assert kept(shelf) == {2, 3}


def test_playing_keeps_a_sound(shelf: Shelf) -> None:
    put(shelf, 1, played_days_ago=29)
    assert shelf.path(name(1)) == str(shelf.folder / name(1))
    assert time.time() - (shelf.folder / f"{name(1)}.wav").stat().st_mtime < 60


def test_where_there_are_too_many_the_longest_unplayed_go_first(shelf: Shelf) -> None:
    for n in range(14):
        put(shelf, n, played_days_ago=14 - n)
    assert shelf.purge() == 4
    assert kept(shelf) == set(range(4, 14))
    assert shelf.room() == 0


def test_what_may_be_heard_at_this_moment_stays_however_full_it_is(shelf: Shelf) -> None:
    for n in range(12):
        put(shelf, n, played_days_ago=0.01)
    assert shelf.purge() == 0
    assert shelf.room() == -2 * len(WAV)


def test_other_files_are_left_alone_and_half_written_ones_swept_away(shelf: Shelf) -> None:
    old = time.time() - 90 * DAY_S
    for path in ("greeting.wav", "t123.wav", f".{name(1)}.wav.abc", "notes.txt"):
        (shelf.folder / path).write_bytes(WAV)
        os.utime(shelf.folder / path, (old, old))
    (shelf.folder / f".{name(2)}.wav.new").write_bytes(WAV)  # somebody is just writing it
    assert shelf.purge() == 0
    left = {path.name for path in shelf.folder.iterdir()}
    assert left == {"greeting.wav", "t123.wav", "notes.txt", f".{name(2)}.wav.new"}


@pytest.mark.parametrize("odd", ["../secret", "greeting", "T" + "0" * 40])
def test_an_id_that_is_none_of_ours_is_no_path(tmp_path: Path, odd: str) -> None:
    (tmp_path / "sounds").mkdir()
    (tmp_path / "sounds" / f"{odd}.wav").write_bytes(WAV)
    assert Shelf(tmp_path / "sounds", 30, 10_000).path(odd) is None


def test_a_file_without_samples_counts_as_none(shelf: Shelf) -> None:
    (shelf.folder / f"{name(1)}.wav").write_bytes(WAV[:44])
    assert shelf.path(name(1)) is None
