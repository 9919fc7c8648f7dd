"""The carrier as a witness: what it writes down of wrong sound, of a call that nobody ends, and of its own death."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ari_app.stack import Stack, StackOptions, tones
from ari_app.stack.carrier import CarrierCall, read_calls
from tests.pbx.sipp.carrier import Carrier, heard_by_phone, place, started
from tests.pbx.sipp.g711 import SILENCE, tone
from tests.pbx.sipp.sip_client import SipCall
from tests.support import until, until_sync

CALLER_HZ = 500


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    yield from started(tmp_path_factory.mktemp("carrier"))


def test_the_sound_of_second_k_lies_in_second_k_also_after_gaps(carrier: Carrier) -> None:
    """What is not sent is silence in the recording, as long as it was not sent."""
    gaps_ms = [(0, 1000), (2500, 2800), (4000, 6000), (7000, 7300)]
    steady = tone(CALLER_HZ)

    def sound(frame: int) -> bytes | None:
        return None if any(begin <= frame * 20 < end for begin, end in gaps_ms) else steady(frame)

    record = place(carrier, 2, sound, stay_s=9)
    found = tones.gaps(heard_by_phone(record), CALLER_HZ, 0, 8500)
    assert len(found) == len(gaps_ms)
    for (begin, end), (sent_begin, sent_end) in zip(found, gaps_ms, strict=True):
        assert begin == pytest.approx(sent_begin, abs=120)
        assert end == pytest.approx(sent_end, abs=120)


@pytest.mark.soak("of the simulated carrier alone")
def test_a_tone_that_changes_in_mid_call_is_seen(carrier: Carrier) -> None:
    """The tooth: legs that were swapped, or mixed into the wrong call."""
    right, wrong = tone(CALLER_HZ), tone(600)
    record = place(carrier, 8, lambda frame: right(frame) if frame < 100 else wrong(frame), stay_s=4)
    sound = heard_by_phone(record)
    assert [hz[0] for _, hz in record.heard] == [CALLER_HZ, CALLER_HZ, 600, 600]
    assert tones.first_heard(sound, 600) == pytest.approx(2000, abs=100)
    assert tones.heard(sound, CALLER_HZ, 2200, 3800) == 0


def test_keys_that_are_pressed_are_written_down(carrier: Carrier) -> None:
    async def press() -> SipCall:
        async with SipCall("+8613900000005", carrier.port, sound=lambda _: SILENCE) as call:
            await call.until(lambda: call.is_answered, within_s=2)
            call.press("1#9")
            await until(lambda: any(one.digits == "1#9" for one in so_far(carrier, call)), 5, "they are written down")
        return call

    call = asyncio.run(press())
    until_sync(lambda: carrier.knows_the_end_of(call), within_s=3)
    assert carrier.record_of(call).digits == "1#9"


def test_a_call_whose_bye_never_comes_has_no_end(carrier: Carrier) -> None:
    """The tooth: a product that forgets a leg is seen, and so is one that hangs it up late."""

    async def vanish() -> SipCall:
        async with SipCall("+8613900000005", carrier.port) as call:
            await call.until(lambda: call.is_answered, within_s=2)
            call.vanish()
        return call

    forgotten = asyncio.run(vanish())
    place(carrier, 1, tone(CALLER_HZ), stay_s=2)  # a later call does end
    record = carrier.record_of(forgotten)
    assert record.answered_at_ms is not None
    assert (record.ended_at_ms, record.hung_up_by, record.talked_ms) == (None, None, None)


def test_numbers_of_any_shape_go_by_their_last_two_digits(carrier: Carrier) -> None:
    async def statuses(number: str) -> list[str]:
        async with SipCall(number, carrier.port) as call:
            await call.until(lambda: call.is_over, within_s=5)
        return call.statuses

    assert asyncio.run(statuses("13912345622")) == ["100", "486"]
    assert asyncio.run(statuses("22")) == ["100", "486"]
    assert asyncio.run(statuses("9")) == ["100", "404"]


@pytest.mark.soak("of the simulated carrier alone")
def test_what_was_written_survives_the_carriers_sudden_death(tmp_path: Path) -> None:
    for carrier in started(tmp_path):
        before = place(carrier, 4, tone(CALLER_HZ), stay_s=1.5)
        forgotten = asyncio.run(answer_then_kill(carrier))
        assert carrier.record_of_id(before.id) == before
        record = carrier.record_of(forgotten)
        assert record.answered_at_ms is not None
        assert record.ended_at_ms is None
        again = Stack(StackOptions(state_dir=tmp_path, pbx=False, redis=False)).start()
        assert again.carrier_sip_port == carrier.port
        after = place(carrier, 6, tone(CALLER_HZ), stay_s=1)
        assert after.hung_up_by == "platform"


def so_far(carrier: Carrier, call: SipCall) -> list[CarrierCall]:
    """What is written down of a call that goes on; nothing at its very beginning."""
    return [one for one in read_calls(carrier.records, with_tones=False) if one.call_id == call.call_id]


async def answer_then_kill(carrier: Carrier) -> SipCall:
    [pid] = [part.pid for part in carrier.stack.status() if part.part == "carrier" and part.pid]
    async with SipCall("+8613900000005", carrier.port) as call:
        await until(lambda: any(one.answered_at_ms for one in so_far(carrier, call)), 5, "the answer is written down")
        os.kill(pid, signal.SIGKILL)
        call.vanish()
    return call
