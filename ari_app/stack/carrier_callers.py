"""What the carrier's dialplan says of phones that call the platform (its extensions_callers.conf): which leg is whose,
and what the person and the line of it wrote down, on channels of their own."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from ari_app.stack.carrier_rows import Row, Rows, said, when

LINE = "s"
"""The extension of a leg that a phone placed; a dialled number is never this."""
CLOCKS_DIFFER_MS = 100
"""At most, between the recording and the events: sound this close to the answer may have come with it."""
SAMPLES_PER_MS = 8
_HALF = "Local/"
_ABOUT_A_CALL = {"CALLING", "RING", "KEYS", "HEARD", "OUTCOME"}


@dataclass
class CallerRows:
    """`id` is the call's, as whoever made the call file knows it."""

    id: str
    rows: Rows = field(default_factory=list)

    @property
    def number(self) -> str | None:
        return said(self._first("CALLING")).get("from")

    @property
    def to(self) -> str:
        return said(self._first("CALLING")).get("to", "")

    @property
    def began_ms(self) -> int | None:
        return when(self._first("CALLING"))

    @property
    def person(self) -> str | None:
        """The channel that hears; when it is hung up, the phone hangs up."""
        row = self._first("CALLING")
        return None if row is None else row["channame"]

    @property
    def sip_status(self) -> int | None:
        """The final one. Asterisk says `SIP 486 Busy Here`, and of a call that was given up, a 1xx."""
        found = re.match(r"SIP ([2-6]\d\d)", said(self._first("OUTCOME")).get("sip", ""))
        return int(found[1]) if found else None

    @property
    def is_over(self) -> bool:
        return {"HEARD", "OUTCOME"} <= {row["eventtype"] for row in self.rows}

    def _first(self, event: str) -> Row | None:
        return next((row for row in self.rows if row["eventtype"] == event), None)


def early_media_ms(recording: Path, began_ms: int, answered_ms: int | None) -> int | None:
    """When the first sound came, if that was before the answer. What is not sent is recorded as zeros."""
    whole_ms = None if answered_ms is None else answered_ms - began_ms - CLOCKS_DIFFER_MS
    with recording.open("rb") as file:
        before = file.read(-1 if whole_ms is None else max(0, whole_ms) * SAMPLES_PER_MS * 2)
    silent = len(before) - len(before.lstrip(b"\0"))
    return None if silent == len(before) else began_ms + silent // (SAMPLES_PER_MS * 2)


class Callers:
    """Every phone that called, by the id of its call."""

    def __init__(self) -> None:
        self._by_id: dict[str, CallerRows] = {}

    def take(self, row: Row) -> bool:
        """Whether this row is of a person or a line: no call of the carrier's record has it as its own."""
        if not row["channame"].startswith(_HALF):
            return False
        if row["eventtype"] in _ABOUT_A_CALL:
            self._caller(said(row)["call"]).rows.append(row)
        return True

    def has(self, leg: Rows) -> bool:
        return any(row["eventtype"] == "DIALED" for row in leg[:2])

    def of(self, leg: Rows) -> CallerRows:
        return self._caller(said(leg[1])["call"])

    def person(self, id: str) -> str | None:
        return self._caller(id).person

    def _caller(self, id: str) -> CallerRows:
        return self._by_id.setdefault(id, CallerRows(id))
