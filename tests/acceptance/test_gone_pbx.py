"""An Asterisk that is gone for good, with calls on it: no minute of theirs stays held."""

from __future__ import annotations

from ari_app.entrypoints.views import at_ms
from tests.acceptance.house import House
from tests.acceptance.judge import phone_of
from tests.ringbridge import now_ms

TALKED_S = 4


def test_the_calls_of_a_node_that_is_gone_are_ended_when_it_is_forgotten(house: House) -> None:
    app = house.have()
    talk, rings = house.place("01", "02"), house.place("01", "23")  # rings for as long as it may
    began_ms = at_ms(app.until_state(talk.id, "talking")["talking_at"])
    house.until(lambda: phone_of(house.ground, rings.callee), 5, "a phone rings")
    house.until(lambda: now_ms() > began_ms + 1000 * TALKED_S, 10, "they have talked")
    assert app.ask("DELETE", "/v1/nodes/pbx1?end_calls=true").status == 409, "it has an owner"
    died_ms = now_ms()
    house.ground.kill("pbx")
    app.kill()
    house.ground.stack.start()

    app = house.have(NODE="elsewhere")  # nobody is at home any more where the calls are
    house.until(lambda: _owner(house, "pbx1") is None, 10, "its lease has run out")
    refused = app.ask("DELETE", "/v1/nodes/pbx1")
    assert (refused.status, refused.body["type"]) == (409, "node-in-use")
    assert house.ground.account(talk.user).holds

    gone = app.ask("DELETE", "/v1/nodes/pbx1?end_calls=true")

    assert (gone.status, gone.body["ended_calls"]) == (200, 2)
    shown = app.show(talk.id)
    assert shown["reason"] == "interrupted"
    talked_s = (died_ms - began_ms) / 1000
    assert talked_s - 3 < shown["charged_s"] <= talked_s, "to the last moment it was seen alive"
    assert app.show(rings.id)["charged_s"] == 0
    for call in (talk, rings):
        assert not house.ground.account(call.user).holds
    assert [one["name"] for one in app.ask("GET", "/v1/nodes").body["nodes"]] == ["elsewhere"]
    assert app.complaints() == []


def _owner(house: House, node: str) -> str | None:
    return next(one["owner"] for one in house.app.ask("GET", "/v1/nodes").body["nodes"] if one["name"] == node)
