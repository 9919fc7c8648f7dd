"""Who heard whom, second by second: phones with a tone each, in one call, and the recording of every one of them.

It knows tones and the carrier's record, and must know nothing of the product. Made for sums of many tones: sixteen
phones mixed are louder than a sample can be, and what is cut off sounds at the other phones' frequencies, too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ari_app.stack.carrier import CarrierCall

RATE = 8000
WINDOW_MS = 100  # a tone 50 Hz beside is on a zero of it
PRESENT_DB = -20.5  # a phone's tone comes at -13, and at -17 among fifteen; one that is missing there at -23 or less
ALL, NOTHING = 0.9, 0.1  # of a second: its edges, and a key that is pressed, hide a little

Samples = npt.NDArray[np.float64]
Pair = tuple[str, str]


def tone_of(number: str) -> int:
    """Of a phone that plays one, by the last two digits of its number."""
    return 1350 if number.endswith("21") else 300 + 50 * int(number[-2:])


@dataclass(frozen=True)
class Table:
    """`share[listener, speaker]`: which share of each second, from `from_ms` on, has the speaker's tone in what the
    listener heard. Who hears himself has an echo."""

    share: Mapping[Pair, Sequence[float]]
    from_ms: int

    def heard(self) -> set[Pair]:
        """Who heard whom all the time."""
        return {pair for pair, seconds in self.share.items() if min(seconds) >= ALL}

    def silent(self) -> set[Pair]:
        """Who did not hear whom at any time."""
        return {pair for pair, seconds in self.share.items() if max(seconds) <= NOTHING}

    def seconds(self, listener: str, speaker: str) -> list[int]:
        """The whole seconds, counted from 0, in which he was heard."""
        return [at for at, share in enumerate(self.share[listener, speaker]) if share >= ALL]

    def must_be(self, expected: Iterable[Pair]) -> None:
        """These pairs heard each other all the time, and all others not at all."""
        heard, silent, expected = self.heard(), self.silent(), set(expected)
        missing, extra = expected - heard, self.share.keys() - silent - expected
        wrong = {"not heard": sorted(missing), "heard": sorted(extra)}
        assert not missing | extra, f"{'; '.join(f'{how}: {pairs}' for how, pairs in wrong.items() if pairs)}\n{self}"

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        """For each listener what he heard, a mark a second: # all of it, . nothing, + a part."""
        names = sorted({listener for listener, _ in self.share})
        speakers = sorted({speaker for _, speaker in self.share})
        width = max(map(len, [*names, *speakers]))
        for listener in names:
            yield f"{listener} heard"
            for speaker in speakers:
                yield f"  {speaker:{width}} " + "".join(map(_mark, self.share[listener, speaker]))


def everybody(*names: str, muted: Iterable[str] = ()) -> set[Pair]:
    """The pairs of a conference: each hears all others, but for those who are muted."""
    return {(listener, speaker) for listener in names for speaker in names if listener != speaker} - {
        (listener, speaker) for listener in names for speaker in muted
    }


def heard_table(
    calls: Mapping[str, CarrierCall], from_ms: int, to_ms: int, hz_of: Mapping[str, float] | None = None
) -> Table:
    """Between two moments of the carrier's clock, whole seconds. `calls`: those who hear, each recorded; `hz_of`: those
    who may speak and their tones: the same phones, by their numbers, where it is not given."""
    tones_hz = hz_of or {name: tone_of(_phone(call)) for name, call in calls.items()}
    share: dict[Pair, Sequence[float]] = {}
    for listener, call in calls.items():
        assert call.recording is not None, f"{listener} was not recorded: {call}"
        assert call.recorded_from_ms is not None
        sound = read(Path(call.recording))
        found = shares(sound, list(tones_hz.values()), from_ms - call.recorded_from_ms, to_ms - call.recorded_from_ms)
        share |= {(listener, speaker): row for speaker, row in zip(tones_hz, found, strict=True)}
    return Table(share, from_ms)


def read(path: Path) -> Samples:
    raw = path.read_bytes()
    return np.frombuffer(raw[: len(raw) & ~1], dtype="<i2").astype(np.float64)


def shares(sound: Samples, tones_hz: Sequence[float], from_ms: int, to_ms: int) -> list[list[float]]:
    """For each tone the share of each second of this stretch that has it; beyond the recording is silence."""
    seconds = (to_ms - from_ms) // 1000
    assert seconds > 0, f"less than a second: {to_ms - from_ms} ms"
    size, many = RATE * WINDOW_MS // 1000, 1000 // WINDOW_MS
    begin = from_ms * RATE // 1000
    stretch = np.zeros(seconds * RATE)
    first, last = max(0, begin), min(len(sound), begin + len(stretch))
    if first < last:
        stretch[first - begin : last - begin] = sound[first:last]
    window = np.hanning(size + 1)[:-1]
    turns = 2j * np.pi * np.outer(np.arange(size), tones_hz) / RATE
    waves = np.exp(-turns) * window[:, None] * 2 / window.sum() / 32768
    levels = np.abs(stretch.reshape(-1, size) @ waves)
    is_there = levels > 10 ** (PRESENT_DB / 20)
    return [[float(x) for x in row] for row in is_there.reshape(seconds, many, len(tones_hz)).mean(axis=1).T]


def _phone(call: CarrierCall) -> str:
    return (call.from_user or "") if call.direction == "inbound" else call.number


def _mark(share: float) -> str:
    return "#" if share >= ALL else "." if share <= NOTHING else "+"
