"""The phones that sipp plays behave as their twins in the simulated carrier do."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from ari_app.stack import tones
from tests.ground import sipp_command
from tests.pbx.sipp.g711 import tone
from tests.pbx.sipp.sip_client import SipCall
from tests.pbx.sipp.sipp_phone import SippPhone
from tests.support import until

STAYS_S = 5.0


pytestmark = pytest.mark.soak("those who need these phones are the soak's")


@pytest.fixture(scope="module")
def sipp() -> tuple[str, ...]:
    return sipp_command(redis=False)


@pytest.fixture(scope="module")
def seen(sipp: tuple[str, ...]) -> dict[int, tuple[SipCall, bool, str]]:
    """Every phone called once, all at the same time: the caller, whether sipp was content, and its complaints."""

    async def call(digits: int) -> tuple[SipCall, bool, str]:
        with SippPhone(digits, command=sipp) as phone:
            async with SipCall("+8613900000099", phone.port, sound=tone(600)) as caller:
                with contextlib.suppress(TimeoutError):
                    await caller.until(lambda: caller.is_over, within_s=STAYS_S)
            if digits != 34:  # which waits on after its call
                await until(lambda: phone.is_done, within_s=5, what=phone.errors())
        return caller, phone.is_done, phone.errors()

    async def call_all() -> dict[int, tuple[SipCall, bool, str]]:
        rows = (22, 27, 30, 33, 34)
        return dict(zip(rows, await asyncio.gather(*map(call, rows)), strict=True))

    return asyncio.run(call_all())


@pytest.mark.parametrize(
    ("digits", "statuses"),
    [
        (22, ["100", "486"]),
        (27, ["100", "183", "480"]),
        (30, ["100", "503"]),
        (33, ["100", "487"]),
        (34, ["100", "200"]),
    ],
)
def test_a_sipp_phone_answers_as_its_number_says(
    seen: dict[int, tuple[SipCall, bool, str]], digits: int, statuses: list[str]
) -> None:
    caller, _, complaints = seen[digits]
    assert caller.statuses == statuses
    assert complaints == ""


def test_phone_27_sends_four_seconds_of_1400_hz(seen: dict[int, tuple[SipCall, bool, str]], tmp_path: Path) -> None:
    sound = tmp_path / "early.sln"
    sound.write_bytes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in seen[27][0].samples()))
    assert tones.duration_ms(sound) == pytest.approx(4000, abs=200)
    assert tones.gaps(sound, 1400, 50, 3750) == []


def test_phone_34_is_gone_it_does_not_even_answer_a_bye(seen: dict[int, tuple[SipCall, bool, str]]) -> None:
    caller = seen[34][0]
    assert caller.is_answered
    assert not caller.is_over, "the caller sent BYE and heard nothing"
    assert caller.rtp.heard == []


def test_a_sipp_phone_ends_by_itself_when_nobody_calls(sipp: tuple[str, ...]) -> None:
    with SippPhone(22, within_s=1, command=sipp) as phone:
        asyncio.run(until(lambda: phone.has_ended, within_s=6))
        assert not phone.is_done
