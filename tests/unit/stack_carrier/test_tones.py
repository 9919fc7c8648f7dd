"""The ear of the tests: it must hear what is there, and must not hear what is not."""

import math
import time
from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from ari_app.stack import tones

Record = Callable[..., Path]  # some sounds → the recording of them, one after the other
PHONES_HZ = [300 + 50 * nn for nn in (*range(1, 20), 21, 26, 28, 31)]


def tone(hz: float, ms: int, amplitude: int = 7220, begin_ms: int = 0) -> list[int]:
    return [round(amplitude * math.sin(2 * math.pi * hz * (n + begin_ms * 8) / 8000)) for n in range(ms * 8)]


def silence(ms: int) -> list[int]:
    return [0] * (ms * 8)


def voice(ms: int) -> list[int]:
    """A loud voice: harmonics of a pitch that glides, in syllables."""
    samples, phase = [], 0.0
    for n in range(ms * 8):
        at_s = n / 8000
        phase += 2 * math.pi * (200 + 25 * math.sin(2 * math.pi * 1.3 * at_s)) / 8000
        loud = 0.5 + 0.5 * math.sin(2 * math.pi * 3 * at_s)
        samples.append(round(loud * sum(9000 / h * math.sin(h * phase) for h in range(1, 8))))
    return samples


def mixed(*sounds: list[int]) -> list[int]:
    return [max(-32768, min(32767, sum(values))) for values in zip(*sounds, strict=True)]


@pytest.fixture
def record(tmp_path: Path) -> Record:
    def write(*parts: list[int]) -> Path:
        path = tmp_path / "heard.sln"
        path.write_bytes(array("h", [sample for part in parts for sample in part]).tobytes())
        return path

    return write


@pytest.mark.parametrize("hz", [*PHONES_HZ, 1000, 1400])
def test_the_strongest_frequency_of_a_phones_tone_is_that_tone(hz: int) -> None:
    assert tones.strongest(tone(hz, 1000)) == [[hz]]


def test_two_tones_at_once_are_both_named_the_louder_one_first() -> None:
    both = mixed(tone(400, 1000, 4000), tone(650, 1000, 9000))
    assert tones.strongest(both) == [[650, 400]]


def test_eight_phones_at_once_are_all_named_before_anything_else() -> None:
    hz = [300 + 50 * nn for nn in (1, 2, 3, 4, 6, 7, 8, 9)]
    [heard] = tones.strongest(mixed(*(tone(f, 1000, begin_ms=7 * f) for f in hz)), most=15)
    assert sorted(heard[:8]) == hz


def test_silence_has_no_strongest_frequency_and_neither_has_coded_silence() -> None:
    coded = [8 if n % 2 else -8 for n in range(8000)]  # the smallest A-law steps
    assert tones.strongest(silence(1000) + coded) == [[], []]


def test_each_second_is_judged_by_itself_and_a_short_rest_is_left_out() -> None:
    assert tones.strongest(tone(350, 1000) + silence(1000) + tone(500, 1300)) == [[350], [], [500]]


def test_finer_windows_find_a_change_within_the_second() -> None:
    assert tones.strongest(tone(400, 200) + tone(1000, 200), window_ms=100) == [[400], [400], [1000], [1000]]


def test_a_steady_tone_is_heard_all_the_time(record: Record) -> None:
    path = record(tone(450, 3000))
    assert tones.heard(path, 450, 0, 3000) == 1
    assert tones.gaps(path, 450, 0, 3000) == []


@pytest.mark.parametrize(
    "wrong",
    [silence(3000), tone(500, 3000), tone(400, 3000), tone(450, 3000, amplitude=700), voice(3000)],
    ids=["silence", "the tone above", "the tone below", "a faint echo", "a voice"],
)
def test_wrong_sound_is_not_heard_as_the_tone(record: Record, wrong: list[int]) -> None:
    path = record(wrong)
    assert tones.first_heard(path, 450) is None
    assert tones.heard(path, 450, 0, 3000) < 0.3
    assert tones.gaps(path, 450, 0, 3000) != []


def test_a_sound_that_glides_through_the_frequency_is_no_tone(record: Record) -> None:
    """Loud and long enough, as a sung vowel is; only its phase tells."""
    glide = [round(7220 * math.sin(2 * math.pi * (400 * t + 50 * t * t))) for t in (n / 8000 for n in range(8000))]
    path = record(glide)  # 400 to 500 Hz in one second
    [(begin_ms, end_ms)] = tones.stretches(path, 450)
    assert end_ms - begin_ms > 200
    assert tones.first_heard(path, 450) is None


@pytest.mark.parametrize("filling", [silence(300), tone(500, 300)], ids=["silence", "another tone"])
def test_a_gap_of_300_ms_is_found_where_it_is(record: Record, filling: list[int]) -> None:
    path = record(tone(450, 1000), filling, tone(450, 1700, begin_ms=1300))
    [(begin_ms, end_ms)] = tones.gaps(path, 450, 0, 3000)
    assert (begin_ms, end_ms) == pytest.approx((1000, 1300), abs=25)
    assert tones.heard(path, 450, 0, 3000) == pytest.approx(0.9, abs=0.02)


def test_swapped_tones_are_noticed(record: Record) -> None:
    path = record(tone(600, 1000), tone(400, 1000))
    assert tones.first_heard(path, 400) == pytest.approx(1000, abs=25)
    assert tones.first_heard(path, 600) == 0
    assert tones.heard(path, 400, 0, 1000) < 0.05


@pytest.mark.parametrize("begin_ms", [40, 333, 1005, 2178])
def test_the_beginning_of_a_tone_is_known_to_25_ms(record: Record, begin_ms: int) -> None:
    path = record(silence(begin_ms), tone(700, 1000))
    assert tones.first_heard(path, 700) == pytest.approx(begin_ms, abs=25)


def test_a_tone_that_is_cut_off_ends_with_the_recording(record: Record) -> None:
    path = record(tone(450, 1000))
    [gap] = tones.gaps(path, 450, 0, 1500)
    assert gap == pytest.approx((1000, 1500), abs=25)
    assert tones.heard(path, 450, 0, 2000) == pytest.approx(0.5, abs=0.02)


def test_a_warning_spoken_over_the_talk_leaves_the_tone_and_shows_beside_it(record: Record) -> None:
    spoken = mixed(tone(500, 2000, begin_ms=1000), voice(2000))
    path = record(tone(500, 1000), spoken, tone(500, 1000, begin_ms=3000))
    assert tones.gaps(path, 500, 0, 4000) == []
    beside = {piece.at_ms: piece.other_db for piece in tones.timeline(path, window_ms=100)}
    assert max(db for at_ms, db in beside.items() if at_ms < 900) < -40
    assert max(db for at_ms, db in beside.items() if 1000 <= at_ms < 2900) > -20
    assert max(db for at_ms, db in beside.items() if at_ms >= 3100) < -40


def test_ringback_has_its_cadence_and_is_phone_03s_own_frequency(record: Record) -> None:
    cycle = [tone(450, 1000), silence(4000)]
    path = record(*cycle, *cycle)
    assert tones.stretches(path, 450) == [(0, 1000), (5000, 6000)]
    assert 300 + 50 * 3 == 450, "so nobody should look for phone 03 where ringback sounds"


def test_a_stretch_may_begin_late_in_the_recording(record: Record) -> None:
    path = record(tone(450, 1000), silence(1000), tone(450, 1000))
    assert tones.first_heard(path, 450, after_ms=1200) == pytest.approx(2000, abs=25)
    assert tones.stretches(path, 450, 1200, 1800) == []


def test_half_a_sample_at_the_end_of_a_live_recording_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "live.sln"
    path.write_bytes(array("h", tone(450, 1000)).tobytes() + b"\x01")
    assert len(tones.read(path)) == 8000
    assert tones.duration_ms(path) == 1000


def test_a_minute_is_analysed_in_seconds_of_cpu_not_minutes(record: Record) -> None:
    path = record(tone(450, 60_000))
    begin = time.process_time()
    tones.strongest(tones.read(path))
    tones.stretches(path, 450)
    assert time.process_time() - begin < 5
