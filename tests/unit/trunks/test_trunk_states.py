"""What the PBX says of a trunk: whether it answers, and whether we are registered with it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ari_app.adapters.ami import TrunkState
from ari_app.config import Settings
from ari_app.domain.trunks import Trunk
from ari_app.ground import Ground
from ari_app.nodes_file import parse_nodes
from ari_app.wiring import App

NODES = "[pbx1]\nari_url = http://127.0.0.1:1\n[pbx2]\nari_url = http://127.0.0.1:2\n"
UP, AWAY = (("sip:x", "Reachable"),), (("sip:x", "Unreachable"),)


@pytest.fixture
async def app(tmp_path: Path) -> App:
    settings = Settings(ari_password="of-all", redis_url="redis://127.0.0.1:1", state_dir=str(tmp_path), node="pbx1")
    trunks = [Trunk("main", "h"), Trunk("named", "h", register=True)]
    return App(Ground(settings, None, None, trunks, nodes=parse_nodes(NODES, settings)))


def tell(app: App, node: int, *states: TrunkState) -> None:
    told = {state.name: state for state in states}
    ami: Any = SimpleNamespace(connected=True, trunk_state=told.get)
    app.pbxes[node].ami = ami


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (TrunkState("named", UP, "Registered"), ("up", "")),
        (TrunkState("named", UP, "Rejected"), ("down", "not registered: Rejected")),
        (TrunkState("named", UP, ""), ("down", "not registered: no registration is set up")),
        (TrunkState("named", AWAY, "Registered"), ("down", "it does not answer")),
        (TrunkState("named", (("sip:x", "NonQualified"),), "Registered"), ("unknown", "")),
        (TrunkState("main", UP, "Rejected"), ("up", "")),
    ],
)
async def test_a_trunk_is_as_the_pbx_says(app: App, state: TrunkState, expected: tuple[str, str]) -> None:
    tell(app, 0, state)
    told = {one.name: one for one in app.pbxes[0].trunk_states()}[state.name]
    assert told.state == expected[0]
    assert told.why.startswith(expected[1])
    assert bool(told.why) == (told.state == "down")
    assert app.pbxes[1].trunk_states()[0].state == "unknown", "nobody tells of the other PBX"


async def test_a_trunk_is_tried_where_it_can_be_reached_and_is_down_if_no_pbx_can(app: App) -> None:
    tell(app, 0, TrunkState("main", AWAY))
    tell(app, 1, TrunkState("main", UP))
    assert app.trunks.health("main").state == "up"
    assert (app._trunk_down("main", "pbx1"), app._trunk_down("main", "pbx2")) == ("it does not answer", "")
    tell(app, 1, TrunkState("main", AWAY))
    health = app.trunks.health("main")
    assert (health.state, health.why) == ("down", "it does not answer")
    assert [trunk.name for trunk in app.trunks.order("+86", "k")] == ["named", "main"]
