"""Notices over memory, Redis and a cluster: a recipient's record is changed by one at a time, the queue gives each to
one process, and nothing that is put down is lost or told twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ari_app.domain.errors import CallerError
from ari_app.domain.notices import Notice, Now, Recipient, Retry, Try
from ari_app.domain.quiet import Quiet
from ari_app.ports.notices import Due, Happened, Notices

AT_MS = 1_795_422_792_123
DONE = Happened("notice_done", AT_MS)
EXAMPLE = Notice(
    "n1", "alice", AT_MS, AT_MS + 5, "Fire drill at ten.", "t" + "0" * 40, 2_000, "en", "1",
    Retry(3, 300_000, Quiet(1320, 480)), 3, {"ticket": "7"}, "print",
)  # fmt: skip


def people(count: int = 3) -> list[Recipient]:
    return [Recipient(n, f"u{n}", f"+861390000{n:04d}", due_ms=AT_MS + 5) for n in range(count)]


async def made(notices: Notices, id: str = "n1", count: int = 3, at_ms: int = AT_MS, sender: str = "alice") -> Notice:
    notice = replace(EXAMPLE, id=id, count=count, created_at_ms=at_ms, sender=sender)
    assert await notices.create(notice, people(count), Happened("notice_created", at_ms)) == notice
    return notice


async def test_a_notice_is_kept_as_it_was_made_and_the_first_of_two_stands(notices: Notices) -> None:
    notice = await made(notices)

    assert await notices.find("n1") == (notice, Now(open=3))
    assert await notices.recipients("n1") == people()
    assert await notices.recipients("n1", 1, 1) == people()[1:2]
    assert await notices.recipient("n1", 3) is None
    other = replace(notice, text="Other.")
    assert await notices.create(other, people(2), Happened("notice_created", AT_MS)) == notice
    assert len(await notices.recipients("n1")) == 3
    assert [(seq, one.type) for seq, one in await notices.events("n1")] == [(1, "notice_created")]
    assert await notices.find("n2") is None
    assert await notices.open_ids() == ["n1"]


async def test_of_two_who_change_a_recipient_one_does(notices: Notices) -> None:
    await made(notices)
    [_, bob, _] = await notices.recipients("n1")
    tried = replace(bob, tries=(Try("c1", AT_MS, "busy", key_at_ms=None),), state="waiting")

    answers = await asyncio.gather(*(notices.put("n1", tried, [Happened("x", AT_MS, 1)], DONE) for _ in range(2)))

    assert sorted(answers, key=str) in ([3, None], [3, 3]), "the very same may be told that it is done"
    assert await notices.recipient("n1", 1) == replace(tried, rev=1)
    assert await notices.put("n1", replace(bob, state="refused"), [], DONE) is None
    assert [one.type for _, one in await notices.events("n1")] == ["notice_created", "x"]
    assert await notices.put("n1", replace(bob, n=9), [], DONE) is None


async def test_who_is_final_is_counted_off_and_the_last_one_ends_it_once(notices: Notices) -> None:
    await made(notices)
    states = {0: "confirmed", 1: "not_answered", 2: "heard"}
    left = [await notices.put("n1", replace(r, state=states[r.n]), [Happened(states[r.n], AT_MS, r.n)], DONE)
            for r in people()]  # type: ignore[arg-type]  # fmt: skip
    assert left == [2, 1, 0]
    again = await notices.recipient("n1", 1)
    assert again is not None
    assert await notices.put("n1", replace(again, state="waiting"), [], DONE) == 1, "as after a reminder"
    recalled = await notices.recipient("n1", 0)
    assert recalled is not None
    assert await notices.put("n1", replace(recalled, recall="due"), [], DONE) == 2, "he is still to be called back"
    told = [one.type for _, one in await notices.events("n1")]
    assert told == ["notice_created", "confirmed", "not_answered", "heard", "notice_done"]
    assert [seq for seq, _ in await notices.events("n1", 3)] == [4, 5]


async def test_a_reminder_counts_once_for_who_asks_and_there_are_so_many_at_most(notices: Notices) -> None:
    await made(notices)
    await notices.close("n1", 100)
    event = Happened("notice_reminded", AT_MS)
    rounds = [await notices.remind("n1", ask, AT_MS + 9, 2, event) for ask in ("a", "a", "b", "c", "b")]

    assert rounds == [1, 1, 2, None, 2]
    found = await notices.find("n1")
    assert found is not None
    assert (found[1].round, found[1].round_at_ms) == (2, AT_MS + 9)
    assert await notices.open_ids() == ["n1"], "there is something to be done again"
    assert [one.type for _, one in await notices.events("n1")].count("notice_reminded") == 2


async def test_it_is_cancelled_once_and_held_up_for_a_time(notices: Notices) -> None:
    await made(notices)
    event = Happened("notice_cancelled", AT_MS)
    assert [await notices.cancel("n1", AT_MS + n, event) for n in (1, 2)] == [True, False]
    await notices.hold_up("n1", "balance-empty", AT_MS + 60_000)
    assert (await notices.find("n1") or ())[1] == Now(3, 0, 0, AT_MS + 1, "balance-empty", AT_MS + 60_000)
    await notices.hold_up("n1", "", 0)
    assert (await notices.find("n1") or ())[1] == Now(3, 0, 0, AT_MS + 1)


async def test_notices_are_listed_newest_first_and_by_their_sender(notices: Notices) -> None:
    for n in range(5):
        await made(notices, f"n{n}", 1, AT_MS + n // 2, sender="bob" if n == 3 else "alice")

    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await notices.list(cursor=cursor, limit=2)
        seen += page.ids
        cursor = page.next_cursor
    assert (seen, cursor) == (["n4", "n3", "n2", "n1", "n0"], None)
    assert (await notices.list(sender="alice")).ids == ("n4", "n2", "n1", "n0")
    assert (await notices.list(sender="nobody")).ids == ()
    with pytest.raises(CallerError):
        await notices.list(cursor="x")


async def test_a_tenant_has_a_list_of_its_own_notices(notices: Notices) -> None:
    for n, sender in enumerate(("demo@acme", "demo@beta", "demo", "li@acme")):
        await made(notices, f"n{n}", 1, AT_MS + n, sender=sender)

    assert (await notices.list(tenant="acme")).ids == ("n3", "n0")
    assert (await notices.list(tenant="acme", sender="li@acme")).ids == ("n3",)
    assert (await notices.list(tenant="beta")).ids == ("n1",)
    assert (await notices.list()).ids == ("n3", "n2", "n1", "n0")


# ---- the queue ------------------------------------------------------------------------------------------------------


async def test_each_is_given_to_one_and_no_more_at_once_than_there_is_room_for(notices: Notices) -> None:
    await notices.fill("n1", dict.fromkeys(range(40), AT_MS))
    asking = [notices.due(AT_MS, parallel=12, at_once=5, look_ms=1000) for _ in range(8)]

    given = [one for found in await asyncio.gather(*asking) for one in found]

    assert len(given) == len(set(given)) == 12
    assert await notices.under_way() == 12
    await notices.take_out(given[0])
    await notices.put_back(given[1], AT_MS + 1)
    fresh = await notices.due(AT_MS, parallel=12, at_once=50, look_ms=1000)
    assert len(fresh) == 2
    assert not set(fresh) & set(given)


async def test_nobody_is_given_out_before_his_time(notices: Notices) -> None:
    await notices.fill("n1", {0: AT_MS + 10, 1: AT_MS + 5})
    assert await notices.due(AT_MS + 4, parallel=9, at_once=9, look_ms=1000) == []
    assert await notices.due(AT_MS + 9, parallel=9, at_once=9, look_ms=1000) == [Due("n1", 1)]
    assert await notices.due(AT_MS + 10, parallel=9, at_once=9, look_ms=1000) == [Due("n1", 0)]


async def test_who_is_under_way_is_given_out_again_after_a_while_room_or_not(notices: Notices) -> None:
    """Whoever had him may be dead."""
    await notices.fill("n1", {0: AT_MS, 1: AT_MS})
    given = await notices.due(AT_MS, parallel=2, at_once=9, look_ms=1000)
    assert await notices.due(AT_MS + 999, parallel=0, at_once=9, look_ms=1000) == []
    assert await notices.due(AT_MS + 1000, parallel=0, at_once=9, look_ms=1000) == given
    await notices.look_again(given[1], AT_MS + 1500)
    await notices.look_again(Due("n1", 7), AT_MS)
    assert await notices.due(AT_MS + 1500, parallel=0, at_once=9, look_ms=1000) == [given[1]]
    assert await notices.under_way() == 2


async def test_who_is_in_the_queue_already_keeps_his_place(notices: Notices) -> None:
    await notices.fill("n1", {0: AT_MS, 1: AT_MS + 50})
    await notices.due(AT_MS, parallel=9, at_once=9, look_ms=1000)
    assert await notices.fill("n1", {0: AT_MS, 1: AT_MS, 2: AT_MS}) == 1
    assert await notices.fill("n1", {}) == 0
    assert await notices.due(AT_MS, parallel=9, at_once=9, look_ms=1000) == [Due("n1", 2)]
