"""From what was asked to a call: who is meant, who may be rung and shown what, over which trunks, on which terms.

Reads users and settings; begins nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from ari_app.domain.call import CALLEE, CALLER, Call, Leg, Route, Terms
from ari_app.domain.costing import priced
from ari_app.domain.numbers import Format, Number, Own, formatted, may_call, shown
from ari_app.domain.plans import Entitlement, Plan
from ari_app.domain.trunks import Trunk, dialled
from ari_app.engine.asks import CallAsk, Policy, Refusal
from ari_app.engine.lines_now import LinesNow
from ari_app.engine.trunk_book import TrunkBook
from ari_app.flows import callback
from ari_app.ports.users import User, Users

NO_ROUTE_AGAIN_S = 60
FULL_AGAIN_S = 5


class CallMaker:
    def __init__(
        self, *, users: Users, read_number: Callable[[str], Number | None], policy: Policy, trunks: TrunkBook,
        now_ms: Callable[[], int], entitled: Callable[[User], Awaitable[Entitlement]],
        national: Callable[[str], str] = lambda _number: "", lines: LinesNow | None = None,
    ) -> None:  # fmt: skip
        """`national`: of an E.164 number, as it is dialled within the operator's country; "": it is of another one."""
        self.policy = policy
        self._trunks = trunks
        self._users = users
        self._read = read_number
        self._national = national
        self._now_ms = now_ms
        self._entitled = entitled
        self._lines = lines

    async def make(self, ask: CallAsk, new_id: str) -> Call | Refusal:
        who, there = await asyncio.gather(self._caller(ask.caller), self._callee(ask.callee))
        if isinstance(who, Refusal):
            return who
        user, own = who
        if isinstance(there, Refusal):
            return there
        callee_user, callee_number = there
        if callee_number.text == own.number:
            return Refusal("invalid-number", "Caller and callee are the same number.", "callee")
        legs = []
        for role, number, ring_ms, shows in (
            (CALLER, own.number, self.policy.caller_ring_ms, None),
            (CALLEE, callee_number.text, self.policy.callee_ring_ms, own),
        ):
            routes = self._routes(number, shows, new_id)
            if not routes:
                return self._no_route(number, role)
            its_user = user.id if role == CALLER else callee_user.id if callee_user else None
            legs.append(Leg(role=role, number=number, routes=routes, ring_timeout_ms=ring_ms, user=its_user))
        if (full := await self._full(legs)) is not None:
            return full
        entitled = await self._entitled(user)
        return Call(
            id=new_id, type=callback.TYPE, created_at_ms=self._now_ms(), payer=user.id, legs=tuple(legs),
            terms=self._terms(ask, entitled.plan), team=entitled.team, metadata=dict(ask.metadata),
            fingerprint=ask.fingerprint, now_ms=self._now_ms(),
        )  # fmt: skip

    def _no_route(self, number: str, role: str) -> Refusal:
        if self._trunks.takes(number):
            sentence = "No carrier that takes calls to this number can be used right now."
            opens_in_ms = (self._trunks.opens_at_ms(number, self._now_ms()) or 0) - self._now_ms()
            return Refusal("no-capacity", sentence, role, max(NO_ROUTE_AGAIN_S, -(-opens_in_ms // 1000)))
        return Refusal("destination-blocked", "No carrier takes calls to this number.", role)

    async def _full(self, legs: Sequence[Leg]) -> Refusal | None:
        """Refused now, rather than accepted and brought to nothing. Where both phones go over the same trunk, it must
        have two lines."""
        if self._lines is None:
            return None
        firsts = [leg.routes[0].trunk for leg in legs]
        for leg, first in zip(legs, firsts, strict=True):
            trunks = [trunk for route in leg.routes if (trunk := self._trunks.find(route.trunk)) is not None]
            if await self._lines.are_full(trunks, need=firsts.count(first)):
                sentence = "All lines of the carriers that take calls to this number are taken right now."
                return Refusal("no-capacity", sentence, leg.role, FULL_AGAIN_S)
        for first in firsts:
            self._lines.accepted(first)
        return None

    def refused(self, call: Call) -> None:
        """It was made, and is not placed after all: the lines that it was to have are others'."""
        if self._lines is not None:
            for leg in call.legs:
                self._lines.not_accepted(leg.routes[0].trunk)

    def _terms(self, ask: CallAsk, plan: Plan) -> Terms:
        """The settings', but for what the payer's plan and the request have of their own."""
        t = self.policy.terms
        t = replace(
            t, increment=plan.increment or t.increment, slice_s=plan.slice_s or t.slice_s,
            max_live_calls=plan.max_live_calls or t.max_live_calls,
        )  # fmt: skip
        asked = {
            name: value
            for name in ("confirm_caller", "waiting", "early_media")
            if (value := getattr(ask, name)) is not None
        }
        longest_s = t.max_duration_s if ask.max_duration_s is None else min(ask.max_duration_s, t.max_duration_s)
        return replace(t, max_duration_s=longest_s, **asked)

    def _routes(self, number: str, own: Own | None, key: str) -> tuple[Route, ...]:
        trunks = self._trunks.order(number, key, self._now_ms())[: self.policy.tries_max]
        return tuple(self.route(trunk, number, own) for trunk in trunks)

    def route(self, trunk: Trunk, number: str, own: Own | None) -> Route:
        """To this number over this trunk, now. `own` None: it is the caller's own."""
        ours, price = self.policy.platform_number, priced(trunk, number, self._now_ms())
        shows = shown(trunk.caller_id, ours, own, pair=f"{own and own.number} {number}")
        shown_as = self._formatted(shows.number, trunk.caller_id_format)
        diverts = trunk.diversion and shows.number != ours
        return Route(
            trunk=trunk.name, dialled=dialled(trunk, number, self._national(number)), shown=shows.number,
            why=str(shows.why), shown_as="" if shown_as == shows.number else shown_as,
            privacy=trunk.privacy, diversion=self._formatted(ours, trunk.caller_id_format) if diverts else "",
            price_micro_per_min=price.rate.price_micro_per_min, price_increment=price.rate.increment,
            later=price.later, currency=trunk.currency, causes=trunk.causes,
        )  # fmt: skip

    def _formatted(self, number: str, form: Format) -> str:
        return formatted(number, form, self._national(number))

    async def _caller(self, written: str) -> tuple[User, Own] | Refusal:
        """The user who is rung first and pays. Nobody can make the platform ring a stranger as himself."""
        user = await self._users.get(written) if _may_be_id(written) else None
        number = None
        if user is None:
            number = self._read(written)
            if number is None:
                return _nobody(written, "caller")
            user = await self._users.by_number(number.text)
            if user is None:
                return Refusal("number-not-verified", "This number belongs to no user: it cannot call.", "caller")
        owned = user.owned(number.text) if number else next(iter(user.numbers), None)
        if owned is None:
            return Refusal("number-not-verified", "This user has no number that could be rung.", "caller")
        if not owned.is_verified:
            return Refusal("number-not-verified", "This number has not been proved to be the user's.", "caller")
        if (refused := may_call(self._read(owned.number), self.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, "caller")
        return user, Own(owned.number, owned.is_verified)

    async def _callee(self, written: str) -> tuple[User | None, Number] | Refusal:
        user = await self._users.get(written) if _may_be_id(written) else None
        if user is not None and not user.numbers:
            return Refusal("invalid-number", "This user has no number that could be rung.", "callee")
        number = self._read(user.numbers[0].number if user else written)
        if user is None and number is None:
            return _nobody(written, "callee")
        if (refused := may_call(number, self.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, "callee")
        assert number is not None
        return user or await self._users.by_number(number.text), number


def _nobody(written: str, at: str) -> Refusal:
    """What is neither a user nor a number that can be called. A word was meant as a user, digits as a number."""
    if any(sign.isalpha() for sign in written):
        return Refusal("unknown-user", "There is no such user, and it is not a phone number.", at)
    return Refusal("invalid-number", "This is not a phone number that can be called, and no user has this id.", at)


def _may_be_id(written: str) -> bool:
    return bool(written) and not written.startswith("+")
