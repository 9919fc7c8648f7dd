"""Whom a notice rings, and when: told on calls that are played, over two processes and their deaths."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ari_app.desks.notice_desk import NoticeRules
from ari_app.domain.causes import Reason
from ari_app.domain.notices import Notice
from ari_app.domain.quiet import Quiet, after_quiet, is_quiet, quiet
from ari_app.engine.asks import Refusal
from tests.support import until
from tests.unit.notices.notice_house import GAP_MS, NOW_MS, House

MINUTE_MS = 60_000


async def types(house: House, id: str) -> list[str]:
    return [one.type for _, one in await house.notices.events(id)]


async def is_called(house: House, notice: Notice) -> None:
    async def is_so() -> bool:
        return (await house.person(notice)).state == "calling"

    await until(is_so)


async def test_who_confirms_is_never_rung_again(house: House) -> None:
    notice = await house.sent()
    await house.goes_on()
    calling = await house.person(notice)
    assert calling.state == "calling"
    await house.rounds.over(await house.ends(calling, keys="1"))

    one = await house.person(notice)
    assert (one.state, one.tries[0].outcome, one.tries[0].key) == ("confirmed", "confirmed", "1")
    assert await types(house, notice.id) == ["notice_created", "notice_confirmed", "notice_done"]
    await house.goes_on(10 * GAP_MS)
    assert len(house.played.asked) == 1


async def test_who_was_not_reached_is_rung_again_after_the_gap_so_often_and_no_more(house: House) -> None:
    notice = await house.sent(tries=3)
    for n in range(3):
        await house.goes_on(0 if n == 0 else GAP_MS)
        await house.rounds.over(await house.ends(await house.person(notice), Reason.CALLEE_BUSY, answered=False))
        await house.goes_on(GAP_MS - 1 if n < 2 else 10 * GAP_MS)
        assert len(house.played.asked) == n + 1, "not before the gap has passed"
        house.now_ms -= GAP_MS - 1 if n < 2 else 0
    one = await house.person(notice)
    assert (one.state, [t.outcome for t in one.tries]) == ("not_answered", ["busy"] * 3)
    assert len({t.call for t in one.tries}) == 3
    [(_, missed)] = [e for e in await house.notices.events(notice.id) if e[1].type == "notice_not_answered"]
    assert (missed.n, missed.facts["outcome"], missed.facts["tries"]) == (0, "busy", 3)


async def test_to_have_heard_it_confirms_only_where_no_key_is_asked_for(house: House) -> None:
    for confirm, state, word in (("1", "waiting", ""), ("", "heard", "notice_heard")):
        notice = await house.sent(confirm=confirm)
        await house.goes_on()
        await house.rounds.over(await house.ends(await house.person(notice), heard=True))
        assert (await house.person(notice)).state == state
        assert (word in await types(house, notice.id)) is bool(word)


async def test_the_same_end_told_by_two_counts_once(house: House) -> None:
    notice = await house.sent()
    await house.goes_on()
    call = await house.ends(await house.person(notice), heard=True)
    await asyncio.gather(*(house.rounds.over(call) for _ in range(3)))
    assert len((await house.person(notice)).tries) == 1


async def test_a_process_that_dies_between_the_record_and_the_call_leaves_one_that_is_begun_once(house: House) -> None:
    """The next process finds the recipient under way and no call: it begins the very call that was meant."""
    notice = await house.sent()
    place, house.played.place = house.played.place, _dies  # type: ignore[method-assign]
    await house.goes_on()
    house.played.place = place  # type: ignore[method-assign]
    meant = (await house.person(notice)).call
    assert meant
    assert not house.played.calls

    await house.goes_on(1_000, rounds=house.process())
    assert [*house.played.calls] == [meant]
    await house.goes_on(60_000)
    assert [*house.played.calls] == [meant]


async def _dies(*_args: object, **_named: object) -> object:
    raise asyncio.CancelledError


async def test_an_end_that_nobody_wrote_down_is_found_by_the_next_process(house: House) -> None:
    notice = await house.sent()
    await house.goes_on()
    await house.ends(await house.person(notice), keys="1")
    await house.goes_on(1_000, rounds=house.process())
    assert (await house.person(notice)).state == "confirmed"


async def test_no_more_are_called_at_once_than_may_be(house: House) -> None:
    notice = await house.sent(12)
    for _ in range(4):
        await house.goes_on()
    calling = [r for r in await house.notices.recipients(notice.id) if r.state == "calling"]
    assert len(calling) == len(house.played.calls) == 5
    await house.rounds.over(await house.ends(calling[0], keys="1"))
    await house.goes_on()
    assert len(house.played.calls) == 6


async def test_two_processes_share_the_work_and_ring_nobody_twice(house: House) -> None:
    notice = await house.sent(5)
    other = house.process()
    await asyncio.gather(*(house.goes_on(0, rounds=one) for one in (house.rounds, other) * 3))
    assert len(house.played.asked) == len(house.played.calls) == 5
    assert {r.state for r in await house.notices.recipients(notice.id)} == {"calling"}


async def test_without_minutes_the_notice_is_held_up_says_why_and_goes_on_later(house: House) -> None:
    notice = await house.sent(3)
    await house.goes_on()
    for n in range(3):
        call = await house.ends(await house.person(notice, n), Reason.BALANCE_EMPTY, answered=False, was_sent=False)
        await house.rounds.over(call)
    found = await house.notices.find(notice.id)
    assert found is not None
    assert (found[1].held_up, found[1].held_up_until_ms) == ("balance-empty", NOW_MS + MINUTE_MS)
    one = await house.person(notice)
    assert (one.state, one.tries, one.put_off) == ("pending", (), "balance_empty")
    await house.goes_on(MINUTE_MS // 2)
    assert len(house.played.calls) == 3
    await house.goes_on(MINUTE_MS)
    assert len(house.played.calls) == 6, "by calls of other ids: the first ones are over"
    assert (await house.notices.find(notice.id) or ())[1].held_up == ""


async def test_a_limit_puts_off_and_is_no_try_and_a_blocked_number_is_the_end(house: House) -> None:
    notice = await house.sent()
    house.played.refuses = Refusal("too-many-calls", "…", "callee", retry_after_s=120, rule="pair-3-in-300s")
    await house.goes_on()
    one = await house.person(notice)
    assert (one.state, one.put_off, one.tries) == ("pending", "pair-3-in-300s", ())
    assert 120_000 <= one.due_ms - NOW_MS <= 144_000
    house.played.refuses = Refusal("destination-blocked", "…", "recipient")
    await house.goes_on(150_000)
    assert (await house.person(notice)).state == "refused"
    assert "notice_not_answered" in await types(house, notice.id)


async def test_what_was_put_off_for_days_is_given_up(house: House) -> None:
    notice = await house.sent()
    house.played.refuses = Refusal("no-capacity", "…", retry_after_s=5)
    await house.goes_on()
    await house.goes_on(8 * 86_400_000)
    assert (await house.person(notice)).state == "gave_up"


async def test_quiet_hours_of_the_operator_and_of_the_notice_both_hold() -> None:
    house = House(NoticeRules(timezone="Asia/Shanghai", quiet=(Quiet(16 * 60, 17 * 60),)))
    notice = await house.sent(quiet=Quiet(17 * 60, 18 * 60))
    await house.goes_on()
    assert (await house.person(notice)).due_ms == NOW_MS - NOW_MS % 3_600_000 + 2 * 3_600_000, "at 18:00"
    await house.goes_on(60 * MINUTE_MS)
    assert not house.played.asked
    await house.goes_on(30 * MINUTE_MS)
    assert len(house.played.asked) == 1


async def test_who_was_put_off_into_quiet_hours_is_rung_when_they_have_ended() -> None:
    house = House(NoticeRules(timezone="Asia/Shanghai", quiet=(Quiet(17 * 60, 18 * 60),)))
    notice = await house.sent()
    house.played.refuses = Refusal("no-capacity", "…", retry_after_s=2_000)
    await house.goes_on()
    assert (await house.person(notice)).put_off == "no-capacity"
    house.played.refuses = None
    await house.goes_on(45 * MINUTE_MS)
    assert not house.played.calls, "it is 17:18"
    assert (await house.person(notice)).state == "pending"
    await house.goes_on(45 * MINUTE_MS)
    assert len(house.played.calls) == 1


async def test_a_reminder_rings_who_has_not_confirmed_once_the_gap_has_passed(house: House) -> None:
    notice = await house.sent(3, tries=1)
    await house.goes_on()
    await house.rounds.over(await house.ends(await house.person(notice, 0), keys="1"))
    for n in (1, 2):
        await house.rounds.over(await house.ends(await house.person(notice, n), Reason.CALLEE_BUSY, answered=False))
    assert (await types(house, notice.id))[-1] == "notice_done"

    await house.desk.remind(notice.id, owner="k", idempotency_key="r1")
    await house.rounds.look_over(notice.id)
    await house.goes_on(1_000)
    assert len(house.played.asked) == 3
    await house.goes_on(GAP_MS)
    assert len(house.played.asked) == 5
    for n in (1, 2):
        await house.rounds.over(await house.ends(await house.person(notice, n), keys="1"))
    assert [r.state for r in await house.notices.recipients(notice.id)] == ["confirmed"] * 3
    assert (await types(house, notice.id)).count("notice_done") == 2


async def test_a_cancelled_notice_ends_its_calls_and_rings_nobody_more(house: House) -> None:
    notice = await house.sent(7)
    await house.goes_on()
    await house.desk.cancel(notice.id)
    await house.rounds.look_over(notice.id)
    assert sorted(house.played.cancelled) == sorted(house.played.calls)
    for id in house.played.cancelled:
        r = next(r for r in await house.notices.recipients(notice.id) if r.call == id)
        await house.rounds.over(await house.ends(r, Reason.CANCELLED, answered=False))
    assert {r.state for r in await house.notices.recipients(notice.id)} == {"cancelled"}
    await house.goes_on(GAP_MS)
    assert len(house.played.asked) == 5
    assert await house.notices.under_way() == 0


@pytest.mark.parametrize("by_another", [False, True])
async def test_a_call_that_is_on_its_way_when_all_is_cancelled_is_ended_and_on_record(
    house: House, by_another: bool
) -> None:
    """He was told cancelled, and rung all the same, by a call that was no try of his."""
    notice = await house.sent()
    house.played.may_place.clear()
    placing = asyncio.create_task(house.goes_on())
    await is_called(house, notice)
    await house.desk.cancel(notice.id)
    await (house.process() if by_another else house.rounds).look_over(notice.id)
    assert (await house.person(notice)).state == "calling"
    house.played.may_place.set()
    await placing
    [id] = house.played.calls
    assert house.played.cancelled == [id]
    await house.rounds.over(await house.ends(await house.person(notice), Reason.CANCELLED, answered=False))
    r = await house.person(notice)
    assert (r.state, [t.call for t in r.tries]) == ("cancelled", [id])


async def test_a_call_that_never_came_to_be_is_not_waited_for_long_when_all_is_cancelled(house: House) -> None:
    notice = await house.sent()
    house.played.may_place.clear()
    dying = asyncio.create_task(house.goes_on())
    await is_called(house, notice)
    for task in house.rounds._at_work.values():
        task.cancel()
    await dying
    await house.desk.cancel(notice.id)
    await house.rounds.look_over(notice.id)
    assert (await house.person(notice)).state == "calling"
    await house.goes_on(5_000)
    r = await house.person(notice)
    assert (r.state, r.tries, house.played.calls) == ("cancelled", (), {})


async def test_who_asks_for_it_is_called_back_once_and_not_when_it_is_too_late(house: House) -> None:
    for late_ms, recall in ((1_000, "c"), (121_000, "!too_late")):
        notice = await house.sent()
        before = len(house.played.asked)
        await house.goes_on()
        await house.rounds.over(await house.ends(await house.person(notice), keys="23"))
        await house.goes_on(late_ms)
        await house.goes_on(1_000)
        one = await house.person(notice)
        assert (one.state, one.tries[0].outcome) == ("confirmed", "connect")
        assert one.recall.startswith(recall)
        assert len(house.played.asked) - before == (2 if recall == "c" else 1)
        assert (await types(house, notice.id))[-1] == "notice_done", "not before he was called back"


async def test_a_text_whose_sound_was_thrown_away_is_spoken_again_and_an_audio_file_is_waited_for(house: House) -> None:
    notice = await house.sent()
    house.speech.forget(notice.said)
    await house.goes_on()
    assert house.played.asked[0].request.said == f"text:{notice.said}"
    await house.notices.create(replace(notice, id="naudio", text="", said="a" + "0" * 40), [
        replace(await house.person(notice), state="pending", call="", rev=0)], _event())  # fmt: skip
    await house.notices.fill("naudio", {0: 0})
    await house.goes_on()
    assert (await house.notices.recipient("naudio", 0) or notice).put_off == "audio_gone"  # type: ignore[union-attr]


def _event() -> object:
    from ari_app.ports.notices import Happened

    return Happened("notice_created", NOW_MS)


def test_quiet_hours_go_over_midnight_and_follow_one_another() -> None:
    night, noon = Quiet(22 * 60, 8 * 60), Quiet(8 * 60, 9 * 60)
    at_ms = 1_795_445_999_000  # 22:59:59 in Shanghai
    assert is_quiet(at_ms, [night], "Asia/Shanghai")
    assert not is_quiet(at_ms, [noon], "Asia/Shanghai")
    assert after_quiet(at_ms, [night], "Asia/Shanghai") - at_ms == 9 * 3_600_000 + 1_000
    assert after_quiet(at_ms, [night, noon], "Asia/Shanghai") - at_ms == 10 * 3_600_000 + 1_000
    assert after_quiet(at_ms, [], "Asia/Shanghai") == at_ms
    assert [quiet(one) for one in ("22:00-08:00", "22:00", "24:00-08:00", "08:00-08:00")] == [night, None, None, None]
    assert str(night) == "22:00-08:00"
