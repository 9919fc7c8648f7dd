"""How a sound is asked of Asterisk: to one ear, to all who are joined, or whispered; and what needs no asking."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from ari_app.adapters.ari.sounds import Sounds
from ari_app.domain import events as ev
from ari_app.ports.speech import Wording
from ari_app.ports.telephony import PbxError
from tests.unit.ari.test_ari_telephony import CALL, LEG, House, Pbx, lived_in

PLAYBACK = f"{CALL}.hello"
SOUNDS = Sounds({"hello": Wording(("a", "number:{n}"), ("b",), ("a",)), "nothing": Wording((), (), ("a",))})


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with Pbx() as pbx, lived_in(pbx) as house:
        house.telephony._sounds = SOUNDS
        house.pbx.requests.clear()
        yield house


def asked(house: House) -> list[tuple[str, dict[str, str]]]:
    return [
        (f"{frame['method']} {frame['uri']}", {one["name"]: one["value"] for one in frame.get("query_strings", ())})
        for frame in house.pbx.requests
    ]


async def test_to_one_ear(house: House) -> None:
    await house.telephony.play(LEG, PLAYBACK, "hello:42", "en")
    await house.telephony.play(LEG, PLAYBACK, "hello:42")
    where = f"POST channels/{LEG}/play/{PLAYBACK}"
    assert asked(house) == [
        (where, {"media": "sound:a,number:42", "lang": "en"}),
        (where, {"media": "sound:a,number:42"}),
    ]


async def test_to_all_who_are_joined(house: House) -> None:
    await house.telephony.play_all(CALL, PLAYBACK, "hello", "zh-CN")
    assert asked(house) == [(f"POST bridges/{CALL}/play/{PLAYBACK}", {"media": "sound:b", "lang": "zh"})]


@pytest.mark.parametrize("how", ["play", "play_all", "whisper"])
async def test_where_nothing_is_to_be_said_it_was_said_at_once(house: House, how: str) -> None:
    await getattr(house.telephony, how)(LEG if how != "play_all" else CALL, PLAYBACK, "nothing", "zh")
    assert asked(house) == []
    [fact] = [one for one in await house.facts_until_now() if isinstance(one, ev.Played)]
    assert (fact.name, fact.is_whole) == ("hello", True)


@pytest.mark.parametrize(("is_there", "outcome"), [(True, None), (False, 500)])
async def test_a_whisper_whose_answer_was_lost_is_heard_when_it_is_asked_for_again(
    house: House, is_there: bool, outcome: int | None
) -> None:
    """We died, say, when the channel that speaks into the ear was made, and had not spoken yet."""
    house.pbx.replies[f"POST channels/{LEG}/snoop/{PLAYBACK}"] = (500, {"message": "Snoop failed"})
    if not is_there:
        house.pbx.replies[f"POST channels/{PLAYBACK}/play/{PLAYBACK}"] = (404, {"message": "Channel not found"})
    refused = None
    try:
        await house.telephony.whisper(LEG, PLAYBACK, "hello")
    except PbxError as e:
        refused = e.status

    assert refused == outcome, "where there is none, that it was refused is what counts"
    assert asked(house)[-1][0] == f"POST channels/{PLAYBACK}/play/{PLAYBACK}"
