"""How the log looks: one line a fact, ids first; console for people, JSON for machines.

No line holds a whole phone number or a secret of ours, whoever wrote it; a traceback shows lines of code and never the
values in them.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any, BinaryIO, TextIO, cast

import msgspec
import structlog

from ari_app.concealed import without_secrets

_encode = msgspec.json.Encoder(enc_hook=str).encode
LOST = "log could not be written"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
DIGITS = re.compile(r"\d{7}")
"""Without so many in a row there is no number: a quick look first, as nearly all that is told has none."""
NUMBER = re.compile(r"\+\d{7,15}(?!\d)|(?<!\w)(?<!\d\.)\d{10,15}(?!\w|\.\d)")
"""With its plus, or as it is dialled. Not a part of a longer word: ids stay as they are."""


def configure(level: str = "info", style: str = "auto") -> None:
    """`style`: auto (console on a terminal, else JSON), console or json. Everything goes to stderr."""
    as_console = style == "console" or (style == "auto" and sys.stderr.isatty())
    renderer = (
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=24, exception_formatter=structlog.dev.plain_traceback
        )
        if as_console
        else as_json
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            without_numbers,
            structlog.processors.TimeStamper(fmt="%H:%M:%S.%f" if as_console else "iso", utc=not as_console),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=(
            structlog.PrintLoggerFactory(cast("TextIO", Unfailing(sys.stderr, str)))
            if as_console
            else structlog.BytesLoggerFactory(cast("BinaryIO", Unfailing(sys.stderr.buffer, str.encode)))
        ),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Masked("%(name)s: %(message)s"))
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), handlers=[handler])


class Unfailing:
    """A file that takes what it can: a full disk or a reader that has gone away must end no call. Lines that were lost
    are counted, and told once there is room again. A line is what comes before a flush."""

    def __init__(self, file: IO[Any], said: Callable[[str], str | bytes]) -> None:
        self._file, self._said = file, said
        self._is_torn = False
        self.lost = 0

    def write(self, what: str | bytes) -> int:
        try:
            self._file.write(what)
        except (OSError, ValueError):  # ValueError: it is closed
            self._is_torn = True
        return len(what)

    def flush(self) -> None:
        """What cannot be flushed now stays in the buffer, and goes with a later line."""
        self.lost += self._is_torn
        with suppress(OSError, ValueError):
            self._file.flush()
            if self.lost and not self._is_torn:
                self._file.write(self._said(json.dumps({"level": "error", "event": LOST, "lines": self.lost}) + "\n"))
                self.lost = 0
                self._file.flush()
        self._is_torn = False


def as_json(_logger: object, _method: str, line: Mapping[str, Any]) -> bytes:
    """structlog's last processor: JSON by msgspec, which takes a fifth of the standard library's time."""
    try:
        return _encode(line)
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError):
        # Half a character, say, or a number beyond 64 bits: slower, but no line is lost.
        return json.dumps(line, default=str, skipkeys=True).encode()


def masked(text: str) -> str:
    """+8613900000012 → +86139****0012, wherever it stands in the text: enough to know it again. Secrets: gone."""
    text = without_secrets(text)
    return NUMBER.sub(_mask, text) if DIGITS.search(text) else text


def _mask(found: re.Match[str]) -> str:
    sign, digits = ("+", found[0][1:]) if found[0].startswith("+") else ("", found[0])
    return f"{sign}{digits[: max(0, len(digits) - 8)]}****{digits[-4:]}"


def without_numbers(_logger: object, _method: str, line: Mapping[str, Any]) -> dict[str, Any]:
    """structlog's processor: every text in the line is masked."""
    return {name: _cleaned(value) for name, value in line.items()}


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return {_cleaned(name): _cleaned(one) for name, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_cleaned(one) for one in value]
    return masked(str(value))


class _Masked(logging.Formatter):
    """For the lines of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
