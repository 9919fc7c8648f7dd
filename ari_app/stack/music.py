"""Makes the waiting music: a few seconds of soft chords, computed here, so that nobody's rights are touched."""

import math
import struct
import wave
from pathlib import Path

_RATE = 8000
_CHORD_S = 2
# C, A minor, F, G: frequencies in Hz, none near a DTMF pair or a call-progress tone
_CHORDS = ((261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6), (196.0, 246.9, 293.7))


def write_music(directory: Path) -> None:
    """One WAV file, 8 kHz mono, that may be played round and round."""
    path = directory / "chords.wav"
    if path.exists():
        return
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = directory / ".chords.new"
    with wave.open(str(fresh), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(b"".join(_chord(tones) for tones in _CHORDS))
    fresh.rename(path)


def _chord(tones: tuple[float, ...]) -> bytes:
    samples = []
    total = _RATE * _CHORD_S
    for at in range(total):
        swell = math.sin(math.pi * at / total)  # from silence to silence: no click where chords meet
        level = sum(math.sin(2 * math.pi * tone * at / _RATE) for tone in tones) / len(tones)
        samples.append(int(5000 * swell * level))
    return struct.pack(f"<{total}h", *samples)
