"""A test of one trunk: one phone is rung over exactly that trunk, nobody is joined to it, nobody pays with minutes, and
it is hung up after the seconds that were asked for. What the carrier takes for it is noted as of any leg.

Pure; knows nothing of Asterisk, Redis or time but the facts of the call.
"""

from __future__ import annotations

from collections.abc import Iterator

from ari_app.domain.call import Call
from ari_app.domain.charging import Charge
from ari_app.domain.wishes import Yielded
from ari_app.flows.one_phone import STATES, ring_one, state, talk_began_ms

__all__ = ["STATES", "state", "talk_began_ms"]

TYPE = "trunk_test"


def plan(c: Call) -> Iterator[Yielded]:
    yield from ring_one(c)


def charge(_c: Call) -> Charge:
    """The platform's own errand."""
    return Charge()
