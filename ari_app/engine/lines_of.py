"""Which lines of which trunks a call has, by its own facts. Pure: what the store counts is made from this, and can be
made again from it at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ari_app.domain.call import Call, Leg

Limited = Callable[[str], bool]
"""Whether a trunk has so many lines and no more."""


def lines_of(call: Call, is_limited: Limited, *, with_pending: bool = True) -> dict[str, str]:
    """Channel → trunk: of every try that lives, and of every leg to which a line was promised. `with_pending`: of
    those, too, that are asked for: they may have their line already, or wait for it."""
    kept = {}
    for leg in call.legs:
        if leg.came_in:
            continue
        n = leg.n if leg.is_live else None
        if with_pending and (pending := call.dial_pending(leg)) is not None:
            n = pending
        if n is not None and n < len(leg.routes) and not leg.routes[n].device:
            kept[_channel(call, leg, n)] = leg.routes[n].trunk
    for trunk in sorted(set(kept.values())):  # in an order that no address has a part in
        if is_limited(trunk):
            kept |= dict.fromkeys(promised(call, trunk), trunk)
    return kept


def promised(call: Call, trunk: str) -> tuple[str, ...]:
    """Channels of legs whose turn comes later, and that go over this trunk first: who takes a line for the one phone
    takes another one for the other, or trunks fill up with callers whom nobody can be connected to."""
    return () if call.is_over else tuple(_waiting(call, trunk))


def _waiting(call: Call, trunk: str) -> Iterator[str]:
    for leg in call.legs:
        if not leg.tries and call.dial_pending(leg) is None and leg.routes and leg.routes[0].trunk == trunk:
            yield _channel(call, leg, 0)


def _channel(call: Call, leg: Leg, n: int) -> str:
    return f"{call.id}.{leg.role}.{n}"
