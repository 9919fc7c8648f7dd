"""How often may this user call this number, and everybody this number? A call is counted when it is accepted, before
anything is held or dialled, and its mark is taken back if it reached no carrier after all.

What goes wrong in between is put right at the call's end, by whichever process sees that: a mark that is missing is
had again, one that is too many is taken back. A mark whose call never came to be stays for its window, at worst.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ari_app.domain.call import CALLEE, CALLER, Call, Leg
from ari_app.domain.errors import Unavailable
from ari_app.domain.limits import Limit, Over, longest_s, over
from ari_app.domain.tenants import tenant_of
from ari_app.engine.asks import Refusal
from ari_app.ports.limits import Counted, Kind, Limits, of_number, of_pair, of_partner, of_proof, of_prover

NAMES = {60: "minute", 3600: "hour", 86_400: "day"}


@dataclass(frozen=True, slots=True)
class AttemptRules:
    """Of the operator. Called numbers that begin with one of `free_prefixes` are not counted at all. `proof`,
    `prover` and `partner`: of calls for which nobody pays with minutes, so that nothing else keeps them few."""

    pair: tuple[Limit, ...] = ()
    number: tuple[Limit, ...] = ()
    free_prefixes: tuple[str, ...] = ()
    proof: tuple[Limit, ...] = ()
    prover: tuple[Limit, ...] = ()
    partner: tuple[Limit, ...] = ()

    def limits_of(self, what: Counted) -> tuple[Limit, ...]:
        named = {
            "pair": self.pair, "number": self.number, "proof": self.proof, "prover": self.prover,
            "partner": self.partner,
        }  # fmt: skip
        return named.get(what.kind, ())


@dataclass(frozen=True, slots=True)
class Standing:
    """For support: what is counted of a pair or a number now. `over`: the limit that one more call would hit."""

    what: Counted
    limits: tuple[Limit, ...]
    marks: Mapping[str, int]
    over: Over | None


class Attempts:
    def __init__(self, limits: Limits, rules: AttemptRules) -> None:
        self._limits = limits
        self._rules = rules

    async def refused(self, call: Call) -> Refusal | None:
        """None: the call is counted, and may begin. May raise Unavailable: then it is not counted, as far as can be
        known."""
        for what, leg in self._counted(call):
            try:
                hit = await self._mark(what, call, leg, self._rules.limits_of(what))
            except Unavailable:
                await self.take_back(call)
                raise
            if hit is not None:
                await self.take_back(call)
                return _refusal(what, hit, "callee" if call.payer else "number")
        return None

    async def take_back(self, call: Call) -> None:
        """It reached no carrier, and never will. Where the store is away, the mark stays until the call's end."""
        with suppress(Unavailable):
            for what, leg in self._counted(call):
                await self._limits.take_back(what, _mark_of(call, leg))

    async def ended(self, call: Call) -> None:
        """A pair is counted by whoever was rung, a number by its own phone. May raise Unavailable; asked again, it does
        no harm."""
        is_placed = any(_is_rung(leg) for leg in call.legs)
        await asyncio.gather(
            *(
                self._mark(what, call, leg)
                if (is_placed if what.kind == "pair" and not leg.ask else _is_rung(leg))
                else self._limits.take_back(what, _mark_of(call, leg))
                for what, leg in self._counted(call)
            )
        )

    # ---- for support --------------------------------------------------------------------------------------------

    async def standing(self, payer: str, number: str, now_ms: int) -> list[Standing]:
        """Nothing where neither is limited. May raise Unavailable."""
        found = []
        for what in dict.fromkeys([*self._limited(payer, number), *self._proofs(payer, number)]):
            limits = self._rules.limits_of(what)
            since_ms = now_ms - 1000 * longest_s(limits)
            marks = {call: at for call, at in (await self._limits.marks(what)).items() if at > since_ms}
            found.append(Standing(what, limits, marks, over(marks.values(), limits, now_ms)))
        return found

    async def lift(self, payer: str, number: str, *, of_all: bool) -> int:
        """What the pair has on its account is forgotten, `of_all`: the number's as well. May raise Unavailable."""
        limited = dict.fromkeys([*self._limited(payer, number), *self._proofs(payer, number)])
        whats = [what for what in limited if of_all or (what.payer and what.kind != "partner")]
        return sum([await self._limits.lift(what) for what in whats])

    # ---- inner --------------------------------------------------------------------------------------------------

    def _limited(self, payer: str, number: str) -> list[Counted]:
        return self._with_limits(number, of_pair(payer, number), of_number(number))

    def _proofs(self, user: str, number: str) -> list[Counted]:
        """Of a call to a user's own number, for which nobody pays."""
        partner = [of_partner(tenant)] if (tenant := tenant_of(user)) else []
        return self._with_limits(number, of_number(number), of_proof(number), of_prover(user), *partner)

    def _with_limits(self, number: str, *whats: Counted) -> list[Counted]:
        if number.startswith(self._rules.free_prefixes):
            return []
        return [what for what in whats if self._rules.limits_of(what)]

    async def _mark(self, what: Counted, call: Call, leg: Leg, limits: Sequence[Limit] = ()) -> Over | None:
        keep_s = longest_s(self._rules.limits_of(what))
        return await self._limits.mark(what, _mark_of(call, leg), limits, at_ms=_asked_at_ms(call, leg), keep_s=keep_s)

    def _counted(self, call: Call) -> Iterator[tuple[Counted, Leg]]:
        """Nothing of what is the operator's own errand."""
        for leg in call.legs:
            if leg.role == CALLER or leg.came_in or _is_payer(call, leg):
                continue
            if call.payer:
                yield from ((what, leg) for what in self._limited(call.payer, leg.number))
            elif leg.user is not None:
                yield from ((what, leg) for what in self._proofs(leg.user, leg.number))


def _is_payer(call: Call, leg: Leg) -> bool:
    """Who is rung first as himself, whatever his role is called. As callee nobody is: a number that a user says is his
    may be anybody's, and a call to it is one to a stranger's phone."""
    is_first = bool(call.legs) and leg is call.legs[0] and not leg.ask
    return is_first and leg.role != CALLEE and bool(call.payer) and leg.user == call.payer


def _mark_of(call: Call, leg: Leg) -> str:
    """One who was added while the call went on counts for himself, however often that is the same number."""
    return f"{call.id}.{leg.ask}" if leg.ask else call.id


def _asked_at_ms(call: Call, leg: Leg) -> int:
    if not leg.ask:
        return call.created_at_ms
    return leg.tries[0].dialled_at_ms if leg.tries else call.now_ms


def _is_rung(leg: Leg) -> bool:
    """A ring of a registered device reaches no carrier."""
    return any(t.reached_trunk and not route.device for route, t in zip(leg.routes, leg.tries, strict=False))


def rule_of(what: Counted, limit: Limit) -> str:
    """Such as pair-3-in-300s."""
    return f"{what.kind}-{limit.most}-in-{limit.window_s}s"


DONE: Mapping[Kind, str] = {
    "pair": "This user has called this number",
    "number": "This number was called",
    "proof": "A code was read out to this number",
    "prover": "Codes were read out for this user",
    "partner": "Codes were read out for users of this tenant",
    "guess": "This user gave a wrong code",
}


def _refusal(what: Counted, hit: Over, at: str) -> Refusal:
    again_s = -(-hit.again_ms // 1000)
    return Refusal("too-many-calls", sentence_of(what, hit), at, again_s, rule=rule_of(what, hit.limit))


def sentence_of(what: Counted, hit: Over) -> str:
    many, span = f"{hit.limit.most} time{'s' * (hit.limit.most > 1)}", _span(hit.limit.window_s)
    return f"{DONE[what.kind]} {many} in the last {span}, as often as may be."


def _span(window_s: int) -> str:
    for unit_s, name in sorted(NAMES.items(), reverse=True):
        if window_s % unit_s == 0:
            many = window_s // unit_s
            return name if many == 1 else f"{many} {name}s"
    return f"{window_s} seconds" if window_s > 1 else "second"
