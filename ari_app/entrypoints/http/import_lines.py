"""Files of users and of grants, line by line: read and checked by themselves. Every mistake of a file at once; knows no
store."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field, StringConstraints, ValidationError

from ari_app.entrypoints.http.bodies import Body, Grant, PutUser, malformed
from ari_app.entrypoints.http.problems import Mistake, Problem

MISTAKES_MAX = 10_000
"""Told in one answer."""
AT_ONCE = 100
"""Lines that are checked before anybody else in this process has his turn."""
CSV = re.compile(r"\s*text/csv\s*(?:;.*)?", re.IGNORECASE)
LINES = re.compile(r"\s*application/(?:x-ndjson|jsonl|x-jsonlines)\s*(?:;.*)?", re.IGNORECASE)
WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
Id = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Tenant = Annotated[str, StringConstraints(max_length=40)]
TENANT: Any = Field("", description="Whose user it is; absent: the operator's own, or as the id says.")


class UserLine(PutUser):
    id: Id
    tenant: Tenant = TENANT


class GrantLine(Grant):
    user: Id
    tenant: Tenant = TENANT


AnyLine = TypeVar("AnyLine", bound=Body)


@dataclass
class Lines(Generic[AnyLine]):
    """What was read. `mistakes` at any line: nothing of the file is done."""

    good: list[tuple[int, AnyLine]] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    count: int = 0

    def wrong(self, line: int, field: str, type: str, detail: str) -> None:
        self.mistakes.append(Mistake(line, field, type, detail))


async def read_lines(raw: bytes, content_type: str, model: type[AnyLine]) -> Lines[AnyLine]:
    """Raises Problem: 415, and 422 for what is no such file at all."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        raise Problem("malformed-body", f"The file is not UTF-8: byte {e.start} is no part of a character.") from None
    if CSV.fullmatch(content_type):
        rows = _csv_rows(text, model)
    elif LINES.fullmatch(content_type):
        rows = _json_rows(text)
    else:
        sentence = "Send the file as Content-Type: text/csv, or application/x-ndjson for a JSON object a line."
        raise Problem("unsupported-media-type", sentence)
    found: Lines[AnyLine] = Lines()
    for at, row in rows:
        found.count += 1
        if isinstance(row, str):
            found.wrong(at, "", "malformed-body", row)
        else:
            _check(found, at, row, model)
        if found.count % AT_ONCE == 0:
            await asyncio.sleep(0)
    return found


def _check(found: Lines[AnyLine], at: int, row: dict[str, Any], model: type[AnyLine]) -> None:
    try:
        found.good.append((at, model.model_validate(row)))
    except ValidationError as e:
        problem = malformed("malformed-body", list(e.errors(include_url=False, include_context=True)), model)
        told = (problem.extra or {}).get("errors") or [{"field": problem.field, "detail": problem.detail}]
        for one in told:
            found.wrong(at, one["field"], "malformed-body", one["detail"])


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for at, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            yield at, "This line is no JSON."
            continue
        yield at, row if isinstance(row, dict) else "A JSON object is expected."


def _csv_rows(text: str, model: type[Body]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """An empty cell is a field that is not there; of numbers, none."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    head: list[str] | None = None
    try:
        for row in reader:
            if not any(row):
                continue
            if head is None:
                head = _header(row, model)
            elif len(row) != len(head):
                yield reader.line_num, f"{len(head)} cells are expected, as in the first line, not {len(row)}."
            else:
                yield (
                    reader.line_num,
                    {
                        name: _value(name, cell)
                        for name, cell in zip(head, row, strict=True)
                        if cell or name == "numbers"
                    },
                )
    except csv.Error as e:
        yield reader.line_num, f"This line is no CSV: {e}."
    if head is None:
        raise Problem("malformed-body", f"The file is empty; its first line names {', '.join(model.model_fields)}.")


def _header(row: list[str], model: type[Body]) -> list[str]:
    names = [cell.strip().lower() for cell in row]
    needed = [name for name, one in model.model_fields.items() if one.is_required() and name not in names]
    strange = [name for name in names if name not in model.model_fields or names.count(name) > 1]
    if needed or strange:
        wrong = f"{needed[0]} is missing" if needed else f"{strange[0]!r} is none of them, or stands there twice"
        known = ", ".join(model.model_fields)
        raise Problem("malformed-body", f"The first line names the columns ({known}): {wrong}.", "line 1")
    return names


def _value(name: str, cell: str) -> Any:
    if name == "numbers":
        return cell.replace(";", " ").split()
    if name == "seconds" and WHOLE.fullmatch(cell.strip()):
        return int(cell)
    return cell
