"""A real call's events reach a receiver on this machine: all of them, in order, signed, at once; and what was not taken
is taken when the receiver is well again."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ari_app.adapters.redis.leases import RedisLeases
from ari_app.adapters.redis.link import Link
from ari_app.hooks.telling import LEASE
from ari_app.ports.leases import Lease
from ari_app.teller import LEAVE_S
from tests.ground import laid, number
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
    until_sync(lambda: "failed" in outcomes(ringbridge, path), WITHIN_S, "it was tried, in vain")
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
    assert outcomes(ringbridge, path)[0] == "delivered"
    assert "failed" in outcomes(ringbridge, path)


def outcomes(ringbridge: Ringbridge, path: str) -> list[str]:
    """The last one first."""
    return [one["outcome"] for one in ringbridge.ask("GET", f"{path}/deliveries").body["deliveries"]]


def tellers_of(app: Ringbridge) -> list[int]:
    """The process that tells of events: the one child that the app has."""
    assert app.process is not None
    pid = app.process.pid
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid: int) -> bool:
    """Or a zombie, that nobody has looked after yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_another_process_tells_when_the_one_that_did_has_died_and_none_outlives_the_app(tmp_path: Path) -> None:
    with laid(tmp_path) as ground, Receiver() as receiver:
        app = Ringbridge(ground.home, WEBHOOK_ALLOW="127.0.0.0/8").start()
        try:
            app.ask("POST", "/v1/webhooks", {"url": receiver.url, "events": ["call.ended"]})
            [first] = tellers_of(app)
            os.kill(first, signal.SIGTERM)  # as who ends all of a group: this one stays until the app has left
            call = talk(app)
            until_sync(lambda: told(receiver, call), WITHIN_S, "the first call's end was told")
            assert tellers_of(app) == [first]
            os.kill(first, signal.SIGKILL)
            call = talk(app)
            until_sync(lambda: told(receiver, call), 15, "the second one's end, by another process")
            [second] = tellers_of(app)
            until_sync(lambda: app.metric("events_relaying") == 1, 5, "the metrics hear of the second one")
            assert app.terminate(LEAVE_S - 1) == 0, "it had not to be killed"
            assert is_gone(second)
            assert ground.with_redis(free_lease) is True, "the next one need not wait"
            complaints = app.complaints()
            [third] = tellers_of(app.start())
        finally:
            app.kill()
        until_sync(lambda: is_gone(third), 5, "nobody tells for an app that was killed")
    assert second != first
    assert len(complaints) == 1
    assert "the process that tells of events has ended, starting another" in complaints[0]


async def free_lease(link: Link) -> bool:
    leases = RedisLeases(link, is_dead=lambda _owner: False)
    return isinstance(await leases.acquire(LEASE, "a test", 1), Lease)
