"""Backup and restore of the embedded Redis, by the two commands that docs/ledger.md tells."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.redis.ledger import RedisLedger
from ari_app.adapters.redis.link import Link
from ari_app.ports.ledger import Account, Settled
from ari_app.stack import Stack, StackOptions
from ari_app.stack import restore as restoring
from ari_app.stack.servers import WHOLE
from tests.contract.desk import Desk
from tests.ground import skipping
from tests.unit.cli.conftest import Ran, Run, run  # noqa: F401  the fixture

MODE = 0o777


@dataclass
class Place:
    """An embedded Redis with one account, and the command line."""

    home: Path
    stack: Stack
    _run: Run

    def cli(self, *words: str) -> Ran:
        return self._run(*words, "--state-dir", str(self.home))

    def ask(self, work: Callable[[Desk], Coroutine[Any, Any, Any]]) -> Any:
        async def asked() -> Any:
            link = Link(self.stack.info().redis_url)
            await link.start()
            try:
                return await work(Desk(RedisLedger(link)))
            finally:
                await link.close()

        return asyncio.run(asked())

    def account(self) -> Account:
        found: Account = self.ask(lambda desk: desk.account())
        return found

    def money_on_disk(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in sorted((self.home / "redis/appendonlydir").iterdir())}

    def folders(self) -> set[str]:
        return {path.name for path in self.home.iterdir() if path.is_dir()}


@pytest.fixture(params=["state", f"{'a long way down/' * 8}state"], ids=["short", "longer than a socket's name may be"])
def place(request: pytest.FixtureRequest, tmp_path: Path, run: Run) -> Iterator[Place]:  # noqa: F811
    home = tmp_path / request.param
    stack = Stack(StackOptions(state_dir=home, pbx=False, carrier=False, say=lambda _: None))
    with skipping():
        stack.start()
    yield Place(home, stack, run)
    stack.stop()


def test_what_was_backed_up_while_calls_go_on_is_restored_to_the_second(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "minutes.rdb"
    settled = place.ask(_a_settlement_and_a_live_hold)
    before = place.account()
    told = place.cli("stack", "backup", str(file), "--json")
    assert json.loads(told.out) == {"file": str(file), "bytes": file.stat().st_size}
    assert file.stat().st_mode & MODE == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == [], "no half file is left"
    place.ask(lambda desk: desk.settle("c2", 60))
    after = place.account()
    assert after != before

    ran = place.cli("stack", "restore", str(file))
    assert "ringbridge stack stop" in ran.err, "it runs"
    assert ran.code == 1
    assert place.account() == after
    place.stack.stop()
    ran = place.cli("stack", "restore", str(file), "--json")
    set_aside = Path(json.loads(ran.out)["before"])
    assert json.loads(ran.out)["restored"] == str(file)
    assert str(set_aside) in ran.err, "how to undo it"
    assert place.folders() == {"redis", set_aside.name}

    place.stack.start()
    assert place.account() == before
    checked = place.cli("ledger", "verify", "--json")
    assert (checked.code, json.loads(checked.out)["ok"], json.loads(checked.out)["accounts"]) == (0, True, 1)
    assert place.ask(lambda desk: desk.settle("c1", 70, 120)) == settled, "what was done before is known again"
    assert isinstance(place.ask(lambda desk: desk.settle("c2", 60)), Settled), "what was done since is done again"
    assert place.account() == after
    place.ask(lambda desk: desk.settle("c2", 60))
    assert place.account() == after, "and counts once"

    place.stack.stop()
    place.stack.start()
    assert place.account() == after, "the restored Redis keeps a log"
    place.stack.stop()
    (place.home / "redis").rename(tmp_path / "undone")
    set_aside.rename(place.home / "redis")
    place.stack.start()
    assert place.account() == after, "the restore is undone"


@pytest.mark.parametrize("place", ["state"], indirect=True)
def test_a_restore_that_fails_changes_nothing(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place.ask(_a_settlement_and_a_live_hold)
    file, half, none = tmp_path / "minutes.rdb", tmp_path / "half.rdb", tmp_path / "notes.txt"
    assert place.cli("stack", "backup", str(file)).code == 0
    half.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    none.write_text("not a snapshot")
    before = place.account()
    place.stack.stop()
    money = place.money_on_disk()

    for wrong, why in ((none, "is no snapshot"), (half, "cannot be restored"), (tmp_path / "away", "No such file")):
        ran = place.cli("stack", "restore", str(wrong))
        assert (ran.code, why in ran.err, ran.err.count("\n")) == (1, True, 1), ran.err
        assert place.folders() == {"redis"}
        assert place.money_on_disk() == money

    rename = Path.rename
    for failing in (restoring.FRESH, "redis", WHOLE):

        def no_room(path: Path, to: Path, name: str = failing) -> Path:
            if path.name == name:
                raise OSError(28, "No space left on device", str(path))
            return rename(path, to)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", no_room)
            assert "No space left" in place.cli("stack", "restore", str(file)).err
        assert place.folders() == {"redis"}, "the old data, already set aside, was put back"
        assert place.money_on_disk() == money
    place.stack.start()
    assert place.account() == before
    assert not _left_running(place.home)


KILLED = """
import os, sys
from pathlib import Path
from ari_app.stack import Stack, StackOptions
from ari_app.stack.restore import restore

home, file, moment = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
rename, seen = Path.rename, 0

def renamed(path, to):
    global seen
    seen += 1
    if seen == moment:
        os._exit(9)
    return rename(path, to)

Path.rename = renamed
restore(Stack(StackOptions(state_dir=home, pbx=False, carrier=False)), file)
"""


@pytest.mark.parametrize("place", ["state"], indirect=True)
def test_a_restore_that_is_killed_leaves_all_of_before_or_all_of_the_snapshot(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "minutes.rdb"
    place.ask(_a_settlement_and_a_live_hold)
    saved = place.account()
    assert place.cli("stack", "backup", str(file)).code == 0
    seen = []
    for moment in (1, 2, 3, 4):
        place.ask(lambda desk, op=f"g{moment}": desk.grant(60, op))
        before = place.account()
        place.stack.stop()
        ran = subprocess.run([sys.executable, "-c", KILLED, str(place.home), str(file), str(moment)])
        place.stack.start()
        now = place.account()
        seen.append((ran.returncode, "before" if now == before else "snapshot" if now == saved else "neither"))
    assert seen == [(9, "before"), (9, "before"), (9, "snapshot"), (0, "snapshot")]
    place.stack.stop()
    assert place.cli("stack", "restore", str(file)).code == 0
    assert {name for name in place.folders() if "before" not in name} == {"redis"}, "nothing half is left"


@pytest.mark.parametrize("place", ["state"], indirect=True)
def test_a_backup_overwrites_nothing_unasked_and_says_why_it_cannot(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "minutes.rdb"
    file.write_text("the one of yesterday")
    ran = place.cli("stack", "backup", str(file))
    assert (ran.code, "--force" in ran.err, file.read_text()) == (1, True, "the one of yesterday")
    assert place.cli("stack", "backup", str(tmp_path), "--force").code == 1, "a folder"
    assert "No such file" in place.cli("stack", "backup", str(tmp_path / "away" / "minutes.rdb")).err
    assert place.cli("stack", "backup", str(file), "--force").code == 0
    assert (file.read_bytes()[:5], file.stat().st_mode & MODE) == (b"REDIS", 0o600)
    place.stack.stop()
    ran = place.cli("stack", "backup", str(tmp_path / "other.rdb"))
    assert (ran.code, "stack start" in ran.err, ran.err.count("\n")) == (1, True, 1)
    assert not (tmp_path / "other.rdb").exists()


@pytest.mark.parametrize("place", ["state"], indirect=True)
def test_a_backup_is_restored_on_a_machine_that_has_no_data(place: Place, tmp_path: Path) -> None:
    place.ask(_a_settlement_and_a_live_hold)
    before = place.account()
    place.cli("stack", "backup", str(tmp_path / "minutes.rdb"))
    other = Stack(StackOptions(state_dir=tmp_path / "other", pbx=False, carrier=False, say=lambda _: None))
    assert restoring.restore(other, tmp_path / "minutes.rdb").before is None
    other.start()
    try:
        assert Place(tmp_path / "other", other, place._run).account() == before
    finally:
        other.stop()


def test_what_is_set_aside_twice_in_one_second_has_two_names(tmp_path: Path) -> None:
    for _ in range(3):
        restoring._aside(tmp_path / "redis").mkdir()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_redis_of_ones_own_is_not_ours_to_restore(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("RINGBRIDGE_REDIS_URL", "redis://127.0.0.1:1/0")
    for command in ("backup", "restore"):
        assert "docs/ledger.md" in run("stack", command, "minutes.rdb").err


async def _a_settlement_and_a_live_hold(desk: Desk) -> Any:
    await desk.hold("c1", 120)
    settled = await desk.settle("c1", 70, 120)
    await desk.hold("c2", 60)
    return settled


def _left_running(home: Path) -> bool:
    shown = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    return f"{home}{os.sep}{restoring.FRESH}" in shown
