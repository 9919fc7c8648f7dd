"""`ringbridge settle` as an operator runs it, over the legs that lie in a real Redis."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.main import get_command

from ari_app.adapters.redis.costs import RedisCosts
from ari_app.adapters.redis.link import Link
from ari_app.entrypoints import cli
from tests.contract.redis_server import RedisServer
from tests.support import until
from tests.unit.settling.bills import SHANGHAI, Line, Way, leg, line_of, write

LEGS = [leg(f"c{n}", f"+86139000{n:05d}", talk_ms=30_000 + 7000 * n) for n in range(20)]
ENV = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])}
COMMAND = get_command(cli.app)


@dataclass
class Ran:
    code: int
    out: str
    err: str


Settle = Callable[..., Awaitable[Ran]]


@pytest.fixture
def settle(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settle:
    """`ringbridge settle <words>` in an empty folder; in this process, which saves a second each time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "app", COMMAND)
    for name in [name for name in os.environ if name.startswith("RINGBRIDGE_")]:
        monkeypatch.delenv(name)

    def once(words: tuple[str, ...]) -> int:
        try:
            cli.main(["settle", *words])
        except SystemExit as e:
            return e.code if isinstance(e.code, int) else 1
        return 0

    async def run(*words: str) -> Ran:
        code = await asyncio.to_thread(once, words)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Ran(code, told.out, told.err)

    return run


@pytest.fixture
async def words(redis_server: RedisServer, link: Link, tmp_path: Path) -> tuple[str, ...]:
    await link.command("CONFIG", "SET", "appendfsync", "always")  # nobody waits for the turn of a second
    await RedisCosts(link, SHANGHAI).note(LEGS)
    await link.command("CONFIG", "SET", "appendfsync", "everysec")
    (tmp_path / "acme.toml").write_text(Way().profile())
    return "bill.csv", "--trunk", "acme", "--profile", "acme.toml", "--redis", redis_server.url


async def test_a_bill_that_is_right_is_exit_code_0(settle: Settle, words: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path / "bill.csv", [line_of(one) for one in LEGS])
    ran = await settle(*words)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[0] == "acme, 2026-11: 20 legs of ours, 20 lines of the bill"
    assert [line.split()[0] for line in ran.out.splitlines()[2:]] == ["class", "agreed", "in"]


async def test_differences_are_shown_written_and_exit_code_3(
    settle: Settle, words: tuple[str, ...], tmp_path: Path
) -> None:
    dearer = line_of(LEGS[0], cost_micro=2 * LEGS[0].cost_micro, rate_micro=120_000)
    lines = [dearer, *(line_of(one) for one in LEGS[2:]), Line("", 0, 0, 0, 0, raw="OUT;=x;;;;;")]
    write(tmp_path / "bill.csv", lines)

    ran = await settle(*words, "--to", "disputes.csv", "--month", "2026-11")

    assert ran.code == 3
    assert "bill.csv:21: '' is no amount" in ran.err
    shown = {line.split()[0] for line in ran.out.splitlines() if line}
    assert shown >= {"agreed", "rate_differs", "missing_there", "unreadable", "in", "where"}
    with (tmp_path / "disputes.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["class"], row["leg"], row["line"]) for row in rows] == [
        ("unreadable", "", "21"), ("rate_differs", LEGS[0].leg, "2"), ("missing_there", LEGS[1].leg, ""),
    ]  # fmt: skip
    assert rows[1]["why"] == "billed at 0.12 a minute, by our deck 0.06"
    assert (rows[1]["our_time"], rows[1]["bill_time"]) == ("2026-10-31T17:00:00.000Z",) * 2
    assert round(float(rows[1]["difference"]) * 1_000_000) == LEGS[0].cost_micro

    told = json.loads((await settle(*words, "--json")).out)
    assert (told["agreed"], told["legs"], told["lines"], told["month"]) == (False, 20, 19, "2026-11")
    assert {one["class"]: one["lines"] for one in told["classes"]} == {
        "agreed": 18, "rate_differs": 1, "missing_there": 1, "unreadable": 1,
    }  # fmt: skip


async def test_what_cannot_be_done_is_told_and_leaves_the_old_file_as_it_was(
    settle: Settle, words: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "disputes.csv").write_text("before")
    write(tmp_path / "bill.csv", [line_of(one) for one in LEGS], Way(duration="hh:mm:ss"))
    wrong = {
        ("--to", "disputes.csv"): "20 of 20 lines cannot be read",
        ("--profile", "nowhere.toml"): "nowhere.toml: cannot be read: No such file or directory",
        ("--cel", "nowhere.csv"): "nowhere.csv: ",
        ("--to", "."): ". is there, and is not a file",
    }
    for more, said in wrong.items():
        ran = await settle(*words, *more)
        assert ran.code == 1, more
        assert said in ran.err
    assert (tmp_path / "disputes.csv").read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["acme.toml", "bill.csv", "disputes.csv"]
    assert (await settle("bill.csv")).code == 2
    assert (await settle(*words, "--month", "November")).code == 2


async def test_the_sample_of_a_profile_is_one(settle: Settle, words: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path / "bill.csv", [line_of(one) for one in LEGS])
    ran = await settle("--profile-sample")
    (tmp_path / "acme.toml").write_text(ran.out + 'number = "B-Number"\ntime = "When"\ncost = "Money"\nbilled = ""\n')
    ran = await settle(*words)
    assert ran.code == 1
    assert "no column for duration or billed is to be found" in ran.err
    told = json.loads((await settle("--profile-sample", "--json")).out)
    assert {"name": "skip_first", "section": "file", "default": 0}.items() <= told[9 + 2].items()


async def test_ended_in_its_midst_it_leaves_nothing(words: tuple[str, ...], tmp_path: Path) -> None:
    """A record of Asterisk's that is a pipe holds it up, once the bill is read."""
    folder, pipe = tmp_path / "meanwhile", tmp_path / "cel.csv"
    folder.mkdir()
    os.mkfifo(pipe)
    write(tmp_path / "bill.csv", [line_of(LEGS[0])] * 100)
    command = [
        sys.executable,
        "-m",
        "ari_app.entrypoints.cli",
        "settle",
        *words,
        "--cel",
        "cel.csv",
        "--to",
        "disputes.csv",
    ]
    env = ENV | {"SQLITE_TMPDIR": str(folder)}

    def is_read() -> int:
        """What writes to it, once somebody reads."""
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return 0

    process = await asyncio.to_thread(
        subprocess.Popen, command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True
    )
    with process:
        end = await until(is_read, 30, "it reads the record")
        assert any(name.startswith(".disputes.csv.") for name in os.listdir(tmp_path))
        process.send_signal(signal.SIGINT)
        _, told = await asyncio.to_thread(process.communicate, None, 20)
        os.close(end)
    assert process.returncode == 130, told
    assert "Traceback" not in told
    assert os.listdir(folder) == []
    assert sorted(os.listdir(tmp_path)) == ["acme.toml", "bill.csv", "cel.csv", "meanwhile"]
