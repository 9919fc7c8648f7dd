"""Reads Asterisk's channel event log (CEL): what became of a channel while nobody watched.

Knows the columns of asterisk_conf/pbx/cel.conf. A row that makes no sense is skipped: the file may end in half a row.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from ari_app.ports.telephony import Record, Trace

EVENT, TIME, UNIQUE_ID, CHANNEL_NAME, APP_DATA, EXTRA = 0, 1, 2, 4, 6, 8
NORMAL = 16
COLUMNS = 9
OUT_OF_ORDER_MS = 60_000  # a clock that was set meanwhile; rows of one moment
NEAR_BYTES = 65_536
CAME_IN = "LEG"
"""What our dialplan writes down of a channel that came in, whose id is of Asterisk's making: from here on it is this
leg of ours. `<our id> <state>`; a second one of the same channel: it goes on as another leg."""
OUR_ID = re.compile(rb'"LEG,([a-z0-9_.]+) ')
WRITTEN_TIME = re.compile(r"[0-9]{1,12}(\.[0-9]*)?")


def read_record(path: Path, channels: Collection[str], from_ms: int) -> Record | None:
    """Traces of these channels, none of which was before `from_ms`, as far as the log has them; None if there is no log
    to read. The log is in the order of time, and most of it is not read, however long it has grown."""
    about = _About(channels)
    found: dict[str, Trace] = {}
    ours: dict[str, str] = {}
    try:
        with path.open("rb") as log:
            since_ms = _next_time(log)
            log.seek(_place(log, from_ms - OUT_OF_ORDER_MS))
            for row in _rows(about.lines(log)):
                if row[EVENT] == CAME_IN:
                    _come_in(found, ours, row)
                else:
                    _fold(found, row, ours.get(row[UNIQUE_ID], row[UNIQUE_ID]))
    except OSError:
        return None
    return Record({name: trace for name, trace in found.items() if name in about.asked}, since_ms, about.until_ms)


class Answers:
    """Of every channel of one endpoint, its answer and its end, for who lays the log beside a bill; but for those that
    came in by themselves. `since_ms`, `until_ms`: the times of the first and the last row that were passed."""

    def __init__(self, endpoint: str) -> None:
        self._name = f"PJSIP/{endpoint}-"
        self._came_in: set[str] = set()
        self.since_ms: int | None = None
        self.until_ms: int | None = None

    def moments(self, log: Iterable[bytes]) -> Iterator[tuple[str, int | None, int | None]]:
        """Channel, and its answer or its end; a channel may have more than one end."""
        name, last = self._name.encode(), b""
        for line in log:
            if self.since_ms is None:
                self.since_ms = _next_time((line,))
            last = line
            if name in line:
                yield from self._moment(line)
        for row in _rows((last,)):
            self.until_ms = _at_ms(row[TIME])

    def _moment(self, line: bytes) -> Iterator[tuple[str, int | None, int | None]]:
        for row in _rows((line,)):
            at_ms = _at_ms(row[TIME])
            if at_ms is None or not row[CHANNEL_NAME].startswith(self._name):
                continue
            if row[EVENT] == CAME_IN:
                self._came_in.add(row[UNIQUE_ID])
            elif row[UNIQUE_ID] in self._came_in:
                if row[EVENT] == "CHAN_END":
                    self._came_in.discard(row[UNIQUE_ID])
            elif row[EVENT] == "ANSWER":
                yield row[UNIQUE_ID], at_ms, None
            elif row[EVENT] in ("HANGUP", "CHAN_END"):
                yield row[UNIQUE_ID], None, at_ms


class _About:
    """The lines about some channels; all others are not taken apart, as between two rows of one call may be the calls
    of hours. `until_ms`: the time of the last whole row that was passed."""

    def __init__(self, channels: Collection[str]) -> None:
        self.asked = frozenset(channels)
        self._wanted = {channel.encode() for channel in channels}
        self._last: tuple[bytes, bytes] = (b"", b"")

    def lines(self, log: BinaryIO) -> Iterator[bytes]:
        wanted, before, line = self._wanted, b"", b""
        for next_line in log:
            before, line = line, next_line
            fields = line.split(b",", UNIQUE_ID + 1)
            if len(fields) <= UNIQUE_ID:
                continue
            channel = fields[UNIQUE_ID].strip(b'"')
            if line.startswith(b'"LEG"') and (named := OUR_ID.search(line)) and named[1] in wanted:
                wanted.add(channel)
            if channel in wanted:
                yield line
        self._last = (before, line)

    @property
    def until_ms(self) -> int | None:
        times = [_at_ms(row[TIME]) for row in _rows(iter(self._last))]  # the very last line may be half a row
        return times[-1] if times else None


def _place(log: BinaryIO, from_ms: int) -> int:
    """Where a line begins that is not later than the first row of that time, nor much earlier."""
    least, most = 0, log.seek(0, os.SEEK_END)
    while most - least > NEAR_BYTES:
        middle = (least + most) // 2
        log.seek(middle)
        log.readline()  # the rest of a row
        at_ms = _next_time(log)
        if at_ms is not None and at_ms < from_ms:
            least = middle
        else:
            most = middle
    log.seek(least)
    if least:
        log.readline()
    return log.tell()


def _next_time(log: Iterable[bytes]) -> int | None:
    return next((at_ms for row in _rows(log) if (at_ms := _at_ms(row[TIME])) is not None), None)


def _rows(log: Iterable[bytes]) -> Iterator[list[str]]:
    rows = csv.reader(line.decode(errors="replace") for line in log)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:  # it begins afresh with the next line
            continue
        if len(row) >= COLUMNS:
            yield row


def _come_in(found: dict[str, Trace], ours: dict[str, str], row: list[str]) -> None:
    at_ms, said = _at_ms(row[TIME]), row[APP_DATA].removeprefix(f"{CAME_IN},").split(" ")
    if at_ms is None or len(said) != 2:
        return
    before = found.get(ours.get(row[UNIQUE_ID], ""))
    if before is not None:
        found[ours[row[UNIQUE_ID]]] = replace(before, hangup_at_ms=at_ms, ended_at_ms=at_ms, cause=NORMAL)
    ours[row[UNIQUE_ID]] = said[0]
    found[said[0]] = Trace(started_at_ms=at_ms, answered_at_ms=at_ms if said[1] == "Up" else None)


def _fold(found: dict[str, Trace], row: list[str], channel: str) -> None:
    at_ms = _at_ms(row[TIME])
    if at_ms is None:
        return
    if row[EVENT] == "CHAN_START":
        # An id may be taken again once its channel is gone; the newest channel is the one that is asked for.
        found[channel] = Trace(started_at_ms=at_ms)
        return
    trace = found.get(channel)
    if trace is None:
        return
    match row[EVENT]:
        case "ANSWER":
            found[channel] = replace(trace, answered_at_ms=trace.answered_at_ms or at_ms)
        case "HANGUP":
            cause, remote = _hangup(row)
            found[channel] = replace(trace, hangup_at_ms=at_ms, cause=cause, remote=remote)
        case "CHAN_END":
            found[channel] = replace(trace, ended_at_ms=at_ms)


def _at_ms(text: str) -> int | None:
    """ "1763880000.123456" → 1763880000123."""
    if WRITTEN_TIME.fullmatch(text) is None:
        return None
    seconds, _, fraction = text.partition(".")
    return int(seconds) * 1000 + int(fraction[:3].ljust(3, "0"))


def _hangup(row: list[str]) -> tuple[int | None, bool]:
    """The cause, and whether the far end hung up: then the channel itself is named as the source."""
    try:
        extra = msgspec.json.decode(row[EXTRA].encode())
    except msgspec.DecodeError:
        return None, False
    if not isinstance(extra, dict):
        return None, False
    cause, source = extra.get("hangupcause"), extra.get("hangupsource")
    return (cause if isinstance(cause, int) else None), bool(source) and source == row[CHANNEL_NAME]
