"""What an operator does to the whole ledger at once: verify, archive, migrate; on a real Redis."""

from __future__ import annotations

import gzip
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from ari_app.adapters.redis import schema
from ari_app.adapters.redis.ledger import RedisLedger, keys
from ari_app.adapters.redis.link import Link
from ari_app.domain.errors import Unavailable
from ari_app.domain.ledger_laws import check_laws
from ari_app.ledger_tools import ArchiveError, Broken, archive, archived_lines, migrate, opened, verify
from ari_app.ledger_tools.archive import records
from ari_app.ports.ledger import Account, Kind, Settled
from tests.contract.desk import DECEMBER_MS, HOUR_MS, NOW_MS, Desk
from tests.contract.redis_server import RedisServer

DAY_MS = 24 * HOUR_MS
LATER_MS = NOW_MS + DAY_MS


@pytest.fixture(autouse=True)
async def quick_disk(link: Link) -> AsyncIterator[None]:
    """Nobody waits for the turn of a second."""
    await link.command("CONFIG", "SET", "appendfsync", "always")
    yield
    await link.command("CONFIG", "SET", "appendfsync", "everysec")


async def three_accounts(link: Link) -> RedisLedger:
    ledger = RedisLedger(link)
    for payer in ("alice", "bob", "carol"):
        desk = Desk(ledger, payer)
        await desk.hold("c1", 60)
        await desk.settle("c1", 60)
        await desk.hold("c2", 60)
        await desk.void("c2")
        desk.at_ms = LATER_MS
        await desk.grant(60, "g1")
    return ledger


# ---- verify ---------------------------------------------------------------------------------------------------------


async def test_verify_reads_everybody_and_adds_up(link: Link) -> None:
    ledger = await three_accounts(link)
    told: list[int] = []

    checked = await verify(ledger, told.append)

    assert (checked.accounts, checked.lines, checked.broken) == (3, 9, [])
    assert (checked.available_s, checked.totals.spent_s) == (3 * 3600, 3 * 60)
    assert sum(told) == 3


async def test_verify_names_every_payer_and_law_that_is_broken(link: Link) -> None:
    ledger = await three_accounts(link)
    await link.command("LPOP", keys("bob")[2])
    await link.command("SET", keys("carol")[0], "nonsense")
    await link.command("HSET", keys("alice")[1], "c9", "c9:s|abc|60|0|0|0|60|0|1")

    named: list[Broken] = []
    checked = await verify(ledger, tell=named.append)

    assert named == checked.broken
    by_payer: dict[str, list[str]] = {}
    for one in checked.broken:
        by_payer.setdefault(one.payer, []).append(one.what)
    assert checked.accounts == 3
    assert any(what.startswith("law 6") for what in by_payer["bob"])
    assert any(what.startswith("law 4: call c9") for what in by_payer["alice"])
    assert by_payer["carol"][0].startswith("cannot be read")
    assert checked.broken_n == len(checked.broken)


@pytest.mark.parametrize("lost", ["account", "month", "bucket twice"])
async def test_verify_notices_what_no_sum_tells(link: Link, lost: str) -> None:
    ledger = await three_accounts(link)
    account = keys("bob")[0]
    packed = await link.get(account)
    assert packed is not None
    layout = msgspec.msgpack.decode(packed)
    if lost == "account":
        await link.command("DEL", account)
    elif lost == "month":
        layout[2] = 0  # it would be granted again
    else:
        kind, expires_at_ms, left_s, _granted_s = layout[4][0]
        layout[4][:1] = [[kind, expires_at_ms, left_s - 1, left_s], [kind, expires_at_ms, 1, 1]]
    if lost != "account":
        await link.command("SET", account, msgspec.msgpack.encode(layout))

    checked = await verify(ledger)
    assert {one.payer for one in checked.broken} == {"bob"}
    assert checked.accounts == 3


# ---- archive --------------------------------------------------------------------------------------------------------


async def test_old_lines_move_to_a_file_and_the_laws_hold(link: Link, tmp_path: Path) -> None:
    ledger = await three_accounts(link)
    before = {payer: await ledger.read_account(payer) for payer in ("alice", "bob", "carol")}

    moved = await archive(ledger, tmp_path, LATER_MS)

    assert (moved.accounts, moved.lines, moved.kept_n) == (3, 6, 0)
    checked = await verify(ledger)
    assert (checked.broken, checked.lines) == ([], 3)
    for payer, account in before.items():
        now = await ledger.read_account(payer)
        assert archived_lines(tmp_path, payer) + list(now.lines) == list(account.lines)
        assert now.settlements == {}
    assert await archive(ledger, tmp_path, LATER_MS) == type(moved)(None, 0, 0, 0)
    assert [name.partition(".")[2] for name in os.listdir(tmp_path)] == ["jsonl.gz"]


async def test_an_archive_that_died_half_way_is_done_again_and_loses_no_line(link: Link, tmp_path: Path) -> None:
    ledger = await three_accounts(link)
    whole = (await ledger.read_account("bob")).lines

    class Dies(RedisLedger):
        async def forget(self, *, payer: str, old: object) -> bool:  # type: ignore[override]
            raise Unavailable("killed here")

    with pytest.raises(Unavailable):
        await archive(Dies(link), tmp_path, LATER_MS)
    assert (await ledger.read_account("bob")).lines == whole
    first = await archive(ledger, tmp_path / "again", LATER_MS)
    assert first.file is not None
    first.file.rename(tmp_path / ("statement-2" + first.file.name.removeprefix("statement")))
    assert len([name for name in os.listdir(tmp_path) if name.endswith(".gz")]) == 2
    assert archived_lines(tmp_path, "bob") + list((await ledger.read_account("bob")).lines) == list(whole)


async def test_accounts_that_are_not_sound_are_named_left_alone_and_stop_nobody_else(
    redis_server: RedisServer, link: Link, tmp_path: Path
) -> None:
    ledger = await three_accounts(link)
    await link.command("SET", keys("carol")[0], "junk")
    await link.command("LSET", keys("bob")[2], 1, "1793548800000|s|-61|3540|0|1796054400000|c1:s|c1|")

    moved = await archive(ledger, tmp_path, LATER_MS)
    assert (moved.accounts, moved.lines, sorted(moved.unsound)) == (1, 2, ["bob", "carol"])
    assert (await link.command("LLEN", keys("bob")[2])) == 3
    assert await migrate(redis_server.url) == (0, ("carol",))
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


@pytest.mark.parametrize("damage", ["cut", "changed", "foreign"])
async def test_a_damaged_file_is_told_of(link: Link, tmp_path: Path, damage: str) -> None:
    ledger = await three_accounts(link)
    moved = await archive(ledger, tmp_path, LATER_MS)
    assert moved.file is not None
    raw = moved.file.read_bytes()
    if damage == "cut":
        moved.file.write_bytes(raw[: len(raw) // 2])
    elif damage == "changed":
        moved.file.write_bytes(gzip.compress(gzip.decompress(raw).replace(b'"seconds":3600', b'"seconds":3601')))
    else:
        moved.file.write_bytes(b"not gzip at all")

    with pytest.raises(ArchiveError, match=r"cannot be read|damaged"):
        list(records(moved.file))


async def test_lines_that_no_file_has_are_missed(link: Link, tmp_path: Path) -> None:
    ledger = await three_accounts(link)
    first = await archive(ledger, tmp_path / "first", LATER_MS)
    await archive(ledger, tmp_path / "second", LATER_MS + 1)
    assert first.file is not None

    with pytest.raises(ArchiveError, match="those before 3 are missing"):
        archived_lines(tmp_path / "second", "bob")
    assert [line.seq for line in archived_lines(tmp_path / "first", "bob")] == [1, 2]


async def test_a_file_that_does_not_hold_what_was_written_takes_nothing_out(
    link: Link, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await three_accounts(link)
    rename = Path.rename

    def rotten(self: Path, target: Path) -> Path:
        self.write_bytes(self.read_bytes()[:-30])
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rotten)
    with pytest.raises(ArchiveError):
        await archive(ledger, tmp_path, LATER_MS)
    assert (await verify(ledger)).lines == 9


async def test_a_folder_that_takes_no_file_takes_nothing_out(link: Link, tmp_path: Path) -> None:
    ledger = await three_accounts(link)
    (tmp_path / "file").write_text("")

    with pytest.raises(ArchiveError, match="nothing was taken out"):
        await archive(ledger, tmp_path / "file", LATER_MS)
    assert (await verify(ledger)).lines == 9


# ---- older forms ----------------------------------------------------------------------------------------------------

FIRST_FORM = {  # as the first version wrote it: charges, a void, an overrun, a refund, a correction, a call that holds
    "account": "9601a7323032362d3131cd0e1097cd0e10cd0258e23cccb4000a939400cf000001a22d2f3c00cd0d02cd0e109401003c3c9402"
    "00cd0258cd02589192a263349300cf000001a22d2f3c003c",
    "settlements": [
        "c1", "c1:s|31c220f52873|60|0|10|0|70|0", "c2", "c2:s|60ffd4f7637b|0|60|0|0|0|0",
        "c3", "c3:s|0f38d9b6749b|120|0|0|0|61|60",
    ],
    "statement": [
        "1793548800000|m|3600|3600|0|1796054400000|calendar||2026-11",
        "1793548800000|s|-60|3540|0|1796054400000|c1:s|c1|",
        "1793548800000|p|600|4140|2|0|g1||",
        "1793552400000|s|-120|4020|0|1796054400000|c3:s|c3|",
        "1793552400000|r|60|4080|1|0|r|c3|",
        "1793552400000|c|-30|4050|0|1796054400000|c||a test",
    ],
}  # fmt: skip


async def in_first_form(link: Link) -> Desk:
    account, settled, lines = keys("alice")
    await link.command("SET", account, bytes.fromhex(str(FIRST_FORM["account"])))
    await link.command("HSET", settled, *FIRST_FORM["settlements"])
    await link.command("RPUSH", lines, *FIRST_FORM["statement"])
    desk = Desk(RedisLedger(link))
    desk.at_ms = NOW_MS + 2 * HOUR_MS
    return desk


def essence(account: Account) -> tuple[object, ...]:
    return account.available_s, account.held_s, account.totals, account.lines, account.buckets, account.holds


async def test_an_account_of_the_first_form_goes_on(link: Link) -> None:
    desk = await in_first_form(link)
    account = await desk.account()
    assert (account.available_s, account.held_s, account.totals.overrun_s) == (3990, 60, 10)

    assert (await desk.touch()).available_s == 3990
    assert await desk.settle("c4", 30) == Settled(30, 30, 0, 0)
    assert await desk.settle("c1", 70) == Settled(60, 0, 10, 0)
    await desk.refund("c3", 60, op="r2")
    await desk.grant(60, "g2", Kind.BONUS)
    account = await desk.account()
    assert (account.available_s, account.is_month_backed) == (3990 + 30 + 60 + 60, True)
    desk.at_ms = DECEMBER_MS
    await desk.touch()
    await desk.account()


async def test_migrate_brings_every_account_to_the_new_form_and_changes_no_second(
    redis_server: RedisServer, link: Link, tmp_path: Path
) -> None:
    desk = await in_first_form(link)
    await Desk(RedisLedger(link), "bob").touch()
    before = await desk.account()

    assert await migrate(redis_server.url) == (1, ())
    after = await desk.account()
    assert essence(after) == essence(before)
    assert {call: one.at_ms for call, one in after.settlements.items()} == {
        "c1": 1793548800000, "c2": 1793552400000, "c3": 1793552400000,
    }  # fmt: skip
    assert await migrate(redis_server.url) == (0, ())
    assert await link.get(schema.MARK) == str(schema.SCHEMA).encode()
    moved = await archive(RedisLedger(link), tmp_path, NOW_MS + HOUR_MS)
    assert moved.lines == 4 - 1 + 1  # alice's of the first hour, and bob's
    assert check_laws(await desk.ledger.read_account("alice")) == []


async def test_an_account_whose_old_lines_left_before_it_was_brought_up_to_date_is_sound(
    redis_server: RedisServer, link: Link, tmp_path: Path
) -> None:
    desk = await in_first_form(link)
    await archive(RedisLedger(link), tmp_path, NOW_MS + HOUR_MS)
    await migrate(redis_server.url)

    assert (await verify(RedisLedger(link))).broken == []
    assert sorted((await desk.account()).settlements) == ["c1", "c2", "c3"]


async def test_data_of_a_newer_version_is_not_touched(redis_server: RedisServer, link: Link) -> None:
    async with opened(redis_server.url) as ledger:
        assert (await verify(ledger)).accounts == 0
    assert await link.get(schema.MARK) is None, "who only looks leaves no mark"
    await link.command("SET", schema.MARK, schema.SCHEMA + 1)

    with pytest.raises(Unavailable, match="newer Ringbridge"):
        async with opened(redis_server.url):
            pass
    with pytest.raises(Unavailable, match="newer Ringbridge"):
        await migrate(redis_server.url)
