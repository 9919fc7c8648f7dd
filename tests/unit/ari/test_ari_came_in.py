"""Channels that came in by themselves: by Asterisk's id outside, by ours within; found again after a restart, watched
to their end, handed over to another call, and told by Asterisk's own record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.ari.cel import Answers, read_record
from ari_app.domain import events as ev
from ari_app.ports.telephony import CallEvent, Entered, LinkUp, NoSuchChannel
from tests.support import until
from tests.unit.ari.fake import Frame, event
from tests.unit.ari.test_ari_telephony import CALL, LEG, House, Pbx, lived_in

FOREIGN = "pbx-1795731924.1"
CONFERENCE = "c" + "b" * 26
JOINED = f"{CONFERENCE}.in1.0"
WATCH = "POST applications/app/subscription"
AT_MS = 1_795_731_924_130


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    async with Pbx() as pbx:
        yield pbx


@pytest.fixture
async def house(pbx: Pbx) -> AsyncIterator[House]:
    async with lived_in(pbx) as house:
        yield house


def comes_in(leg: str = LEG, state: str = "Ring") -> Frame:
    return event("StasisStart", FOREIGN, args=["in", leg]) | {"channel": channel(state)}


def channel(state: str = "Ring", said: str = "") -> Frame:
    dialplan = {"app_name": "Stasis", "app_data": said} if said else {}
    return {"id": FOREIGN, "name": "PJSIP/carrier-1", "state": state, "dialplan": dialplan}


def watched(pbx: Pbx) -> list[Any]:
    return [frame["query_strings"] for frame in pbx.requests if f"{frame['method']} {frame['uri']}" == WATCH]


async def asked(pbx: Pbx, what: str) -> None:
    await until(lambda: what in pbx.asked(), 2, f"{what}: {pbx.asked()}")


async def test_it_rings_us_is_answered_and_goes_as_a_leg_of_ours(pbx: Pbx, house: House) -> None:
    await pbx.say(
        comes_in(),
        event("ChannelStateChange") | {"channel": channel("Up")},
        event("ChannelDtmfReceived", FOREIGN, digit="5"),
        event("ChannelHangupRequest", FOREIGN, cause=16),
        event("ChannelDestroyed", FOREIGN, cause=16),
    )
    await until(lambda: any(isinstance(fact, ev.Gone) for fact in house.facts()), 2)

    entered = next(one for one in house.said if isinstance(one, Entered))
    assert entered == Entered(CALL, "caller", 0, came_in=True)
    kinds = [type(fact) for fact in house.facts()]
    assert kinds == [ev.Rang, ev.Answered, ev.Digit, ev.HangupSeen, ev.Gone]
    assert {one.call for one in house.said if isinstance(one, CallEvent)} == {CALL}
    assert watched(pbx) == [[{"name": "eventSource", "value": f"channel:{FOREIGN}"}]]


async def test_whatever_is_asked_of_it_is_asked_by_asterisks_own_id(pbx: Pbx, house: House) -> None:
    await pbx.say(comes_in())
    await until(house.facts, 2)
    t = house.telephony

    await t.answer(LEG)
    await t.play(LEG, f"{CALL}.menu", "beep")
    await t.cut_off(LEG, 5000)
    await t.mute(LEG, is_muted=True)
    await t.join(CALL, LEG)
    await t.answered_at(LEG)
    await t.hang_up(LEG)

    about = [frame for frame in pbx.requests if "channel" in frame["uri"] and frame["method"] != "GET"]
    assert not [frame for frame in about if LEG in frame["uri"] or LEG in str(frame.get("query_strings"))]
    uris = [frame["uri"] for frame in pbx.requests]
    for what in ("answer", f"play/{CALL}.menu", "variables", "mute", "variable"):
        assert f"channels/{FOREIGN}/{what}" in uris, what
    joins = next(frame for frame in pbx.requests if frame["uri"] == f"bridges/{CALL}/addChannel")
    assert {"name": "channel", "value": FOREIGN} in joins["query_strings"]
    assert f"DELETE channels/{FOREIGN}" in pbx.asked()


async def test_it_is_found_again_by_what_asterisk_says_of_it(pbx: Pbx) -> None:
    """As after a SIGKILL: this process has never seen it come in."""
    pbx.replies["GET channels"] = [channel("Up", f"app,in,{LEG}"), channel("Up", f"other,in,{LEG}") | {"id": "pbx-2"}]
    pbx.replies["GET bridges"] = [{"id": CALL, "name": "app", "channels": [FOREIGN]}]
    async with lived_in(pbx) as house:
        snapshot = next(one for one in house.said if isinstance(one, LinkUp)).snapshot
        assert snapshot.channels.keys() == {LEG}, "another application's is its own"
        assert snapshot.bridges == {CALL: frozenset({LEG})}

        await pbx.say(event("ChannelDtmfReceived", FOREIGN, digit="5"))
        await until(house.facts, 2)
        await house.telephony.hang_up(LEG)

    assert f"DELETE channels/{FOREIGN}" in pbx.asked()
    assert watched(pbx)


@pytest.mark.parametrize("state", ["Ring", "Up"])
async def test_one_that_waits_in_the_dialplan_for_somebody_to_take_the_pbx_is_coming(pbx: Pbx, state: str) -> None:
    """Up: it was answered, and is being handed over from another call."""
    waits = {"context": "ringbridge-enter", "exten": f"{LEG}@app", "app_name": "Wait", "app_data": "1"}
    theirs = waits | {"exten": f"{JOINED}@other"}
    pbx.replies["GET channels"] = [
        channel(state) | {"dialplan": waits},
        channel(state) | {"id": "p2", "dialplan": theirs},
    ]
    async with lived_in(pbx) as house:
        snapshot = next(one for one in house.said if isinstance(one, LinkUp)).snapshot
        assert {c.id: c.state for c in snapshot.channels.values()} == {LEG: "coming"}, "and the other is another's"
        await asked(pbx, WATCH)
        await pbx.say(comes_in(state=state))
        expected = [ev.Rang, ev.Answered][: 1 + (state == "Up")]
        await until(lambda: [type(fact) for fact in house.facts()] == expected, 2)


async def test_one_that_is_seen_first_in_a_list_is_watched_and_is_gone_from_where_it_was(
    pbx: Pbx, house: House
) -> None:
    """It is being handed over while somebody looks: no event will tell of it a second time."""
    await pbx.say(comes_in())
    await until(house.facts, 2)
    waits = {"context": "ringbridge-enter", "exten": f"{JOINED}@app", "app_name": "Wait", "app_data": "1"}
    pbx.replies["GET channels"] = [channel("Up") | {"dialplan": waits}]
    before = len(watched(pbx))

    assert (await house.telephony.look()).channels.keys() == {JOINED}

    await until(lambda: len(watched(pbx)) > before, 2)
    await until(lambda: [type(fact) for fact in house.facts()] == [ev.Rang, ev.Gone], 2)
    await pbx.say(comes_in(JOINED, "Up"))
    await until(lambda: [type(fact) for fact in house.facts()][2:] == [ev.Rang, ev.Answered], 2)


async def test_one_that_is_not_here_yet_does_not_ring_us(pbx: Pbx, house: House) -> None:
    """The dialplan still asks who he is, while the link comes up."""
    await house.telephony.expect(FOREIGN, LEG)
    pbx.replies["GET channels"] = [channel() | {"dialplan": {"context": "ringbridge-ask", "app_name": "AGI"}}]
    assert (await house.telephony.look()).channels[LEG].state == "coming"


async def test_one_that_is_expected_is_known_before_it_comes_in(pbx: Pbx, house: House) -> None:
    await house.telephony.expect(FOREIGN, LEG)
    await pbx.say(event("ChannelDestroyed", FOREIGN, cause=16))
    await until(house.facts, 2)

    assert [type(fact) for fact in house.facts()] == [ev.Gone]


async def test_one_that_has_gone_before_it_was_expected_is_no_channel(pbx: Pbx, house: House) -> None:
    pbx.replies[WATCH] = (422, {"message": "Event source does not exist"})

    with pytest.raises(NoSuchChannel):
        await house.telephony.expect(FOREIGN, LEG)


async def test_one_that_ends_before_it_is_watched_is_gone_all_the_same(pbx: Pbx, house: House) -> None:
    pbx.replies[WATCH] = (422, {"message": "Event source does not exist"})
    await pbx.say(comes_in())
    await until(lambda: any(isinstance(fact, ev.Gone) for fact in house.facts()), 2)


async def test_one_that_comes_in_as_nobody_is_sent_back_to_its_dialplan(pbx: Pbx, house: House) -> None:
    for n, words in enumerate((["in"], ["in", "nobody"], ["in", LEG, "more"])):
        await pbx.say(event("StasisStart", f"pbx-{n}", args=words))
        await asked(pbx, f"POST channels/pbx-{n}/continue")

    assert not house.facts()


async def test_one_that_is_handed_over_is_gone_here_and_answered_there(pbx: Pbx, house: House) -> None:
    await pbx.say(comes_in())
    await until(house.facts, 2)
    await house.telephony.hand_over(LEG, JOINED)
    await pbx.say(comes_in(JOINED, "Up"), event("ChannelDtmfReceived", FOREIGN, digit="5"))
    await until(lambda: any(isinstance(fact, ev.Digit) for fact in house.facts()), 2)

    assert f"POST channels/{FOREIGN}/continue" in pbx.asked()
    told = [(one.call, type(one.event)) for one in house.said if isinstance(one, CallEvent)]
    assert told[1:] == [(CALL, ev.Gone), (CONFERENCE, ev.Rang), (CONFERENCE, ev.Answered), (CONFERENCE, ev.Digit)]

    await house.telephony.hang_up(LEG)  # the leg that it was: it must not hang up the one that it is
    await house.telephony.hang_up(JOINED)
    assert pbx.asked()[-2:] == [f"DELETE channels/{LEG}", f"DELETE channels/{FOREIGN}"]


# ---- the record -----------------------------------------------------------------------------------------------------


def rows(*of: tuple[str, int, str]) -> str:
    said = {"HANGUP": '{""hangupcause"":16,""hangupsource"":""PJSIP/carrier-1""}'}
    lines = ['"LOG_BEGINS","1795731000.0","","","","","","",""']
    for kind, ms, data in of:
        at = f"{(AT_MS + ms) / 1000:.6f}"
        lines.append(f'"{kind}","{at}","{FOREIGN}","{FOREIGN}","PJSIP/carrier-1","","{data}","","{said.get(kind, "")}"')
    return "\n".join(lines) + "\n"


def test_the_record_tells_what_became_of_it_by_our_id(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_text(
        rows(
            ("CHAN_START", -20, ""), ("LEG", 0, f"LEG,{LEG} Ring"), ("ANSWER", 10, ""), ("HANGUP", 5000, ""),
            ("CHAN_END", 5001, ""),
        )
    )  # fmt: skip

    record = read_record(log, [LEG], AT_MS)

    assert record is not None
    trace = record.traces[LEG]
    assert (trace.started_at_ms, trace.answered_at_ms, trace.hangup_at_ms) == (AT_MS, AT_MS + 10, AT_MS + 5000)
    assert trace.ended_at_ms == AT_MS + 5001
    assert trace.remote


def test_the_record_tells_of_both_legs_that_one_channel_was(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_text(
        rows(
            ("LEG", 0, f"LEG,{LEG} Ring"), ("ANSWER", 10, ""), ("LEG", 3000, f"LEG,{JOINED} Up"), ("HANGUP", 9000, ""),
            ("CHAN_END", 9000, ""),
        )
    )  # fmt: skip

    record = read_record(log, [LEG, JOINED], AT_MS)
    alone = read_record(log, [JOINED], AT_MS)

    assert record is not None
    assert alone is not None
    assert record.traces[LEG].ended_at_ms == AT_MS + 3000
    assert record.traces[JOINED] == alone.traces[JOINED]
    assert record.traces[JOINED].answered_at_ms == AT_MS + 3000
    assert record.traces[JOINED].ended_at_ms == AT_MS + 9000


def test_beside_a_bill_it_is_no_call_of_ours(tmp_path: Path) -> None:
    """What a carrier bills is what went out."""
    of_ours = rows(("ANSWER", 0, ""), ("CHAN_END", 9, "")).replace(FOREIGN, JOINED)
    log = rows(("LEG", 0, f"LEG,{LEG} Ring"), ("ANSWER", 10, ""), ("HANGUP", 20, ""), ("CHAN_END", 21, "")) + of_ours

    moments = list(Answers("carrier").moments(line.encode() for line in log.splitlines(keepends=True)))

    assert {channel for channel, _, _ in moments} == {JOINED}


def test_rows_of_our_dialplan_that_make_no_sense_are_skipped(tmp_path: Path) -> None:
    log = tmp_path / "cel.csv"
    log.write_text(rows(("LEG", 0, f"LEG,{LEG} Ring more"), ("LEG", 1, "LEG,"), ("HANGUP", 5, "")))

    record = read_record(log, [LEG], AT_MS)

    assert record is not None
    assert not record.traces
