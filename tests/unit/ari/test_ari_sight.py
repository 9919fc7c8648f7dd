"""Whose a channel or a bridge is, where several installations share one Asterisk."""

from __future__ import annotations

from typing import Any

import pytest

from ari_app.adapters.ari import Bridge, Channel
from ari_app.adapters.ari.models import DialplanCEP
from ari_app.adapters.ari.sight import snapshot
from ari_app.engine import recover
from ari_app.ports.telephony import LinkUp, Snapshot
from tests.unit.ari.test_ari_telephony import CALL, LEG, Pbx, lived_in

WARNING = f"{CALL}.warning"


def seen(channel: str, app_data: str, app_name: str = "Stasis") -> Snapshot:
    dialplan = DialplanCEP(app_name=app_name, app_data=app_data)
    return snapshot([Channel(channel, state="Up", dialplan=dialplan)], [], "app", 1)


@pytest.mark.parametrize("channel", [LEG, WARNING])
def test_a_channel_that_another_application_made_is_not_ours(channel: str) -> None:
    assert seen(channel, f"other,{channel}").channels == {}
    assert seen(channel, f"app,{channel}").channels.keys() == {channel}


@pytest.mark.parametrize(
    ("app_data", "app_name"),
    [
        ("", ""),  # created this moment
        ("other,hello", "Stasis"),  # the operator sent it there
        (f"other,{LEG}", "Playback"),
        ("app", "Stasis"),
    ],
)
def test_a_channel_that_may_be_ours_is_listed(app_data: str, app_name: str) -> None:
    assert seen(LEG, app_data, app_name).channels.keys() == {LEG}


def test_a_bridge_bears_the_name_of_its_application() -> None:
    bridges = [Bridge(f"c{name:0>26}", name=name) for name in ("app", "other", "")]
    assert snapshot([], bridges, "app", 1).bridges.keys() == {f"c{'app':0>26}", f"c{'':0>26}"}


def listed(app: str) -> dict[str, Any]:
    """What the PBX lists of a call that this application has."""
    dialplan = {"app_name": "Stasis", "app_data": f"{app},{LEG}"}
    return {
        "GET channels": [{"id": LEG, "state": "Up", "dialplan": dialplan}],
        "GET bridges": [{"id": CALL, "name": app, "channels": [LEG]}],
    }


@pytest.mark.parametrize(("app", "strangers"), [("app", ([LEG], [CALL])), ("other", ([], []))])
async def test_the_calls_of_another_installation_are_no_strangers(app: str, strangers: Any) -> None:
    async with Pbx() as pbx:
        pbx.replies = listed(app)
        async with lived_in(pbx) as house:
            [first] = [said for said in house.said if isinstance(said, LinkUp)]
            for sight in (first.snapshot, await house.telephony.look()):
                assert recover.strangers([], sight) == strangers


async def test_what_we_make_can_be_told_from_what_another_makes() -> None:
    async with Pbx() as pbx, lived_in(pbx) as house:
        pbx.then[f"POST channels/{LEG}/snoop/{WARNING}"] = [
            {"type": "StasisStart", "application": "app", "channel": {"id": WARNING}, "args": [WARNING]}
        ]
        await house.telephony.open_bridge(CALL)
        await house.telephony.whisper(LEG, WARNING, "beep")
        asked = {frame["uri"]: frame.get("query_strings", []) for frame in pbx.requests}
        assert {"name": "name", "value": "app"} in asked[f"bridges/{CALL}"]
        assert {"name": "appArgs", "value": WARNING} in asked[f"channels/{LEG}/snoop/{WARNING}"]
