"""Our legs, the bill's lines and Asterisk's record side by side, by number and time: a database of SQLite for the time
of one settlement. Its file has no name, so that nothing of it is left, whatever ends the process, and what does not
fit into a few tens of megabytes of memory lies there. Knows no bill and no Redis.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

from ari_app.domain.billing_match import Ours, Theirs

CACHE_KIB = 48 * 1024
BATCH = 2000
SAMPLE_MAX = 20_000
NEAR_MS = 26 * 3_600_000  # as far as two time zones may be apart
MANY = 50
T = TypeVar("T")

TABLES = """
CREATE TABLE ours (number TEXT, at_ms INT, leg TEXT, is_answered INT, talk_ms INT, price INT, increment TEXT,
                   currency TEXT, cost INT, is_counted INT);
CREATE TABLE theirs (number TEXT, at_ms INT, duration_ms INT, billed_s INT, cost INT, rate INT, currency TEXT,
                     line INT);
CREATE TABLE seen (channel TEXT PRIMARY KEY, answered_ms INT, ended_ms INT) WITHOUT ROWID;
"""


class Sheet:
    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}", "temp_store=FILE"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(TABLES)
        self._db.execute("BEGIN")
        self.has_seen = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._db.close()

    # ---- filling ----------------------------------------------------------------------------------------------------

    def add_ours(self, legs: Iterable[Ours]) -> None:
        self._db.executemany("INSERT INTO ours VALUES (?,?,?,?,?,?,?,?,?,?)", (leg[:10] for leg in legs))

    def add_theirs(self, lines: Iterable[Theirs]) -> None:
        self._db.executemany("INSERT INTO theirs VALUES (?,?,?,?,?,?,?,?)", lines)

    def add_seen(self, moments: Iterable[tuple[str, int | None, int | None]]) -> None:
        """Channel, its answer or its end. Of several the first counts."""
        self.has_seen = True
        self._db.executemany(
            "INSERT INTO seen VALUES (?,?,?) ON CONFLICT (channel) DO UPDATE SET "
            "answered_ms = coalesce(min(answered_ms, excluded.answered_ms), answered_ms, excluded.answered_ms), "
            "ended_ms = coalesce(min(ended_ms, excluded.ended_ms), ended_ms, excluded.ended_ms)",
            moments,
        )

    def index(self) -> None:
        """Once all legs are there."""
        self._db.execute("CREATE INDEX ours_by_number ON ours (number, at_ms)")

    def index_seen(self) -> None:
        """Once Asterisk's record is there: the answers that no leg of ours has."""
        self._db.execute(
            "CREATE TABLE strange AS SELECT answered_ms, ended_ms, channel FROM seen WHERE answered_ms IS NOT NULL "
            "AND channel NOT IN (SELECT leg FROM ours)"
        )
        self._db.execute("CREATE INDEX strange_by_time ON strange (answered_ms)")

    # ---- asking -----------------------------------------------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        (ours,), (theirs,) = (self._db.execute(f"SELECT count(*) FROM {of}").fetchone() for of in ("ours", "theirs"))
        return ours, theirs

    def nearest_ms(self, number: str, at_ms: int) -> int:
        """How far in time the nearest leg to this number is."""
        (found,) = self._db.execute(
            "SELECT min(abs(at_ms - ?)) FROM ours WHERE number = ? AND at_ms BETWEEN ? AND ?",
            (at_ms, number, at_ms - NEAR_MS, at_ms + NEAR_MS),
        ).fetchone()
        return NEAR_MS if found is None else int(found)

    def is_known(self, number: str) -> bool:
        return self._db.execute("SELECT 1 FROM ours WHERE number = ? LIMIT 1", (number,)).fetchone() is not None

    def increments(self) -> list[str]:
        return [row[0] for row in self._db.execute("SELECT DISTINCT increment FROM ours ORDER BY 1 LIMIT 50")]

    def currency(self) -> str:
        """Of most legs; "" without any."""
        row = self._db.execute("SELECT currency FROM ours GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").fetchone()
        return str(row[0]) if row else ""

    def ours(self) -> Iterator[Ours]:
        """By number and time."""
        columns = "number, at_ms, leg, is_answered, talk_ms, price, increment, currency, cost, is_counted"
        if self.has_seen:
            columns += (
                ", channel IS NOT NULL, answered_ms, ended_ms FROM ours NOT INDEXED LEFT JOIN seen ON channel = leg"
            )
        else:
            columns += ", 0, NULL, NULL FROM ours NOT INDEXED"
        return map(Ours._make, self._db.execute(f"SELECT {columns} ORDER BY number, at_ms, leg"))

    def theirs(self, skew_ms: int) -> Iterator[Theirs]:
        """By number and time, and by content: in whatever order they stood. By our clock: `skew_ms` is how far theirs
        is ahead."""
        rows = self._db.execute(
            "SELECT number, at_ms - ?, duration_ms, billed_s, cost, rate, currency, line FROM theirs "
            "ORDER BY number, at_ms, duration_ms, billed_s, cost, rate, currency, line",
            (skew_ms,),
        )
        return map(Theirs._make, rows)

    def apart_ms(self, duration_tolerance_ms: int) -> Iterator[list[int]]:
        """Of a part of the bill's lines, how far each is ahead of those legs of ours to the same number that talked as
        long. Which lines, their content decides."""
        (lines,) = self._db.execute("SELECT count(*) FROM theirs").fetchone()
        part = next((n for n in (1, 7, 53, 499) if lines // n <= SAMPLE_MAX), 4999)
        sample = self._db.execute(
            "SELECT number, at_ms, coalesce(duration_ms, billed_s * 1000) FROM theirs WHERE (at_ms / 1000) % ? = 0 "
            "ORDER BY 1, 2, 3 LIMIT ?",
            (part, SAMPLE_MAX),
        ).fetchall()
        for number, at_ms, talk_ms in sample:
            near = self._db.execute(
                "SELECT at_ms, talk_ms FROM ours WHERE number = ? AND at_ms BETWEEN ? AND ? LIMIT ?",
                (number, at_ms - NEAR_MS, at_ms + NEAR_MS, MANY),
            ).fetchall()
            if len(near) < MANY:
                yield [at_ms - at for at, talk in near if 0 <= talk_ms - talk + duration_tolerance_ms < 60_000]

    def strange_answer(self, from_ms: int, until_ms: int) -> tuple[str, int, int | None] | None:
        """A channel that answered then, by Asterisk's record, and is no leg of ours: its id, answer and end."""
        found: tuple[str, int, int | None] | None = self._db.execute(
            "SELECT channel, answered_ms, ended_ms FROM strange WHERE answered_ms BETWEEN ? AND ? "
            "ORDER BY abs(answered_ms - ?) LIMIT 1",
            (from_ms, until_ms, (from_ms + until_ms) // 2),
        ).fetchone()
        return found


def batches(all_of_them: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(all_of_them)
    for first in rest:
        yield [first, *islice(rest, BATCH - 1)]
