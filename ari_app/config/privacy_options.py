"""The settings of what is kept of calls, and who sees it. Reads no file."""

from __future__ import annotations

from dataclasses import dataclass

from ari_app.config.kinds import flag, option, whole


@dataclass(frozen=True)
class PrivacyOptions:
    # A table: the formatter would give each of its lines five.
    # fmt: off
    mask_numbers_for_read: bool = option(False, flag(),
        "Whether keys that have the scope read and no other see phone numbers as +86138****0001.", section="privacy")
    private_minutes: int = option(60, whole(0, 525_600),
        "How long after its end the details of a call with `private` are kept: numbers, metadata, legs, events, "
        "recordings. 0: not at all.", section="privacy", unit="min")
    call_details_days: int = option(0, whole(0, 3650),
        "How many days after its end the same details of any call are kept. 0: as long as the call itself (call_days).",
        section="privacy", unit="days")
    # fmt: on
