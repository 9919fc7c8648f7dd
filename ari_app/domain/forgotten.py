"""What is left of a call when its details are forgotten: that there was one, when, how it ended, and what it cost. Not
who took part in it, nor what was said of it or keyed. Pure; knows no clock and no store.
"""

from __future__ import annotations

from dataclasses import replace

from ari_app.domain.call import Call, Leg, Route

A_DEVICE = "device"
"""In place of the name of one: that it was one has a part in what became of the call."""


def forgotten(call: Call) -> Call:
    """Of one that is settled. Whose minutes it took stays, as the ledger has it: `payer`. Asked again, the same."""
    return replace(
        call, is_forgotten=True, legs=tuple(map(_leg, call.legs)), metadata={}, fingerprint="", given={}, team="",
        secret="", unfound={}, recordings=(), leads_to="", words=(), asks=frozenset(),
    )  # fmt: skip


def ended_ms(call: Call) -> int:
    """When the last phone was put down, or where none was rung, when it was decided that none is."""
    ends = [t.ended_at_ms for leg in call.legs for t in leg.tries if t.ended_at_ms is not None]
    return max(ends, default=call.end.at_ms if call.end else call.now_ms)


def _leg(leg: Leg) -> Leg:
    """`language` and what was keyed could tell who it was; times, price and cost tell what is owed."""
    routes = tuple(map(_route, leg.routes))
    return replace(leg, number="", user=None, digits="", digit_at_ms=None, language="", ask="", routes=routes)


def _route(route: Route) -> Route:
    return replace(
        route, dialled="", shown="", shown_as="", why="", diversion="", device=A_DEVICE if route.device else ""
    )
