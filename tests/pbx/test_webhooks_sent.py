"""A real call's events reach a receiver on this machine: all of them, in order, signed, at once; and what was not taken
is taken when the receiver is well again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ground import number
from tests.receivers import Receiver
from tests.ringbridge import Ringbridge
from tests.support import until_sync

WITHIN_S = 3.0


@pytest.fixture
def hooked(ringbridge: Ringbridge) -> Iterator[tuple[Receiver, dict[str, Any]]]:
    """A receiver, and a webhook that leads there."""
    with Receiver() as receiver:
        answer = ringbridge.ask("POST", "/v1/webhooks", {"url": receiver.url, "events": ["call.*"]})
        assert answer.status == 201, answer
        yield receiver, answer.body
        assert ringbridge.ask("DELETE", f"/v1/webhooks/{answer.body['id']}").status == 200


def talk(ringbridge: Ringbridge) -> str:
    mine = number(11)
    call = ringbridge.call(ringbridge.user(f"w{mine[1:]}", mine), number(12))
    ringbridge.until_state(call, "talking")
    ringbridge.hang_up(call)
    ringbridge.until_ended(call)
    return call


def told(receiver: Receiver, call: str) -> list[tuple[int, str]]:
    bodies = [one.json for one in list(receiver.got)]
    return [(one["data"]["seq"], one["type"]) for one in bodies if one["data"].get("call") == call]


def test_all_of_a_call_comes_in_order_and_signed(
    ringbridge: Ringbridge, hooked: tuple[Receiver, dict[str, Any]]
) -> None:
    receiver, hook = hooked
    call = talk(ringbridge)
    states = ringbridge.states(call)
    wanted = [(seq, f"call.{state}") for seq, state in enumerate(states, 1)]
    assert states[-1] == "ended"
    until_sync(lambda: told(receiver, call) == wanted, WITHIN_S, "all of it has come")
    assert receiver.unsigned(hook["secret"]) == []
    [last] = [one.json for one in receiver.got if one.json["data"].get("call") == call][-1:]
    shown = ringbridge.show(call)
    assert last["data"]["reason"] == shown["reason"]
    assert last["data"]["charged_s"] == shown["charged_s"]


def test_what_was_not_taken_is_taken_later_and_again_when_it_is_asked_for(
    ringbridge: Ringbridge, hooked: tuple[Receiver, dict[str, Any]]
) -> None:
    receiver, hook = hooked
    path = f"/v1/webhooks/{hook['id']}"
    receiver.mode = "500"
    call = talk(ringbridge)
    wanted = [(seq, f"call.{state}") for seq, state in enumerate(ringbridge.states(call), 1)]
    until_sync(lambda: receiver.asked, WITHIN_S, "it was tried")
    assert told(receiver, call) == []
    receiver.mode = "ok"
    assert ringbridge.ask("PATCH", path, {"paused": False}).status == 200, "what waits is sent at once"
    until_sync(lambda: told(receiver, call) == wanted, WITHIN_S, "all of it has come")
    ids = receiver.ids()
    assert ringbridge.ask("POST", f"{path}/replay", {"call": call}).body["replayed"] == len(wanted)
    until_sync(lambda: len(receiver.got) >= len(ids) + len(wanted), WITHIN_S, "it comes again")
    assert [one.id for one in receiver.got[len(ids) :]] == [
        one.id for one in receiver.got[: len(ids)] if one.json["data"]["call"] == call
    ]
    outcomes = [one["outcome"] for one in ringbridge.ask("GET", f"{path}/deliveries").body["deliveries"]]
    assert outcomes[0] == "delivered"
    assert "failed" in outcomes
