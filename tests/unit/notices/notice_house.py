"""The rounds of notices over memory, with a clock that stands still and calls that are played, not placed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

from ari_app.adapters.memory_notices import MemoryNotices
from ari_app.adapters.memory_speech import MemorySpeech
from ari_app.adapters.phone_numbers import PhoneNumbers
from ari_app.desks.notice_desk import NoticeAsk, NoticeDesk, NoticeRules
from ari_app.desks.notice_rounds import NoticeRounds
from ari_app.domain.call import CALLEE, Call, End, Leg, LegState, Route, Settlement, Terms, Try
from ari_app.domain.causes import HungUpBy, Reason
from ari_app.domain.notices import Notice, Recipient
from ari_app.domain.numbers import Own
from ari_app.domain.tenants import OPERATOR
from ari_app.domain.trunks import Trunk
from ari_app.domain.wanted import Party
from ari_app.engine.asks import Ask, Refusal
from ari_app.engine.making import Payer, Person
from ari_app.engine.notice_pace import Pace
from ari_app.engine.service import call_id
from ari_app.flows import notice as flow
from ari_app.ports.users import OwnedNumber, User

NOW_MS = 1_795_422_792_123  # 16:33:12 in Shanghai
GAP_MS = 300_000
SENDER = User("demo", (OwnedNumber("+8613900000001", "admin", 1),))


@dataclass
class Played:
    """Calls that were asked for, by their ids."""

    calls: dict[str, Call] = field(default_factory=dict)
    asked: list[Ask] = field(default_factory=list)
    refuses: Refusal | None = None
    is_draining: bool = False
    cancelled: list[str] = field(default_factory=list)
    may_place: asyncio.Event = field(default_factory=asyncio.Event)
    now_ms: int = NOW_MS

    async def place(
        self, ask: Ask, *, owner: str, idempotency_key: str | None = None, is_beside: bool = False
    ) -> Call | Refusal:
        await self.may_place.wait()
        id = call_id(owner, idempotency_key, is_beside=is_beside)
        if id in self.calls:
            return self.calls[id]
        self.asked.append(ask)
        if self.refuses is not None:
            return self.refuses
        given = {} if ask.type != flow.TYPE else dict(flow.wants(ask.request).given)
        leg = Leg(CALLEE, "+8613900000028", (Route("t", "1", "2", "verified"),), 30_000)
        self.calls[id] = Call(id, ask.type, self.now_ms, "demo", (leg,), Terms(), given=given, now_ms=self.now_ms)
        return self.calls[id]

    async def find(self, call_id: str) -> Call | None:
        return self.calls.get(call_id)

    async def cancel_for_good(self, call_id: str) -> bool:
        self.cancelled.append(call_id)
        return True


class House:
    def __init__(self, rules: NoticeRules | None = None) -> None:
        self.notices, self.speech, self.played = MemoryNotices(), MemorySpeech(), Played()
        self.played.may_place.set()
        self.rules = rules or NoticeRules(timezone="Asia/Shanghai", parallel=5)
        self.now_ms = NOW_MS
        self.clock_s = 0.0
        self.desk = NoticeDesk(
            self.notices, self.speech, self.rules, now_ms=lambda: self.now_ms, payer=self._payer, anyone=self._anyone
        )
        self.rounds = self.process()

    def process(self) -> NoticeRounds:
        """One more, on the same store."""
        pace = Pace(lambda: [Trunk("t", "h")], dict, lambda: True, 80, clock=lambda: self.clock_s)
        return NoticeRounds(
            self.notices, self.speech, self.rules, service=self.played, live=self.played, pace=pace,
            now_ms=lambda: self.now_ms,
        )  # fmt: skip

    async def _payer(self, written: str, at: str, tenant: str = OPERATOR) -> Payer | Refusal:
        return Payer(SENDER, Own("+8613900000001", is_verified=True))

    async def _anyone(self, party: Party, tenant: str = OPERATOR) -> Person | Refusal:
        number = PhoneNumbers("CN").read(party.who)
        assert number is not None
        return Person(party, number.text, None)

    async def sent(self, count: int = 1, **more: Any) -> Notice:
        people = tuple(f"+86139000{n:05d}" for n in range(count))
        made = await self.desk.create(NoticeAsk("demo", people, **({"text": "Ten."} | more)), owner="k",
                                      idempotency_key=None)  # fmt: skip
        assert isinstance(made, Notice), made
        return made

    async def goes_on(self, ms: int = 0, *, rounds: NoticeRounds | None = None) -> None:
        """So much time passes, and the queue is looked at."""
        self.now_ms += ms
        self.played.now_ms = self.now_ms
        self.clock_s += ms / 1000 + 1
        rounds = rounds or self.rounds
        await rounds.turn()
        await asyncio.gather(*rounds._at_work.values(), return_exceptions=True)

    async def person(self, notice: Notice, n: int = 0) -> Recipient:
        found = await self.notices.recipient(notice.id, n)
        assert found is not None
        return found

    async def ends(self, r: Recipient, reason: Reason = Reason.COMPLETED, *, keys: str = "", heard: bool = False,
                   answered: bool = True, was_sent: bool = True) -> Call:  # fmt: skip
        """His call, as it would have ended now; told to nobody."""
        call = self.played.calls[r.call]
        at_ms = self.now_ms
        phone = Try(LegState.GONE, at_ms - 9_000, at_ms - 8_000, answered_at_ms=at_ms - 7_000 if answered else None,
                    ended_at_ms=at_ms, how="ours" if answered else "remote", cause=16 if answered else 17)  # fmt: skip
        leg = replace(
            call.legs[0], tries=(phone,) if was_sent else (), digits=keys, digit_at_ms=at_ms if keys else None
        )
        ended = replace(
            call, legs=(leg,), heard=frozenset(["said_0_0_0"]) if heard else frozenset(),
            end=End(reason, HungUpBy.SYSTEM, at_ms), settled=Settlement(0, 0, 0), settled_at_ms=at_ms,
        )  # fmt: skip
        self.played.calls[call.id] = ended
        return ended
