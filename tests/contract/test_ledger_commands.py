"""`ringbridge ledger …` as an operator runs it: a process of its own, its words and its exit code."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from ari_app.adapters.redis.ledger import RedisLedger, keys
from ari_app.adapters.redis.link import Link
from tests.contract.desk import Desk
from tests.contract.redis_server import RedisServer


async def ledger(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ari_app.entrypoints.cli", "ledger", *words]
    return await asyncio.to_thread(
        subprocess.run, command, cwd=home, capture_output=True, text=True, timeout=60, check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip


async def test_verify_names_every_broken_law_and_fails(redis_server: RedisServer, link: Link, tmp_path: Path) -> None:
    for payer in ("anna", "bert"):
        await Desk(RedisLedger(link), payer).touch()
    good = await ledger("verify", "--redis", redis_server.url, home=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[-1] == "accounts: 2, lines: 2; every law holds"

    await link.command("LPOP", keys("bert")[2])
    await link.command("SET", keys("carl")[0], "junk")
    bad = await ledger("verify", "--redis", redis_server.url, home=tmp_path)
    assert bad.returncode == 1
    named = bad.stdout.splitlines()
    assert any(line.startswith("bert: law 6: the statement replays to 0 s, not 3600 s") for line in named)
    assert any(line.startswith("carl: cannot be read") for line in named)
    assert not any(line.startswith("anna") for line in named)
    told = json.loads((await ledger("verify", "--redis", redis_server.url, "--json", home=tmp_path)).stdout)
    assert (told["ok"], told["accounts"]) == (False, 3)
    assert {one["user"] for one in told["broken"]} == {"bert", "carl"}


async def test_archive_and_migrate_name_who_is_not_sound_and_fail(
    redis_server: RedisServer, link: Link, tmp_path: Path
) -> None:
    await link.command("SET", keys("carl")[0], "junk")
    for words in (("archive", "there"), ("migrate",)):
        ran = await ledger(*words, "--redis", redis_server.url, home=tmp_path)
        assert ran.returncode == 1
        assert "carl: not sound, left as it is; see `ringbridge ledger verify`" in ran.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("verify", "--redis", "nonsense"), "--redis: the address will not do; expected"),
        (("verify", "--redis", "redis://127.0.0.1:notaport"), "--redis: the address will not do; expected"),
        (("verify", "--redis", "redis://127.0.0.1:1"), "Redis at 127.0.0.1:1:"),
        (("archive", "there", "--keep-days", "69"), "--keep-days: 70 at least"),
        (("archived", "nowhere", "anna"), "nowhere: no such folder"),
        (("verify",), "run `ringbridge stack start`"),
    ],
)
async def test_what_cannot_be_done_is_one_sentence(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    ran = await ledger(*words, home=tmp_path)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert ran.stderr.startswith("ringbridge: ")
    assert ran.stderr.count("\n") == 1
