"""What the tests of the simulated carrier share: a carrier of their own, and calls to it. Starts no PBX."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ari_app.stack import Stack, StackError, StackInfo, StackOptions
from ari_app.stack.carrier import CarrierCall, read_calls
from tests.pbx.sipp.sip_client import SipCall, Sound
from tests.support import until_sync


@dataclass(frozen=True)
class Carrier:
    port: int
    records: Path
    stack: Stack
    info: StackInfo

    def record_of(self, call: SipCall) -> CarrierCall:
        return next(record for record in read_calls(self.records) if record.call_id == call.call_id)

    def record_of_id(self, id: str) -> CarrierCall:
        return next(record for record in read_calls(self.records) if record.id == id)

    def knows_the_end_of(self, call: SipCall) -> bool:
        return self.record_of(call).ended_at_ms is not None


def started(home: Path) -> Iterator[Carrier]:
    stack = Stack(StackOptions(state_dir=home, pbx=False, redis=False))
    try:
        info = stack.start()
    except StackError as why:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no Asterisk here: {why}")
    assert info.carrier_dir is not None
    try:
        yield Carrier(info.carrier_sip_port, info.carrier_dir / "records", stack, info)
    finally:
        stack.stop()


def place(carrier: Carrier, row: int, sound: Sound, *, stay_s: float) -> CarrierCall:
    """One call of this length; the carrier's record of it."""

    async def talk() -> SipCall:
        async with SipCall(f"+861390000{row:04}", carrier.port, sound=sound) as call:
            await asyncio.sleep(stay_s)
        return call

    call = asyncio.run(talk())
    until_sync(lambda: carrier.knows_the_end_of(call), within_s=3)
    return carrier.record_of(call)


def heard_by_phone(record: CarrierCall) -> Path:
    assert record.recording is not None
    return Path(record.recording)
