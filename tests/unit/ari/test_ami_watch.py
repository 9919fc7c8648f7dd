"""The watch on the trunks, against a manager interface that says what a test wants to hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import pytest

from ari_app.adapters.ami import READS, AmiSettings, AmiWatch, TrunkState
from tests.support import until

BRISK = AmiSettings(answer_ms=300, ping_ms=50, refresh_ms=100_000, retry_ms=20)


class FakeManager:
    """One endpoint `carrier` with one contact, registered as its namesake; answers what is asked unless silent."""

    def __init__(self) -> None:
        self.name = "carrier"
        self.contact = "Reachable"
        self.registration = "Registered"
        self.login = "Success"
        self.silent = False
        self.asked: list[dict[str, str]] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    def say(self, **fields: object) -> None:
        text = "".join(f"{key}: {value}\r\n" for key, value in fields.items())
        self.writers[-1].write(text.encode() + b"\r\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        while block := await reader.readuntil(b"\r\n\r\n"):
            action = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
            self.asked.append(action)
            if not self.silent:
                self._answer(action["Action"], action["ActionID"])

    def _answer(self, action: str, action_id: str) -> None:
        reply = partial(self.say, ActionID=action_id)
        if action == "Login":
            reply(Response=self.login, Message="Authentication says so")
        elif action == "Ping":
            reply(Response="Success", Ping="Pong")
        else:
            reply(Response="Success", EventList="start", Message="Events follow")
        if action == "PJSIPShowEndpoints":
            reply(Event="EndpointList", ObjectName=self.name)
            reply(Event="EndpointListComplete", EventList="Complete")
        elif action == "PJSIPShowEndpoint":
            reply(Event="EndpointDetail", ObjectName="carrier")
            reply(Event="ContactStatusDetail", URI="sip:10.0.0.1", Status=self.contact, RoundtripUsec="624")
            reply(Event="EndpointDetailComplete", EventList="Complete")
        elif action == "PJSIPShowRegistrationsOutbound":
            uris = {"ClientUri": "sip:me@far", "ServerUri": "sip:far"}
            reply(
                Event="OutboundRegistrationDetail", ObjectName="carrier", Endpoint="", Status=self.registration, **uris
            )
            reply(Event="OutboundRegistrationDetailComplete", EventList="Complete")


@pytest.fixture
async def fake() -> AsyncIterator[FakeManager]:
    async with FakeManager() as manager:
        yield manager


@asynccontextmanager
async def watching(
    fake: FakeManager, told: list[TrunkState] | None = None, settings: AmiSettings = BRISK
) -> AsyncIterator[AmiWatch]:
    heard: list[TrunkState] = [] if told is None else told
    watch = AmiWatch("127.0.0.1", fake.port, "reader", "secret", settings=settings, on_change=heard.append)
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        await asyncio.wait_for(watch.aclose(), 2)
        await running
        assert [task for task in asyncio.all_tasks() if "AmiWatch" in repr(task)] == []


def is_connected(watch: AmiWatch) -> bool:
    return watch.connected


async def test_a_trunk_is_known_with_its_contact_and_its_registration(fake: FakeManager) -> None:
    async with watching(fake) as watch:
        await until(partial(is_connected, watch), within_s=2)
        carrier = watch.trunk_states()["carrier"]
        assert carrier.contacts == (("sip:10.0.0.1", "Reachable"),)
        assert (carrier.registration, carrier.roundtrip_us) == ("Registered", 624)
        assert carrier.reachable
        assert carrier.usable


async def test_what_happens_to_a_trunk_is_told_once_each(fake: FakeManager) -> None:
    told: list[TrunkState] = []
    async with watching(fake, told) as watch:
        await until(partial(is_connected, watch), within_s=2)
        for status in ("Unreachable", "Unreachable", "Reachable"):
            fake.say(Event="ContactStatus", URI="sip:10.0.0.1", ContactStatus=status, EndpointName="carrier")
        for status in ("Rejected", "Registered"):
            fake.say(Event="Registry", Username="sip:me@far", Domain="sip:far", Status=status)
        fake.say(Event="ContactStatus", URI="sip:10.0.0.9", ContactStatus="Reachable", EndpointName="stranger")
        await until(lambda: len(told) == 5, within_s=2)
        assert [(state.reachable, state.registration, state.usable) for state in told] == [
            (True, "Registered", True),
            (False, "Registered", False),
            (True, "Registered", True),
            (True, "Rejected", False),
            (True, "Registered", True),
        ]
        assert list(watch.trunk_states()) == ["carrier"]


async def test_who_asks_it_to_look_again_has_not_to_wait_for_its_next_look(fake: FakeManager) -> None:
    """After carriers were applied: no event tells of a new one, and the next look is half a minute away."""
    slow = AmiSettings(answer_ms=300, ping_ms=100_000, refresh_ms=100_000, retry_ms=20)
    async with watching(fake, settings=slow) as watch:
        await until(lambda: is_connected(watch))
        assert set(watch.trunk_states()) == {"carrier"}
        fake.name = "another"
        watch.look_again()
        await until(lambda: set(watch.trunk_states()) == {"another"}, within_s=2)


async def test_a_cut_connection_comes_back_and_tells_what_changed_meanwhile(fake: FakeManager) -> None:
    async with watching(fake) as watch:
        await until(partial(is_connected, watch), within_s=2)
        fake.contact = "Unreachable"
        fake.cut()
        await until(lambda: watch.reconnects == 1 and watch.connected, within_s=2)
        assert watch.trunk_states()["carrier"].reachable is False


async def test_a_silent_manager_is_given_up_and_nothing_is_sent_to_it_again(fake: FakeManager) -> None:
    async with watching(fake) as watch:
        await until(partial(is_connected, watch), within_s=2)
        fake.silent = True
        await until(lambda: not watch.connected, within_s=2)
        assert "no answer to Ping" in watch.last_error
        assert watch.trunk_states()["carrier"].reachable
        asked = len(fake.asked)
        fake.silent = False
        await until(partial(is_connected, watch), within_s=2)
        first_asked = [action["Action"] for action in fake.asked[asked:]]
        assert first_asked[: first_asked.index("PJSIPShowEndpoints")] in (["Login"], ["Login", "Login"])


async def test_a_refused_login_is_said_without_the_secret(fake: FakeManager, caplog: pytest.LogCaptureFixture) -> None:
    fake.login = "Error"
    async with watching(fake) as watch:
        await until(lambda: "login refused" in watch.last_error, within_s=2)
        assert not watch.connected
    assert "secret" not in watch.last_error + caplog.text


async def test_only_reads_can_be_sent(fake: FakeManager) -> None:
    async with watching(fake) as watch:
        await until(partial(is_connected, watch), within_s=2)
    assert {action["Action"] for action in fake.asked} - READS == {"Login"}
    with pytest.raises(ValueError, match="read-only"):
        await watch._ask(None, "Originate")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("contacts", "reachable"),
    [
        ((), False),
        ((("a", "Unreachable"),), False),
        ((("a", "Unreachable"), ("b", "Reachable")), True),
        ((("a", "NonQualified"),), None),
        ((("a", "Unreachable"), ("b", "Unknown")), None),
    ],
)
def test_reachable_is_yes_no_or_not_known(contacts: tuple[tuple[str, str], ...], reachable: bool | None) -> None:
    assert TrunkState("t", contacts).reachable is reachable
