"""A PBX that answers pings and could place no call all the same: what is asked of it, and what is said of it then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from ari_app.adapters.ari import Client, fitness, telephony
from ari_app.adapters.ari.fitness import DRIVER, Fitness
from ari_app.adapters.ari.telephony import AriTelephony
from tests.support import until
from tests.unit.ari.fake import BRISK, FakeAsterisk, Frame

SOON_S = 0.01
APPLICATION, MODULE = "GET applications/app", f"GET asterisk/modules/{DRIVER}"
GOOD: dict[str, Any] = {
    APPLICATION: {"name": "app", "channel_ids": [], "bridge_ids": [], "endpoint_ids": [], "device_names": []},
    MODULE: {"name": DRIVER, "status": "Running"},
}


@pytest.fixture
async def asterisk() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as fake:
        yield fake


def says(asterisk: FakeAsterisk, **other: Any) -> None:
    answers = GOOD | {APPLICATION: other.get("application", GOOD[APPLICATION])}
    answers |= {MODULE: other.get("module", GOOD[MODULE])}

    def answer(frame: Frame) -> Any:
        return answers[f"{frame['method']} {frame['uri'].removeprefix('/ari/').lstrip('/')}"]

    asterisk.answer = answer


async def looked_at(asterisk: FakeAsterisk, *, may_ask: bool = True) -> tuple[Client, Fitness, asyncio.Task[None]]:
    client = Client(asterisk.url, "user", "secret", "app", settings=BRISK)
    fit = Fitness(client, "app", lambda: may_ask, every_s=SOON_S)
    await client.__aenter__()
    return client, fit, asyncio.create_task(fit.keep())


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        ({"application": (404, {"message": "no such application"})}, "application app is not registered"),
        ({"module": (404, {"message": "Module could not be found"})}, "chan_pjsip.so is not loaded"),
        ({"module": (409, {"message": "Module could not be found in running modules"})}, "chan_pjsip.so is not loaded"),
        ({"module": {"name": DRIVER, "status": "Not Running"}}, "chan_pjsip.so is not running"),
        ({"module": (500, {"message": "Internal Server Error"})}, "refuses what is asked: 500"),
        ({"application": None}, "no answer to a question within"),
    ],
)
async def test_what_it_lacks_is_told_and_forgotten_once_it_is_there(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch, other: dict[str, Any], fault: str
) -> None:
    monkeypatch.setattr(fitness, "ANSWER_S", 0.1)
    says(asterisk, **other)
    client, fit, looking = await looked_at(asterisk)
    await until(lambda: fault in fit.fault)
    says(asterisk)
    await until(lambda: fit.fault == "")
    looking.cancel()
    await client.aclose()


async def test_whoever_is_not_the_owner_asks_nothing_which_would_end_the_link(asterisk: FakeAsterisk) -> None:
    says(asterisk, module=(404, {}))
    client, fit, looking = await looked_at(asterisk, may_ask=False)
    for _ in range(5):
        await asyncio.sleep(2 * SOON_S)  # as many rounds as would have asked
    assert (fit.fault, asterisk.requests) == ("", [])
    looking.cancel()
    await client.aclose()


async def test_a_link_that_is_lost_meanwhile_says_so_itself(asterisk: FakeAsterisk) -> None:
    says(asterisk, application=None)
    client, fit, looking = await looked_at(asterisk)
    await until(lambda: bool(asterisk.requests))
    await asterisk.hang_up()
    await until(lambda: client.status.reconnects > 0)
    assert fit.fault == ""
    looking.cancel()
    await client.aclose()


async def test_a_ping_without_an_answer_is_told_before_the_link_is_given_up(
    asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephony, "SILENT_MS", 100)
    asterisk.answer = lambda frame: [] if frame["uri"] in ("channels", "bridges") else {"name": "app"}
    patient = replace(BRISK, stalled_ms=60_000)
    pbx = AriTelephony(asterisk.url, "user", "secret", "app", cel_path=None, settings=patient)
    assert pbx.fault.startswith("no link")
    running = asyncio.create_task(pbx.run())
    await until(lambda: pbx.is_up)
    assert pbx.fault == ""
    asterisk.pongs = False
    await until(lambda: pbx.fault.startswith("no answer to a ping for 0."))
    assert pbx.is_up
    asterisk.pongs = True
    await until(lambda: pbx.fault == "")
    await pbx.close()
    await running
