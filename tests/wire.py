"""What a telephone line does to sound: A-law, there and back, and what is too loud cut off."""

from __future__ import annotations

import numpy as np

from tests.pbx.sipp.g711 import decode
from tests.who_heard import Samples

_LEVELS = np.sort(np.array(decode(bytes(range(256))), dtype=np.float64))
_BETWEEN = (_LEVELS[1:] + _LEVELS[:-1]) / 2


def on_the_wire(sound: Samples) -> Samples:
    nearest: Samples = _LEVELS[np.searchsorted(_BETWEEN, np.clip(sound, -32768, 32767))]
    return nearest
