"""A manager interface that says what no Asterisk says: the watch outlives it, and knows the trunk again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.ground import SOAK
from tests.hostile.runs import SEED
from tests.support import until
from tests.unit.ari.test_ami_watch import FakeManager, watching

CONTACT = b"Event: ContactStatus\r\nURI: sip:10.0.0.1\r\nContactStatus: %s\r\nEndpointName: carrier\r\n%s\r\n"
GARBAGE = {
    "no utf-8": b"\xff\xfe\x00\xc3\x28\r\n\r\n",
    "no colon": b"one line\r\nanother\r\n\r\n",
    "nothing": b"\r\n" * 200,
    "nul": b"\0" * 5_000 + b"\r\n\r\n",
    "no name": b": value\r\n\r\n",
    "event without a field": b"Event: ContactStatus\r\n\r\nEvent: Registry\r\n\r\nEvent:\r\n\r\n",
    "response to nobody": b"Response: Success\r\nActionID: nobody's\r\n\r\nResponse: Error\r\n\r\nResponse:\r\n\r\n",
    "digits that are none": CONTACT % (b"Reachable", "RoundtripUsec: ²\r\n".encode()),
    "a number without end": CONTACT % (b"Reachable", b"RoundtripUsec: " + b"9" * 5_000 + b"\r\n"),
    "a field twice": CONTACT % (b"Reachable", b"ContactStatus: Reachable\r\nURI: x\r\nRoundtripUsec: 1\r\n" * 2),
    "removed and unknown": CONTACT.replace(b"10.0.0.1", b"10.9.9.9") % (b"Removed", b""),
    "long line": b"Event: X\r\nA: " + b"b" * 300_000 + b"\r\n\r\n",
    "many lines": b"Event: X\r\n" + b"A: b\r\n" * 20_000 + b"\r\n",
    "list without end": b"Event: EndpointList\r\nActionID: x\r\nEventList: start\r\n\r\n" * 50,
    "half a line": b"Event: Conta",
}


def random_bytes(rng: random.Random) -> bytes:
    words = [
        b"Event",
        b"Response",
        b"ActionID",
        b": ",
        b":",
        b"\r\n",
        b"\r\n\r\n",
        b"ContactStatus",
        b"\xff",
        b"\n",
        b"\0",
    ]
    return b"".join(rng.choice(words) for _ in range(rng.randrange(60)))


@pytest.fixture
async def fake() -> AsyncIterator[FakeManager]:
    async with FakeManager() as manager:
        yield manager


async def knows_the_trunk_again(fake: FakeManager, watch: Any) -> None:
    """By what it is told or by asking anew; a connection that cannot be made sense of is made again."""

    async def told() -> bool:
        if fake.writers and not fake.writers[-1].is_closing():
            fake.say()  # ends whatever was begun
            fake.say(Event="ContactStatus", URI="sip:10.0.0.1", ContactStatus="Unreachable", EndpointName="carrier")
        await asyncio.sleep(0.02)
        trunk = watch.trunk_states().get("carrier")
        return watch.connected and trunk is not None and trunk.reachable is False

    fake.contact = "Unreachable"
    await until(told, within_s=5)


@pytest.mark.parametrize("said", GARBAGE.values(), ids=GARBAGE)
async def test_the_watch_outlives_garbage(fake: FakeManager, said: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async with watching(fake) as watch:
        await until(lambda: watch.connected, within_s=5)
        fake.writers[-1].write(said)
        await knows_the_trunk_again(fake, watch)
    assert "ari_app" not in caplog.text  # no traceback of ours; where panoramisk stumbles, it is connected anew


async def test_the_watch_outlives_any_bytes(fake: FakeManager) -> None:
    rng = random.Random(SEED)
    async with watching(fake) as watch:
        for _ in range(500 if SOAK else 15):
            await until(lambda: watch.connected, within_s=5)
            fake.contact = "Reachable"
            fake.writers[-1].write(random_bytes(rng))
            await knows_the_trunk_again(fake, watch)


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0" * 1_000, b"Asterisk" * 50_000])
async def test_what_is_no_manager_interface_at_all_is_tried_again(said: bytes) -> None:
    came = 0

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        writer.write(said)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    stranger = FakeManager()
    stranger.port = server.sockets[0].getsockname()[1]
    async with watching(stranger) as watch:
        await until(lambda: came >= 3, within_s=5)
        assert not watch.connected
    server.close()


class Confused(FakeManager):
    """Its lists have fields twice, fields that are missing, and things that nobody asked for."""

    confused = True

    def say(self, **fields: object) -> None:
        odd = {"Event", "ObjectName", "URI", "Status", "ClientUri", "Endpoint", "RoundtripUsec"} & fields.keys()
        if not self.confused or "Event" not in fields or fields["Event"] == "ContactStatus":
            super().say(**fields)
            return
        text = "".join(f"{key}: {value}\r\n" * (2 if key in odd - {"Event"} else 1) for key, value in fields.items())
        self.writers[-1].write(text.encode() + b"\r\n")


async def test_lists_that_are_odd_end_the_watch_for_nobody() -> None:
    async with Confused() as fake, watching(fake) as watch:
        await until(lambda: len([one for one in fake.asked if one["Action"] == "PJSIPShowRegistrationsOutbound"]) >= 1)
        fake.confused = False
        fake.cut()
        await knows_the_trunk_again(fake, watch)
