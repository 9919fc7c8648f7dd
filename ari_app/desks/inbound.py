"""Who calls the platform's number, and what is done about it, before the call is answered: lookups, limits, and a call
of the inbound type begun on the PBX where the channel is. All that is said and done after that is its flow's business.

Knows ports only. What it answers with is carried out by a dialplan (asterisk_conf/pbx/extensions.conf).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import structlog

from ari_app.domain.call import CALLER, Call, Leg, Route, Try
from ari_app.domain.limits import Limit, longest_s
from ari_app.domain.numbers import Number
from ari_app.domain.tenants import OPERATOR, tenant_of
from ari_app.engine.abuse import AbuseCheck
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.fleet import Fleet, Place
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.making import CallMaker, language_of
from ari_app.engine.recent_callers import RecentCallers
from ari_app.engine.service import call_id
from ari_app.flows import inbound
from ari_app.ports.devices import USERNAME
from ari_app.ports.limits import Limits, of_arrivals
from ari_app.ports.users import User, Users

log = structlog.get_logger()

ANONYMOUS = "anonymous"
CALL_BACK_MS = inbound.CALL_BACK_MS
SPARE_S = 600
"""Beyond the longest talk: for what comes before it."""

Mode = Literal["menu", "missed", "busy"]


@dataclass(frozen=True, slots=True)
class Rules:
    """Of the operator. `modes`: of numbers of ours (E.164) that are not taken as `mode` says. `connects`: whether a
    user is connected at once by the number from which he seems to call; else he is always called back."""

    mode: Mode = "menu"
    modes: Mapping[str, Mode] = field(default_factory=dict)
    calls_max: int = 50
    rate: tuple[Limit, ...] = ()
    ring_ms: int = 8_000
    connects: bool = True


@dataclass(frozen=True, slots=True)
class Arrival:
    """A channel that wants to come in. `node` "": the only one. Numbers as the carrier wrote them; `channel` is the
    PBX's own id. `trunk`: the endpoint, which may be a user's device."""

    node: str
    channel: str
    caller: str
    to: str
    trunk: str


@dataclass(frozen=True, slots=True)
class Answer:
    """`stasis`: it comes in as `leg`, and hears that it rings where it is not picked up at once. `busy`. `say`: this
    sound is played before the answer, and that is all."""

    route: Literal["stasis", "busy", "say"]
    leg: str = ""
    rings: bool = False
    life_s: int = 0
    sound: str = ""
    language: str = ""


BUSY = Answer("busy")
OUT_OF_ORDER = Answer("say", sound="out_of_order")


@dataclass(frozen=True, slots=True)
class _Caller:
    arrival: Arrival
    place: Place
    number: str
    user: User | None

    @property
    def language(self) -> str:
        return language_of(self.user)


class Inbound:
    """`minutes`: how many whole ones a user has. `has_pins`: whether any PIN could lead anywhere now. `told`: of each
    arrival, what was done about it."""

    def __init__(
        self, *, fleet: Fleet, maker: CallMaker, users: Users, read_number: Callable[[str], Number | None],
        rules: Rules, limits: Limits, abuse: AbuseCheck, recent: RecentCallers,
        minutes: Callable[[User], Awaitable[int]], has_pins: Callable[[], Awaitable[bool]],
        is_draining: Callable[[], bool], now_ms: Callable[[], int], told: Callable[[str], None] = lambda _what: None,
        owner_of: Callable[[str], str | None] = lambda _device: None,
    ) -> None:  # fmt: skip
        self._fleet = fleet
        self._maker = maker
        self._users = users
        self._read = read_number
        self._rules = rules
        self._limits = limits
        self._abuse = abuse
        self._recent = recent
        self._minutes = minutes
        self._has_pins = has_pins
        self._is_draining = is_draining
        self._now_ms = now_ms
        self._told = told
        self._owner_of = owner_of

    async def arrived(self, arrival: Arrival) -> Answer:
        """May raise Unavailable: nobody can tell who calls."""
        place = self._place_of(arrival.node)
        if place is None or self._is_draining():
            return self._so("refused", OUT_OF_ORDER)
        user = await self._by_device(arrival.trunk)
        number = self._read(arrival.caller if user is None else _number_of(user))
        caller = ANONYMOUS if number is None else number.text
        if await self._is_too_much(arrival, caller):
            return self._so("too_many", BUSY)
        user = user or await self._known(caller)
        who = _Caller(arrival, place, caller, user)
        return await (self._user_calls(who, user) if user is not None else self._stranger_calls(who))

    # ---- who calls ----------------------------------------------------------------------------------------------

    async def _by_device(self, endpoint: str) -> User | None:
        """Who calls from a device of his has proved it by its password, whatever number he says he has."""
        owner = self._owner_of(endpoint)
        return None if owner is None else await self._users.get(owner)

    async def _known(self, number: str) -> User | None:
        """By a number that is proved to be his."""
        user = None if number == ANONYMOUS else await self._users.by_number(number)
        owned = None if user is None else user.owned(number)
        return user if owned is not None and owned.is_verified else None

    async def _user_calls(self, who: _Caller, user: User) -> Answer:
        to = self._read(who.arrival.to)
        mode = self._rules.modes.get(to.text if to else "", self._rules.mode)
        given = {"minutes": str(await self._minutes(user)), "connect": "1" if self._rules.connects else "0"}
        if mode == "busy":
            if given["minutes"] != "0":
                await self._call_back(who, given)
            return self._so("busy", BUSY)
        if mode == "menu" and await self._has_pins():
            given["pins"] = "1"
        return await self._take_in(who, inbound.Request(mode, payer=user.id), given)

    async def _stranger_calls(self, who: _Caller) -> Answer:
        """Nothing that he does costs anybody anything, but for a user who called him first."""
        user_id = None if who.number == ANONYMOUS else await self._recent.last(who.number)
        if user_id is not None:
            answer = await self._take_in(who, inbound.Request("returned", payer=user_id), {})
            if answer.route == "stasis":
                return answer
        if await self._has_pins():
            return await self._take_in(who, inbound.Request("pin"), {})
        if user_id is not None:
            return self._so("unavailable", Answer("say", sound="unavailable"))
        return self._so("stranger", Answer("say", sound="not_known"))

    # ---- limits -------------------------------------------------------------------------------------------------

    async def _is_too_much(self, arrival: Arrival, caller: str) -> bool:
        calls = (call for engine in self._fleet.engines for call in engine.live_calls() if call.id != _id_of(arrival))
        live = sum(leg.came_in for call in calls for leg in call.legs)
        if live >= self._rules.calls_max:
            log.warning("too many calls came in", live=live)
            return True
        if not self._rules.rate:
            return False
        mark = _id_of(arrival)
        hit = await self._limits.mark(
            of_arrivals(caller), mark, self._rules.rate, at_ms=self._now_ms(), keep_s=longest_s(self._rules.rate)
        )
        return hit is not None

    # ---- calls --------------------------------------------------------------------------------------------------

    def _place_of(self, node: str) -> Place | None:
        """Where the channel is."""
        ours = {one.name: one for one in self._fleet.nodes}
        if not node and len(ours) == 1:
            node = next(iter(ours))
        if node in ours:
            return Place(node, ours[node].engine)
        return Place(node, None) if any(one.node == node for one in self._fleet.seen) else None

    async def _take_in(self, who: _Caller, request: inbound.Request, given: Mapping[str, str]) -> Answer:
        new_id, admission = _id_of(who.arrival), who.place.admission
        if self._fleet.mailbox(new_id) is not None:  # the dialplan asks again
            admission = None
        if admission is not None and not admission.admit(new_id):
            return self._so("too_many", BUSY)
        begun: Call | Mailbox | Refusal | None = None
        try:
            ask = Ask(inbound.TYPE, request, given=given, tenant=tenant_of(request.payer))
            begun = await self._begin(ask, new_id, who, came_in=True)
        finally:
            if admission is not None:
                admission.placed(new_id, has_begun=not isinstance(begun, Refusal | None))
                admission.dialled(new_id)  # there is nobody to ring (yet)
        if isinstance(begun, Refusal):
            log.info("call that came in refused", mode=request.mode, why=begun.rule or begun.type)
            return self._so("unavailable", Answer("say", sound="unavailable", language=who.language))
        if (begun.call if isinstance(begun, Mailbox) else begun).end is not None:
            return self._so("refused", OUT_OF_ORDER)  # the dialplan asked again, and that call is over already
        if who.place.engine is not None:
            await who.place.engine.expect(who.arrival.channel, new_id, CALLER)
        life_s = self._maker.policy.terms.max_duration_s + SPARE_S
        rings = request.mode in ("missed", "returned")
        return self._so(request.mode, Answer("stasis", leg=f"{new_id}.{CALLER}.0", rings=rings, life_s=life_s))

    async def _call_back(self, who: _Caller, given: Mapping[str, str]) -> None:
        """As soon as his phone is free."""
        request = inbound.Request("back", caller=who.number)
        tenant = OPERATOR if who.user is None else tenant_of(who.user.id)
        ask = Ask(inbound.TYPE, request, given={**given, "wait_ms": str(CALL_BACK_MS)}, tenant=tenant)
        begun = await self._begin(ask, call_id("back", _id_of(who.arrival)), who, came_in=False)
        if isinstance(begun, Refusal):
            log.warning("caller not called back", why=begun.rule or begun.type)

    async def _begin(self, ask: Ask, new_id: str, who: _Caller, *, came_in: bool) -> Call | Mailbox | Refusal:
        made = await self._maker.make(ask, new_id)
        if isinstance(made, Refusal):
            return made
        call = self._fleet.timed(made, who.place)
        if came_in:
            call = replace(call, legs=(_leg(who, call.now_ms, self._rules.ring_ms), *call.legs))
        is_begun = False
        try:
            refused = await self._abuse.refused(call)
            begun = refused or await self._fleet.begin(call, who.place)
            is_begun = refused is None
        finally:
            if not is_begun:
                self._maker.refused(made)
        return begun

    def _so(self, what: str, answer: Answer) -> Answer:
        log.info("call came in", route=what, leg=answer.leg)
        self._told(what)
        return answer


def _id_of(arrival: Arrival) -> str:
    """A call's id: asked again about the same channel, it is the same call."""
    return call_id(f"in {arrival.node}", arrival.channel)


def _number_of(user: User) -> str:
    """That he is known by: the first that is proved to be his."""
    return next((one.number for one in user.numbers if one.is_verified), "")


def _way(arrival: Arrival) -> Route:
    if USERNAME.fullmatch(arrival.trunk):
        return Route("", arrival.to, "", "came_in", device=arrival.trunk)
    return Route(arrival.trunk, arrival.to, "", "came_in")


def _leg(who: _Caller, now_ms: int, ring_ms: int) -> Leg:
    return Leg(
        role=CALLER, number=who.number, routes=(_way(who.arrival),),
        ring_timeout_ms=ring_ms, user=None if who.user is None else who.user.id, language=who.language, came_in=True,
        tries=(Try(dialled_at_ms=now_ms),),
    )  # fmt: skip
