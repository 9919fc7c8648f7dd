"""How long what is known of a call that has ended is kept: the call, and its details. Knows no store."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.domain.call import Call
from ari_app.domain.forgotten import ended_ms, forgotten
from ari_app.engine import records
from ari_app.ports.calls import RETENTION_S, Rest

PRIVATE_S = 3600
TOLD_S = 300
"""From when a call is closed on its events stay so long in any case: until then webhooks and streams tell how it ended.
No number stands in them."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """From the end of the call on. `details_s`: of any call; None: as long as the call itself. `private_s`: of one that
    was asked for as private."""

    call_s: int = RETENTION_S
    details_s: int | None = None
    private_s: int = PRIVATE_S

    def details_until_ms(self, call: Call) -> int | None:
        """Of one that has ended; None: they are kept as long as the call itself."""
        kept_s = self.kept_s(call)
        return None if kept_s is None else ended_ms(call) + 1000 * kept_s

    def kept_s(self, call: Call) -> int | None:
        """The same, in seconds from its end."""
        told = [self.details_s] + [self.private_s] * call.is_private
        kept_s = min((one for one in told if one is not None), default=self.call_s)
        return None if kept_s >= self.call_s else kept_s

    def rest_of(self, call: Call, now_ms: int) -> Rest | None:
        """What is left of it, and when: counted from its end, however late it is closed."""
        until_ms = self.details_until_ms(call)
        if until_ms is None or call.is_forgotten:
            return None
        return Rest(records.encode(forgotten(call)), max(0, -(-(until_ms - now_ms) // 1000)), TOLD_S)
