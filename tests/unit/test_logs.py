"""What leaves in a log line: no whole phone number, no value of a local variable."""

from __future__ import annotations

import errno
import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from ari_app import logs

NUMBER = "+8613900000012"
SECRET = "a-password-in-a-local-variable"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers = logging.root.handlers[:]
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_traceback_shows_no_values(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style=style)

    def fault() -> None:
        password = SECRET
        raise ValueError(f"no way to {NUMBER} ({len(password)})")

    try:
        fault()
    except ValueError:
        structlog.get_logger().exception("stumbled")
    told = capsys.readouterr().err
    assert "ValueError" in told
    assert "raise ValueError" in told
    assert SECRET not in told
    assert "0000001" not in told
    assert "+86139****0012" in told


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_number_is_masked_wherever_it_stands_in_the_line(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style=style)
    structlog.get_logger().info(
        f"rings {NUMBER}", to=NUMBER, channel="PJSIP/8613900000012@carrier", said={"tried": [NUMBER]}, at=(NUMBER,),
        why=OSError(f"no route to {NUMBER}."),
    )  # fmt: skip
    told = capsys.readouterr().err
    assert "13900000012" not in told
    assert told.count("86139****0012") == 6


def test_ids_and_times_stay_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style="json")
    ids = {
        "call": "c2345672345672345672345672a",
        "channel": "c234567a.caller.0",
        "at_ms": 1_795_446_403_123,
        "ok": True,
    }
    structlog.get_logger().info("call queued", **ids)
    line = json.loads(capsys.readouterr().err)
    assert {name: line[name] for name in ids} == ids
    assert line["timestamp"].startswith("20")


@pytest.mark.parametrize("odd", ["half a character: \ud83d", 1 << 70, {1 << 70: 1}, {None: 1}, b"bytes", float("nan")])
def test_no_line_is_lost_to_what_it_says(odd: object, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(style="json")
    structlog.get_logger().info("call queued", said=odd)
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], "said" in line) == ("call queued", True)


@pytest.mark.parametrize("style", ["console", "json"])
def test_a_log_that_cannot_be_written_stops_nobody_and_says_so_later(
    style: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Disk(io.FileIO):
        is_full = False

        def write(self, what: Any) -> int:
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(what)

    disk = Disk(tmp_path / "log", "w")
    monkeypatch.setattr("sys.stderr", io.TextIOWrapper(io.BufferedWriter(disk), write_through=True))
    logs.configure(style=style)
    log = structlog.get_logger()
    disk.is_full = True
    log.info("call queued", call="c1", why="x" * 20_000)  # more than any buffer takes
    try:
        raise ValueError
    except ValueError:
        log.exception("call stumbled")
    disk.is_full = False
    log.info("call ended", call="c1")
    told = (tmp_path / "log").read_text()
    assert logs.LOST in told
    assert "call ended" in told
    sys.stderr.close()
    log.info("nobody reads this")


def test_lines_of_libraries_are_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    logging.root.handlers.clear()
    logs.configure()
    logging.getLogger("library").warning("no way to %s", NUMBER)
    assert capsys.readouterr().err == "library: no way to +86139****0012\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+8613900000012", "+86139****0012"),
        ("+14155550123", "+141****0123"),
        ("sip:8613900000012@127.0.0.1:5060", "sip:86139****0012@127.0.0.1:5060"),
        ("called 13900000012.", "called 139****0012."),
        ("+8613900000012 → +8613900000004", "+86139****0012 → +86139****0004"),
        ("95588", "95588"),  # a short number is a service's, nobody's own
        ("rb2a8613900000012f", "rb2a8613900000012f"),
        ("after 1795446403.123 s", "after 1795446403.123 s"),
    ],
)
def test_masking_leaves_enough_to_know_a_number_again(text: str, masked: str) -> None:
    assert logs.masked(text) == masked
