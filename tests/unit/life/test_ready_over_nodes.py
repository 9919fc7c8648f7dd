"""What /readyz of a process says where there are several PBXes: its own, and those of other processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ari_app.config import Settings
from ari_app.domain.trunks import Trunk
from ari_app.entrypoints.http.doors import TrunkNow
from ari_app.ground import Ground
from ari_app.nodes_file import parse_nodes
from ari_app.ports.leases import Lease
from ari_app.ports.nodes import NodeNow, NodeState
from ari_app.wiring import App

NODES = "[pbx1]\nari_url = http://127.0.0.1:1\nmax_calls = 7\n[pbx2]\nari_url = http://127.0.0.1:2\n"


@dataclass
class Seen:
    """An engine, as far as readiness goes."""

    sees_pbx: bool = True
    live: int = 0


@dataclass
class Link:
    fault: str = ""


@dataclass
class Reign:
    engine: Seen = field(default_factory=Seen)
    telephony: Link = field(default_factory=Link)


@pytest.fixture
async def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    settings = Settings(ari_password="of-all", redis_url="redis://127.0.0.1:1", state_dir=str(tmp_path), node="pbx2")
    ground = Ground(settings, None, None, [Trunk("main", "h"), Trunk("spare", "h")], nodes=parse_nodes(NODES, settings))
    app = App(ground)

    async def written(*_: object) -> None:
        """Redis, which others tell of."""

    monkeypatch.setattr(app.redis, "command", written)
    return app


def owned(app: App, at: int, fault: str = "", *, left_ms: int = 60_000) -> None:
    pbx = app.pbxes[at]
    reign: Any = Reign(telephony=Link(fault))
    pbx.node.reign, pbx.telephony = reign, reign.telephony
    deadline_ms = time.monotonic_ns() // 1_000_000 + left_ms + app.settings.lease_margin_ms
    pbx.lease._lease = Lease(pbx.spec.name, "us", 1, deadline_ms)


def theirs(node: str, why: str = "") -> NodeNow:
    state = NodeState(node, "them", 7, not why, why, 0, 10, 1)
    return NodeNow(node, "them", 900, False, None, state)


async def told(app: App) -> dict[str, str]:
    """Parts that are not ready, and why."""
    return {part.name: part.why for part in await app.parts() if not part.ok}


async def test_a_process_that_has_no_pbx_is_ready_where_another_one_s_takes_calls(app: App) -> None:
    assert (await told(app)).keys() == {"asterisk", "lease"}
    assert (await told(app))["asterisk"] == "this process has none, and no other has told of one that takes calls"
    app.fleet.seen = [theirs("pbx1", why="no link")]
    assert (await told(app)).keys() == {"asterisk", "lease"}
    app.fleet.seen = [theirs("pbx1")]
    assert await told(app) == {}


async def test_one_good_pbx_of_several_is_enough_and_of_bad_ones_each_fault_is_told(app: App) -> None:
    owned(app, 0, "no link: refused")
    owned(app, 1)
    assert await told(app) == {}
    owned(app, 1, "it does not answer")
    assert await told(app) == {"asterisk": "pbx1: no link: refused; pbx2: it does not answer"}
    app.fleet.seen = [theirs("pbx1"), theirs("pbx2")]
    assert (await told(app)).keys() == {"asterisk"}, "what the board says of our own is not how they are"
    app.fleet.seen = [theirs("pbx3")]
    assert await told(app) == {}


async def test_a_lease_that_lasts_is_enough_and_of_those_that_ran_out_each_is_told(app: App) -> None:
    owned(app, 0, left_ms=-1_500)
    assert await told(app) == {"lease": "it ran out 1.5 s ago and could not be renewed"}
    owned(app, 1, left_ms=60_000)
    assert await told(app) == {}
    owned(app, 1, left_ms=-200)
    assert (await told(app))["lease"].startswith("pbx1: it ran out 1.5 s ago")
    assert "; pbx2: it ran out 0.2 s ago" in (await told(app))["lease"]


async def test_a_trunk_is_as_the_pbx_says_that_reaches_it_best(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    owned(app, 0)
    owned(app, 1)
    for pbx, states in zip(app.pbxes, (("down", "down"), ("up", "down")), strict=True):
        said = [TrunkNow(name, state) for name, state in zip(("main", "spare"), states, strict=True)]  # type: ignore[arg-type]
        monkeypatch.setattr(pbx, "trunk_states", lambda said=said: said)
    assert app.trunk_states() == [TrunkNow("main", "up"), TrunkNow("spare", "down")]
    assert await told(app) == {}
    monkeypatch.setattr(app.pbxes[1], "trunk_states", app.pbxes[0].trunk_states)
    assert await told(app) == {"trunk": "no trunk can be reached"}
    app.fleet.seen = [theirs("pbx3")]
    assert await told(app) == {}


async def test_where_each_part_is_there_and_no_node_has_all_of_them_none_takes_calls(app: App) -> None:
    owned(app, 0, left_ms=-1_500)
    owned(app, 1, "no link: refused")
    assert await told(app) == {
        "asterisk": "pbx1: its lease has run out: Redis does not renew it; pbx2: no link: refused"
    }
    owned(app, 0)
    assert await told(app) == {}
    app.fleet.seen = [replace(theirs("pbx1"), is_drained=True), theirs("pbx2")]
    assert await told(app) == {"asterisk": "pbx1: drained; pbx2: no link: refused"}


async def test_each_node_has_its_own_number_of_calls_and_one_is_home(app: App) -> None:
    first, second = (pbx.node for pbx in app.pbxes)
    assert (first.name, first.calls_max, first._is_home) == ("pbx1", 7, False)
    assert (second.name, second.calls_max, second._is_home) == ("pbx2", Settings.max_calls, True)
