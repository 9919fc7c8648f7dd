"""How far the PBX is behind, by what it owes us: answers to requests, and channels that have not entered Stasis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ari_app.adapters.ari.settings import LinkSettings
from ari_app.adapters.ari.telephony import AriTelephony
from ari_app.ports.telephony import LinkLost
from tests.support import until
from tests.unit.ari.fake import BRISK, event
from tests.unit.ari.test_ari_telephony import CREATE, HANG_UP, LEG, REQUEST, SILENCE, House, Pbx, lived_in

PATIENT = replace(BRISK, stalled_ms=60_000)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with Pbx() as pbx, lived_in(pbx, PATIENT) as house:
        yield house


async def test_nothing_asked_nothing_owed(house: House) -> None:
    assert house.telephony.lag_s == 0


async def test_a_request_without_an_answer_grows_older(house: House) -> None:
    house.pbx.replies[HANG_UP] = SILENCE
    asking = asyncio.create_task(house.telephony.hang_up(LEG))
    await until(lambda: house.telephony.lag_s > 0.3, within_s=2)
    assert house.telephony.lag_s < 2
    house.telephony.client.drop("enough")
    with pytest.raises(LinkLost):
        await asking
    assert house.telephony.lag_s == 0


async def test_a_request_that_waits_for_its_turn_counts_from_when_it_was_asked() -> None:
    settings: LinkSettings = replace(PATIENT, in_flight_max=1)
    async with Pbx() as pbx, lived_in(pbx, settings) as house:
        pbx.replies[HANG_UP] = SILENCE
        asking = [asyncio.create_task(house.telephony.hang_up(LEG))]
        await until(lambda: house.telephony.lag_s > 0.2, within_s=2)
        asking.append(asyncio.create_task(house.telephony.look()))
        await until(lambda: house.telephony.lag_s > 0.4, within_s=2)
        house.telephony.client.drop("enough")
        await asyncio.gather(*asking, return_exceptions=True)


async def test_a_channel_that_does_not_enter_lags_though_every_request_is_answered(house: House) -> None:
    house.pbx.then[CREATE] = []
    dialling = asyncio.create_task(house.telephony.dial(REQUEST))
    await until(lambda: house.telephony.lag_s > 0.3, within_s=2)
    await house.pbx.say(event("StasisStart", LEG, args=[LEG]))
    await dialling
    assert house.telephony.lag_s == 0


async def test_of_several_the_oldest_counts(house: House) -> None:
    house.pbx.then[CREATE] = []
    first = asyncio.create_task(house.telephony.dial(REQUEST))
    await until(lambda: house.telephony.lag_s > 0.2, within_s=2)
    newer, newer_s = LEG.replace(".0", ".1"), time.monotonic()
    second = asyncio.create_task(house.telephony.dial(replace(REQUEST, channel=newer)))
    await until(lambda: house.telephony.lag_s > 0.4, within_s=2)
    await house.pbx.say(event("StasisStart", LEG, args=[LEG]))
    await first
    assert house.telephony.lag_s < time.monotonic() - newer_s + 0.1, "the first one waited 0.2 s longer"
    await house.pbx.say(event("StasisStart", newer, args=[newer]))
    await second


async def test_without_a_link_there_is_no_lag_to_speak_of() -> None:
    telephony = AriTelephony("http://127.0.0.1:9", "user", "secret", "app", cel_path=None)
    assert telephony.lag_s == 0
