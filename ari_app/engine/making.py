"""From what was asked to a call: who is meant, who may be rung and shown what, over which trunks, on which terms.

Reads users and settings; begins nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ari_app.domain.call import Call, Leg, Route, Terms
from ari_app.domain.costing import priced
from ari_app.domain.numbers import Format, Number, Own, formatted, may_call, shown
from ari_app.domain.plans import Entitlement, Plan
from ari_app.domain.tenants import OPERATOR, kept, may_see, tenant_of
from ari_app.domain.trunks import Trunk, dialled
from ari_app.domain.wanted import Party, Wants
from ari_app.engine.asks import Ask, Policy, Refusal
from ari_app.engine.lines_now import LinesNow
from ari_app.engine.on_net import OnNet
from ari_app.engine.trunk_book import TrunkBook
from ari_app.flows import asked_flows
from ari_app.ports.users import USER_ID, OwnedNumber, User, Users

FULL_AGAIN_S = 5


@dataclass(frozen=True, slots=True)
class Person:
    """Who is meant by a party: the number to ring, and whose it is, if a user's."""

    party: Party
    number: str
    user: User | None


@dataclass(frozen=True, slots=True)
class Payer:
    user: User
    own: Own


class CallMaker:
    def __init__(
        self, *, users: Users, read_number: Callable[[str], Number | None], policy: Policy, trunks: TrunkBook,
        now_ms: Callable[[], int], entitled: Callable[[User], Awaitable[Entitlement]],
        national: Callable[[str], str] = lambda _number: "", lines: LinesNow | None = None,
        on_net: OnNet | None = None,
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
        self._on_net = on_net

    async def make(self, ask: Ask, new_id: str) -> Call | Refusal:
        """A call of any type: its flow says what it wants."""
        wants = asked_flows()[ask.type].wants(ask.request)
        people = await asyncio.gather(*(self._person(party, ask.tenant) for party in wants.parties))
        for found in people:
            if isinstance(found, Refusal):
                return found
        found_people = [one for one in people if not isinstance(one, Refusal)]
        payer = await self._payer(wants, found_people, ask.tenant)
        if isinstance(payer, Refusal):
            return payer
        found_people = [_as_payer_knows(one, payer) for one in found_people]
        if (twice := _the_same_twice(found_people)) is not None:
            return twice
        entitled = None if payer is None else await self._entitled(payer.user)
        terms = self._terms(wants, None if entitled is None else entitled.plan)
        if wants.talks_together and len(found_people) > terms.phones_max:
            return too_many_phones(terms, wants.parties[terms.phones_max].at)
        legs = []
        for one in found_people:
            leg = self.leg(one, payer if one.party.shows_payer else None, new_id)
            if isinstance(leg, Refusal):
                return leg
            legs.append(leg)
        if (full := await self._full(legs)) is not None:
            return full
        return Call(
            id=new_id, type=ask.type, created_at_ms=self._now_ms(), payer="" if payer is None else payer.user.id,
            legs=tuple(legs), terms=terms, team="" if entitled is None else entitled.team, metadata=dict(ask.metadata),
            given={**wants.given, **ask.given}, secret=secrets.token_hex(16), fingerprint=ask.fingerprint,
            is_private=ask.private, now_ms=self._now_ms(),
        )  # fmt: skip

    def leg(self, person: Person, payer: Payer | None, key: str) -> Leg | Refusal:
        """`payer`: whose number is shown to him, where the operator lets it."""
        party, number = person.party, person.number
        own = None if payer is None else payer.own
        routes = (*self._device_routes(person, own), *self._routes(number, own, key))
        if not routes:
            return self._no_route(number, party.at)
        ring_ms = self.policy.caller_ring_ms if party.is_himself else self.policy.callee_ring_ms
        return Leg(
            role=party.role, number=number, routes=routes, ring_timeout_ms=ring_ms,
            user=None if person.user is None else person.user.id, language=language_of(person.user) or party.language,
        )  # fmt: skip

    async def one_more(self, call: Call, party: Party, payer: str) -> Leg | Refusal:
        """A phone for a call that goes on. `payer`: whose number is shown, where `party` wants it: as written."""
        person = await self._person(party, call.tenant)
        if isinstance(person, Refusal):
            return person
        pays = await self._payer(Wants((party,), payer=payer), [person], call.tenant)
        leg = pays if isinstance(pays, Refusal) else self.leg(person, pays if party.shows_payer else None, call.id)
        full = None if isinstance(leg, Refusal) else await self._full([leg])
        return full or leg

    def _device_routes(self, person: Person, own: Own | None) -> tuple[Route, ...]:
        if self._on_net is None or person.user is None or not person.party.rings_devices:
            return ()
        return self._on_net.routes(person.user.id, own)

    def _no_route(self, number: str, role: str) -> Refusal:
        if self._trunks.takes(number):
            sentence = "No carrier that takes calls to this number can be used right now."
            opens_at_ms = self._trunks.opens_at_ms(number, self._now_ms())
            opens_in_ms = 0 if opens_at_ms is None else opens_at_ms - self._now_ms()
            return Refusal("no-capacity", sentence, role, max(1, -(-opens_in_ms // 1000)))
        return Refusal("destination-blocked", "No carrier takes calls to this number.", role)

    async def _full(self, legs: Sequence[Leg]) -> Refusal | None:
        """Refused now, rather than accepted and brought to nothing. Where both phones go over the same trunk, it must
        have two lines."""
        if self._lines is None:
            return None
        legs = [leg for leg in legs if not leg.routes[0].device]  # who has a device may need no line
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
                if not leg.routes[0].device:
                    self._lines.not_accepted(leg.routes[0].trunk)

    def _terms(self, wants: Wants, plan: Plan | None) -> Terms:
        """The settings', but for what the payer's plan and the request have of their own."""
        t = self.policy.terms
        if plan is not None:
            t = replace(
                t, increment=plan.increment or t.increment, slice_s=plan.slice_s or t.slice_s,
                max_live_calls=plan.max_live_calls or t.max_live_calls,
                phones_max=self.policy.phones_max.get(plan.name, t.phones_max),
            )  # fmt: skip
        asked: dict[str, Any] = {name: value for name, value in wants.terms.items() if value is not None}
        longest_s = min(asked.pop("max_duration_s", t.max_duration_s), t.max_duration_s)
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

    async def _person(self, party: Party, tenant: str) -> Person | Refusal:
        return await (self.himself(party, tenant) if party.is_himself else self.anyone(party, tenant))

    async def _payer(self, wants: Wants, people: Sequence[Person], tenant: str) -> Payer | Refusal | None:
        """None: nobody pays. Who is rung himself is known already; another one shows his number only if it is proved
        to be his."""
        if not wants.payer:
            return None
        for one in people:
            if one.party.is_himself and one.party.who == wants.payer and one.user is not None:
                return Payer(one.user, Own(one.number, is_verified=True))
        found = await self._named(wants.payer, wants.payer_at, tenant)
        if isinstance(found, Refusal):
            return found
        user, owned = found
        number = self.policy.platform_number if owned is None else owned.number
        return Payer(user, Own(number, is_verified=owned is not None and owned.is_verified))

    async def payer(self, written: str, at: str, tenant: str = OPERATOR) -> Payer | Refusal:
        """A user, for whoever means to place calls on his behalf later. `tenant`: among whose he is looked for."""
        found = await self._payer(Wants((), written, at), [], tenant)
        assert found is not None, "somebody is named"
        return found

    async def _by_id(self, written: str, tenant: str) -> User | None:
        kept_as = kept(tenant, written, USER_ID)
        return None if kept_as is None else await self._users.get(kept_as)

    async def _by_number(self, number: str, tenant: str) -> User | None:
        """Another tenant's user is nobody here: then it is a number as any other. What a partner merely says of a
        number counts in his own calls alone: others' calls to it would ring his user's device."""
        user = await self._users.by_number(number)
        owned = None if user is None else user.owned(number)
        if user is None or owned is None or not may_see(tenant, tenant_of(user.id)):
            return None
        return user if owned.is_verified or tenant_of(user.id) == tenant else None

    async def _named(self, written: str, at: str, tenant: str) -> tuple[User, OwnedNumber | None] | Refusal:
        """A user of the tenant's, by his id or by a number of his: that number, else his first."""
        user = await self._by_id(written, tenant)
        number = None
        if user is None:
            number = self._read(written)
            if number is None:
                return _nobody(written, at)
            user = await self._by_number(number.text, tenant)
            if user is None:
                return Refusal("number-not-verified", "This number belongs to no user: it cannot call.", at)
        return user, user.owned(number.text) if number else next(iter(user.numbers), None)

    async def himself(self, party: Party, tenant: str = OPERATOR) -> Person | Refusal:
        """A user who is rung as such. Nobody can make the platform ring a stranger as himself."""
        found = await self._named(party.who, party.at, tenant)
        if isinstance(found, Refusal):
            return found
        user, owned = found
        if owned is None:
            return Refusal("number-not-verified", "This user has no number that could be rung.", party.at)
        if not owned.is_verified:
            return Refusal("number-not-verified", "This number has not been proved to be the user's.", party.at)
        if (refused := may_call(self._read(owned.number), self.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, party.at)
        return Person(party, owned.number, user)

    async def anyone(self, party: Party, tenant: str = OPERATOR) -> Person | Refusal:
        written = party.who
        user = await self._by_id(written, tenant)
        if user is not None and not user.numbers:
            return Refusal("invalid-number", "This user has no number that could be rung.", party.at)
        number = self._read(user.numbers[0].number if user else written)
        if user is None and number is None:
            return _nobody(written, party.at)
        if (refused := may_call(number, self.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, party.at)
        assert number is not None
        return Person(party, number.text, user or await self._by_number(number.text, tenant))


def language_of(user: User | None) -> str:
    """Of `zh-CN`, zh; "": the operator's."""
    return "" if user is None else user.locale.replace("_", "-").partition("-")[0].lower()


def too_many_phones(terms: Terms, at: str) -> Refusal:
    sentence = f"{terms.phones_max} phones may talk together by this user's plan, his own among them."
    return Refusal("too-many-participants", sentence, at, rule=f"phones-{terms.phones_max}")


def _the_same_twice(people: Sequence[Person]) -> Refusal | None:
    seen: dict[str, Party] = {}
    for one in people:
        other = seen.setdefault(one.number, one.party)
        if other is not one.party:
            sentence = f"The same number stands in {other.at} and in {one.party.at}."
            return Refusal("invalid-number", sentence, one.party.at)
    return None


def _nobody(written: str, at: str) -> Refusal:
    """What is neither a user nor a number that can be called. A word was meant as a user, digits as a number."""
    if any(sign.isalpha() for sign in written):
        return Refusal("unknown-user", "There is no such user, and it is not a phone number.", at)
    return Refusal("invalid-number", "This is not a phone number that can be called, and no user has this id.", at)


def _as_payer_knows(person: Person, payer: Payer | None) -> Person:
    """Whoever asks, a tenant's call has no user in it but the tenant's own: he sees it."""
    if person.user is None or payer is None or may_see(tenant_of(payer.user.id), tenant_of(person.user.id)):
        return person
    return replace(person, user=None)
