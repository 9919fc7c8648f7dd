"""How long to wait before the next try to connect: first at once, then exponential with full jitter. Knows no clock."""

from __future__ import annotations

import random

from ari_app.adapters.ari.settings import LinkSettings


class Backoff:
    def __init__(self, settings: LinkSettings, rng: random.Random | None = None) -> None:
        self._settings = settings
        self._rng = rng or random.Random()
        self._tries = 0

    def reset(self) -> None:
        self._tries = 0

    def next_ms(self) -> int:
        """Full jitter: many processes that lost the same Asterisk do not come back in step."""
        s = self._settings
        tries, self._tries = self._tries, self._tries + 1
        if tries == 0:
            return s.retry_first_ms
        ceiling_ms = min(s.retry_max_ms, s.retry_base_ms << min(tries - 1, 16))
        return self._rng.randint(s.retry_first_ms, max(s.retry_first_ms, ceiling_ms))
