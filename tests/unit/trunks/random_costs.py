"""Calls of a month at random, with tries, prices and increments of every kind, and what each leg costs by hand."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from math import ceil

from ari_app.domain.call import CALLEE, CALLER, Call, Leg, LegState, Route, Settlement, Try

AT_MS = 1_795_422_792_123  # 2026-11-23, 16:33 in Shanghai
DAY_MS = 86_400_000
ROUTE = Route("east", "8613900000001", "+864001234567", "platform", 60_000, "60/60", "CNY")


def random_calls(rng: random.Random, legs: int) -> Iterator[Call]:
    """Of a month, with tries of every kind."""
    made = 0
    while made < legs:
        at_ms = AT_MS - rng.randrange(20 * DAY_MS)
        its_legs = []
        for role in (CALLER, CALLEE):
            tries = [_random_try(rng, at_ms) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
            routes = [_random_route(rng, at_ms) for _ in range(3)]
            its_legs.append(Leg(role, f"+86139{rng.randrange(10**8):08d}", tuple(routes), 60_000, tries=tuple(tries)))
            made += len(tries)
        charged_s = rng.choice((0, 6, 60, 3_600))
        yield Call(
            f"c{made:09d}", "callback", at_ms, f"u{rng.randrange(50)}", tuple(its_legs), now_ms=at_ms + DAY_MS,
            settled=Settlement(charged_s, 0, charged_s),
        )  # fmt: skip


def _random_route(rng: random.Random, at_ms: int) -> Route:
    initial, then = rng.choice((1, 6, 30, 60)), rng.choice((1, 6, 60))
    later = (at_ms + rng.randrange(60_000), rng.randrange(10**6), "6/6") if rng.random() < 0.2 else None
    return replace(
        ROUTE, trunk=rng.choice(("east", "west", "north")), price_micro_per_min=rng.choice((0, rng.randrange(10**6))),
        price_increment=f"{initial}/{then}", currency=rng.choice(("CNY", "EUR")), later=later,
    )  # fmt: skip


def _random_try(rng: random.Random, at_ms: int) -> Try:
    dialled = at_ms + rng.randrange(30_000)
    answered = dialled + rng.randrange(30_000) if rng.random() < 0.6 else None
    talked_ms = rng.choice((0, rng.randrange(1_000), 60_000, 60_001, rng.randrange(7_200_000)))
    ended = (dialled if answered is None else answered) + talked_ms
    return Try(
        state=LegState.GONE, dialled_at_ms=dialled, answered_at_ms=answered, ended_at_ms=ended, how="remote",
        cause=rng.choice((16, 17, 34)), sip_status=rng.choice((None, 486, 503)),
    )  # fmt: skip


def by_hand(leg: Leg, n: int) -> Fraction:
    """The price of a try as an accountant works it out: with nothing of the program's own arithmetic."""
    t, route = leg.tries[n], leg.routes[n]
    if t.answered_at_ms is None or t.ended_at_ms is None:
        return Fraction(0)
    per_min, written = route.price_micro_per_min, route.price_increment
    if route.later is not None and not t.answered_at_ms < route.later[0]:
        _, per_min, written = route.later
    initial, then = (Fraction(part) for part in written.split("/"))
    seconds = Decimal(t.ended_at_ms - t.answered_at_ms) / 1000
    begun = Fraction(max(1, ceil(seconds)))  # an answered leg has begun its first second
    billed = initial + then * max(0, ceil((begun - initial) / then))
    return Fraction(ceil(billed / 60 * per_min))
