"""What one phone of the carrier heard, by its recording. Times are the carrier's own clock: ms since the epoch."""

from __future__ import annotations

from pathlib import Path

from ari_app.stack import tones
from ari_app.stack.carrier import CarrierCall

LOUD_DB = -38.0  # speech and music pass it, an idle line and a codec's noise do not
SLICE_MS = 50


class Ear:
    """The recording begins with the phone's answer, or, where the phone called, with its call."""

    def __init__(self, phone: CarrierCall) -> None:
        assert phone.recording is not None
        assert phone.recorded_from_ms is not None
        assert phone.recorded_ms is not None
        self._sound = Path(phone.recording)
        self.begins_ms = phone.recorded_from_ms
        self.ends_ms = phone.recorded_from_ms + phone.recorded_ms

    def first(self, hz: float, after_ms: int = 0) -> int | None:
        """When a tone begins that lasts."""
        found = tones.first_heard(self._sound, hz, max(0, after_ms - self.begins_ms))
        return None if found is None else self.begins_ms + found

    def delay_ms(self, hz: float, since_ms: int) -> int:
        """How long after that moment the tone is there; what had begun before counts as at once."""
        found = self.first(hz, max(since_ms, self.begins_ms))
        assert found is not None, f"{hz} Hz was never heard after {since_ms - self.begins_ms} ms"
        return found - since_ms

    def heard_ms(self, hz: float, from_ms: int, to_ms: int) -> int:
        if to_ms <= from_ms:
            return 0
        share = tones.heard(self._sound, hz, max(0, from_ms - self.begins_ms), to_ms - self.begins_ms)
        return round(share * (to_ms - max(from_ms, self.begins_ms)))

    def gaps(self, hz: float, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """Where the tone is missing, in ms after the beginning of the recording."""
        return tones.gaps(self._sound, hz, from_ms - self.begins_ms, to_ms - self.begins_ms)

    def other_ms(self, from_ms: int, to_ms: int, *but: float) -> int:
        """How long something was heard in this stretch that is none of these tones: speech, music."""
        begin, end = from_ms - self.begins_ms, to_ms - self.begins_ms
        slices = tones.timeline(self._sound, SLICE_MS, candidates=but)
        return sum(SLICE_MS for one in slices if begin <= one.at_ms < end and one.other_db > LOUD_DB)
