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

from ari_app.domain.call import CALLER, Call, Leg
from ari_app.domain.errors import Unavailable
from ari_app.domain.limits import Limit, Over, longest_s, over
from ari_app.engine.asks import Refusal
from ari_app.ports.limits import Counted, Limits, of_number, of_pair

NAMES = {60: "minute", 3600: "hour", 86_400: "day"}


@dataclass(frozen=True, slots=True)
class AttemptRules:
    """Of the operator. Called numbers that begin with one of `free_prefixes` are not counted at all."""

    pair: tuple[Limit, ...] = ()
    number: tuple[Limit, ...] = ()
    free_prefixes: tuple[str, ...] = ()

    def limits_of(self, what: Counted) -> tuple[Limit, ...]:
        return self.pair if what.kind == "pair" else self.number


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
        for what, _ in self._counted(call):
            try:
                hit = await self._mark(what, call, self._rules.limits_of(what))
            except Unavailable:
                await self.take_back(call)
                raise
            if hit is not None:
                await self.take_back(call)
                return _refusal(what, hit)
        return None

    async def take_back(self, call: Call) -> None:
        """It reached no carrier, and never will. Where the store is away, the mark stays until the call's end."""
        with suppress(Unavailable):
            for what, _ in self._counted(call):
                await self._limits.take_back(what, call.id)

    async def ended(self, call: Call) -> None:
        """A pair is counted by whoever was rung, a number by its own phone. May raise Unavailable; asked again, it does
        no harm."""
        is_placed = any(_is_rung(leg) for leg in call.legs)
        await asyncio.gather(
            *(
                self._mark(what, call)
                if (is_placed if what.kind == "pair" else _is_rung(leg))
                else self._limits.take_back(what, call.id)
                for what, leg in self._counted(call)
            )
        )

    # ---- for support --------------------------------------------------------------------------------------------

    async def standing(self, payer: str, number: str, now_ms: int) -> list[Standing]:
        """Nothing where neither is limited. May raise Unavailable."""
        found = []
        for what in self._limited(payer, number):
            limits = self._rules.limits_of(what)
            since_ms = now_ms - 1000 * longest_s(limits)
            marks = {call: at for call, at in (await self._limits.marks(what)).items() if at > since_ms}
            found.append(Standing(what, limits, marks, over(marks.values(), limits, now_ms)))
        return found

    async def lift(self, payer: str, number: str, *, of_all: bool) -> int:
        """What the pair has on its account is forgotten, `of_all`: the number's as well. May raise Unavailable."""
        whats = [what for what in self._limited(payer, number) if of_all or what.kind == "pair"]
        return sum([await self._limits.lift(what) for what in whats])

    # ---- inner --------------------------------------------------------------------------------------------------

    def _limited(self, payer: str, number: str) -> list[Counted]:
        if number.startswith(self._rules.free_prefixes):
            return []
        return [what for what in (of_pair(payer, number), of_number(number)) if self._rules.limits_of(what)]

    async def _mark(self, what: Counted, call: Call, limits: Sequence[Limit] = ()) -> Over | None:
        keep_s = longest_s(self._rules.limits_of(what))
        return await self._limits.mark(what, call.id, limits, at_ms=call.created_at_ms, keep_s=keep_s)

    def _counted(self, call: Call) -> Iterator[tuple[Counted, Leg]]:
        for leg in call.legs:
            if leg.role != CALLER and not leg.came_in:
                yield from ((what, leg) for what in self._limited(call.payer, leg.number))


def _is_rung(leg: Leg) -> bool:
    return any(t.reached_trunk for t in leg.tries)


def rule_of(what: Counted, limit: Limit) -> str:
    """Such as pair-3-in-300s."""
    return f"{what.kind}-{limit.most}-in-{limit.window_s}s"


def _refusal(what: Counted, hit: Over) -> Refusal:
    many, span = f"{hit.limit.most} time{'s' * (hit.limit.most > 1)}", _span(hit.limit.window_s)
    who = "This user has called this number" if what.kind == "pair" else "This number was called"
    sentence = f"{who} {many} in the last {span}, as often as may be."
    return Refusal(
        "too-many-calls", sentence, "callee", retry_after_s=-(-hit.again_ms // 1000), rule=rule_of(what, hit.limit)
    )


def _span(window_s: int) -> str:
    for unit_s, name in sorted(NAMES.items(), reverse=True):
        if window_s % unit_s == 0:
            many = window_s // unit_s
            return name if many == 1 else f"{many} {name}s"
    return f"{window_s} seconds" if window_s > 1 else "second"
