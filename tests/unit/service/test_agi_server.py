"""FastAGI: who asks is answered by variables, the last of them last; strangers, nonsense and those who hang on are not,
and hold nobody else up."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from ari_app.desks.inbound import BUSY, Answer, Arrival
from ari_app.domain.errors import Unavailable
from ari_app.entrypoints import agi
from ari_app.entrypoints.agi import AgiServer
from tests.ports import claim
from tests.support import until

SECRET = "s3cret0s3cret0"
STASIS = Answer("stasis", leg="c" + "a" * 26 + ".caller.0", rings=True, life_s=600)
FUZZ_ROUNDS = 300
HALF = b"agi_network_script: inbound\n\n200 result"
ENDS = [b"", b"\n\n", b"HANGUP\n"]
JUNK = [b"", b"agi_network", b"\n", b"\n\n", b": \n\n", HALF, b"x" * 40_000]


class Desk:
    """What is looked up, and by whom it was asked."""

    def __init__(self) -> None:
        self.answer = STASIS
        self.asked: list[Arrival] = []
        self.is_away = False
        self.hangs = False

    async def arrived(self, arrival: Arrival) -> Answer:
        self.asked.append(arrival)
        if self.hangs:
            await asyncio.Event().wait()
        if self.is_away:
            raise Unavailable("the store is away")
        return self.answer


class House:
    def __init__(self, port: int, desk: Desk, refused: list[str]) -> None:
        self.port = port
        self.desk = desk
        self.refused = refused


async def said(sound: str, language: str) -> Sequence[str]:
    return {"nothing": [], "odd": ["a,b)"]}.get(sound, [f"{sound}-{language or 'en'}", "vm-goodbye"])


@asynccontextmanager
async def serving(peers: Sequence[str] = ("127.0.0.1",)) -> AsyncIterator[House]:
    [port] = claim()
    desk, refused = Desk(), list[str]()
    server = AgiServer(
        desk, said, host="127.0.0.1", port=port, secret=SECRET, peers=peers, refused=refused.append
    )  # fmt: skip
    task = asyncio.create_task(server.run())
    house = House(port, desk, refused)
    try:
        await until(lambda: _answers(port), 3, "it listens")
        await until(lambda: refused, 3, "and has seen the look at it")
        refused.clear()
        yield house
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with serving() as house:
        yield house


async def call_in(house: House, *, script: str = "inbound", secret: str = SECRET, hangs_up_at: int = 99) -> list[str]:
    """As Asterisk does: the commands that it is given, until the server is done."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    told = {
        "agi_network": "yes", "agi_network_script": script, "agi_channel": "PJSIP/carrier-00000001",
        "agi_uniqueid": "pbx-1.2", "agi_callerid": "+8613900000003", "agi_arg_1": "pbx1", "agi_arg_2": "+864001234567",
    }  # fmt: skip
    writer.write("".join(f"{name}: {value}\n" for name, value in told.items()).encode() + b"\n")
    given: list[str] = []
    while line := (await _line(reader)).decode().rstrip("\n"):
        given.append(line)
        if len(given) >= hangs_up_at:
            writer.write(b"HANGUP\n")
            break
        writer.write(f"200 result=1 ({secret})\n".encode() if line.startswith("GET") else b"200 result=1\n")
    writer.close()
    return given


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionResetError:  # closed with our request unread
        return b""


def variables(given: list[str]) -> dict[str, str]:
    split = (line.split(" ", 3) for line in given if line.startswith("SET"))
    return {name: value.strip('"') for _, _, name, value in split}


async def test_who_calls_is_looked_up_and_the_dialplan_told_what_to_do(house: House) -> None:
    given = await call_in(house)

    assert house.desk.asked == [Arrival("pbx1", "pbx-1.2", "+8613900000003", "+864001234567", "carrier")]
    assert variables(given) == {
        "RINGBRIDGE_ROUTE": "stasis", "RINGBRIDGE_LEG": STASIS.leg, "RINGBRIDGE_RINGS": "1",
        "RINGBRIDGE_LIFE_S": "600", "RINGBRIDGE_SAY": "", "RINGBRIDGE_ANSWERED": "1",
    }  # fmt: skip
    assert given[-1] == 'SET VARIABLE RINGBRIDGE_ANSWERED "1"', "whatever breaks before that, is no answer"
    assert not house.refused


async def test_what_is_said_is_told_by_its_files(house: House) -> None:
    house.desk.answer = Answer("say", sound="not_known", language="zh")
    assert variables(await call_in(house))["RINGBRIDGE_SAY"] == "not_known-zh&vm-goodbye"

    house.desk.answer = Answer("say", sound="nothing")
    assert variables(await call_in(house))["RINGBRIDGE_ROUTE"] == "busy", "where the operator wants nothing said"

    house.desk.answer = Answer("say", sound="odd")
    told = variables(await call_in(house))
    assert told["RINGBRIDGE_ROUTE"] == "nobody", "a file name that the dialplan would misread"


@pytest.mark.parametrize("way", ["route", "secret", "store"])
async def test_where_it_cannot_be_told_nothing_is_and_the_dialplan_has_its_own_word(house: House, way: str) -> None:
    house.desk.is_away = way == "store"
    given = await call_in(
        house, script="nobody/knows" if way == "route" else "inbound", secret="wrong" if way == "secret" else SECRET
    )

    assert variables(given) == {}
    assert house.refused == ([] if way == "store" else ["request"])


async def test_who_is_not_on_the_list_of_addresses_is_not_listened_to() -> None:
    async with serving(peers=["192.0.2.1"]) as house:
        assert await call_in(house) == []
        assert house.refused == ["address"]
        assert not house.desk.asked


async def test_a_caller_who_hangs_up_meanwhile_is_no_fault(house: House) -> None:
    with capture_logs() as logs:
        await call_in(house, hangs_up_at=3)
        await until(lambda: any(line["event"] == "caller gone before he was answered" for line in logs), 2)

    assert not house.refused
    assert not [line for line in logs if line["log_level"] == "error"]


async def test_nonsense_is_refused_and_keeps_nobody_from_being_served(house: House) -> None:
    """panoramisk's own reader turns for ever when a connection ends in the midst of a request."""
    rng = random.Random(7)
    for n in range(FUZZ_ROUNDS):
        _, writer = await asyncio.open_connection("127.0.0.1", house.port)
        junk = [
            b"",
            b"agi_network",
            b"\n",
            b"\n\n",
            b": \n\n",
            b"agi_network_script: inbound\n\n200 result",
            b"x" * 40_000,
        ]
        writer.write(
            rng.choice(junk) + rng.randbytes(rng.choice((0, 3, 200))) + rng.choice((b"", b"\n\n", b"HANGUP\n"))
        )
        writer.close()
        if n % 50 == 0:
            async with asyncio.timeout(2):
                assert "RINGBRIDGE_ANSWERED" in variables(await call_in(house))
    assert not [arrival for arrival in house.desk.asked if arrival.node != "pbx1"]


async def test_who_says_nothing_is_left_after_a_while(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "WITHIN_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
    async with asyncio.timeout(3):
        assert await reader.read() == b""
    writer.close()

    house.desk.hangs = True
    async with asyncio.timeout(3):
        assert variables(await call_in(house)) == {}
    assert house.refused == ["late", "late"]


async def test_so_many_at_once_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agi, "CONNECTIONS_MAX", 3)
    waiting = [await asyncio.open_connection("127.0.0.1", house.port) for _ in range(3)]
    assert await call_in(house) == []
    assert house.refused == ["connections"]

    for _, writer in waiting:
        writer.close()

    async def is_served() -> bool:
        return bool(variables(await call_in(house)))

    await until(is_served, 3, "served again")


async def test_while_another_process_has_the_port_that_one_answers_and_then_this_one_does() -> None:
    async with serving() as first:
        second = Desk()
        second.answer = BUSY
        server = AgiServer(second, said, host="127.0.0.1", port=first.port, secret=SECRET, peers=["127.0.0.1"])
        task = asyncio.create_task(server.run())
        assert variables(await call_in(first))["RINGBRIDGE_ROUTE"] == "stasis"

    async def answers() -> bool:
        try:
            return variables(await call_in(first)).get("RINGBRIDGE_ROUTE") == "busy"
        except OSError:
            return False

    await until(answers, 5, "the other one answers")
    task.cancel()
