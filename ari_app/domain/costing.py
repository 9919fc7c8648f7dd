"""What the operator owes its carriers for a call: every dialled try of every leg, by the price of its route. Pure.

Costs have nothing to do with the user's minutes: a leg is paid from its own answer to its own end, also where nobody
was charged for it. Knows no deck file and no store; rounding is units.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ari_app.domain import quality
from ari_app.domain.call import CALLEE, Call, Leg, Route, Try
from ari_app.domain.causes import Outcome
from ari_app.domain.rates import Rate, next_changes_ms, rate_of
from ari_app.domain.trunks import Trunk, price_of
from ari_app.domain.units import Increment, billed_s, cost_micro, talk_s

LATER_WITHIN_MS = 15 * 60_000
"""A phone that is rung now may be answered until then, and its price is that of its answer."""


@dataclass(frozen=True, slots=True)
class LegCost:
    """One dialled try of one leg, when it is over."""

    leg: str  # its channel, <call>.<role>.<try>
    trunk: str
    number: str  # E.164 as stored, or a short number
    dialled: str  # as the trunk was asked
    payer: str
    team: str  # whose plan the payer has; "": his own
    dialled_at_ms: int
    rang_at_ms: int | None  # first 180 or 183
    answered_at_ms: int | None
    ended_at_ms: int
    outcome: str  # domain.causes.Outcome
    cause: int | None
    sip_status: int | None
    price_micro_per_min: int
    increment: str  # initial/next, in seconds
    currency: str
    cost_micro: int
    charged_s: int  # of the payer's minutes, on the leg that is charged

    @property
    def at_ms(self) -> int:
        """What its day is counted by: its answer, else its dial."""
        return self.dialled_at_ms if self.answered_at_ms is None else self.answered_at_ms

    @property
    def pdd_ms(self) -> int | None:
        """From its dial to the first sign of the far network; None: there was none."""
        signs = [at for at in (self.rang_at_ms, self.answered_at_ms) if at is not None]
        return max(0, min(signs) - self.dialled_at_ms) if signs else None

    @property
    def talk_ms(self) -> int:
        return 0 if self.answered_at_ms is None else max(0, self.ended_at_ms - self.answered_at_ms)

    @property
    def billed_s(self) -> int:
        """By the increments of its price; 0: nobody answered."""
        return 0 if self.answered_at_ms is None else billed_s(self.talk_ms, Increment.parse(self.increment))


@dataclass(frozen=True, slots=True)
class Priced:
    """What a try over a trunk will cost, if it is answered. `later`: as of Route."""

    rate: Rate
    later: tuple[int, int, str] | None


# ---- when a call is made --------------------------------------------------------------------------------------------


def priced(trunk: Trunk, number: str, at_ms: int) -> Priced:
    """Now, and from the next change of the deck on, if that comes while the phone may ring."""
    now = price_of(trunk, number, at_ms)
    for from_ms in next_changes_ms(number, at_ms, at_ms + LATER_WITHIN_MS, trunk.rates):
        then = rate_of(number, from_ms, trunk.rates)
        if then is not None and _price(then) != _price(now):
            return Priced(now, (from_ms, *_price(then)))
    return Priced(now, None)


def _price(rate: Rate) -> tuple[int, str]:
    return rate.price_micro_per_min, rate.increment


# ---- when it is over, or while it lasts -----------------------------------------------------------------------------


def leg_costs(call: Call) -> tuple[LegCost, ...]:
    """Of a call that is over: all its tries that reached a trunk, answered or not."""
    return tuple(_cost(call, leg, n, t) for leg, n, t in _dialled(call))


def costs_so_far(call: Call, now_ms: int) -> Iterator[tuple[Route, int, int]]:
    """(route, answered_at_ms, micro) of each answered try, also of one that lasts. No more than this: all live calls
    are asked for it at every new one."""
    for leg in call.legs:
        for route, t in zip(leg.routes, leg.tries, strict=False):
            if t.answered_at_ms is not None:
                yield route, t.answered_at_ms, _micro(route, t, now_ms)


def owed(call: Call, leg: Leg) -> tuple[int, str]:
    """(micro, currency) of a leg so far. One try of a leg is answered at most, so one currency is enough."""
    tries = [(leg.routes[n], t) for n, t in enumerate(leg.tries)]
    paid = next(
        (route for route, t in tries if t.answered_at_ms is not None), leg.routes[min(leg.n, len(leg.routes) - 1)]
    )
    return sum(_micro(route, t, call.now_ms) for route, t in tries), paid.currency


def charged_s(call: Call, leg: Leg) -> int:
    """Of records of an older version only the whole is known: a callback's talk, on the callee's leg."""
    if call.settled is None:
        return 0
    if not call.settled.legs:
        return call.settled.charged_s if leg.role == CALLEE else 0
    return call.settled.legs.get(leg.role, 0)


def sums_of(leg: LegCost) -> dict[str, int]:
    """What the leg adds to its trunk's day (ports/costs.py, `sums`); what is 0 is left out."""
    is_answered = leg.answered_at_ms is not None
    sums = {
        "legs": 1, "answered": int(is_answered), "talk_s": talk_s(leg.talk_ms),
        "billed_s": leg.billed_s, "charged_s": leg.charged_s,
        "free": int(is_answered and not leg.price_micro_per_min), f"micro:{leg.currency}": leg.cost_micro,
        **quality.sums(leg.outcome, leg.pdd_ms, leg.cause, leg.sip_status),
    }  # fmt: skip
    return {name: value for name, value in sums.items() if value}


def _dialled(call: Call) -> Iterator[tuple[Leg, int, Try]]:
    for leg in call.legs:
        for n, t in enumerate(leg.tries):
            if t.reached_trunk and not leg.came_in and not leg.routes[n].device:
                yield leg, n, t


def _cost(call: Call, leg: Leg, n: int, t: Try) -> LegCost:
    route, is_last = leg.routes[n], n == len(leg.tries) - 1
    price, increment = _price_at(route, t)
    return LegCost(
        leg=f"{call.id}.{leg.role}.{n}", trunk=route.trunk, number=leg.number, dialled=route.dialled, payer=call.payer,
        team=call.team, dialled_at_ms=t.dialled_at_ms,
        rang_at_ms=min((at for at in (t.rang_at_ms, t.early_at_ms) if at is not None), default=None),
        answered_at_ms=t.answered_at_ms, ended_at_ms=_ended_ms(t, call.now_ms), outcome=str(_outcome(call, leg, n, t)),
        cause=t.cause, sip_status=t.sip_status, price_micro_per_min=price, increment=increment,
        currency=route.currency, cost_micro=_micro(route, t, call.now_ms),
        charged_s=charged_s(call, leg) if is_last else 0,
    )  # fmt: skip


def _micro(route: Route, t: Try, now_ms: int) -> int:
    """To its end, not to its last sound: the carrier counts on, whether anybody is heard or not."""
    if t.answered_at_ms is None:
        return 0
    price, increment = _price_at(route, t)
    return cost_micro(_ended_ms(t, now_ms) - t.answered_at_ms, price, Increment.parse(increment))


def _price_at(route: Route, t: Try) -> tuple[int, str]:
    at_ms = t.dialled_at_ms if t.answered_at_ms is None else t.answered_at_ms
    if route.later is not None and at_ms >= route.later[0]:
        return route.later[1:]
    return route.price_micro_per_min, route.price_increment


def _ended_ms(t: Try, now_ms: int) -> int:
    return now_ms if t.ended_at_ms is None else t.ended_at_ms


def _outcome(call: Call, leg: Leg, n: int, t: Try) -> Outcome:
    """An answered try ended as such, or for want of sound. One that we gave up before its time had run out was
    cancelled: by the caller who hung up, or by the API."""
    if t.answered_at_ms is not None:
        return Outcome.MEDIA_LOST if t.how == "media" else Outcome.ANSWERED
    rang_ms = _ended_ms(t, call.now_ms) - t.dialled_at_ms
    if t.how == "ours" and rang_ms < (leg.ring_timeout_ms if t.gave_sign else call.terms.pdd_timeout_ms):
        return Outcome.CANCELLED
    return leg.outcome_of(n) or Outcome.UNKNOWN


# ---- days -----------------------------------------------------------------------------------------------------------


def day_of(at_ms: int, timezone: str) -> str:
    """ "2026-11-26", by the operator's clock."""
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(timezone)).strftime("%Y-%m-%d")


def days_of(month: str) -> tuple[str, ...]:
    """Of "2026-11", all of them. Raises ValueError for what is no month."""
    day = date.fromisoformat(f"{month}-01")
    if month != f"{day:%Y-%m}":
        raise ValueError(month)
    days = (day + timedelta(days=n) for n in range(31))
    return tuple(str(one) for one in days if one.month == day.month)


def begins_at_ms(day: str, timezone: str) -> int:
    """Its first instant, or as near to it as makes no leg's difference."""
    return _midnight_ms(date.fromisoformat(day), timezone)


def ends_at_ms(day: str, timezone: str) -> int:
    """The first instant of the next day, likewise."""
    return _midnight_ms(date.fromisoformat(day) + timedelta(days=1), timezone)


def _midnight_ms(day: date, timezone: str) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(timezone)).timestamp()) * 1000
