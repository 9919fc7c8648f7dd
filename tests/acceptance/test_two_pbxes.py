"""Two real PBXes, a process at home at each: calls go where there is room, and around what is drained or dead."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.crew import Crew, crew
from tests.ground import Ground, laid
from tests.support import until_sync


@pytest.fixture(scope="module")
def grounds(silent_ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ground]]:
    """Each with a carrier of its own; the Redis is the first one's."""
    with laid(tmp_path_factory.mktemp("second"), media_timeout_s=0) as second:
        yield {"one": silent_ground, "two": second}


@pytest.fixture(scope="module")
def them(grounds: dict[str, Ground], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    with crew(tmp_path_factory.mktemp("both"), **grounds) as them:
        first = them.start("one")
        for node in grounds:
            them.until_owned(first, node, by="one")
        them.start("two")
        them.until_owned(first, "two", by="two")  # given back to the process that is at home there
        yield them


@pytest.fixture
def both(them: Crew) -> Iterator[Crew]:
    """Each process has its own node, and both take calls."""
    for node in them.nodes:
        them.until_owned(them.apps["one"], node, by=node, within_s=15)
    yield them
    for ground in them.nodes.values():
        until_sync(lambda g=ground: not g.on_the_pbx(), 5, "nothing is left on the PBX")  # type: ignore[misc]


def lives_on(both: Crew, call: str) -> str:
    [node] = [name for name, ground in both.nodes.items() if any(c.startswith(call) for c in ground.on_the_pbx())]
    return node


def test_a_drained_pbx_gets_no_new_call_and_keeps_those_it_has(both: Crew) -> None:
    one, two = both.apps["one"], both.apps["two"]
    there = both.place(one, "35", "35")
    one.until_state(there.id, "talking")
    assert lives_on(both, there.id) == "one", "the node at hand goes first"

    assert two.ask("PUT", "/v1/nodes/one", {"drained": True}).body["state"] == "drained"
    until_sync(lambda: both.shown(one)["one"]["state"] == "drained", 5, "it is known everywhere")
    elsewhere = both.place(one, "35", "35")
    two.until_state(elsewhere.id, "talking")
    assert lives_on(both, elsewhere.id) == "two"
    assert one.show(there.id)["state"] == "talking"

    assert one.ask("PUT", "/v1/nodes/one", {"drained": False}).body["state"] == "open"
    for call in (there, elsewhere):
        assert one.ask("DELETE", f"/v1/calls/{call.id}").status == 202
        assert two.until_ended(call.id)["reason"] == "completed"


def test_when_a_pbx_dies_calls_go_to_the_other_one(both: Crew) -> None:
    one, second = both.apps["one"], both.nodes["two"]
    two = both.apps["two"]
    lost = both.place(two, "35", "35")
    two.until_state(lost.id, "talking")
    assert lives_on(both, lost.id) == "two"
    second.kill("pbx")
    try:
        until_sync(lambda: both.shown(one)["two"]["state"] == "closed", 5, "it is told that it takes no call")
        assert two.ask("GET", "/readyz").status == 200, "calls can be placed, elsewhere"
        call = both.place(two, "35", "35")
        two.until_state(call.id, "talking")
        assert lives_on_one(both, call.id)
        assert two.ask("DELETE", f"/v1/calls/{call.id}").status == 202
    finally:
        second.stack.start()
    assert two.until_ended(lost.id, within_s=15)["reason"] == "interrupted"
    until_sync(lambda: both.shown(one)["two"]["state"] == "open", 15, "it takes calls again")


def lives_on_one(both: Crew, call: str) -> bool:
    return any(c.startswith(call) for c in both.nodes["one"].on_the_pbx())


def test_a_dead_processs_pbx_is_taken_over_and_given_back_when_it_comes_again(both: Crew) -> None:
    one, two = both.apps["one"], both.apps["two"]
    call = both.place(two, "35", "35")
    two.until_state(call.id, "talking")
    two.kill()
    both.until_owned(one, "two", by="one", within_s=5)
    assert one.show(call.id)["state"] == "talking"

    both.start("two")
    both.until_owned(one, "two", by="two")
    until_sync(lambda: both.apps["two"].live() == 1, 5, "the call is tended by who is at home there")
    until_sync(lambda: one.live() == 0, 5, "and by nobody else")
    assert one.ask("DELETE", f"/v1/calls/{call.id}").status == 202
    assert one.until_ended(call.id)["reason"] == "completed"
    assert lives_nowhere(both, call.id)


def lives_nowhere(both: Crew, call: str) -> bool:
    return until_sync(
        lambda: not any(c.startswith(call) for g in both.nodes.values() for c in g.on_the_pbx()),
        3,
        "its phones are down",
    )


@pytest.mark.soak("each of its steps is a test above, or of test_deploy.py")
def test_deployed_one_process_after_the_other_no_call_is_dropped(both: Crew) -> None:
    """SIGTERM, a new start, and the next process: calls are handed to and fro, talking all the time."""
    calls = {name: both.place(app, "35", "35") for name, app in both.apps.items()}
    for name, call in calls.items():
        both.apps[name].until_state(call.id, "talking")
    for name, other in (("one", "two"), ("two", "one")):
        assert both.apps[name].terminate() == 0
        both.until_owned(both.apps[other], name, by=other, within_s=5)
        both.start(name)
        both.until_owned(both.apps[other], name, by=name)
    for name, call in calls.items():
        assert both.apps[name].show(call.id)["state"] == "talking"
        assert lives_on(both, call.id) == name
        assert both.apps[name].ask("DELETE", f"/v1/calls/{call.id}").status == 202
        assert both.apps[name].until_ended(call.id)["reason"] == "completed"
