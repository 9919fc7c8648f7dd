"""What each phone of the simulated carrier does, seen by a SIP caller that calls it straight and by the carrier itself.

All phones are called at once, by one caller each; the tests then look at what the two saw."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_app.stack import tones
from ari_app.stack.carrier import CarrierCall
from tests.pbx.sipp.carrier import Carrier, heard_by_phone, started
from tests.pbx.sipp.g711 import tone
from tests.pbx.sipp.sip_client import ALAW, SipCall
from tests.support import until_sync

CALLER_HZ = 500
LATE_MS = 600
"""So much later than it should a phone may do a thing where the machine stands still for a moment."""
FROM, ASSERTED = "+8613800001111", '"Li, \\"Lei\\"" <sip:+8613800002222@127.0.0.1>'

# how long the caller stays where the phone does not end the call; the others end by themselves well within it
STAYS_S = {1: 6, 7: 6, 12: 4, 21: 7, 23: 8, 28: 6, 29: 18, 31: 23, 33: 8, 34: 6, 35: 6}
ENDS_WITHIN_S = 15
ROWS = [1, 7, 12, *range(21, 36), 36, 99, 0]


@dataclass(frozen=True)
class Seen:
    caller: SipCall
    carrier: CarrierCall

    def heard_by_caller(self, at: Path) -> Path:
        """The sound that came to the caller, as a recording."""
        return write_sound(at / "caller.sln", self.caller.samples())


def write_sound(path: Path, samples: list[int]) -> Path:
    path.write_bytes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    return path


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    yield from started(tmp_path_factory.mktemp("carrier"))


@pytest.fixture(scope="module")
def seen(carrier: Carrier) -> dict[int, Seen]:
    """Every row of the table, by its last two digits."""

    async def call_all() -> list[SipCall]:
        return await asyncio.gather(*(call_one(carrier.port, row) for row in ROWS))

    calls = dict(zip(ROWS, asyncio.run(call_all()), strict=True))
    until_sync(lambda: all(carrier.knows_the_end_of(call) for call in calls.values()), within_s=5)
    return {row: Seen(call, carrier.record_of(call)) for row, call in calls.items()}


async def call_one(port: int, row: int) -> SipCall:
    number = f"+861390000{row:04}"
    async with SipCall(number, port, from_user=FROM, asserted=ASSERTED, sound=tone(CALLER_HZ)) as call:
        if row not in STAYS_S:
            await call.until(lambda: call.is_over, within_s=ENDS_WITHIN_S)
        else:
            with contextlib.suppress(TimeoutError):
                await call.until(lambda: call.is_over, within_s=STAYS_S[row])
    return call


@pytest.mark.parametrize(
    ("row", "statuses", "cause"),
    [
        (22, ["100", "486"], 17),
        (24, ["100", "603"], 16),
        (25, ["100", "404"], 1),
        (27, ["100", "183", "480"], 19),
        (30, ["100", "503"], 34),
        (36, ["100", "404"], 1),
        (99, ["100", "404"], 1),
        (0, ["100", "404"], 1),
    ],
)
def test_a_phone_that_refuses_does_so_with_its_own_sip_status(
    seen: dict[int, Seen], row: int, statuses: list[str], cause: int
) -> None:
    assert seen[row].caller.statuses == statuses
    record = seen[row].carrier
    assert (record.hung_up_by, record.cause, record.answered_at_ms) == ("phone", cause, None)


@pytest.mark.parametrize(("row", "hz"), [(1, 350), (7, 650), (12, 900), (21, 1350), (28, 1700), (31, 1850)])
def test_a_phone_that_answers_plays_its_own_tone_without_a_gap(
    seen: dict[int, Seen], row: int, hz: int, tmp_path: Path
) -> None:
    sound = seen[row].heard_by_caller(tmp_path)
    begin_ms = tones.first_heard(sound, hz)
    assert begin_ms is not None
    assert tones.duration_ms(sound) - begin_ms > 1000
    assert tones.gaps(sound, hz, begin_ms, tones.duration_ms(sound)) == []


@pytest.mark.parametrize("row", [1, 7, 12, 26, 28, 29, 34, 35])
def test_a_phone_that_answers_at_once_sends_200_and_never_rings(seen: dict[int, Seen], row: int) -> None:
    assert seen[row].caller.statuses == ["100", "200"]
    assert seen[row].carrier.rang_at_ms is None


@pytest.mark.parametrize(("row", "ring_ms"), [(21, 3000), (31, 20_000), (32, 2000)])
def test_a_phone_rings_as_long_as_it_should(seen: dict[int, Seen], row: int, ring_ms: int) -> None:
    record = seen[row].carrier
    assert seen[row].caller.statuses == ["100", "180", "200"]
    assert record.rang_at_ms is not None
    assert record.answered_at_ms is not None
    assert is_about(record.answered_at_ms - record.rang_at_ms, ring_ms)


@pytest.mark.parametrize("row", [1, 7, 21])
def test_a_recording_phone_writes_down_the_callers_tone_from_the_answer_on(seen: dict[int, Seen], row: int) -> None:
    record = seen[row].carrier
    sound = heard_by_phone(record)
    assert record.talked_ms is not None
    assert record.recorded_ms is not None
    assert record.recorded_ms == pytest.approx(record.talked_ms, abs=100)
    assert record.heard[0] == (0, (CALLER_HZ,))
    assert tones.gaps(sound, CALLER_HZ, 100, record.recorded_ms - 50) == []


@pytest.mark.parametrize("row", [12, 22, 26, 28, 31, 35])
def test_the_other_phones_record_nothing(seen: dict[int, Seen], row: int) -> None:
    assert seen[row].carrier.recording is None
    assert seen[row].carrier.heard == ()


def test_phone_23_rings_until_the_caller_gives_up(seen: dict[int, Seen]) -> None:
    assert seen[23].caller.statuses == ["100", "180", "487"]
    assert (seen[23].caller.at_ms("487") or 0) >= 8000
    assert seen[23].carrier.hung_up_by == "platform"


def test_phone_33_says_trying_and_nothing_more(seen: dict[int, Seen]) -> None:
    assert seen[33].caller.statuses == ["100", "487"]
    assert (seen[33].caller.at_ms("487") or 0) >= 8000
    record = seen[33].carrier
    assert (record.rang_at_ms, record.early_media_at_ms, record.hung_up_by) == (None, None, "platform")


def test_phone_26_hangs_up_after_five_seconds(seen: dict[int, Seen]) -> None:
    record = seen[26].carrier
    assert is_about(record.talked_ms, 5000)
    assert record.hung_up_by == "phone"
    assert bye_of(seen[26].caller) == "Q.850;cause=16"


def test_phone_32_answers_and_hangs_up_in_the_same_moment(seen: dict[int, Seen]) -> None:
    record = seen[32].carrier
    assert record.talked_ms is not None
    assert record.talked_ms < LATE_MS
    assert record.hung_up_by == "phone"
    assert bye_of(seen[32].caller) == "Q.850;cause=16"


def is_about(took_ms: int | None, told_ms: int) -> bool:
    return took_ms is not None and -150 <= took_ms - told_ms <= LATE_MS


def bye_of(call: SipCall) -> str:
    return next(message for message in call.received if message.what == "BYE").headers["reason"]


def test_phone_27_gives_four_seconds_of_1400_hz_before_480(seen: dict[int, Seen], tmp_path: Path) -> None:
    sound = seen[27].heard_by_caller(tmp_path)
    assert is_about(tones.duration_ms(sound), 4000)
    assert tones.gaps(sound, 1400, 50, 3850) == []
    assert seen[27].carrier.early_media_at_ms is not None


def test_phone_28_presses_one_after_three_seconds(seen: dict[int, Seen]) -> None:
    caller = seen[28].caller
    assert caller.digits() == ["1"]
    first = next(packet for packet in caller.rtp.heard if packet.kind != ALAW)
    assert is_about(first.at_ms - caller.invited_at_ms, 3000)


def test_phone_29_greets_beeps_and_then_sends_silence(seen: dict[int, Seen], tmp_path: Path) -> None:
    caller = seen[29].caller
    sound = seen[29].heard_by_caller(tmp_path)
    beep_ms = tones.first_heard(sound, 1000)
    assert beep_ms is not None
    assert beep_ms > 3000, "a greeting comes first"
    greeting = [piece.other_db for piece in tones.timeline(sound) if piece.at_ms < beep_ms - 500]
    assert max(greeting) > -20, "and it can be heard"
    after = tones.read(sound)[(beep_ms + 1000) * 8 :]
    assert len(after) > 2 * 8000, "its silence is sent: a machine that records is alive"
    assert tones.strongest(after) == [[]] * len(tones.strongest(after))
    assert caller.rtp.heard[-1].at_ms - caller.invited_at_ms > 18_000 - LATE_MS


@pytest.mark.parametrize("row", [34, 35])
def test_a_silent_phone_sends_no_packet_of_sound_and_stays(seen: dict[int, Seen], row: int) -> None:
    assert seen[row].caller.rtp.heard == []
    record = seen[row].carrier
    assert record.hung_up_by == "platform"
    assert record.talked_ms == pytest.approx(6000, abs=LATE_MS)


# What the carrier writes down


def test_the_record_has_what_the_caller_sent(seen: dict[int, Seen]) -> None:
    for row, both in seen.items():
        record = both.carrier
        assert record.number == f"+861390000{row:04}"
        assert (record.from_user, record.pai, record.pai_user) == (FROM, ASSERTED, "+8613800002222")
        assert record.invited_at_ms == pytest.approx(both.caller.invited_at_ms, abs=LATE_MS)


@pytest.mark.parametrize("row", [1, 7, 12, 21, 28, 29, 31])
def test_a_caller_who_hangs_up_is_the_one_who_hung_up(seen: dict[int, Seen], row: int) -> None:
    assert seen[row].carrier.hung_up_by == "platform"


def test_the_carrier_complains_of_nothing(carrier: Carrier, seen: dict[int, Seen]) -> None:
    log = (carrier.records.parent / "log/messages.log").read_text()
    assert seen, "after every phone was called"
    assert [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line] == []
