"""Does the PBX's clock agree with ours? Talks are timed by its clock, and cut off by ours. Changes nothing."""

from __future__ import annotations

import time
from contextlib import suppress

import structlog

from ari_app.adapters.ari.client import Client
from ari_app.adapters.ari.errors import AriError
from ari_app.adapters.ari.timestamps import epoch_ms

log = structlog.get_logger()

APART_MS_MAX = 1_000

HARM = (
    "talks are timed by the PBX's clock and cut off by this one: calls end too late (an overrun, paid by the operator) "
    "or too early by as much; run NTP on both machines"
)


async def compare(client: Client) -> None:
    """Says so, in one line, if the clocks are more than APART_MS_MAX apart."""
    asked_ms = _now_ms()
    with suppress(AriError):  # a PBX that cannot tell its time is no reason to have no link to it
        theirs_ms = epoch_ms((await client.asterisk.ping()).timestamp)
        answered_ms = _now_ms()
        ahead_ms = theirs_ms - (asked_ms + answered_ms) // 2
        if theirs_ms and abs(ahead_ms) - (answered_ms - asked_ms) // 2 > APART_MS_MAX:
            log.warning("clocks differ", pbx_ahead_ms=ahead_ms, why=HARM)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
