"""A conference as the API's tests meet it: a host and three others, of whom one is muted, one was busy, one rings."""

from __future__ import annotations

from dataclasses import replace

from ari_app.domain.call import Call, Leg, LegState, Route, Terms, Try
from ari_app.domain.events import LegAdded, Told
from ari_app.domain.wanted import Party
from ari_app.engine.asks import Refusal
from ari_app.engine.telling import NotTaken, Word
from ari_app.flows import conference
from tests.unit.http.http_bench import NOW_MS

ROUTE = Route("carrier", "+8613900000001", "+864001234567", "to_caller", 60_000, "60/60")
UP = Try(state=LegState.UP, dialled_at_ms=NOW_MS, answered_at_ms=NOW_MS)
BUSY = Try(state=LegState.GONE, dialled_at_ms=NOW_MS, ended_at_ms=NOW_MS + 50, cause=17, sip_status=486, how="remote")
RINGS = Try(state=LegState.RINGING, dialled_at_ms=NOW_MS, rang_at_ms=NOW_MS + 20)


def a_conference(id: str = "c9") -> Call:
    def leg(role: str, last: str, t: Try, user: str | None = None) -> Leg:
        return Leg(role, f"+861390000000{last}", (ROUTE,), 45_000, user=user, tries=(t,))

    legs = (
        leg("host", "1", UP, "demo"), replace(leg("p1", "4", UP), words=("mute",), is_talking=True),
        leg("p2", "2", BUSY), leg("p3", "3", RINGS),
    )  # fmt: skip
    joined = frozenset({"join:host:0", "join:p1:0"})
    return Call(
        id=id, type=conference.TYPE, created_at_ms=NOW_MS, payer="demo", legs=legs, now_ms=NOW_MS, held_s=300, holds=1,
        terms=Terms(increment="60/60"), asked=joined, done=joined,
    )  # fmt: skip


class Hall:
    """One live conference: what is told to it is so at once."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.answer: Refusal | NotTaken | None = None
        self.told: list[Word] = []
        self.added: list[tuple[Party, str, str]] = []

    async def tell(self, _id: str, word: Word) -> Call | NotTaken:
        if isinstance(self.answer, NotTaken):
            return self.answer
        self.told.append(word)
        if isinstance(word, Told) and word.leg:
            leg = self.call.leg(word.leg)
            self.call = self.call.with_leg(replace(leg, words=(*leg.words, word.word)))
        elif isinstance(word, LegAdded):
            self.call = replace(self.call, legs=(*self.call.legs, word.leg))
        return self.call

    async def add(self, call: Call, party: Party, *, host: str, ask: str) -> Call | Refusal:
        if isinstance(self.answer, Refusal):
            return self.answer
        self.added.append((party, host, ask))
        if all(leg.ask != ask for leg in self.call.legs):
            new = Leg(f"{party.role}{len(self.call.legs)}", party.who, (ROUTE,), 45_000, ask=ask)
            self.call = replace(self.call, legs=(*self.call.legs, new))
        return self.call
