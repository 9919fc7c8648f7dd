"""The laws of a call, checked on witnesses that know nothing of the app: what the carrier wrote down, what lives on the
PBX, what the ledger says. A sentence for each law that is broken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ari_app.domain.ledger_laws import check_laws
from ari_app.entrypoints.views import at_ms
from ari_app.stack.carrier import CarrierCall
from tests.acceptance.house import Placed
from tests.ground import Ground

Shown = dict[str, Any]
LATE_MS = 400  # an answer or a BYE is seen by the two sides a moment apart, which is a longer one beside other tests
OVERRUN_MAX_S = 2


@dataclass(frozen=True)
class Verdict:
    """What came of a call. `talked_ms` is the carrier's word; `off_ms` how far the charge is from it."""

    shown: Shown
    talked_ms: int
    broken: tuple[str, ...]

    @property
    def reason(self) -> str:
        return str(self.shown["reason"])

    @property
    def by(self) -> str:
        return str(self.shown["hung_up_by"])

    @property
    def charged_s(self) -> int:
        return int(self.shown["charged_s"])

    @property
    def off_ms(self) -> int:
        return 1000 * (self.charged_s + int(self.shown["overrun_s"])) - self.talked_ms


def judge(ground: Ground, call: Placed, shown: Shown, *, overrun_max_s: int = OVERRUN_MAX_S) -> Verdict:
    """`shown` is the ended call as the API tells it. Charged by 1/1, so to the second."""
    talked_ms = talk_of_the_carrier(ground, call)
    broken = [
        *_rung_once(ground, call),
        *_charged_what_was_talked(shown, talked_ms),
        *_account_is_right(ground, call, shown, overrun_max_s),
        *_nothing_is_left(ground, call),
    ]
    return Verdict(shown, talked_ms, tuple(broken))


def phone_of(ground: Ground, number: str) -> CarrierCall | None:
    """The first call to it; None if it was never rung."""
    return next(iter(ground.rings(number)), None)


def talk_of_the_carrier(ground: Ground, call: Placed) -> int:
    """From the callee's answer to the first end of either phone, both as the carrier saw them."""
    caller, callee = phone_of(ground, call.caller), phone_of(ground, call.callee)
    if callee is None or callee.answered_at_ms is None:
        return 0
    ends = [phone.ended_at_ms for phone in (caller, callee) if phone is not None and phone.ended_at_ms is not None]
    return max(0, min(ends) - callee.answered_at_ms) if ends else 0


def _rung_once(ground: Ground, call: Placed) -> Iterator[str]:
    for role, number in (("caller", call.caller), ("callee", call.callee)):
        if (count := len(ground.rings(number))) > 1:
            yield f"law 7: the {role}'s phone was rung {count} times"


def _charged_what_was_talked(shown: Shown, talked_ms: int) -> Iterator[str]:
    used_ms = 1000 * (shown["charged_s"] + shown["overrun_s"])
    if not -1000 - LATE_MS <= used_ms - talked_ms <= LATE_MS:
        yield f"{talked_ms} ms were talked; charged {shown['charged_s']} s, overrun {shown['overrun_s']} s"
    own_ms = own_measure_ms(shown)
    if own_ms // 1000 != used_ms // 1000:
        yield f"the app measured {own_ms} ms and charged {shown['charged_s']} s"


def own_measure_ms(shown: Shown) -> int:
    """The talk by the call's own times."""
    legs = {leg["role"]: leg for leg in shown["legs"]}
    began, ends = legs["callee"]["answered_at"], [leg["ended_at"] for leg in legs.values() if leg["ended_at"]]
    return max(0, min(map(at_ms, ends)) - at_ms(began)) if began and ends else 0


def _account_is_right(ground: Ground, call: Placed, shown: Shown, overrun_max_s: int) -> Iterator[str]:
    account = ground.account(call.user)
    yield from check_laws(account)
    if account.held_s:
        yield f"{account.held_s} s are still held"
    lines = [line for line in account.lines if line.call == call.id]
    if -sum(line.seconds for line in lines) != shown["charged_s"]:
        yield f"the statement says {lines}, the call {shown['charged_s']} s"
    if call.id not in account.settlements:
        yield "the call was never settled"
    if shown["overrun_s"] > overrun_max_s:
        yield f"law 5: an overrun of {shown['overrun_s']} s"


def _nothing_is_left(ground: Ground, call: Placed) -> Iterator[str]:
    mine = sorted(one for one in ground.on_the_pbx() if one.startswith(call.id))
    if mine:
        yield f"still on the PBX: {mine}"
    for number in (call.caller, call.callee):
        if any(ring.ended_at_ms is None for ring in ground.rings(number)):
            yield f"{number} is still up"
