"""A test call over one trunk, for the admin who wants to know whether it works: asked for here, carried out as any call
(flows/trunk_test.py), so that it stands in the record, has a line, is counted as cost, and no crash leaves a phone up.

No user pays or is shown, so no limit of a user applies; what must never be dialled is refused here, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from ari_app.domain.call import CALLEE, Call, Leg
from ari_app.domain.numbers import Number, Own, may_call
from ari_app.engine.asks import Refusal
from ari_app.engine.fleet import Fleet, Place
from ari_app.engine.mailbox import Mailbox
from ari_app.engine.service import CallService, call_id
from ari_app.engine.trunk_book import TrunkBook
from ari_app.flows import trunk_test

RING_MS_MAX = 60_000
"""Nobody waits longer for the outcome of a test, whatever the setting says of calls."""


@dataclass(frozen=True, slots=True)
class TrunkTestAsk:
    """`number` as written; `seconds`: so long it stays up after the answer."""

    trunk: str
    number: str
    seconds: int

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"test\0{self.trunk}\0{self.number}\0{self.seconds}".encode()).hexdigest()[:24]


class TrunkTests:
    def __init__(
        self, fleet: Fleet, service: CallService, trunks: TrunkBook, read_number: Callable[[str], Number | None],
        now_ms: Callable[[], int],
    ) -> None:  # fmt: skip
        self._fleet = fleet
        self._maker = service.maker
        self._place: Callable[[str], Place | Refusal] = service.place_for
        self._trunks = trunks
        self._read = read_number
        self._now_ms = now_ms

    async def test_trunk(
        self, ask: TrunkTestAsk, *, owner: str, idempotency_key: str | None = None
    ) -> Call | Refusal | None:
        """The test, as soon as it is under way; None: there is no such trunk. Raises Unavailable, UnreadableRecord."""
        new_id = call_id(owner, idempotency_key)
        if idempotency_key is not None and (there := await self._fleet.find(new_id)) is not None:
            return _the_same(there, ask)
        call = self._make(ask, new_id)
        if not isinstance(call, Call):
            return call
        place = self._place(new_id)
        if isinstance(place, Refusal):
            return self._with_reason(place)
        begun: Call | Mailbox | None = None
        try:
            begun = await self._fleet.begin(self._fleet.timed(call, place), place)
        finally:
            if (admission := place.admission) is not None:
                admission.placed(new_id, has_begun=begun is not None)
        there = begun.call if isinstance(begun, Mailbox) else begun or call
        same = _the_same(there, ask)
        return await self._fleet.first_word(same) if isinstance(same, Call) else same

    def _make(self, ask: TrunkTestAsk, new_id: str) -> Call | Refusal | None:
        trunk, number = self._trunks.find(ask.trunk), self._read(ask.number)
        if trunk is None:
            return None
        if (refused := may_call(number, self._maker.policy.rules)) is not None:
            return Refusal(refused.why.value, refused.sentence, "number")
        assert number is not None
        policy, now_ms = self._maker.policy, self._now_ms()
        route = self._maker.route(trunk, number.text, Own(policy.platform_number, is_verified=False))
        phone = Leg(CALLEE, number.text, (route,), ring_timeout_ms=min(policy.callee_ring_ms, RING_MS_MAX))
        terms = replace(policy.terms, max_duration_s=ask.seconds)
        return Call(
            id=new_id, type=trunk_test.TYPE, created_at_ms=now_ms, payer="", legs=(phone,), terms=terms,
            fingerprint=ask.fingerprint, now_ms=now_ms,
        )  # fmt: skip

    def _with_reason(self, refusal: Refusal) -> Refusal:
        """An admin at his trunks may know what users are not told: which part is missing."""
        why = self._fleet.why_closed()
        return replace(refusal, sentence=f"{refusal.sentence} ({why})") if why else refusal


def _the_same(there: Call, ask: TrunkTestAsk) -> Call | Refusal:
    if there.fingerprint == ask.fingerprint:
        return there
    sentence = "This Idempotency-Key was used before, for another request."
    return Refusal("idempotency-conflict", sentence, "Idempotency-Key")
