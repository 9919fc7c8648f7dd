"""`ringbridge recording`, and what the other commands tell of recordings, against an API over memory."""

from __future__ import annotations

import io
import json
import socket
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ari_app.domain.call import Call
from ari_app.domain.recordings import Recording
from ari_app.engine.asks import Ask
from ari_app.ports.tapes import Tape
from tests.unit.cli.conftest import Ran, Run, Served
from tests.unit.http.conference_bench import a_conference
from tests.unit.http.http_bench import NOW_MS, a_call, a_talk

FILE = f"rb20261123-{'0' * 31}a"
OTHER = FILE[:-1] + "b"
SOUND = b"RIFF" + bytes(200_000)
MIXED = Recording("rec0_caller_0", FILE, "mixed", "caller", NOW_MS + 500)
LEG = Recording("rec1_callee_0", OTHER, "leg", "callee", NOW_MS + 500, NOW_MS + 1_500, "no room")


def said(ran: Ran) -> str:
    """By the command; above it is the log of the server, which is in this process, too."""
    return ran.out.splitlines()[-1]


def answered(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(words))


# ---- in a live call -------------------------------------------------------------------------------------------------


def test_a_live_call_is_recorded_and_recorded_no_more(run: Run, served: Served) -> None:
    served.bench.engine.live["c1"] = a_call()
    ran = run("recording", "start", "c1", "--what", "legs")
    assert (ran.code, ran.out) == (0, "c1 is recorded (legs) as soon as all have heard so: ringbridge show c1\n")
    served.bench.engine.live["c1"] = replace(a_call(), words=("record legs",), recordings=(MIXED,))
    assert "recorded-already" in run("recording", "start", "c1").err
    stopped = run("recording", "stop", "c1").out.splitlines()
    assert stopped[0] == "c1 is recorded no more; it goes on"
    assert FILE in stopped[1]
    told: list[Any] = [word for _, word in served.bench.engine.told]
    assert [word.word for word in told] == ["record legs", "unrecord"]


def test_all_together_is_meant_where_nothing_is_said_and_asked_again_it_counts_once(run: Run, served: Served) -> None:
    served.bench.engine.live["c1"] = a_call()
    for _ in range(2):
        assert json.loads(run("recording", "start", "c1", "--once", "k", "--json").out)["id"] == "c1"
    told: list[Any] = [word for _, word in served.bench.engine.told]
    assert [word.word for word in told] == ["record mixed"] * 2
    assert told[0].ask == told[1].ask
    served.bench.engine.live["c1"] = replace(a_call(), words=("record mixed",))
    assert json.loads(run("recording", "stop", "c1", "--json").out)["id"] == "c1"
    assert "malformed-body" in run("recording", "start", "c1", "--what", "both").err


# ---- fetched --------------------------------------------------------------------------------------------------------


def test_a_recording_is_fetched_into_a_file_of_its_name_for_its_owner_alone(
    run: Run, served: Served, tmp_path: Path
) -> None:
    served.bench.tapes.kept[FILE] = SOUND
    assert said(run("recording", "fetch", FILE)) == f"{FILE}.wav: {len(SOUND)} bytes"
    [file] = tmp_path.iterdir()
    assert (file.name, file.read_bytes(), file.stat().st_mode & 0o777) == (f"{FILE}.wav", SOUND, 0o600)
    told = json.loads(said(run("recording", "fetch", FILE, "-o", "talk.wav", "--json")))
    assert told == {"id": FILE, "file": "talk.wav", "bytes": len(SOUND)}
    assert (tmp_path / "talk.wav").read_bytes() == SOUND


def test_a_file_that_is_there_is_overwritten_with_force_alone(run: Run, served: Served, tmp_path: Path) -> None:
    served.bench.tapes.kept[FILE] = SOUND
    (tmp_path / "talk.wav").write_bytes(b"mine")
    ran = run("recording", "fetch", FILE, "-o", "talk.wav")
    assert (ran.code, ran.err) == (1, "ringbridge: talk.wav is there already: --force overwrites it\n")
    assert (tmp_path / "talk.wav").read_bytes() == b"mine"
    assert run("recording", "fetch", FILE, "-o", "talk.wav", "--force").code == 0
    assert (tmp_path / "talk.wav").read_bytes() == SOUND
    assert run("recording", "fetch", FILE, "-o", str(tmp_path), "--force").err == (
        f"ringbridge: {tmp_path} is there already\n"
    )


def test_where_there_is_none_or_it_goes_on_no_file_is_touched(run: Run, served: Served, tmp_path: Path) -> None:
    (tmp_path / "talk.wav").write_bytes(b"mine")
    served.bench.tapes.running.add(OTHER)
    for id, problem in ((FILE, "unknown-recording"), (OTHER, "still-recorded"), ("../../etc/x", "")):
        ran = run("recording", "fetch", id, "-o", "talk.wav", "--force")
        assert (ran.code, problem in ran.err) == (1, True), ran
    served.bench.tapes.kept[FILE] = SOUND
    assert "no/talk.wav cannot be written" in run("recording", "fetch", FILE, "-o", "no/talk.wav").err
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("talk.wav", b"mine")]


@pytest.mark.parametrize("size", [len(SOUND), None])
def test_one_that_breaks_off_in_the_midst_leaves_what_was_there(
    size: int | None, run: Run, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = f"Content-Length: {size}" if size else "Transfer-Encoding: chunked"
    half = SOUND[:100_000] if size else b"186a0\r\n" + SOUND[:99_000]
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            peer, _ = door.accept()
            with peer:
                peer.recv(65_536)
                peer.sendall(f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + half)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        (tmp_path / "talk.wav").write_bytes(b"mine")
        api = f"http://127.0.0.1:{door.getsockname()[1]}"
        ran = run("recording", "fetch", FILE, "-o", "talk.wav", "--force", "--api", api)
        thread.join(5)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"ringbridge: {api} ")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("talk.wav", b"mine")]


def test_one_of_an_unknown_size_is_fetched_too(
    run: Run, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield SOUND[:7]
        yield SOUND[7:]

    async def fetch(_file: str) -> Tape:
        return Tape(None, pieces())

    monkeypatch.setattr(served.bench.tapes, "fetch", fetch)
    assert run("recording", "fetch", FILE).code == 0
    assert (tmp_path / f"{FILE}.wav").read_bytes() == SOUND


# ---- thrown away ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "is_kept"), [("y\n", False), ("Yes\n", False), ("n\n", True), ("\n", True), ("", True)]
)
def test_before_one_is_thrown_away_it_is_asked_whether_it_is_meant(
    words: str, is_kept: bool, run: Run, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.bench.tapes.kept[FILE] = SOUND
    answered(monkeypatch, words)
    ran = run("recording", "delete", FILE)
    assert (FILE in served.bench.tapes.kept, ran.code) == (is_kept, int(is_kept))
    assert "for good? [y/N]" in ran.err
    assert ("--yes" in ran.err) is is_kept


def test_with_yes_it_is_not_asked_and_one_that_is_gone_is_told(
    run: Run, served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    served.bench.tapes.kept = {FILE: SOUND, OTHER: SOUND}
    answered(monkeypatch, "n\n")
    ran = run("recording", "delete", FILE, "--yes")
    assert (said(ran), ran.err) == (f"{FILE} is gone", "")
    assert json.loads(said(run("recording", "delete", OTHER, "--yes", "--json"))) == {"id": OTHER, "deleted": True}
    assert "unknown-recording" in run("recording", "delete", FILE, "--yes").err
    assert "forbidden" in run("recording", "delete", FILE, "--yes", "--key", "rb_dialler").err


# ---- from the beginning, and shown ----------------------------------------------------------------------------------


class Placed:
    def __init__(self, served: Served, call: Call) -> None:
        self.asked: list[Ask] = []
        self.call = call
        served.bench.doors.service.__dict__["place"] = self.place

    async def place(self, ask: Ask, *, owner: str, idempotency_key: str | None = None) -> Call:
        self.asked.append(ask)
        return self.call


@pytest.mark.parametrize("what", ["mixed", "legs", None])
def test_a_call_and_a_conference_are_recorded_from_the_beginning_where_it_is_asked_for(
    what: str | None, run: Run, served: Served
) -> None:
    more = ("--record", what) if what else ()
    a, b = Placed(served, a_call()), Placed(served, a_conference())
    served.bench.doors.service.__dict__["place"] = a.place
    assert run("call", "demo", "+8613900000004", "--no-wait", *more).code == 0
    served.bench.doors.service.__dict__["place"] = b.place
    assert run("conference", "start", "demo", "+8613900000004", *more).code == 0
    assert [ask.request.record for ask in a.asked + b.asked] == [what, what]


def test_a_call_and_a_conference_show_their_recordings(run: Run, served: Served) -> None:
    lines = [
        f"  recording {FILE}: mixed, from 2026-11-23T08:33:12.623Z, running",
        f"  recording {OTHER}: leg callee, from 2026-11-23T08:33:12.623Z, 1.0 s, failed",
    ]
    for call, words in ((a_talk(), ("show", "c1")), (a_conference("c9"), ("conference", "show", "c9"))):
        served.bench.engine.live[call.id] = call
        assert "recording" not in run(*words).out
        served.bench.engine.live[call.id] = replace(call, recordings=(MIXED, LEG))
        assert [line for line in run(*words).out.splitlines() if "recording" in line] == lines
