"""Several carriers on the real PBX: whatever one of them does, a leg finds a trunk that works, and nobody waits longer
than he must; and a trunk that was rested, or could not be reached, comes back by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from ari_app.domain.trunks import Trunk
from tests.conftest import running
from tests.ground import Ground, OtherCarrier, laid, more_carriers, number
from tests.ports import claim
from tests.ringbridge import Ringbridge
from tests.support import until_sync

PDD_S = 2.0
LATE_MS = 1_500
EARLY_MS = 300
"""An INVITE reaches the carrier a moment after it was sent, and not each one as soon as the other."""
REST_S = 3.0
"""Two calls are over in this time, on a machine that is slow, too."""
WELL, FAILS = "Goto(talking-phone,s,1)", "Hangup(34)"  # 34: SIP 503

FILE = """\
[carrier]
host = 127.0.0.1
port = {carrier}
prefixes = +86
priority = 1

[north]
host = 127.0.0.1
port = {north}
prefixes = +86, +8621
priority = 2

[gone]
host = 127.0.0.1
port = {gone}
prefixes = +8610

[odd]
host = 127.0.0.1
port = {north}
prefixes = +8620
causes = 486=trunk_failed
"""
BEIJING, GUANGZHOU, SHANGHAI = "10", "20", "21"


@dataclass(frozen=True)
class Scene:
    """`carrier` goes first, then `north`; in Shanghai it is the other way round. For Beijing there is `gone` before
    them, where nobody is; for Guangzhou `odd`, which says busy and means something else. A trunk is rested after three
    failures."""

    ground: Ground
    north: OtherCarrier
    app: Ringbridge

    def call(self, caller: str, callee: str) -> dict[str, Any]:
        """As it is shown when it is over: hung up once they talk."""
        user = self.app.user(f"u{caller[1:]}", caller)
        call = self.app.call(user, callee)
        if self.app.until_state(call, "talking", "ended", within_s=10)["state"] == "talking":
            self.app.hang_up(call)
        return self.app.until_ended(call)

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.app.ask("GET", "/v1/trunks").body["trunks"]}

    def is_rested(self, trunk: str) -> bool:
        return self.app.metric(f'trunk_rested{{trunk="{trunk}"}}') == 1

    def logged(self, event: str, trunk: str) -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in self.app.log.read_text().splitlines() if f'"{event}"' in line)
        return [line for line in lines if line["event"] == event and line["trunk"] == trunk]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home, gone = tmp_path_factory.mktemp("failover"), claim()[0]
    with more_carriers(home) as [north]:
        trunks = (north.trunk(), north.trunk(name="odd"), Trunk("gone", "127.0.0.1", gone))
        with laid(home / "ground", trunks=trunks) as ground:
            ports = {"carrier": ground.info.carrier_sip_port, "north": north.port, "gone": gone}
            with running(home, **settings(ground, home, ports)) as app:
                scene = Scene(ground, north, app)
                until_sync(lambda: scene.states()["gone"] == "down", 10, "it is known that nobody is there")
                until_sync(lambda: scene.states()["north"] == "up", 10, "and that somebody is here")
                yield scene


def settings(ground: Ground, home: Any, ports: dict[str, int]) -> dict[str, str]:
    info, file = ground.info, home / "trunks.conf"
    file.write_text(FILE.format(**ports))
    return ground.as_ones_own() | {
        "AMI_URL": f"tcp://{info.ami_host}:{info.ami_port}", "AMI_USER": info.ami_user, "AMI_PASSWORD": info.ami_secret,
        "TRUNKS_FILE": str(file), "PDD_TIMEOUT_S": str(PDD_S), "SOUND_BUSY": "beep",
        "TRUNK_REST_AFTER": "3", "TRUNK_REST_S": str(REST_S),
    }  # fmt: skip


def tried(shown: dict[str, Any]) -> list[list[str]]:
    """By the caller's leg, and by the callee's."""
    return [leg["tried"] for leg in shown["legs"]]


def of(city: str, phone: int) -> str:
    """A number of its own in that city."""
    return f"+86{city}6{number(0)[-7:-2]}{phone:02}"


def test_a_503_and_a_silence_cost_no_more_than_the_time_that_is_set(scene: Scene) -> None:
    for digits in ("30", "33"):
        scene.north.add_phone(digits, WELL)  # what fails at the one is well at the other
    caller, callee = number(30), number(33)
    shown = scene.call(caller, callee)
    assert (shown["reason"], tried(shown)) == ("completed", [["carrier", "north"], ["carrier", "north"]])
    refused, silent = scene.ground.phone(caller), scene.ground.phone(callee)
    [taken], [answered] = scene.north.rings(caller), scene.north.rings(callee)
    assert 0 <= taken.invited_at_ms - refused.invited_at_ms <= LATE_MS
    assert -EARLY_MS <= answered.invited_at_ms - silent.invited_at_ms - 1000 * PDD_S <= LATE_MS
    scene.ground.hung_up(callee)  # the silent one is given up, and does not ring on


def test_busy_is_the_last_word_but_where_the_carrier_means_something_else_by_it(scene: Scene) -> None:
    busy = number(22)
    shown = scene.call(number(10), busy)
    assert (shown["reason"], tried(shown)[1]) == ("callee_busy", ["carrier"])
    assert scene.north.rings(busy) == []

    shown = scene.call(number(10), of(GUANGZHOU, 22))
    assert (shown["reason"], tried(shown)[1]) == ("callee_busy", ["odd", "carrier"]), "the second one does mean it"


def test_a_trunk_that_is_known_not_to_be_there_is_not_waited_for(scene: Scene) -> None:
    caller, callee = of(BEIJING, 10), of(BEIJING, 26)
    shown = scene.call(caller, callee)
    assert tried(shown) == [["carrier"], ["carrier"]]


def test_a_trunk_that_fails_is_rested_and_comes_back_by_itself(scene: Scene) -> None:
    scene.north.add_phone("36", FAILS)
    scene.ground.add_phone("36", WELL)
    both = ["north", "carrier"]
    assert tried(scene.call(of(SHANGHAI, 36), of(SHANGHAI, 36))) == [both, both]
    callee = of(SHANGHAI, 36)
    shown = scene.call(of(SHANGHAI, 36), callee)
    assert tried(shown) == [both, both]
    assert [leg["passed_over"] for leg in shown["legs"]] == [{}, {"north": "rested"}]
    assert scene.north.rings(callee) == [], "the caller's was one failure too many"
    assert scene.is_rested("north")
    assert tried(scene.call(of(SHANGHAI, 10), of(SHANGHAI, 11))) == [["carrier"], ["carrier"]]

    probed = until_sync(lambda: calls_at(scene, "north", 36), 3 * REST_S, "one call tries it", every_s=0.2)
    assert tried(probed)[0] == both, "it failed"
    assert probed["legs"][1]["passed_over"] == {"north": "rested"}, "and the next leg is spared that"
    scene.north.add_phone("36", WELL)
    back = until_sync(lambda: calls_at(scene, "north", 36), 4 * REST_S, "and another one later", every_s=0.2)
    assert tried(back) == [["north"], ["north"]]
    assert not scene.is_rested("north")
    assert [line["ms"] for line in scene.logged("trunk rested", "north")] == [1000 * REST_S, 2000 * REST_S]
    assert [line["why"] for line in scene.logged("trunk back", "north")] == ["SIP 503"]
    assert len(scene.logged("trunk probed", "north")) == 2


def calls_at(scene: Scene, trunk: str, phone: int) -> dict[str, Any] | None:
    """A call that tried that trunk first."""
    shown = scene.call(of(SHANGHAI, phone), of(SHANGHAI, phone))
    return shown if tried(shown)[0][0] == trunk else None


def test_a_carrier_that_dies_is_passed_over_and_used_again_when_it_is_back(scene: Scene) -> None:
    scene.north.kill()
    shown = scene.call(of(SHANGHAI, 10), of(SHANGHAI, 11))
    assert (shown["reason"], [leg["trunk"] for leg in shown["legs"]]) == ("completed", ["carrier", "carrier"])
    until_sync(lambda: scene.states()["north"] == "down", 10, "it is known to be gone")
    assert tried(scene.call(of(SHANGHAI, 10), of(SHANGHAI, 11))) == [["carrier"], ["carrier"]]
    scene.north.start()
    until_sync(lambda: scene.states()["north"] in ("up", "rested", "probing"), 10, "it is known to be back")
    back = until_sync(lambda: calls_at(scene, "north", 10), 8 * REST_S, "it is called again", every_s=0.2)
    assert back["reason"] == "completed"
