"""The Telephony port over the client: which exceptions leave it, which facts it passes on, and what it asks anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.domain import events as ev
from ari_app.ports.telephony import (
    Asked,
    CallEvent,
    DialRequest,
    LinkDown,
    LinkLost,
    LinkUp,
    NoSuchChannel,
    PbxError,
    PbxEvent,
    TimedOut,
)
from tests.support import until
from tests.unit.ari.fake import BRISK, FakeAsterisk, Frame, event

CALL = "c" + "a" * 26
LEG = f"{CALL}.caller.0"
OTHER = f"{CALL}.callee.0"
REQUEST = DialRequest(LEG, CALL, "carrier", "+8613900000001", "+864001234567", ring_ms=20_000, life_ms=60_000)
BRIDGED = replace(REQUEST, bridge=CALL)
CREATE, DIAL, HANG_UP = "POST channels/create", f"POST channels/{LEG}/dial", f"DELETE channels/{LEG}"
JOIN = f"POST bridges/{CALL}/addChannel"
SILENCE: Any = None
RINGS = event("ChannelStateChange") | {"channel": {"id": LEG, "state": "Ringing"}}


class Pbx(FakeAsterisk):
    """`replies`: by "METHOD uri", a body, (status, body) or SILENCE. `then`: what is said right before that reply."""

    def __init__(self) -> None:
        super().__init__(self._given)
        self.clock_ahead_ms = 0
        self.replies: dict[str, Any] = {}
        self.then: dict[str, list[Frame]] = {CREATE: [event("StasisStart", LEG, args=[LEG])]}
        self.standard: dict[str, Callable[[], Any]] = {
            "PUT applications/app/eventFilter": lambda: {"name": "app"},
            "GET channels": lambda: [],
            "GET bridges": lambda: [],
            "GET asterisk/ping": self._ping,
        }

    def _given(self, frame: Frame) -> Any:
        asked = f"{frame['method']} {frame['uri']}"
        if asked in self.replies:
            return self.replies[asked]
        return self.standard[asked]() if asked in self.standard else {"id": "x"}

    async def _reply(self, socket: Any, frame: Frame) -> None:
        await self.say(*self.then.get(f"{frame['method']} {frame['uri']}", []))
        await super()._reply(socket, frame)

    def _ping(self) -> Frame:
        at = datetime.fromtimestamp(time.time() + self.clock_ahead_ms / 1000, UTC)
        return {"ping": "pong", "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}+0000"}

    def asked(self) -> list[str]:
        """But for its time, which is asked whenever an event's stamp is of another one."""
        asked = (f"{frame['method']} {frame['uri']}" for frame in self.requests)
        return [one for one in asked if one != "GET asterisk/ping"]


class House:
    def __init__(self, pbx: Pbx, telephony: AriTelephony, said: list[PbxEvent]) -> None:
        self.pbx = pbx
        self.telephony = telephony
        self.said = said

    def facts(self) -> list[ev.Event]:
        return [one.event for one in self.said if isinstance(one, CallEvent)]

    async def facts_until_now(self) -> list[ev.Event]:
        """Events come in order: once a mark that is sent now is there, all that was sent before is."""
        await self.pbx.say(event("ChannelDtmfReceived", OTHER, digit="7"))
        await until(lambda: any(isinstance(one, ev.Digit) for one in self.facts()), within_s=2)
        return [one for one in self.facts() if not isinstance(one, ev.Digit)]

    def asks(self) -> list[Asked]:
        return [one for one in self.said if isinstance(one, Asked)]

    async def link_is_up_again(self, times: int) -> None:
        await until(lambda: [type(one) for one in self.said].count(LinkUp) == times, within_s=3)
        await until(lambda: self.telephony.is_up, within_s=3)


@pytest.fixture
async def pbx() -> AsyncIterator[Pbx]:
    async with Pbx() as pbx:
        yield pbx


@asynccontextmanager
async def lived_in(pbx: Pbx, settings: LinkSettings = BRISK) -> AsyncIterator[House]:
    telephony = AriTelephony(pbx.url, "user", "secret", "app", cel_path=None, settings=settings)
    said: list[PbxEvent] = []

    async def listen() -> None:
        async for one in telephony.events():
            said.append(one)

    async with asyncio.TaskGroup() as group:
        group.create_task(telephony.run(), name="ari-telephony")
        group.create_task(listen())
        await until(lambda: telephony.is_up, within_s=3)
        yield House(pbx, telephony, said)
        await telephony.close()


@pytest.fixture
async def house(pbx: Pbx) -> AsyncIterator[House]:
    async with lived_in(pbx) as house:
        yield house


def the_end(channel: str = LEG, *, cause: int = 21, sip: int = 603) -> list[Frame]:
    """As the PBX tells of a channel that the far end rejected, and of one that died undialled, too."""
    return [
        event("ChannelHangupRequest", channel, cause=cause, tech_cause=sip),
        event("ChannelDestroyed", channel, cause=cause, tech_cause=sip),
    ]


# --- a channel that was created and never dialled ---------------------------------------------------------------------
@pytest.mark.parametrize("refused", [(500, {"message": "no"}), (404, {"message": "gone"})])
async def test_the_end_of_a_channel_whose_dial_was_refused_is_no_rejection_by_a_phone(
    house: House, refused: tuple[int, Frame]
) -> None:
    house.pbx.replies[DIAL] = refused
    house.pbx.then[HANG_UP] = the_end()
    with pytest.raises(PbxError) as told:
        await house.telephony.dial(REQUEST)
    assert told.value.status == refused[0]
    assert await house.facts_until_now() == []
    assert house.pbx.asked()[-1] == HANG_UP


async def test_the_end_of_a_channel_before_its_dial_is_no_rejection_by_a_phone(house: House) -> None:
    house.pbx.then[CREATE] = []
    house.pbx.replies[DIAL] = (404, {"message": "gone"})
    house.pbx.replies[HANG_UP] = (404, {"message": "gone"})
    dialling = asyncio.create_task(house.telephony.dial(REQUEST))
    await until(lambda: CREATE in house.pbx.asked(), within_s=2)
    await house.telephony.hang_up(OTHER)  # its answer comes after that of the creation
    await house.pbx.say(*the_end(), event("StasisStart", LEG, args=[LEG]))
    with pytest.raises(NoSuchChannel):
        await dialling
    assert await house.facts_until_now() == []


async def test_a_channel_that_does_not_enter_the_application_is_hung_up_and_is_no_rejection(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_app.adapters.ari.legs.STASIS_WITHIN_S", 0.05)
    house.pbx.then = {HANG_UP: the_end()}
    with pytest.raises(PbxError, match="did not enter"):
        await house.telephony.dial(REQUEST)
    assert await house.facts_until_now() == []
    assert DIAL not in house.pbx.asked()


@pytest.mark.parametrize("request_", [REQUEST, BRIDGED])
async def test_a_busy_phone_is_told_of_even_if_it_is_faster_than_the_answer_to_the_dial(
    house: House, request_: DialRequest
) -> None:
    house.pbx.then[DIAL] = the_end(cause=17, sip=486)
    await house.telephony.dial(request_)
    facts = await house.facts_until_now()
    assert [type(one) for one in facts] == [ev.HangupSeen, ev.Gone]
    assert all(one.sip_status == 486 for one in facts if isinstance(one, ev.HangupSeen | ev.Gone))


async def test_the_end_of_a_channel_that_lives_already_is_passed_on(house: House) -> None:
    """409: it was dialled before, and its answer was lost."""
    house.pbx.replies[CREATE] = (409, {"message": "exists"})
    with pytest.raises(PbxError) as told:
        await house.telephony.dial(REQUEST)
    assert told.value.status == 409
    await house.pbx.say(*the_end())
    assert [type(one) for one in await house.facts_until_now()] == [ev.HangupSeen, ev.Gone]


async def test_an_end_that_is_told_before_its_dial_is_refused_is_no_rejection_by_a_phone(house: House) -> None:
    house.pbx.then[DIAL] = the_end()
    house.pbx.replies[DIAL] = house.pbx.replies[HANG_UP] = (404, {"message": "gone"})
    with pytest.raises(NoSuchChannel):
        await house.telephony.dial(REQUEST)
    assert await house.facts_until_now() == []


@pytest.mark.parametrize("seen", [DIAL, HANG_UP])
async def test_the_end_of_a_channel_that_rings_is_told_though_its_dial_was_refused(house: House, seen: str) -> None:
    """It was dialled before: by whoever held the application before us, say."""
    house.pbx.replies[DIAL] = (409, {"message": "Channel is not in the 'Down' state"})
    house.pbx.then[HANG_UP] = the_end(cause=16, sip=0)
    house.pbx.then[seen] = [RINGS, *house.pbx.then.get(seen, [])]
    with pytest.raises(PbxError):
        await house.telephony.dial(REQUEST)
    assert [type(one) for one in await house.facts_until_now()] == [ev.Rang, ev.HangupSeen, ev.Gone]


async def test_an_end_is_told_even_if_the_answer_to_the_dial_was_lost(house: House) -> None:
    house.pbx.then[DIAL] = the_end(cause=17, sip=486)
    house.pbx.replies[DIAL] = SILENCE
    dialling = asyncio.create_task(house.telephony.dial(REQUEST))
    await until(lambda: DIAL in house.pbx.asked(), within_s=2)
    await house.pbx.hang_up()
    with pytest.raises(LinkLost):
        await dialling
    await house.link_is_up_again(2)
    assert [type(one) for one in house.facts()] == [ev.HangupSeen, ev.Gone]


@pytest.mark.parametrize("refused", [DIAL, JOIN])
async def test_only_the_creation_says_that_a_channel_lives_already(house: House, refused: str) -> None:
    """Asterisk says 409 also of a channel that was just hung up; taken for "it was dialled", no phone would ring."""
    house.pbx.replies[refused] = (409, {"message": "Channel not in Stasis application"})
    with pytest.raises(PbxError, match="not in Stasis") as told:
        await house.telephony.dial(BRIDGED)
    assert told.value.status == 410
    assert house.pbx.asked()[-1] == HANG_UP


async def test_a_channel_is_hung_up_only_when_its_dial_was_answered_too(house: House) -> None:
    house.pbx.replies[JOIN] = (422, {"message": "not in Stasis"})
    with pytest.raises(PbxError) as told:
        await house.telephony.dial(BRIDGED)
    assert told.value.status == 422
    assert house.pbx.asked()[-4:] == [CREATE, JOIN, DIAL, HANG_UP]


# --- which exceptions leave -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("clean_up", "leaves"),
    [((404, {"message": "gone"}), 422), ((500, {"message": "broken"}), 500), ({}, 422)],
)
async def test_a_clean_up_that_fails_leaves_as_the_ports_own_error(house: House, clean_up: Any, leaves: int) -> None:
    house.pbx.replies[DIAL] = (422, {"message": "no"})
    house.pbx.replies[HANG_UP] = clean_up
    with pytest.raises(PbxError) as told:
        await house.telephony.dial(REQUEST)
    assert told.value.status == leaves


async def test_a_link_that_dies_under_the_clean_up_is_the_ports_own_error(house: House) -> None:
    house.pbx.replies[DIAL] = (422, {"message": "no"})
    house.pbx.replies[HANG_UP] = SILENCE
    dialling = asyncio.create_task(house.telephony.dial(REQUEST))
    await until(lambda: HANG_UP in house.pbx.asked(), within_s=2)
    await house.pbx.hang_up()
    with pytest.raises(LinkLost):
        await dialling


async def test_a_request_without_an_answer_is_timed_out_and_the_link_is_made_anew(pbx: Pbx) -> None:
    pbx.replies[HANG_UP] = SILENCE
    async with lived_in(pbx, replace(BRISK, request_ms=80, in_flight_max=1)) as house:
        hanging = asyncio.create_task(house.telephony.hang_up(LEG))
        behind_it = asyncio.create_task(house.telephony.hang_up(OTHER))  # was never sent: not to blame
        with pytest.raises(TimedOut):
            await hanging
        with pytest.raises(LinkLost) as told:
            await behind_it
        assert type(told.value) is LinkLost
        await house.link_is_up_again(2)
        assert [type(one) for one in house.said] == [LinkUp, LinkDown, LinkUp]


async def test_what_was_carried_out_is_done_whatever_the_reply_looks_like(pbx: Pbx) -> None:
    pbx.replies = {f"POST bridges/{CALL}": 17, CREATE: 17, "PUT applications/app/eventFilter": 17}
    with capture_logs() as logs:
        async with lived_in(pbx) as house:
            await house.telephony.open_bridge(CALL)
            await house.telephony.dial(REQUEST)
    assert [one["event"] for one in logs if "shape" in one["event"]] == [
        "replies of the PBX have another shape than described"
    ]


async def test_a_reply_that_is_needed_and_cannot_be_read_is_not_taken_for_an_answer(house: House) -> None:
    house.pbx.replies[f"GET channels/{LEG}/variable"] = 17
    assert await house.telephony.answered_at(LEG) is None
    assert house.telephony.is_up
    with pytest.raises(PbxError) as told:
        await house.telephony._request.ask(house.telephony.client.channels.getChannelVar(LEG, "X"))
    assert told.value.status == 500


# --- channels of the dialplan that ask for a call ---------------------------------------------------------------------
def standing(channel: str, app_data: str, app_name: str = "Stasis") -> Frame:
    return {"id": channel, "state": "Ring", "dialplan": {"app_name": app_name, "app_data": app_data}}


ASKED = Asked(caller="alice", callee="+8610", key="k", channel="d1")


async def test_a_channel_that_waits_for_its_answer_is_asked_for_once_the_link_is_up(pbx: Pbx) -> None:
    pbx.replies["GET channels"] = [
        standing("d1", "app,call,alice,+8610,k"),
        standing("d2", "app,call,bob,+8611"),
        standing("d3", "other,call,bob,+8611"),
        standing("d4", "app,amd"),
        standing("d5", "app,call,bob,+8611", "Playback"),
        standing(LEG, f"app,{LEG}"),
    ]
    pbx.then["GET bridges"] = [event("StasisStart", "d1", args=["call", "alice", "+8610", "k"])]  # it has just entered
    async with lived_in(pbx) as house:
        await house.facts_until_now()
        assert [type(one) for one in house.said[:3]] == [LinkUp, Asked, Asked]
        assert house.asks() == [ASKED, Asked(caller="bob", callee="+8611", key="channel d2", channel="d2")]


@pytest.mark.parametrize("lost", ["variables", "continue"])
async def test_a_channel_whose_answer_was_lost_with_the_link_is_asked_for_anew(house: House, lost: str) -> None:
    await house.pbx.say(event("StasisStart", "d1", args=["call", "alice", "+8610", "k"]))
    await until(house.asks, within_s=2)
    house.pbx.replies[f"POST channels/d1/{lost}"] = SILENCE
    house.pbx.replies["GET channels"] = [standing("d1", "app,call,alice,+8610,k")]
    answering = asyncio.create_task(house.telephony.send_back("d1", {"RINGBRIDGE_STATUS": "ACCEPTED"}))
    await until(lambda: f"POST channels/d1/{lost}" in house.pbx.asked(), within_s=2)
    await house.pbx.hang_up()
    with pytest.raises(LinkLost):
        await answering
    await house.link_is_up_again(2)
    assert house.asks() == [ASKED, ASKED]


async def test_a_channel_whose_answer_is_still_being_looked_for_is_not_asked_for_twice(house: House) -> None:
    await house.pbx.say(event("StasisStart", "d1", args=["call", "alice", "+8610", "k"]))
    await until(house.asks, within_s=2)
    house.pbx.replies["GET channels"] = [standing("d1", "app,call,alice,+8610,k")]
    await house.pbx.hang_up()
    await house.link_is_up_again(2)
    await house.facts_until_now()
    assert house.asks() == [ASKED]
    await house.telephony.send_back("d1", {})
    await house.pbx.say(event("StasisStart", "d1", args=["call", "alice", "+8610", "k"]))  # a loop in its dialplan
    await until(lambda: house.asks() == [ASKED, ASKED], within_s=2)


async def test_a_channel_goes_back_even_if_the_answer_cannot_be_put_on_it(house: House) -> None:
    house.pbx.replies["POST channels/d1/variables"] = (409, {"message": "no"})
    await house.telephony.send_back("d1", {"RINGBRIDGE_STATUS": "ACCEPTED"})
    assert house.pbx.asked()[-1] == "POST channels/d1/continue"


# --- the clocks -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("ahead_ms", "warned"), [(0, False), (500, False), (4_000, True), (-4_000, True)])
async def test_clocks_that_are_apart_are_told_once_a_connection(pbx: Pbx, ahead_ms: int, warned: bool) -> None:
    pbx.clock_ahead_ms = ahead_ms
    with capture_logs() as logs:
        async with lived_in(pbx):
            pass
    told = [one for one in logs if one["event"] == "clocks differ"]
    assert len(told) == warned
    for one in told:
        assert abs(one["pbx_ahead_ms"] - ahead_ms) < 1_000
        assert "NTP" in one["why"]


@pytest.mark.parametrize("said", [(404, {"message": "no"}), {"ping": "pong"}, {"ping": "pong", "timestamp": "noon"}])
async def test_a_pbx_that_does_not_tell_its_time_is_linked_all_the_same(pbx: Pbx, said: Any) -> None:
    pbx.replies["GET asterisk/ping"] = said
    with capture_logs() as logs:
        async with lived_in(pbx) as house:
            assert house.pbx.connections == 1
    assert [one for one in logs if one["event"] == "clocks differ"] == []
