"""Which carriers a start goes by, and how a running app takes up others."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ari_app import concealed
from ari_app.config import Mistakes, Settings
from ari_app.domain.trunks import Trunk
from ari_app.engine.trunk_book import TrunkBook
from ari_app.stack import BrokenOff
from ari_app.trunk_tools import watching
from ari_app.trunk_tools.watching import TrunkWatch
from ari_app.trunk_versions import Versions, entry_now
from ari_app.trunks_in_force import carriers_held, carriers_of
from tests.support import until
from tests.unit.trunks.told_pbx import ToldPbx

OLD = "[main]\nhost = 127.0.0.1\nusername = us\npassword = {password}\n".format(password="kept-from-the-log")
NEW = OLD + "priority = 3\n[spare]\nhost = 127.0.0.1\nport = 5070\n"
BESIDE = Trunk("carrier", "127.0.0.1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "trunks.conf").write_text(OLD)
    return Settings(
        ari_url="http://127.0.0.1:9", ari_password="x", trunks_file=str(tmp_path / "trunks.conf"),
        state_dir=str(tmp_path / "state"),
    )  # fmt: skip


def write(settings: Settings, text: str) -> None:
    Path(settings.trunks_file).write_text(text)


def start(settings: Settings) -> tuple[list[str], list[str]]:
    """(trunks that it goes by, what it warned of)."""
    with capture_logs() as said, carriers_held(settings) as (_, carriers):
        return [trunk.name for trunk in carriers.trunks], [f"{one['event']} {one.get('changed', '')}" for one in said]


def test_the_first_start_puts_its_file_in_force(settings: Settings) -> None:
    assert start(settings) == (["main"], [])
    [entry] = Versions(settings.state_dir).index().entries
    assert (entry.version, entry.source, entry.outcome) == (1, "first start", "applied")
    assert start(settings) == (["main"], []), "again, and nothing is new"
    assert len(Versions(settings.state_dir).index().entries) == 1


def test_the_first_start_tells_the_mistakes_of_its_file_and_begins_nothing(settings: Settings) -> None:
    write(settings, "[main]\nhots = x\n")
    with pytest.raises(Mistakes, match="hots"):
        start(settings)
    assert not Path(settings.state_dir).exists()


def test_a_later_start_goes_by_what_was_applied_and_warns_once_of_a_file_that_is_another(settings: Settings) -> None:
    start(settings)
    write(settings, NEW)
    trunks, warnings = start(settings)
    assert trunks == ["main"]
    [warning] = warnings
    assert "is not what was applied last" in warning
    assert "['main: priority', '+spare']" in warning
    write(settings, OLD + "; a comment is no difference\n")
    assert start(settings) == (["main"], [])


@pytest.mark.parametrize("text", ["[main\n", "", "[main]\nhost = h\nprice = much\n", None])
def test_a_half_edited_file_does_not_take_the_service_down(settings: Settings, text: str | None) -> None:
    start(settings)
    Path(settings.trunks_file).unlink() if text is None else write(settings, text)
    trunks, warnings = start(settings)
    assert trunks == ["main"]
    assert len(warnings) == 1
    assert "trunks file has mistakes: what was applied last is used" in warnings[0]


def test_other_files_are_read_all_the_same(settings: Settings, tmp_path: Path) -> None:
    start(settings)
    (tmp_path / "plans.toml").write_text("nonsense")
    with pytest.raises(Mistakes, match=r"plans\.toml"):
        start(replace(settings, plans_file=str(tmp_path / "plans.toml")))


def test_without_a_trunks_file_nothing_is_in_force_and_nothing_is_kept(settings: Settings) -> None:
    start(settings)
    assert start(replace(settings, trunks_file="")) == ([], [])
    assert carriers_of(replace(settings, trunks_file="")).version is None


def test_who_only_looks_sees_what_is_in_force_and_adopts_nothing(settings: Settings) -> None:
    assert [trunk.name for trunk in carriers_of(settings).trunks] == ["main"]
    assert not Path(settings.state_dir).exists()
    start(settings)
    write(settings, NEW)
    assert [trunk.name for trunk in carriers_of(settings).trunks] == ["main"]


def test_a_start_waits_for_an_apply_as_long_as_it_is_wanted(settings: Settings) -> None:
    versions = Versions(settings.state_dir)
    with versions.locked(), pytest.raises(BrokenOff), carriers_held(settings, lambda: False):
        pass


def test_a_start_puts_back_the_files_of_an_apply_that_was_killed(settings: Settings, tmp_path: Path) -> None:
    start(settings)
    asterisk = tmp_path / "pjsip_trunks.conf"
    asterisk.write_text("new")
    versions = Versions(settings.state_dir)
    with versions.locked():
        versions.begin((), NEW, entry_now("me", "t.conf"), {str(asterisk): "old", str(tmp_path / "other.conf"): None})
    assert start(settings) == (["main"], [])
    assert asterisk.read_text() == "old"
    assert versions.is_applying(), "until Asterisk has read them"
    journal = versions.journal()
    assert journal is not None
    assert journal.is_restored


def test_passwords_in_force_are_concealed(settings: Settings) -> None:
    start(settings)
    assert concealed.without_secrets("it is kept-from-the-log, hush") == "it is [hidden], hush"


def test_a_damaged_index_is_told_with_its_place(settings: Settings) -> None:
    start(settings)
    Versions(settings.state_dir).index_file.write_text("{")
    with pytest.raises(Mistakes, match=r"trunks/index\.json: is damaged"):
        start(settings)


# ---- a running app --------------------------------------------------------------------------------------------------


async def test_a_running_app_takes_up_another_version_and_says_what_changed(settings: Settings) -> None:
    start(settings)
    versions = Versions(settings.state_dir)
    now = versions.in_force()
    assert now is not None
    book, told = TrunkBook((*now.trunks, BESIDE)), list[str]()
    watch = TrunkWatch(settings, book, now.version, (BESIDE,), taken_up=lambda: told.append("again"))
    running = asyncio.create_task(watch.run())
    try:
        with capture_logs() as said:
            main = replace(now.trunks[0], priority=3, password="another-that-is-hushed")
            versions.adopt((main, Trunk("spare", "127.0.0.1")), NEW, entry_now("me", "t.conf"))
            await until(lambda: watch.version == 2, 2, "it takes it up")
        assert [trunk.name for trunk in book.trunks] == ["main", "spare", "carrier"]
        [line] = [one for one in said if one["event"] == "trunks taken up"]
        assert (line["version"], line["before"], line["changed"]) == (2, 1, ["main: password, priority", "+spare"])
        assert told == ["again"]
        assert "another-that-is-hushed" not in concealed.without_secrets("another-that-is-hushed")

        versions.index_file.write_text("{")
        with capture_logs() as said:
            await until(lambda: any("cannot be looked at" in one["event"] for one in said), 2, "it says so")
        assert [trunk.name for trunk in book.trunks] == ["main", "spare", "carrier"]
    finally:
        running.cancel()


async def test_a_running_app_takes_up_what_is_applied_where_numbers_began_anew(settings: Settings) -> None:
    start(settings)
    versions = Versions(settings.state_dir)
    book = TrunkBook((*versions.trunks_of(1), BESIDE))
    watch = TrunkWatch(settings, book, 1, (BESIDE,))
    await watch._look()
    shutil.rmtree(versions.home)
    versions.adopt((Trunk("spare", "127.0.0.1"),), NEW, entry_now("me", "t.conf"))
    assert versions.index().in_force == 1
    await watch._look()
    assert [trunk.name for trunk in book.trunks] == ["spare", "carrier"]


async def test_a_start_is_told_what_asterisk_did_not_take_in(settings: Settings, tmp_path: Path) -> None:
    with ToldPbx(tmp_path / "asterisk").answering() as pbx:
        settings = replace(settings, ari_url=pbx.url, pjsip_trunks_file=str(pbx.file))
        trunk = Trunk("main", "127.0.0.1")
        watch = TrunkWatch(settings, TrunkBook((trunk, BESIDE)), 1, (BESIDE,))
        with capture_logs() as said:
            running = asyncio.create_task(watch.run())
            await until(lambda: said, 5, "it says so")
            running.cancel()
        assert (
            said[0]["event"]
            == "Asterisk has not taken in the trunks in force: see its log, then `ringbridge trunks apply`"
        )
        assert said[0]["missing"] == [f"{kind} main is not there" for kind in ("endpoint", "aor", "identify")]


@pytest.mark.parametrize(("version", "looks"), [(None, False), (1, True)])
async def test_only_where_a_trunks_file_is_named_it_is_looked_at(
    settings: Settings, version: int | None, looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = list[int]()

    async def look(_: TrunkWatch) -> None:
        looked.append(1)

    monkeypatch.setattr(watching, "EVERY_S", 0)
    monkeypatch.setattr(TrunkWatch, "_look", look)
    monkeypatch.setattr(TrunkWatch, "_compare", look)
    running = asyncio.create_task(TrunkWatch(settings, TrunkBook((BESIDE,)), version, (BESIDE,)).run())
    for _ in range(5):
        await asyncio.sleep(0)
    running.cancel()
    assert bool(looked) is looks
