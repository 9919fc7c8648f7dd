"""Several simulated carriers beside each other: each has its own port, its own phones and its own record."""

import asyncio
from collections.abc import Iterator

import pytest

from ari_app.domain.trunks import Trunk
from tests.ground import OtherCarrier, more_carriers, number
from tests.pbx.sipp.g711 import tone
from tests.pbx.sipp.sip_client import SipCall
from tests.support import until_sync


@pytest.fixture(scope="module")
def carriers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[OtherCarrier]]:
    with more_carriers(tmp_path_factory.mktemp("carriers"), 2) as found:
        yield found


def test_a_call_is_written_down_by_the_carrier_that_had_it_alone(carriers: list[OtherCarrier]) -> None:
    north, south = carriers
    called = number(1)

    async def talk() -> None:
        async with SipCall(called, south.port, sound=tone(500)) as call:
            await call.until(lambda: call.is_answered, within_s=5)
            await asyncio.sleep(1.1)  # the length of the talk

    asyncio.run(talk())
    until_sync(lambda: all(one.ended_at_ms for one in south.rings(called)), 5, "it is over")
    [heard] = south.rings(called, with_tones=True)
    assert heard.heard[0] == (0, (500.0,))
    assert heard.transport == "udp"
    assert north.calls() == []


def test_a_carrier_that_was_killed_comes_back_at_its_place(carriers: list[OtherCarrier]) -> None:
    north, south = carriers
    north.kill()
    north.start()
    assert "System uptime" in north.rx("core show uptime")
    assert north.info.carrier_sip_port == north.stack.info().carrier_sip_port
    assert south.trunk(transport="tcp") == Trunk("south", "127.0.0.1", south.port, "tcp")
    assert len({north.port, south.port, north.info.carrier_tls_port, south.info.carrier_tls_port}) == 4
