"""Phones of the simulated carrier that call the platform, for tests: told what to do before, or as things happen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ari_app.stack import Stack, StackInfo
from ari_app.stack.carrier import CarrierCall, CarrierRecord
from ari_app.stack.dial_in import Calling, DialIn
from ari_app.stack.dial_in import dial_in as make_call
from tests.ear import Ear
from tests.support import until_sync


class Carried(Protocol):
    """A Ground, or an OtherCarrier."""

    @property
    def stack(self) -> Stack: ...
    @property
    def info(self) -> StackInfo: ...


class Caller(Calling):
    def until_seen(self, within_s: float = 5) -> CarrierCall:
        return until_sync(self.record, within_s, f"{self.id} has begun")

    def until_ringing(self, within_s: float = 5) -> CarrierCall:
        return self._until("rang_at_ms", within_s)

    def until_answered(self, within_s: float = 10) -> CarrierCall:
        return self._until("answered_at_ms", within_s)

    def until_ended(self, within_s: float = 30) -> CarrierCall:
        """And its recording is whole."""
        return self._until("ended_at_ms", within_s)

    def until_pressed(self, keys: str, within_s: float = 10) -> CarrierCall:
        """What it pressed, all in all, ends with these keys."""
        return until_sync(lambda: self._if(lambda call: call.pressed.endswith(keys)), within_s, f"{keys} is pressed")

    def press_now(self, keys: str, within_s: float = 10) -> CarrierCall:
        """Back when they are pressed, which takes 0.3 s each."""
        before = self.until_answered().pressed
        self.press(keys)
        return self.until_pressed(before + keys, within_s)

    def hang_up_now(self, within_s: float = 5) -> CarrierCall:
        """Also while it rings; back when it is over."""
        until_sync(self.hang_up, within_s, f"{self.id} hangs up")
        return self.until_ended(within_s)

    def ear(self) -> Ear:
        """On what it has heard so far."""
        return Ear(self.until_seen())

    def _until(self, what: str, within_s: float) -> CarrierCall:
        try:
            return until_sync(
                lambda: self._if(lambda call: getattr(call, what) is not None), within_s, f"{what} of {self.id}"
            )
        except AssertionError as e:
            raise AssertionError(f"{e}: {self.record()}") from e

    def _if(self, is_so: Callable[[CarrierCall], bool]) -> CarrierCall | None:
        call = self.record()
        return call if call is not None and is_so(call) else None


def dial_in(
    carried: Carried,
    caller: str,
    to: str,
    *,
    keys: str = "",
    hang_up_after_s: float = 30,
    ring_s: float = 30,
    port: int | None = None,
    via: str = "",
) -> Caller:
    """A phone of this carrier calls the PBX of its own stack, or whoever has this SIP port of the loopback."""
    assert carried.info.carrier_dir is not None
    return call_from(
        carried.info.carrier_dir,
        carried.stack,
        DialIn(caller, to, keys, hang_up_after_s, ring_s),
        port or carried.info.pbx_sip_port,
        via=via,
    )


def call_from(home: Path, stack: Stack, call: DialIn, port: int, **how: str) -> Caller:
    id = make_call(home, port, call, **how)
    return Caller(id, CarrierRecord(home / "records"), lambda command: stack.asterisk_rx("carrier", command))
