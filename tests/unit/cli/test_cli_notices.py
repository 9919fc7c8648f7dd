"""`ringbridge notice`, against an API over memory."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

from ari_app.domain.notices import Try
from ari_app.ports.notices import Happened
from tests.unit.cli.conftest import Run, Served
from tests.unit.http.http_bench import NOW_MS, a_tone

TEXT = "The fire drill is at ten."


def becomes(served: Served, notice: str, n: int, state: str, outcome: str, key: str = "") -> None:
    """What came of a recipient."""

    async def change() -> None:
        r = await served.bench.notices.recipient(notice, n)
        assert r is not None
        tried = Try("c1", NOW_MS, outcome, answered_at_ms=NOW_MS, ended_at_ms=NOW_MS + 9, key=key)  # type: ignore[arg-type]
        done = Happened("notice_done", NOW_MS)
        await served.bench.notices.put(notice, replace(r, state=state, tries=(tried,)), [], done)  # type: ignore[arg-type]

    asyncio.run(change())


def test_a_notice_is_sent_shown_reminded_of_and_cancelled(run: Run, served: Served, tmp_path: Path) -> None:
    asyncio.run(served.bench.put())
    (tmp_path / "staff.csv").write_text("number,name\n+8613900000029,Li\n\n+8613900000022,Wang\n")
    sent = run("notice", "send", "demo", "--text", TEXT, "--to", "+8613900000028", "--to-file", "staff.csv")
    id = sent.out.split()[0]
    assert (sent.code, sent.out.splitlines()) == (0, [f"{id}  to 3", f"{id} from demo: running; 3 pending"])

    becomes(served, id, 0, "confirmed", "confirmed", key="1")
    becomes(served, id, 1, "heard", "heard")
    shown = run("notice", "show", id).out.splitlines()
    assert shown[0] == f"{id} from demo: running; 1 pending, 1 confirmed, 1 heard"
    assert shown[1].split() == ["recipient", "state", "tries", "last", "key", "when"]
    assert shown[2].split()[:5] == ["+8613900000028", "confirmed", "1", "confirmed", "1"]
    assert [line.split()[0] for line in shown[2:]] == ["+8613900000028", "+8613900000029", "+8613900000022"]
    becomes(served, id, 2, "not_answered", "busy")
    watched = run("notice", "show", id, "--watch")
    assert (watched.code, watched.out.splitlines()[0]) == (
        3,
        f"{id} from demo: done; 1 confirmed, 1 heard, 1 not answered",
    )
    assert "1 confirmed" in watched.err
    assert run("notice", "remind", id).out.startswith(f"{id} from demo: done")
    assert id in run("notice", "list", "--sender", "demo").out
    assert json.loads(run("notice", "list", "--json").out)["notices"][0]["id"] == id
    assert run("notice", "list", "--sender", "nobody").err == "no notices\n"

    other = json.loads(run("notice", "send", "demo", "--text", TEXT, "--to", "+8613900000028", "--json").out)
    assert run("notice", "cancel", other["id"]).out.startswith(f"{other['id']} from demo: cancelled")
    refused = run("notice", "remind", other["id"])
    assert (refused.code, "notice-cancelled" in refused.err) == (1, True)


def test_watching_one_that_all_confirmed_is_exit_code_0(run: Run, served: Served) -> None:
    asyncio.run(served.bench.put())
    sent = run("notice", "send", "demo", "--text", TEXT, "--to", "+8613900000028", "--confirm", "none", "--json")
    notice = json.loads(sent.out)
    assert notice["confirm"] is None
    becomes(served, notice["id"], 0, "heard", "heard")
    assert run("notice", "show", notice["id"], "--watch").code == 0


def test_each_mistake_is_a_line_and_names_who_is_meant(run: Run, served: Served, tmp_path: Path) -> None:
    asyncio.run(served.bench.put())
    words = ("notice", "send", "demo", "--text", TEXT, "--to", "+8613900000028", "--to", "nobody", "--to", "110")
    ran = run(*words)
    assert ran.code == 1
    assert ran.err.splitlines()[0].startswith("nobody: There is no such user")
    assert ran.err.splitlines()[1].startswith("110: ")
    assert ran.err.splitlines()[2].startswith("ringbridge: 2 mistakes; the first, recipients.1: ")
    assert "cannot be read" in run("notice", "send", "demo", "--to-file", "nowhere.csv").err


def test_an_audio_file_is_sent_with_it(run: Run, served: Served, tmp_path: Path) -> None:
    asyncio.run(served.bench.put())
    (tmp_path / "alarm.wav").write_bytes(a_tone(seconds=0.3))
    sent = run("notice", "send", "demo", "--audio", "alarm.wav", "--to", "+8613900000028", "--json")
    assert json.loads(sent.out)["audio"].startswith("a")
