"""The ways to a user over his own devices, which are tried before any trunk. Knows devices and settings; begins
nothing.

A device that is not registered costs a few milliseconds: the PBX has no address for it, and the next way is tried. So
nobody need know here which of them are registered, and with which PBX.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ari_app.domain.call import Route
from ari_app.domain.numbers import Own, WhyShown
from ari_app.ports.devices import Device


@dataclass(frozen=True, slots=True)
class OnNet:
    """`of`: a user's devices, oldest first. Each may ring for `ring_ms`, and be silent for `pdd_ms`."""

    of: Callable[[str], Sequence[Device]]
    ring_ms: int
    pdd_ms: int
    platform_number: str

    def routes(self, user: str, own: Own | None) -> tuple[Route, ...]:
        """`own`: the number of whoever calls; None: he himself is rung. No carrier's policy has a say in what is shown
        here, but only what is proved."""
        shown, why = self.platform_number, WhyShown.TO_CALLER
        if own is not None:
            why = WhyShown.VERIFIED if own.is_verified else WhyShown.NOT_VERIFIED
            shown = own.number if own.is_verified else shown
        return tuple(
            Route(
                trunk="", dialled="", shown=shown, why=str(why), device=device.username, ring_ms=self.ring_ms,
                pdd_ms=self.pdd_ms,
            )
            for device in self.of(user)
        )  # fmt: skip
